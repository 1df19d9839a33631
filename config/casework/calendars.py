"""Business time: when something falls due, counted in the open hours of a calendar.

Hours are wall-clock hours of a zone, localised day by day and counted in UTC, so days of 23, 25 or 23.5 hours come out
right. Nothing here knows a model, a setting or the present moment.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby

from config.casework.openings import (
    HORIZON,
    MIDNIGHT,
    NOTHING,
    OFFICE_WEEK,
    ROUND_THE_CLOCK,
    BusinessCalendar,
    Interval,
    Window,
    closure,
    days,
    local_day,
    localise,
    next_open_day,
    open_on,
    utc,
    windows,
)

__all__ = [
    "OFFICE_WEEK",
    "ROUND_THE_CLOCK",
    "BusinessCalendar",
    "Due",
    "Interval",
    "Pause",
    "Span",
    "Step",
    "add",
    "elapsed",
    "fraction_point",
    "is_open",
    "localise",
    "next_open",
    "noon_of_next_business_day",
    "parse_span",
    "shift_for_pauses",
]

type Pause = tuple[datetime, datetime | None]

NOON = time(12)
_BUSINESS_DAYS = re.compile(r"(\d{1,4})BD", re.ASCII)
_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,4})D)?(?:T(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,7})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.ASCII,
)


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
        return "PT" + "".join(
            f"{amount}{letter}" for amount, letter in zip(_clock(self.time), "HMS", strict=True) if amount
        )


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
        ValueError: for anything else, months, years and weeks included, and for nothing at all ("PT0S").
    """
    if match := _BUSINESS_DAYS.fullmatch(text):
        span = Span(business_days=int(match[1]))
    elif (match := _DURATION.fullmatch(text)) and any(match.groups()) and not text.endswith("T"):
        span = Span(time=timedelta(**{unit: int(amount) for unit, amount in match.groupdict(default="0").items()}))
    else:
        raise ValueError(f"{text!r} is no time span: write hours and minutes as PT8H or PT15M, days as P1D or 1BD.")
    if span == Span():
        raise ValueError(f"{text!r} is no time at all: a span must be longer than nothing.")
    if max(span.time, timedelta(days=span.business_days)) > HORIZON:
        raise ValueError(f"{text!r} is too long: a span may be ten years at most.")
    return span


def is_open(at: datetime, calendar: BusinessCalendar) -> bool:
    """Whether the calendar is open at an instant; the opening instant belongs to it, the closing one does not."""
    return next_open(at, calendar) == at


def next_open(at: datetime, calendar: BusinessCalendar) -> datetime:
    """The instant itself (in UTC) when open, else the next opening."""
    return next(windows(utc(at), calendar))[0]


def noon_of_next_business_day(at: datetime, calendar: BusinessCalendar) -> datetime:
    """Local noon (as UTC) of the first day after the local day of `at` on which the calendar opens.

    Source: design rules, "On-call and escalation": what blocks closing falls due then.
    """
    return localise(next_open_day(local_day(utc(at), calendar), calendar), NOON, calendar.zone)


def elapsed(start: datetime, end: datetime, calendar: BusinessCalendar) -> timedelta:
    """Open time between two instants; negative when `end` lies before `start`."""
    start, end = utc(start), utc(end)
    if end < start:
        return -elapsed(end, start, calendar)
    if calendar.round_the_clock:
        return end - start
    total = NOTHING
    for day in days(local_day(start, calendar), local_day(end, calendar)):
        for opening, closing in open_on(day, calendar):
            total += max(NOTHING, min(closing, end) - max(opening, start))
    return total


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

    A pause that begins after the due instant changes nothing: what was missed stays missed.

    Args:
        pauses: (from, to) instants in any order, overlaps counted once; `to` None is a pause that still runs.
        now: the present moment; a running pause counts up to it.

    Raises:
        ValueError: for a running pause without `now`, and for a pause that ends before it starts.
    """
    start = utc(start)
    stops = _merged(pauses, start, now)
    used = _use_up(start, amount.length(calendar), calendar, stops)
    return Due(used[-1][1], tuple(_explain(start, amount, calendar, stops, used)))


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

    Args:
        pauses, now: as for `shift_for_pauses`.

    Raises:
        ValueError: when the fraction is not above 0 and at most 1.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"The fraction must be above 0 and at most 1, not {fraction}.")
    start = utc(start)
    return _use_up(start, amount.length(calendar) * fraction, calendar, _merged(pauses, start, now))[-1][1]


def _merged(pauses: Iterable[Pause], start: datetime, now: datetime | None) -> list[Window]:
    """Pauses after `start`, sorted, overlapping ones joined, a running one closed at `now`."""
    closed: list[Window] = []
    for begin, end in pauses:
        if end is None and now is None:
            raise ValueError("pauses: a running pause needs `now`, the moment up to which it counts.")
        if end is not None and end < begin:
            raise ValueError(f"pauses: the pause from {begin.isoformat()} ends before it starts.")
        closed.append((max(utc(begin), start), utc(end or now or begin)))
    merged: list[Window] = []
    for begin, stop in sorted(closed):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], stop)
        elif stop > begin:
            merged.append((begin, stop))
    return merged


def _use_up(start: datetime, left: timedelta, calendar: BusinessCalendar, stops: Sequence[Window]) -> list[Window]:
    """Open, unpaused stretches from `start` on that together last `left`; the last one ends at the due instant."""
    if left <= NOTHING:
        raise ValueError("A span must be longer than nothing.")
    used: list[Window] = []
    for window in windows(start, calendar):
        for begin, end in _without(window, stops):
            used.append((begin, min(end, begin + left)))
            left -= used[-1][1] - begin
            if not left:
                return used
    raise AssertionError("Open hours have no end.")


def _without(window: Window, stops: Sequence[Window]) -> Iterator[Window]:
    begin, end = window
    for pause_from, pause_to in stops:
        if pause_to <= begin or pause_from >= end:
            continue
        if pause_from > begin:
            yield begin, pause_from
        begin = pause_to
    if begin < end:
        yield begin, end


def _explain(
    start: datetime, amount: Span, calendar: BusinessCalendar, stops: Sequence[Window], used: Sequence[Window]
) -> Iterator[Step]:
    yield Step("starts", start)
    if amount.business_days:
        name = "1 business day" if amount.business_days == 1 else f"{amount.business_days} business days"
        yield Step(f"{name} = {_words(amount.length(calendar))} open", start)
    due = used[-1][1]
    breaks = [*_closed_steps(start, due, calendar), *_pause_steps(due, calendar, stops)]
    if (opening := next_open(start, calendar)) > start:
        breaks.append(Step("opens", opening))
    left = list(used)
    for step in [*sorted(breaks, key=lambda step: step.at), Step("due", due)]:
        passed = [window for window in left if window[1] <= step.at]
        if passed:
            length = sum((end - begin for begin, end in passed), NOTHING)
            yield Step(_words(length) + ("" if calendar.round_the_clock else " open"), passed[-1][1])
        left = left[len(passed) :]
        yield step


def _closed_steps(start: datetime, due: datetime, calendar: BusinessCalendar) -> Iterator[Step]:
    if calendar.round_the_clock:
        return
    whole = days(local_day(start, calendar), local_day(due, calendar))
    for rule, same in groupby(whole, key=lambda day: closure(day, calendar)):
        if rule and (begin := max(start, localise(next(same), MIDNIGHT, calendar.zone))) < due:
            yield Step(rule, begin)


def _pause_steps(due: datetime, calendar: BusinessCalendar, stops: Sequence[Window]) -> Iterator[Step]:
    for begin, end in stops:
        if begin < due:
            length = _words(elapsed(begin, end, calendar))
            yield Step(f"paused: {length}{'' if calendar.round_the_clock else ' of open time'}", begin)


def _clock(length: timedelta) -> tuple[int, int, int]:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    return (*divmod(minutes, 60), seconds)


def _words(length: timedelta) -> str:
    return (
        " ".join(f"{amount} {unit}" for amount, unit in zip(_clock(length), ("h", "min", "s"), strict=True) if amount)
        or "0 min"
    )
