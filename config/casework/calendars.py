"""Business time: when something falls due, counted in the open hours of a calendar.

Hours are wall-clock hours of a zone, localised day by day and counted in UTC, so days of 23, 25 or 23.5 hours come out
right. Nothing here knows a model, a setting or the present moment.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby, pairwise
from types import MappingProxyType
from zoneinfo import ZoneInfo

import holidays as holiday_tables

type Interval = tuple[time, time]
type Window = tuple[datetime, datetime]
type Pause = tuple[datetime, datetime | None]

MIDNIGHT = time(0)
NOON = time(12)
SATURDAY = 5
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OFFICE_WEEK: Mapping[int, tuple[Interval, ...]] = MappingProxyType(
    {weekday: ((time(9), time(17)),) for weekday in range(SATURDAY)}
)
FULL_WEEK: Mapping[int, tuple[Interval, ...]] = MappingProxyType(
    {weekday: ((MIDNIGHT, MIDNIGHT),) for weekday in range(len(WEEKDAYS))}
)
HORIZON = timedelta(days=3660)
NOTHING = timedelta(0)

_REGION = re.compile(r"(?P<country>[A-Z]{2})(?:-(?P<subdivision>[A-Z0-9]{1,3}))?", re.ASCII)
_BUSINESS_DAYS = re.compile(r"(\d{1,4})BD", re.ASCII)
_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,6})D)?(?:T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,10})S)?)?",
    re.ASCII,
)


@dataclass(frozen=True)
class BusinessCalendar:
    """Open hours of a week in one zone, less holidays and extra closed days.

    Args:
        zone: IANA name; the hours are wall-clock hours there.
        hours: weekday (0 = Monday) to open intervals, sorted; an interval that ends at 00:00 ends at that day's midnight.
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
        object.__setattr__(self, "hours", MappingProxyType({day: tuple(self.hours[day]) for day in sorted(self.hours)}))
        _zone(self.zone)
        _check_hours(self.hours)
        if self.holidays:
            _holiday_table(self.holidays)

    @property
    def round_the_clock(self) -> bool:
        """Whether the calendar never closes, so that business time is elapsed time."""
        return not self.holidays and not self.closed and self.hours == FULL_WEEK

    @property
    def business_day(self) -> timedelta:
        """Normal daily open time: the commonest among the open weekdays, the longer one of a tie."""
        lengths = [sum(map(_length, spans), NOTHING) for spans in self.hours.values() if spans]
        return max(lengths, key=lambda length: (lengths.count(length), length))


@dataclass(frozen=True, slots=True)
class Span:
    """An amount of time: elapsed or open hours (`time`), or a number of business days."""

    time: timedelta = NOTHING
    business_days: int = 0

    def length(self, calendar: BusinessCalendar) -> timedelta:
        """Open time that this span takes in a calendar (elapsed time when it never closes)."""
        return self.time + self.business_days * calendar.business_day

    def __str__(self) -> str:
        if self.business_days:
            return f"{self.business_days}BD"
        minutes, seconds = divmod(int(self.time.total_seconds()), 60)
        hours, minutes = divmod(minutes, 60)
        parts = ((hours, "H"), (minutes, "M"), (seconds, "S"))
        return "PT" + "".join(f"{amount}{letter}" for amount, letter in parts if amount)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the explanation of a due date: what happened to the clock, and at which instant (UTC).

    Counted time carries the end of its stretch; closed days and pauses carry their beginning.
    """

    rule: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """When something falls due (UTC), and why."""

    at: datetime
    steps: tuple[Step, ...]


def parse_span(text: str) -> Span:
    """Read "PT15M", "PT8H", "P1D" (ISO 8601; one day is 24 hours) or "1BD" (business days).

    Raises:
        ValueError: for anything else, for months, years and weeks, and for nothing at all ("PT0S").
    """
    if match := _BUSINESS_DAYS.fullmatch(text):
        span = Span(business_days=int(match[1]))
    elif (match := _DURATION.fullmatch(text)) and any(match.groups()) and not text.endswith("T"):
        span = Span(time=timedelta(**{unit: int(amount) for unit, amount in match.groupdict(default="0").items()}))
    else:
        raise ValueError(f"{text!r} is no time span: write hours and minutes as PT8H or PT15M, days as P1D or 1BD.")
    if span == Span():
        raise ValueError(f"{text!r} is no time at all: a span must be longer than nothing.")
    if span.time > HORIZON or span.business_days > HORIZON.days:
        raise ValueError(f"{text!r} is too long: a span may be ten years at most.")
    return span


def localise(day: date, wall: time, zone: str) -> datetime:
    """Instant (UTC) of a wall-clock time.

    A time that the clock skips moves to the first valid instant after the gap; of a repeated time the first one counts.
    """
    place = _zone(zone)
    local = datetime.combine(day, wall.replace(fold=0), tzinfo=place)
    instant = local.astimezone(UTC)
    if instant.astimezone(place).replace(tzinfo=None, fold=0) == local.replace(tzinfo=None):
        return instant
    return _end_of_gap(local.replace(fold=1).astimezone(UTC), instant, place)


def is_open(at: datetime, calendar: BusinessCalendar) -> bool:
    """Whether the calendar is open at an instant; the opening instant belongs to it, the closing one does not."""
    return next_open(at, calendar) == at


def next_open(at: datetime, calendar: BusinessCalendar) -> datetime:
    """The instant itself (UTC) when open, else the next opening."""
    at = _utc(at)
    return next(_windows(at, calendar))[0]


def add(start: datetime, amount: Span, calendar: BusinessCalendar) -> Due:
    """When `amount` of open time has passed since `start`.

    An amount that is used up exactly at closing time is due then, not at the next opening.
    Source: requirement INC-28.
    """
    return shift_for_pauses(start, amount, (), calendar)


def shift_for_pauses(
    start: datetime,
    amount: Span,
    pauses: Iterable[Pause],
    calendar: BusinessCalendar,
    *,
    now: datetime | None = None,
) -> Due:
    """When `amount` of open time outside the pauses has passed since `start`.

    Args:
        pauses: (from, to) instants in any order, overlaps counted once; `to` None is a pause that still runs.
        now: the present moment; a running pause counts up to it.

    Raises:
        ValueError: for a running pause without `now`, and for a pause that ends before it starts.
    """
    start = _utc(start)
    stops = _merged(pauses, start, now)
    windows: list[Window] = []
    at = start
    for at in _walk(start, amount.length(calendar), calendar, stops, windows):
        pass
    return Due(at, tuple(_explain(start, amount, calendar, stops, windows)))


def fraction_point(
    start: datetime,
    amount: Span,
    fraction: float,
    calendar: BusinessCalendar,
    *,
    pauses: Iterable[Pause] = (),
    now: datetime | None = None,
) -> datetime:
    """When a part of the span is used up (UTC): 0.8 is the warning mark.

    Raises:
        ValueError: when the fraction is not above 0 and at most 1.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"The fraction must be above 0 and at most 1, not {fraction}.")
    part = Span(time=amount.length(calendar) * fraction)
    return shift_for_pauses(start, part, pauses, calendar, now=now).at


def elapsed(start: datetime, end: datetime, calendar: BusinessCalendar) -> timedelta:
    """Open time between two instants; negative when `end` lies before `start`."""
    start, end = _utc(start), _utc(end)
    if end < start:
        return -elapsed(end, start, calendar)
    if calendar.round_the_clock:
        return end - start
    total = NOTHING
    for day in _days(_local_day(start, calendar), _local_day(end, calendar)):
        for opening, closing in _open_on(day, calendar):
            total += max(NOTHING, min(closing, end) - max(opening, start))
    return total


def noon_of_next_business_day(at: datetime, calendar: BusinessCalendar) -> datetime:
    """Noon (UTC instant of the calendar's local noon) of the first later day on which the calendar opens."""
    today = _local_day(_utc(at), calendar)
    for day in _days(today + timedelta(days=1), today + HORIZON):
        if not _closure(day, calendar):
            return localise(day, NOON, calendar.zone)
    raise ValueError(_NEVER_OPEN.format(today))


_NEVER_OPEN = "The calendar has no open time within ten years of {}: check its closed days."


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"zone: {name!r} is no time zone; write an IANA name such as Europe/Berlin.") from error


def _check_hours(hours: Mapping[int, tuple[Interval, ...]]) -> None:
    if not any(hours.values()):
        raise ValueError("hours: the calendar never opens; give at least one weekday open hours.")
    for weekday, intervals in hours.items():
        if weekday not in range(len(WEEKDAYS)):
            raise ValueError(f"hours: {weekday!r} is no weekday; write 0 (Monday) to 6 (Sunday).")
        for opening, closing in intervals:
            if opening.tzinfo or closing.tzinfo:
                raise ValueError(f"hours: times of {WEEKDAYS[weekday]} carry a zone; write plain wall-clock times.")
            if closing not in (MIDNIGHT,) and closing <= opening:
                raise ValueError(
                    f"hours: {WEEKDAYS[weekday]} closes at {closing:%H:%M}, before it opens at {opening:%H:%M}."
                )
        for (_, closing), (opening, _) in pairwise(intervals):
            if closing == MIDNIGHT or opening < closing:
                raise ValueError(f"hours: intervals of {WEEKDAYS[weekday]} overlap or are not in order.")


@lru_cache(maxsize=256)
def _holiday_table(region: str, year: int | None = None) -> Mapping[date, str]:
    # One finished table per year: the library's own objects fill themselves while they are read, which threads must not share.
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
    return MappingProxyType(dict(table))


def _end_of_gap(before: datetime, after: datetime, place: ZoneInfo) -> datetime:
    offset = before.astimezone(place).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(place).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def _utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no time zone; pass an instant.")
    return at.astimezone(UTC)


def _length(interval: Interval) -> timedelta:
    opening, closing = (datetime.combine(date.min, wall) for wall in interval)
    return closing - opening if closing > opening else closing + timedelta(days=1) - opening


def _local_day(at: datetime, calendar: BusinessCalendar) -> date:
    return at.astimezone(_zone(calendar.zone)).date()


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _closure(day: date, calendar: BusinessCalendar) -> str:
    """Why a local day is closed, in plain words; empty when it opens."""
    weekday = day.weekday()
    if not calendar.hours.get(weekday):
        return "closed: weekend" if weekday >= SATURDAY else f"closed: {WEEKDAYS[weekday]}"
    if day in calendar.closed:
        return "closed: extra closed day"
    if calendar.holidays and (name := _holiday_table(calendar.holidays, day.year).get(day)):
        return f"holiday: {name}"
    return ""


def _open_on(day: date, calendar: BusinessCalendar) -> Iterator[Window]:
    if _closure(day, calendar):
        return
    for opening, closing in calendar.hours[day.weekday()]:
        last = day + timedelta(days=1) if closing == MIDNIGHT else day
        window = localise(day, opening, calendar.zone), localise(last, closing, calendar.zone)
        if window[0] < window[1]:
            yield window


def _windows(start: datetime, calendar: BusinessCalendar) -> Iterator[Window]:
    """Open stretches from `start` on, the first one cut to begin there; raises ValueError where there is none for ten years."""
    if calendar.round_the_clock:
        yield start, start + HORIZON * 2
    last_open = _local_day(start, calendar)
    for day in _days(last_open, last_open + HORIZON * 2):
        if day - last_open > HORIZON:
            break
        for opening, closing in _open_on(day, calendar):
            last_open = day
            if closing > start:
                yield max(opening, start), closing
    raise ValueError(_NEVER_OPEN.format(last_open))


def _merged(pauses: Iterable[Pause], start: datetime, now: datetime | None) -> list[Window]:
    """Pauses after `start`, sorted, overlapping ones joined, a running one closed at `now`."""
    merged: list[Window] = []
    for begin, end in sorted(((_utc(begin), end) for begin, end in pauses), key=lambda pause: pause[0]):
        if end is None and now is None:
            raise ValueError("pauses: a running pause needs `now`, the moment up to which it counts.")
        stop = _utc(end or now or begin)
        if end is not None and stop < begin:
            raise ValueError(f"pauses: the pause from {begin.isoformat()} ends before it starts.")
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], stop)
        elif stop > max(begin, start):
            merged.append((max(begin, start), stop))
    return merged


def _walk(
    start: datetime, length: timedelta, calendar: BusinessCalendar, stops: Sequence[Window], used: list[Window]
) -> Iterator[datetime]:
    """Use up `length` of open, unpaused time; each stretch goes to `used`, the end of the last one is the due instant."""
    for window in _windows(start, calendar):
        for begin, end in _without(window, stops):
            end = min(end, begin + length)
            length -= end - begin
            used.append((begin, end))
            yield end
            if not length:
                return


def _without(window: Window, stops: Sequence[Window]) -> Iterator[Window]:
    begin, end = window
    for pause_from, pause_to in stops:
        if pause_to <= begin or pause_from >= end:
            continue
        if pause_from > begin:
            yield begin, pause_from
        begin = max(begin, pause_to)
    if begin < end:
        yield begin, end


def _explain(
    start: datetime, amount: Span, calendar: BusinessCalendar, stops: Sequence[Window], windows: Sequence[Window]
) -> Iterator[Step]:
    yield Step("starts", start)
    if amount.business_days:
        days = "1 business day" if amount.business_days == 1 else f"{amount.business_days} business days"
        yield Step(f"{days} = {_words(amount.length(calendar))} open", start)
    unit = "" if calendar.round_the_clock else " open"
    due = windows[-1][1]
    breaks = [*_closed_steps(start, due, calendar), *_pause_steps(due, calendar, stops)]
    if windows[0][0] > start and not any(begin <= start for begin, _ in stops):
        breaks.append(Step("opens", windows[0][0]))
    counted = [(end, end - begin) for begin, end in windows]
    for step in sorted(breaks, key=lambda step: step.at):
        passed = [entry for entry in counted if entry[0] <= step.at]
        counted = counted[len(passed) :]
        if passed:
            yield Step(_words(sum((length for _, length in passed), NOTHING)) + unit, passed[-1][0])
        yield step
    if counted:
        yield Step(_words(sum((length for _, length in counted), NOTHING)) + unit, counted[-1][0])
    yield Step("due", due)


def _closed_steps(start: datetime, due: datetime, calendar: BusinessCalendar) -> Iterator[Step]:
    if calendar.round_the_clock:
        return
    days = _days(_local_day(start, calendar), _local_day(due, calendar))
    for rule, same in groupby(days, key=lambda day: _closure(day, calendar)):
        if rule and (begins := max(start, localise(next(same), MIDNIGHT, calendar.zone))) < due:
            yield Step(rule, begins)


def _pause_steps(due: datetime, calendar: BusinessCalendar, stops: Sequence[Window]) -> Iterator[Step]:
    unit = "" if calendar.round_the_clock else " of open time"
    for begin, end in stops:
        if begin < due:
            yield Step(f"paused: {_words(elapsed(begin, end, calendar))}{unit}", begin)


def _words(length: timedelta) -> str:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{amount} {unit}" for amount, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if amount]
    return " ".join(parts) or "0 min"


ROUND_THE_CLOCK = BusinessCalendar(hours=FULL_WEEK)
