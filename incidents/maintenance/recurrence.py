"""When a maintenance rule falls due: days by RFC 5545, a wall-clock time, a zone."""

import re
from datetime import date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from config.casework.openings import localise

HORIZON = timedelta(days=3660)
_PARTS = frozenset(
    {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYWEEKNO", "BYYEARDAY", "WKST", "UNTIL"}
)
_FREQUENCIES = frozenset({"YEARLY", "MONTHLY", "WEEKLY", "DAILY"})
_PART = re.compile(r"([A-Z]+)=([A-Z0-9,+-]+)")


def parse(text: str, begins: date) -> rrule:
    """Read a rule of days such as FREQ=MONTHLY;BYDAY=1SU.

    Args:
        begins: from when it counts; it says which weeks an INTERVAL means.
    Raises:
        ValueError: it cannot be read, or has a part that does not speak of days.
    """
    parts = {}
    for part in text.split(";"):
        found = _PART.fullmatch(part)
        if found is None or found[1] not in _PARTS or found[1] in parts:
            raise ValueError(
                f"write a rule of days such as FREQ=MONTHLY;BYDAY=1SU (parts: {', '.join(sorted(_PARTS))}), not {part!r}"
            )
        parts[found[1]] = found[2]
    if parts.get("FREQ") not in _FREQUENCIES:
        raise ValueError(f"FREQ must be one of {', '.join(sorted(_FREQUENCIES))}")
    if not parts.get("INTERVAL", "1").isdecimal() or int(parts.get("INTERVAL", "1")) < 1:
        raise ValueError("INTERVAL must be 1 or more")
    try:
        rule = rrulestr(text, dtstart=datetime.combine(begins, time.min))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"cannot be read as a recurrence: {error}") from error
    if not isinstance(rule, rrule):
        raise ValueError("must be one recurrence")
    return rule


def occurrences(text: str, *, begins: date, at: str, zone: str, after: datetime, count: int) -> list[datetime]:
    """The next `count` beginnings after an instant, in UTC; fewer when the rule ends, none when it never happens.

    A time of day that the clock change skips moves to the first valid instant, one that comes twice means the first.

    Args:
        at: wall-clock time of the zone, such as 02:00.
        after: aware instant; only later beginnings count.
    """
    rule = parse(text, begins)
    wall = time.fromisoformat(at)
    first = max(after.astimezone(ZoneInfo(zone)).date() - timedelta(days=1), begins)
    last = datetime.combine(first, time.min) + HORIZON
    until = getattr(rule, "_until", None)
    bounded = rule.replace(until=min(until, last) if until else last)
    days = bounded.xafter(datetime.combine(first, time.min), inc=True)
    starts = (localise(day.date(), wall, zone) for day in days)
    return list(islice((start for start in starts if start > after), count))
