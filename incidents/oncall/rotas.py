"""Rows of the database as the values that the arithmetic of rotations takes."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby

from django.db.models import BigIntegerField, F, Q, Value

from config.casework.access.models import User
from config.casework.catalogue.models import WEEKDAYS
from incidents.oncall.models import Leave, OnCallShift, Rotation, RotationMember, RotationVersion
from incidents.oncall.rota import LONGEST_TURN, Entry, Hours, Plan, Rota, Rule, Window
from incidents.oncall.words import parse_every

MARGIN = LONGEST_TURN + timedelta(days=8)


@dataclass(frozen=True)
class Loaded:
    """A rotation as a value, and the people its keys stand for.

    A person is the primary key of the account, or the address when there is no account with it.
    """

    rota: Rota[int | str]
    people: Mapping[int | str, User]

    @property
    def zone(self) -> str:
        """The zone of the newest version of the rotation itself."""
        plans = self.rota.layers[-1] if self.rota.layers else ()
        return plans[-1].rule.zone if plans else "UTC"

    @property
    def named(self) -> frozenset[int | str]:
        """Everybody who takes turns in what is in force."""
        return frozenset(one for plan in self.rota.plans() if plan.ends is None for one in plan.people)

    def person(self, key: int | str | None) -> User | None:
        return self.people.get(key) if key is not None else None

    def address(self, key: int | str | None) -> str:
        person = self.person(key)
        return person.email if person is not None else key if isinstance(key, str) else ""


def load(rotations: Collection[Rotation], start: datetime, end: datetime) -> dict[int, Loaded]:
    """What decides about some rotations within [start, end), by their keys, in two questions to the database.

    A third is asked when a place has no account, or somebody outside the order has a shift by hand.
    """
    if not rotations:
        return {}
    keys = [rotation.pk for rotation in rotations]
    members = _members(keys)
    entries, away = _by_hand(keys, start, end)
    people = _people(members, {one.person for some in entries.values() for one in some})
    unreachable = frozenset(key for key, person in people.items() if not is_able(person))
    found = {}
    for key in keys:
        layers = tuple(_layers(key, members, people))
        nobody = {one for layer in layers for plan in layer for one in plan.people if isinstance(one, str)}
        rota = Rota(layers, tuple(entries[key]), away, unreachable | nobody)
        found[key] = Loaded(rota, people)
    return found


def is_able(person: User) -> bool:
    """Whether somebody can be on call at all: they work at the desk and may sign in."""
    return person.is_active and person.is_staff


def rule_of(version: RotationVersion) -> Rule:
    """The version as the arithmetic knows it."""
    return Rule(
        zone=version.zone,
        handoff=version.handoff,
        every=parse_every(version.every),
        start=version.start,
        weekday=version.weekday,
        hours=hours_of(version.hours),
    )


def hours_of(stored: Mapping[str, list[list[str]]] | None) -> Hours | None:
    if stored is None:
        return None
    return {
        WEEKDAYS.index(day): [(time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in spans]
        for day, spans in stored.items()
    }


def _members(keys: list[int]) -> list[RotationMember]:
    """The places in all versions of the rotations and of their layers, the strongest layer first."""
    wanted = Q(version__rotation__in=keys) | Q(version__rotation__over__in=keys)
    rows = RotationMember.objects.filter(wanted).select_related("person", "version__rotation")
    return list(rows.order_by("-version__rotation__layer", "version__rotation_id", "version__number", "position"))


def _people(members: list[RotationMember], further: set[int | str]) -> dict[int | str, User]:
    """The accounts behind the places; a place without one is looked up by its address, so that it may come later."""
    people: dict[int | str, User] = {member.person.pk: member.person for member in members if member.person is not None}
    addresses = {member.email.lower() for member in members if member.person is None}
    missing = {key for key in further - people.keys() if isinstance(key, int)}
    if addresses or missing:
        for person in User.objects.filter(Q(email__in=addresses) | Q(pk__in=missing)):
            people[person.email] = people[person.pk] = person
    return people


def _layers(
    key: int, members: list[RotationMember], people: Mapping[int | str, User]
) -> Iterator[tuple[Plan[int | str], ...]]:
    """The versions of the layers upon a rotation, and then its own."""
    concerned = [member for member in members if key in (member.version.rotation.over_id, member.version.rotation_id)]
    concerned.sort(key=lambda member: member.version.rotation_id == key)
    for _rotation, of_layer in groupby(concerned, key=lambda member: member.version.rotation_id):
        versions = groupby(of_layer, key=lambda member: member.version_id)
        yield tuple(_plan(list(places), people) for _version, places in versions)


def _plan(places: list[RotationMember], people: Mapping[int | str, User]) -> Plan[int | str]:
    keys: list[int | str] = []
    for place in places:
        late = people.get(place.email.lower()) if place.person_id is None else None
        keys.append(place.person_id or (late.pk if late else place.email.lower()))
    version = places[0].version
    return Plan(rule_of(version), tuple(keys), version.begins_at, version.ends_at)


def _by_hand(
    keys: list[int], start: datetime, end: datetime
) -> tuple[dict[int, list[Entry[int | str]]], dict[int | str, list[Window]]]:
    """Shifts entered by hand by rotation, and absences by person."""
    near = Q(cancelled_at=None, starts_at__lt=end + MARGIN, ends_at__gt=start - MARGIN)
    none = Value(None, output_field=BigIntegerField())
    columns = ("of", "person_id", "starts_at", "ends_at")
    shifts = OnCallShift.objects.filter(near, rotation__in=keys).annotate(of=F("rotation_id")).values_list(*columns)
    leaves = Leave.objects.filter(near).annotate(of=none).values_list(*columns)
    entries: dict[int, list[Entry[int | str]]] = defaultdict(list)
    away: dict[int | str, list[Window]] = defaultdict(list)
    for of, person, starts_at, ends_at in shifts.order_by().union(leaves.order_by(), all=True).order_by("starts_at"):
        if of is None:
            away[person].append((starts_at, ends_at))
        else:
            entries[of].append(Entry(person, starts_at, ends_at))
    return entries, away
