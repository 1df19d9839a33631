"""Months as people count them: in a zone, right over the change of the clocks."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Period:
    """From the first instant of a month to the end of another one, in a zone; `end` is not part of it."""

    months: tuple[date, ...]
    start: datetime
    end: datetime
    zone: str


def last_months(count: int, *, at: datetime, zone: str) -> Period:
    """The month of `at` and those before it.

    Args:
        at: aware.
        zone: IANA name; a month begins at its midnight.
    """
    local = at.astimezone(ZoneInfo(zone))
    months = tuple(_shifted(local.year, local.month, -back) for back in range(count - 1, -1, -1))
    following = _shifted(months[-1].year, months[-1].month, 1)
    return Period(months, beginning(months[0], zone), beginning(following, zone), zone)


def beginning(day: date, zone: str) -> datetime:
    """The first instant of a day in a zone, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _shifted(year: int, month: int, by: int) -> date:
    place = year * 12 + month - 1 + by
    return date(place // 12, place % 12 + 1, 1)
