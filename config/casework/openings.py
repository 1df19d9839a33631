"""Open hours of a calendar: a week of wall-clock hours in one zone, less holidays and extra closed days.

Import the public names from `calendars`; this module holds what its arithmetic stands on.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from zoneinfo import ZoneInfo

import holidays as holiday_tables

type Interval = tuple[time, time]
type Window = tuple[datetime, datetime]

MIDNIGHT = time(0)
SATURDAY = 5
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OFFICE_WEEK: Mapping[int, tuple[Interval, ...]] = MappingProxyType(
    {weekday: ((time(9), time(17)),) for weekday in range(SATURDAY)}
)
FULL_WEEK: Mapping[int, tuple[Interval, ...]] = MappingProxyType(
    dict.fromkeys(range(len(WEEKDAYS)), ((MIDNIGHT, MIDNIGHT),))
)
HORIZON = timedelta(days=3660)
NOTHING = timedelta(0)

_REGION = re.compile(r"(?P<country>[A-Z]{2})(?:-(?P<subdivision>[A-Z0-9]{1,3}))?", re.ASCII)
_NEVER_OPEN = "The calendar has no open time within ten years of {}: check its closed days."


@dataclass(frozen=True)
class BusinessCalendar:
    """Open hours of a week in one zone, less holidays and extra closed days.

    Args:
        zone: IANA name; the hours are wall-clock hours there.
        hours: weekday (0 = Monday) to open intervals in order; one that ends at 00:00 ends at the end of its day.
        holidays: ISO 3166 country or country-region ("DE", "DE-BY"), None for no public holidays.
        closed: local days that are closed on top of that.

    Raises:
        ValueError: for an unknown zone or region, for overlapping hours and for a week that never opens.
    """

    zone: str = "UTC"
    hours: Mapping[int, tuple[Interval, ...]] = field(default=OFFICE_WEEK, hash=False)
    holidays: str | None = None
    closed: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        _check_hours(self.hours)
        zone_of(self.zone)
        if self.holidays:
            _holiday_table(self.holidays)
        object.__setattr__(self, "hours", MappingProxyType({day: tuple(self.hours[day]) for day in sorted(self.hours)}))

    @property
    def round_the_clock(self) -> bool:
        """Whether the calendar never closes, so that business time is elapsed time."""
        return not self.holidays and not self.closed and self.hours == FULL_WEEK

    @property
    def business_day(self) -> timedelta:
        """Normal daily open time: the commonest among the open weekdays, the longest one of a tie."""
        lengths = [sum(map(_length, intervals), NOTHING) for intervals in self.hours.values() if intervals]
        return max(lengths, key=lambda length: (lengths.count(length), length))


def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name; ValueError for any other word."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"zone: {name!r} is no time zone; write an IANA name such as Europe/Berlin.") from error


def localise(day: date, wall: time, zone: str) -> datetime:
    """Instant (UTC) of a wall-clock time.

    A time that the clock skips moves to the first valid instant after the gap; of a repeated time the first one counts.
    Source: design rules, "On-call and escalation".
    """
    place = zone_of(zone)
    local = datetime.combine(day, wall.replace(fold=0), tzinfo=place)
    instant = local.astimezone(UTC)
    if instant.astimezone(place).replace(tzinfo=None, fold=0) == local.replace(tzinfo=None):
        return instant
    return _end_of_gap(local.replace(fold=1).astimezone(UTC), instant, place)


def utc(at: datetime) -> datetime:
    """The same instant in UTC; ValueError when it has no zone."""
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no time zone; pass an instant.")
    return at.astimezone(UTC)


def local_day(at: datetime, calendar: BusinessCalendar) -> date:
    """The date that the wall of the calendar's zone shows."""
    return at.astimezone(zone_of(calendar.zone)).date()


def days(first: date, last: date) -> Iterator[date]:
    """Every date from `first` to `last`, both included."""
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def closure(day: date, calendar: BusinessCalendar) -> str:
    """Why a local day is closed, in plain words; empty when it opens."""
    weekday = day.weekday()
    if not calendar.hours.get(weekday):
        return "closed: weekend" if weekday >= SATURDAY else f"closed: {WEEKDAYS[weekday]}"
    if day in calendar.closed:
        return "closed: extra closed day"
    if calendar.holidays and (name := _holiday_table(calendar.holidays, day.year).get(day)):
        return f"holiday: {name}"
    return ""


def open_on(day: date, calendar: BusinessCalendar) -> Iterator[Window]:
    """Open stretches (UTC) of one local day."""
    if closure(day, calendar):
        return
    for opening, closing in calendar.hours.get(day.weekday(), ()):
        last = day + timedelta(days=1) if closing == MIDNIGHT else day
        window = localise(day, opening, calendar.zone), localise(last, closing, calendar.zone)
        if window[0] < window[1]:
            yield window


def windows(start: datetime, calendar: BusinessCalendar) -> Iterator[Window]:
    """Open stretches (UTC) from `start` on, without end; the first one is cut to begin there.

    Raises:
        ValueError: when ten years pass without open time.
    """
    if calendar.round_the_clock:
        while True:
            yield start, (start := start + HORIZON)
    last_open = local_day(start, calendar)
    day = last_open
    while day - last_open <= HORIZON:
        for opening, closing in open_on(day, calendar):
            last_open = day
            if closing > start:
                yield max(opening, start), closing
        day += timedelta(days=1)
    raise ValueError(_NEVER_OPEN.format(last_open))


def next_open_day(day: date, calendar: BusinessCalendar) -> date:
    """The first local day after `day` on which the calendar opens."""
    for later in days(day + timedelta(days=1), day + HORIZON):
        if not closure(later, calendar):
            return later
    raise ValueError(_NEVER_OPEN.format(day))


def _check_hours(hours: Mapping[int, tuple[Interval, ...]]) -> None:
    if not any(hours.values()):
        raise ValueError("hours: the calendar never opens; give at least one weekday open hours.")
    for weekday, intervals in hours.items():
        if weekday not in range(len(WEEKDAYS)):
            raise ValueError(f"hours: {weekday!r} is no weekday; write 0 (Monday) to 6 (Sunday).")
        name = WEEKDAYS[weekday]
        for opening, closing in intervals:
            if opening.tzinfo or closing.tzinfo:
                raise ValueError(f"hours: times of {name} carry a zone; write plain wall-clock times.")
            if closing != MIDNIGHT and closing <= opening:
                raise ValueError(f"hours: {name} must open before it closes, not {opening:%H:%M} to {closing:%H:%M}.")
        for (_, closing), (opening, _) in pairwise(intervals):
            if closing == MIDNIGHT or opening < closing:
                raise ValueError(f"hours: intervals of {name} overlap or are out of order.")


@lru_cache(maxsize=256)
def _holiday_table(region: str, year: int | None = None) -> Mapping[date, str]:
    # One finished table per year: the library's own objects fill while they are read, which threads must not share.
    match = _REGION.fullmatch(region)
    try:
        if not match:
            raise NotImplementedError
        known = holiday_tables.country_holidays(match["country"], subdiv=match["subdivision"])
        language = next((name for name in ("en_GB", "en_US") if name in known.supported_languages), None)
        table = holiday_tables.country_holidays(
            match["country"], subdiv=match["subdivision"], years=year, language=language, expand=False
        )
    except NotImplementedError as error:
        raise ValueError(f"holidays: {region!r} is not known; write an ISO 3166 code such as DE or DE-BY.") from error
    return MappingProxyType(dict(table.items()))


def _end_of_gap(before: datetime, after: datetime, place: ZoneInfo) -> datetime:
    offset = before.astimezone(place).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(place).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def _length(interval: Interval) -> timedelta:
    opening, closing = (datetime.combine(date.min, wall) for wall in interval)
    return closing - opening if closing > opening else closing + timedelta(days=1) - opening


ROUND_THE_CLOCK = BusinessCalendar(hours=FULL_WEEK)
