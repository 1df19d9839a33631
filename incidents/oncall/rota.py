"""The arithmetic of rotations: whose turn it is, and from when to when. It knows no database.

Hand-offs are wall-clock times of a zone, made instants one by one, so that a turn of a day has 23, 24 or 25 hours (23.5
or 24.5 on Lord Howe Island). One that falls into the spring gap moves to the first valid instant; in a repeated hour
the first of the two counts, so that one turn is longer (rules.md, "On-call and escalation").
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)
LONGEST_TURN = timedelta(days=92)
"""No turn is longer: a quarter of a year (P3M)."""

type Window = tuple[datetime, datetime]
type Hours = Mapping[int, Sequence[tuple[time, time]]]
"""Open times by weekday (Monday is 0); 00:00 as an end is the end of the day."""


@dataclass(frozen=True, slots=True)
class Every:
    """How long a turn is: whole months, or an exact length on the wall clock."""

    months: int = 0
    length: timedelta = timedelta()

    @property
    def longest(self) -> timedelta:
        return timedelta(days=31 * self.months) or self.length

    def after(self, first: datetime, count: int) -> datetime:
        """The wall-clock time `count` turns after `first`; the 31st of a short month is its last day."""
        return first + (relativedelta(months=self.months * count) if self.months else self.length * count)

    def guess(self, first: datetime, local: datetime) -> int:
        """About how many turns lie between two wall-clock times; at most two off."""
        if self.months:
            return ((local.year - first.year) * 12 + local.month - first.month) // self.months
        return (local - first) // self.length


@dataclass(frozen=True)
class Rule:
    """When one layer hands over.

    Attributes:
        zone: IANA name.
        handoff: wall-clock time of the hand-off.
        start: the first turn begins with the first hand-off on or after this day.
        weekday: day of the hand-off (Monday is 0), for turns of whole weeks; that of `start` when None.
        hours: when the layer holds at all; None is always.
    """

    zone: str
    handoff: time
    every: Every
    start: date
    weekday: int | None = None
    hours: Hours | None = None

    @cached_property
    def place(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @cached_property
    def first(self) -> datetime:
        """The wall-clock time of the first hand-off."""
        days = 0 if self.weekday is None else (self.weekday - self.start.weekday()) % 7
        return datetime.combine(self.start + DAY * days, self.handoff)

    def boundary(self, number: int) -> datetime:
        """The instant at which turn `number` begins, counted from 0."""
        return instant(self.every.after(self.first, number), self.zone)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a layer: the how-manieth it is, and its two instants in UTC."""

    number: int
    start: datetime
    end: datetime


@lru_cache(maxsize=4096)
def instant(wall: datetime, zone: str) -> datetime:
    """The instant of a wall-clock time, in UTC.

    Args:
        wall: naive. One that the clocks skip is moved to the first instant after the gap; of one that comes twice the
            first is meant.
    """
    place = ZoneInfo(zone)
    found = wall.replace(tzinfo=place, fold=0).astimezone(UTC)
    if found.astimezone(place).replace(tzinfo=None) == wall:
        return found
    before = wall.replace(tzinfo=place, fold=1).astimezone(UTC)
    offset = before.astimezone(place).utcoffset()
    while found - before > SECOND:  # the change lies between the two
        middle = before + (found - before) // SECOND // 2 * SECOND
        if middle.astimezone(place).utcoffset() == offset:
            before = middle
        else:
            found = middle
    return found


def turn_at(rule: Rule, at: datetime) -> Turn | None:
    """The turn that holds at an instant; None before the first hand-off."""
    if at < rule.boundary(0):
        return None
    number = max(rule.every.guess(rule.first, at.astimezone(rule.place).replace(tzinfo=None)), 0)
    while rule.boundary(number) > at:
        number -= 1
    while rule.boundary(number + 1) <= at:
        number += 1
    return Turn(number, rule.boundary(number), rule.boundary(number + 1))


def turns(rule: Rule, start: datetime, end: datetime) -> Iterator[Turn]:
    """All turns that overlap [start, end), whole, in order; a turn that the spring gap swallows is left out."""
    turn = turn_at(rule, max(start, rule.boundary(0)))
    while turn is not None and turn.start < end:
        if turn.end > turn.start:
            yield turn
        turn = Turn(turn.number + 1, turn.end, rule.boundary(turn.number + 2))


def windows(rule: Rule, start: datetime, end: datetime) -> list[Window]:
    """When the layer holds within [start, end), as whole windows."""
    if rule.hours is None:
        return [(start, end)]
    found = []
    day = start.astimezone(rule.place).date() - DAY
    while day <= end.astimezone(rule.place).date():
        for opens, closes in rule.hours.get(day.weekday(), ()):
            last = day + DAY if closes == time(0) else day
            window = (
                instant(datetime.combine(day, opens), rule.zone),
                instant(datetime.combine(last, closes), rule.zone),
            )
            if window[0] < window[1] and window[1] > start and window[0] < end:
                found.append(window)
        day += DAY
    return found


# --- several layers, versions, shifts entered by hand and people away --------------------------------------------------


@dataclass(frozen=True)
class Plan[P]:
    """One version of a layer: its rule, who takes turns in which order, and when it is in force.

    `begins` None: from its first hand-off on; `ends` None: until further notice.
    """

    rule: Rule
    people: tuple[P, ...]
    begins: datetime | None = None
    ends: datetime | None = None

    def holds(self, at: datetime) -> bool:
        return (self.begins is None or self.begins <= at) and (self.ends is None or at < self.ends)


@dataclass(frozen=True)
class Entry[P]:
    """A shift entered by hand."""

    person: P
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Rota[P]:
    """All that decides who is on call: layers (the strongest first, versions in each), shifts by hand, absences."""

    layers: tuple[tuple[Plan[P], ...], ...]
    overrides: tuple[Entry[P], ...] = ()
    away: Mapping[P, Sequence[Window]] = field(default_factory=dict)
    unreachable: frozenset[P] = frozenset()

    def absent(self, person: P, at: datetime) -> bool:
        return person in self.unreachable or any(start <= at < end for start, end in self.away.get(person, ()))

    @cached_property
    def begins(self) -> datetime | None:
        """When anything of it first holds."""
        firsts = [max(plan.rule.boundary(0), plan.begins or plan.rule.boundary(0)) for plan in self.plans()]
        return min([*firsts, *(entry.start for entry in self.overrides)], default=None)

    def plans(self) -> Iterator[Plan[P]]:
        for layer in self.layers:
            yield from layer


@dataclass(frozen=True, slots=True)
class Slot[P]:
    """A stretch of duty: who has it, whose turn it was by the plan, and why."""

    person: P | None
    start: datetime
    end: datetime
    source: str = "rotation"
    planned: P | None = None
    turn: tuple[int, int, int] | None = None

    @property
    def identity(self) -> tuple[object, ...]:
        return (self.person, self.source, self.planned, self.turn)


def slot_at[P](rota: Rota[P], at: datetime) -> Slot[P]:
    """Who has the duty at one instant; the slot returned is only that instant's, its ends mean nothing."""
    for entry in rota.overrides:
        if entry.start <= at < entry.end and not rota.absent(entry.person, at):
            return Slot(entry.person, entry.start, entry.end, "override", entry.person)
    for depth, layer in enumerate(rota.layers):
        for version, plan in enumerate(layer):
            if not plan.holds(at) or not plan.people:
                continue
            turn = turn_at(plan.rule, at)
            if turn is None or not any(opens <= at < closes for opens, closes in windows(plan.rule, at, at + SECOND)):
                continue
            return _stand_in(rota, plan, turn, at, (depth, version, turn.number))
    return Slot(None, at, at + SECOND)


def slots[P](rota: Rota[P], start: datetime, end: datetime) -> list[Slot[P]]:
    """All stretches of duty that overlap [start, end), in order, whole; together they cover it.

    Stretches that nobody has (`person` None) are cut to the range where no plan holds at all.
    """
    if start >= end:
        return []
    margin = max((plan.rule.every.longest for plan in rota.plans()), default=timedelta()) + DAY
    near = [entry for entry in rota.overrides if entry.start < end and entry.end > start]
    opens = min([start - margin, *(entry.start for entry in near)])
    closes = max([end + margin, *(entry.end for entry in near)])
    cuts = sorted(_cuts(rota, opens, closes) | {start, end})
    pieces = [_piece(rota, earlier, later) for earlier, later in pairwise(cuts)]
    merged: list[Slot[P]] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if last is not None and last.identity == piece.identity:
            merged[-1] = _span(last, last.start, piece.end)
        else:
            merged.append(piece)
    return [_clipped(slot, start, end) for slot in merged if slot.start < end and slot.end > start]


def _cuts[P](rota: Rota[P], start: datetime, end: datetime) -> set[datetime]:
    """Every instant at which something may change."""
    found: set[datetime] = set()
    for layer in rota.layers:
        for plan in layer:
            found |= {at for at in (plan.begins, plan.ends) if at is not None}
            opens, closes = max(start, plan.begins or start), min(end, plan.ends or end)
            if opens >= closes:
                continue
            for turn in turns(plan.rule, opens, closes):
                found |= {turn.start, turn.end}
            if plan.rule.hours is not None:
                for window in windows(plan.rule, opens, closes):
                    found |= set(window)
    for entry in rota.overrides:
        found |= {entry.start, entry.end}
    for absences in rota.away.values():
        for window in absences:
            found |= set(window)
    return {at for at in found if start < at < end}


def _piece[P](rota: Rota[P], start: datetime, end: datetime) -> Slot[P]:
    return _span(slot_at(rota, start), start, end)


def _span[P](slot: Slot[P], start: datetime, end: datetime) -> Slot[P]:
    return Slot(slot.person, start, end, slot.source, slot.planned, slot.turn)


def _clipped[P](slot: Slot[P], start: datetime, end: datetime) -> Slot[P]:
    if slot.turn is not None or slot.source == "override":
        return slot
    return _span(slot, max(slot.start, start), min(slot.end, end))


def _stand_in[P](rota: Rota[P], plan: Plan[P], turn: Turn, at: datetime, name: tuple[int, int, int]) -> Slot[P]:
    """The person whose turn it is, or the next in order who is not away; nobody when all are."""
    first = turn.number % len(plan.people)
    order = (*plan.people[first:], *plan.people[:first])
    person = next((one for one in order if not rota.absent(one, at)), None)
    return Slot(person, turn.start, turn.end, "rotation", order[0], name)


# --- what is wrong with a plan -----------------------------------------------------------------------------------------


def gaps[P](rota: Rota[P], start: datetime, end: datetime) -> list[Window]:
    """Stretches of [start, end) that nobody has, from the first hand-off on, cut to the range."""
    begins = rota.begins
    if begins is None or begins >= end:
        return []
    found: list[Window] = []
    for slot in slots(rota, max(start, begins), end):
        if slot.person is not None:
            continue
        opens, closes = max(slot.start, start, begins), min(slot.end, end)
        if found and found[-1][1] == opens:
            found[-1] = (found[-1][0], closes)
        else:
            found.append((opens, closes))
    return found


def common(one: Sequence[Window], other: Sequence[Window]) -> list[Window]:
    """Where windows of two lists overlap; what touches is one window."""
    found: list[Window] = []
    for opens, closes in sorted((max(a, c), min(b, d)) for a, b in one for c, d in other):
        if opens >= closes:
            continue
        if found and found[-1][1] >= opens:
            found[-1] = (found[-1][0], max(found[-1][1], closes))
        else:
            found.append((opens, closes))
    return found
