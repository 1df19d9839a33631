"""When a recurring list falls due: RFC 5545 rules over local days, localised day by day (INC-65)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, rrulestr

ANCHOR: Final = date(2024, 1, 1)  # a Monday: where a rule that names no start begins to count
ALWAYS_THERE: Final = 28
FREQUENCIES: Final = {DAILY: "DAILY", WEEKLY: "WEEKLY", MONTHLY: "MONTHLY", YEARLY: "YEARLY"}
NOT_OURS: Final = ("DTSTART", "RDATE", "EXDATE", "COUNT", "BYHOUR", "BYMINUTE", "BYSECOND")
USUAL: Final = {
    "daily": "FREQ=DAILY",
    "shift_end": "FREQ=DAILY",
    "weekly": "FREQ=WEEKLY;BYDAY=MO",
    "monthly": "FREQ=MONTHLY;BYMONTHDAY=1",
}
START_OF_DAY: Final = "00:00"


@dataclass(frozen=True)
class Occurrence:
    """One time that a list falls due: its local day, from when it can be worked, and when it counts as missed."""

    day: date
    opens_at: datetime
    due_at: datetime


@dataclass(frozen=True)
class Recurrence:
    """A rule with its wall clock.

    Attributes:
        rule: RFC 5545 recurrence of days, such as "FREQ=MONTHLY;BYDAY=1SU".
        zone: name of the zone whose days are meant.
        at: wall-clock time at which the work may begin.
        start: day from which intervals are counted.
        lasts: how long after `at` it is due; None: until the day ends (daily lists) or the next one comes.
        ahead: how long before its day it appears already.
    """

    rule: str
    zone: str
    at: time = time(0)
    start: date = ANCHOR
    lasts: timedelta | None = None
    ahead: timedelta = timedelta(0)

    def between(self, begin: datetime, end: datetime) -> list[Occurrence]:
        """The occurrences that open within [begin, end], oldest first.

        Args:
            begin, end: aware instants.
        """
        zone = ZoneInfo(self.zone)
        first = (begin + self.ahead).astimezone(zone).date() - timedelta(days=1)
        last = (end + self.ahead).astimezone(zone).date()
        days = _days(self.rule, self.start, first, last)
        found = (self._occurrence(day) for day in days)
        return [occurrence for occurrence in found if begin <= occurrence.opens_at <= end]

    def latest(self, at: datetime) -> Occurrence | None:
        """The occurrence that opened last, if there ever was one."""
        local = (at + self.ahead).astimezone(ZoneInfo(self.zone)).date()
        for day in _before(self.rule, self.start, local):
            occurrence = self._occurrence(day)
            if occurrence.opens_at <= at:
                return occurrence
        return None

    def next(self, at: datetime) -> Occurrence | None:
        """The first occurrence that opens after `at`."""
        local = at.astimezone(ZoneInfo(self.zone)).date() - timedelta(days=1)
        for day in _after(self.rule, self.start, local):
            occurrence = self._occurrence(day)
            if occurrence.opens_at > at:
                return occurrence
        return None

    def _occurrence(self, day: date) -> Occurrence:
        starts_at = localise(day, self.at, self.zone)
        if self.lasts is not None:
            due_at = starts_at + self.lasts
        elif _frequency(self.rule) == DAILY:
            due_at = localise(day + timedelta(days=1), time(0), self.zone)
        else:
            following = next(_after(self.rule, self.start, day), day + timedelta(days=1))
            due_at = localise(following, time(0), self.zone)
        return Occurrence(day, starts_at - self.ahead, due_at)


def localise(day: date, at: time, zone_name: str) -> datetime:
    """A wall-clock moment in UTC: one that a clock change skips moves to the first moment there is, the first of two holds."""
    zone = ZoneInfo(zone_name)
    local = datetime.combine(day, at, zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    # In a gap `fold=0` reads the clock as it was before the change, so the moment lies as far behind the gap's end as
    # the wall clock lies behind its beginning.
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    if before is None or after is None:
        raise ValueError(f"{zone_name} has no offset on {day}")
    low, high = instant - abs(before - after), instant
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset():
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def check_rule(rule: str, start: date = ANCHOR) -> str:
    """Return the rule when it is one of days that happens.

    Raises:
        ValueError: it cannot be read, counts hours, never happens, or falls on days that some months do not have.
    """
    for word in NOT_OURS:
        if f"{word}=" in rule.upper():
            raise ValueError(f"{word} does not belong into a rule; the keys at, zone and start say when")
    try:
        parsed = _parsed(rule, start)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{rule!r} is no recurrence rule such as FREQ=WEEKLY;BYDAY=MO ({error})") from error
    if parsed._interval < 1:  # type: ignore[attr-defined]
        raise ValueError("INTERVAL is 1 or more")
    if parsed._freq not in FREQUENCIES:  # type: ignore[attr-defined]
        raise ValueError(f"a list recurs by days; FREQ is one of {', '.join(FREQUENCIES.values())}")
    days = [
        int(day) for part in rule.upper().split(";") if part.startswith("BYMONTHDAY=") for day in part[11:].split(",")
    ]
    if parsed._freq == MONTHLY and days and min(days) > ALWAYS_THERE and "BYSETPOS" not in rule.upper():  # type: ignore[attr-defined]
        raise ValueError(f"not every month has a day {min(days)}; write BYMONTHDAY=-1 for the last day of the month")
    if next(iter(_after(rule, start, start - timedelta(days=1))), None) is None:
        raise ValueError(f"{rule!r} never happens")
    return rule


@lru_cache(maxsize=512)
def _days(rule: str, start: date, first: date, last: date) -> tuple[date, ...]:
    moments = _parsed(rule, start).between(_midnight(first), _midnight(last), inc=True)
    return tuple(moment.date() for moment in moments)


def _after(rule: str, start: date, day: date) -> Iterator[date]:
    """The days after one."""
    for moment in _parsed(rule, start).xafter(_midnight(day)):
        yield moment.date()


def _before(rule: str, start: date, day: date) -> Iterator[date]:
    """The last days up to one, the latest first."""
    found = _last(rule, start, day)
    while found is not None:
        yield found
        found = _last(rule, start, found - timedelta(days=1))


@lru_cache(maxsize=1024)
def _last(rule: str, start: date, day: date) -> date | None:
    found = _parsed(rule, start).before(_midnight(day), inc=True)
    return found.date() if found else None


@lru_cache(maxsize=256)
def _parsed(rule: str, start: date) -> rrule:
    parsed = rrulestr(rule, dtstart=_midnight(start), cache=False)
    if not isinstance(parsed, rrule):
        raise ValueError("write one rule")
    return parsed


def _frequency(rule: str) -> int:
    return int(_parsed(rule, ANCHOR)._freq)  # type: ignore[attr-defined]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0))
