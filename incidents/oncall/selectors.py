"""Who is on call: by rotation where a part of the duty has one, else by name or desk role."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from config.casework.access.choices import Role
from config.casework.access.models import RESERVED, User
from config.casework.catalogue.choices import OrganizationKind
from config.casework.catalogue.models import System
from incidents.oncall.choices import OnCallPart, ShiftSource
from incidents.oncall.models import OnCallRole, Rotation, ShiftRecord
from incidents.oncall.rota import SECOND, Slot, slot_at, slots
from incidents.oncall.rotas import Loaded, load

DEFAULTS = {OnCallPart.PRIMARY: Role.CTO, OnCallPart.SECONDARY: Role.CEO}
LOOK_AHEAD = timedelta(days=100)


@dataclass(frozen=True)
class Shift:
    """A stretch of duty.

    Attributes:
        person: who has it; None when nobody does.
        start, end: UTC.
        source: "rotation" or "override" (entered by hand).
        planned: whose turn it is by the rotation's order; another than `person` when that one is away.
        address: of `planned`, also when there is no account with it.
    """

    rotation: Rotation
    person: User | None
    start: datetime
    end: datetime
    source: str = ShiftSource.ROTATION
    planned: User | None = None
    address: str = ""


# --- rotations ---------------------------------------------------------------------------------------------------------


def rotation_for(system: System, name: str) -> Rotation | None:
    """The rotation of a system that fills a part of the duty, or that bears a key."""
    field = "part" if name in OnCallPart.values else "key"
    return Rotation.objects.filter(system=system, retired_at=None, **{field: name}).select_related("system").first()


def who(rotation: Rotation, at: datetime) -> User | None:
    """Who has the duty of a rotation at `at`; None when nobody does.

    Args:
        at: aware; for the past the record answers, for the rest the plan, shifts by hand and leave.
    """
    recorded = _recorded(rotation, at, at + SECOND)
    return recorded[0].person if recorded else _by_plan(rotation, at)[1]


def shifts(rotation: Rotation, start: datetime, end: datetime) -> list[Shift]:
    """All shifts that overlap [start, end), whole and in order; together they cover it, gaps with `person` None included."""
    found = load([rotation], start, end)[rotation.pk]
    return _joined(rotation, found, start, end, _recorded(rotation, start, end))


def next_shift(rotation: Rotation, at: datetime, *, person: User | None = None) -> Shift | None:
    """The shift that follows the one held at `at`; with `person` the first of that person that begins later."""
    for shift in shifts(rotation, at, at + LOOK_AHEAD):
        if shift.start > at and shift.person is not None and person in (None, shift.person):
            return shift
    return None


def begins_at(rotation: Rotation) -> datetime | None:
    """When a rotation first has somebody on duty; None when it never does."""
    return load([rotation], rotation.created_at, rotation.created_at + SECOND)[rotation.pk].rota.begins


def planned_shifts(rotations: Collection[Rotation], start: datetime, end: datetime) -> dict[int, list[Shift]]:
    """The shifts of many rotations by the plan alone, by their keys, in a fixed number of questions to the database."""
    found = load(rotations, start, end)
    return {
        rotation.pk: [_shift(rotation, found[rotation.pk], slot) for slot in slots(found[rotation.pk].rota, start, end)]
        for rotation in rotations
    }


def _by_plan(rotation: Rotation, at: datetime) -> tuple[bool, User | None]:
    """Whether its first hand-off has come, and who has the duty by the plan."""
    found = load([rotation], at, at + SECOND)[rotation.pk]
    begun = found.rota.begins is not None and found.rota.begins <= at
    return begun, found.person(slot_at(found.rota, at).person)


def _shift(rotation: Rotation, found: Loaded, slot: Slot[int | str]) -> Shift:
    return Shift(
        rotation=rotation,
        person=found.person(slot.person),
        start=slot.start,
        end=slot.end,
        source=slot.source,
        planned=found.person(slot.planned),
        address=found.address(slot.planned),
    )


def _recorded(rotation: Rotation, start: datetime, end: datetime) -> list[Shift]:
    """The shifts of the record that overlap [start, end). The newest entry is still open: there the plan answers."""
    rows = ShiftRecord.objects.filter(rotation=rotation).select_related("person").order_by("starts_at")
    later = list(rows.filter(starts_at__gt=start, starts_at__lt=end))
    later += rows.filter(starts_at__gte=end)[:1]
    if not later:
        return []
    entries = [*rows.filter(starts_at__lte=start).reverse()[:1], *later]
    return [
        Shift(rotation, entry.person, entry.starts_at, following.starts_at, entry.source, entry.person)
        for entry, following in pairwise(entries)
    ]


def _joined(rotation: Rotation, found: Loaded, start: datetime, end: datetime, recorded: list[Shift]) -> list[Shift]:
    """The plan before the record began, the record as far as it goes, and the plan again."""
    if not recorded:
        return [_shift(rotation, found, slot) for slot in slots(found.rota, start, end)]
    opens, closes = recorded[0].start, recorded[-1].end
    before = [_shift(rotation, found, slot) for slot in slots(found.rota, start, opens)]
    after = [_shift(rotation, found, slot) for slot in slots(found.rota, closes, end)]
    return [
        *(_cut(shift, shift.start, min(shift.end, opens)) for shift in before),
        *recorded,
        *(_cut(shift, max(shift.start, closes), shift.end) for shift in after),
    ]


def _cut(shift: Shift, start: datetime, end: datetime) -> Shift:
    return Shift(shift.rotation, shift.person, start, end, shift.source, shift.planned, shift.address)


# --- parts of the duty -------------------------------------------------------------------------------------------------


def on_call(system: System, part: OnCallPart | str, at: datetime, *, demo: bool = False) -> User | None:
    """Who holds a part of the duty at `at`; None when nobody does (the caller warns, visibly).

    A rotation of this part decides from its first hand-off on; before, and without one, the person or desk role named
    for the part.

    Args:
        demo: the case is made up, so its people are too.
    """
    rotation = None if demo else rotation_for(system, part)
    if rotation is not None:
        begun, person = _by_plan(rotation, at)
        if begun:
            return person
    duty = OnCallRole.objects.filter(system=system, part=part).select_related("person").first()
    if not demo and duty is not None and duty.person is not None and duty.person.is_active:
        return duty.person
    return holder(Role(duty.held_by) if duty else DEFAULTS[OnCallPart(part)], demo=demo)


def holder(role: Role, *, demo: bool = False) -> User | None:
    """The person of the operator who has held a desk role longest; made-up people hold it for made-up cases only."""
    return _holders(demo).filter(groups__name=role).order_by("pk").first()


def duties(at: datetime) -> list[tuple[OnCallRole, User | None]]:
    """Every part of the duty of every system with who holds it at `at`, in a fixed number of questions to the database."""
    rows = roles()
    return held(rows, on_rotation(at) if any(row.has_rotation for row in rows) else {})


def roles() -> list[Any]:
    """Every part of the duty of every system; `has_rotation` tells whether the system has any rotation."""
    of_system = Rotation.objects.filter(system=OuterRef("system"), retired_at=None)
    rows = OnCallRole.objects.select_related("system", "person").annotate(has_rotation=Exists(of_system))
    return list(rows.order_by("system__name", "system_id", "part"))


def held(rows: list[Any], turns: Mapping[tuple[int, str], User | None]) -> list[tuple[OnCallRole, User | None]]:
    """Who holds each part: as the rotations say, else the person or the desk role named for it."""
    rest = [row for row in rows if (row.system_id, row.part) not in turns]
    wanted = {row.held_by for row in rest if row.person is None or not row.person.is_active}
    first: dict[str, User] = {}
    if wanted:
        named = _holders(demo=False).filter(groups__name__in=wanted).annotate(role=F("groups__name"))
        for person in named.order_by("pk"):
            first.setdefault(person.role, person)
    return [
        (row, turns[row.system_id, row.part])
        if (row.system_id, row.part) in turns
        else (row, row.person if row.person is not None and row.person.is_active else first.get(row.held_by))
        for row in rows
    ]


def on_rotation(at: datetime) -> dict[tuple[int, str], User | None]:
    """Who has each part that a rotation fills at `at`, by system and part; rotations that have not begun are left out."""
    rotations = list(Rotation.objects.filter(retired_at=None).exclude(part=""))
    found = load(rotations, at, at + SECOND)
    turns = {}
    for rotation in rotations:
        loaded = found[rotation.pk]
        if loaded.rota.begins is not None and loaded.rota.begins <= at:
            turns[rotation.system_id, rotation.part] = loaded.person(slot_at(loaded.rota, at).person)
    return turns


def on_call_by_system(at: datetime) -> dict[str, int]:
    """How many parts of the duty somebody has at `at`, by the key of each system with a rotation in force for one."""
    turns = on_rotation(at)
    if not turns:
        return {}
    ruled = {system for system, _part in turns}
    found: dict[str, int] = {}
    for system in System.objects.filter(pk__in=ruled):
        parts = [on_call(system, part, at) for part in OnCallPart]
        found[system.key] = sum(person is not None for person in parts)
    return found


def _holders(demo: bool) -> QuerySet[User]:
    people = User.objects.filter(is_active=True, memberships__organization__kind=OrganizationKind.OPERATOR)
    return people.filter(email__endswith=RESERVED) if demo else people.exclude(email__endswith=RESERVED)


def resolve(system: System, target: str, at: datetime, *, demo: bool = False) -> User | None:
    """The person behind a target of an escalation step: a part of the duty, a desk role, or a rotation of the system."""
    if target in OnCallPart.values:
        return on_call(system, target, at, demo=demo)
    if target in Role.values:
        return holder(Role(target), demo=demo)
    rotation = None if demo else rotation_for(system, target)
    return who(rotation, at) if rotation is not None else None


def other_person(system: System, person: User, at: datetime, *, demo: bool = False) -> User | None:
    """The other of the two people on call."""
    for part in OnCallPart:
        candidate = on_call(system, part, at, demo=demo)
        if candidate is not None and candidate != person:
            return candidate
    return None
