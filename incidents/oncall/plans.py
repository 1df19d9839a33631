"""Make, change and retire rotations. An edit ends the version now and begins a new one; the past stays as it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.actors import Actor
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.catalogue.models import System
from incidents.oncall.models import Rotation, RotationMember, RotationVersion
from incidents.oncall.records import keep_record
from incidents.oncall.rota import WEEK, Rule
from incidents.oncall.rotas import hours_of, is_able, rule_of
from incidents.oncall.words import parse_every

EDIT = "incidents.change_rotation"
COLUMNS = ("zone", "handoff", "weekday", "every", "start", "hours")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a rotation shall be.

    Attributes:
        handoff: wall-clock time in `zone`.
        every: ISO 8601: whole hours, days, weeks or months (`PT12H`, `P1D`, `P7D`, `P1M`).
        people: addresses in the order of their turns; one may come twice.
        weekday: of the hand-off (Monday is 0), with turns of whole weeks only.
        hours: when it holds at all, `{"mon": [["09:00", "17:00"]]}`; None is always.
    """

    zone: str
    handoff: time
    every: str
    start: date
    people: tuple[str, ...]
    weekday: int | None = None
    hours: Mapping[str, Sequence[Sequence[str]]] | None = None

    def columns(self) -> dict[str, Any]:
        hours = None if self.hours is None else {day: [list(span) for span in self.hours[day]] for day in self.hours}
        return {name: getattr(self, name) for name in COLUMNS} | {"hours": hours}

    def plain(self) -> tuple[dict[str, Any], list[str]]:
        """What tells one plan from another."""
        return self.columns(), [address.lower() for address in self.people]


def put_rotation(
    system: System,
    key: str,
    wanted: Wanted,
    *,
    actor: Actor,
    at: datetime,
    part: str = "",
    over: Rotation | None = None,
    layer: int = 0,
) -> tuple[Rotation, bool]:
    """Make a rotation, or change the one with this key from `at` on; without a change nothing happens.

    Args:
        part: the part of the duty it fills.
        over: the rotation it lies upon as a layer.
    Returns:
        the rotation, and whether anything changed.
    Raises:
        ValidationError: keyed by field; nothing was saved.
        PermissionDenied: the actor may not change rotations.
    """
    require(actor, EDIT)
    check(wanted)
    with transaction.atomic():
        _check_place(system, key, part, over)
        row = Rotation.objects.select_for_update().filter(system=system, key=key).first()
        place = {"part": part, "over": over, "layer": layer, "retired_at": None}
        if row is None:
            return _make(system, key, place, wanted, actor, at), True
        moved = [name for name, value in place.items() if getattr(row, name) != value]
        current = wanted_of(row)
        same = current is not None and current.plain() == wanted.plain()
        if same and not moved:
            return row, False
        keep_record(row.over or row, at=at)
        for name in moved:
            setattr(row, name, place[name])
        row.changed_at = at
        row.save(update_fields=[*moved, "changed_at"])
        if not same:
            _renew(row, wanted, at)
        record(row, "rotation.changed", actor=actor, at=at, fields=[*moved, *(() if same else ("version",))])
    return row, True


def _make(system: System, key: str, place: dict[str, Any], wanted: Wanted, actor: Actor, at: datetime) -> Rotation:
    if place["over"] is not None:
        keep_record(place["over"], at=at)
    row = Rotation.objects.create(system=system, key=key, created_at=at, changed_at=at, **place)
    _write(row, wanted, number=1, begins_at=at if place["over"] is not None else None)
    record(row, "rotation.created", actor=actor, at=at, detail={"version": 1})
    return row


def retire_rotation(rotation: Rotation, *, actor: Actor, at: datetime) -> None:
    """End a rotation now; what it was stays on record. A part of the duty then falls where it lay before."""
    require(actor, EDIT)
    with transaction.atomic():
        row = Rotation.objects.select_for_update().get(pk=rotation.pk)
        if row.retired_at is not None:
            return
        keep_record(row.over or row, at=at)
        _drop_pending(row, at)
        row.versions.filter(ends_at=None).update(ends_at=at)
        row.retired_at = row.changed_at = at
        row.save(update_fields=["retired_at", "changed_at"])
        record(row, "rotation.retired", actor=actor, at=at)
    rotation.refresh_from_db()


def wanted_of(rotation: Rotation) -> Wanted | None:
    """What a rotation is from its open version on; None when it is retired."""
    version = rotation.versions.filter(ends_at=None).prefetch_related("members__person").first()
    if version is None:
        return None
    people = tuple(place.person.email if place.person else place.email for place in version.members.all())
    return Wanted(people=people, **{name: getattr(version, name) for name in COLUMNS})


def check(wanted: Wanted) -> None:
    """Say what is wrong with a plan.

    Raises:
        ValidationError: keyed by field.
    """
    problems: dict[str, str] = {}
    if wanted.zone not in available_timezones():
        problems["zone"] = _("“%(zone)s” is no time zone. Write a name such as Europe/Berlin or UTC.") % {
            "zone": wanted.zone
        }
    try:
        every = parse_every(wanted.every)
    except ValueError as error:
        problems["every"] = str(error)
    else:
        if wanted.weekday is not None and (every.months or every.length % WEEK):
            problems["weekday"] = _("A weekday goes with turns of whole weeks only, such as P7D.")
    if not wanted.people:
        problems["people"] = _("Name at least one person.")
    elif refused := _refused_people(wanted.people):
        problems["people"] = refused
    if wanted.hours is not None and not any(wanted.hours.values()):
        problems["hours"] = _("Name at least one time, or leave the hours out for always.")
    elif wanted.hours is not None:
        try:
            _check_hours(wanted.hours)
        except ValueError as error:
            problems["hours"] = str(error)
    if problems:
        raise ValidationError(problems)


def _refused_people(people: Sequence[str]) -> str:
    for address in people:
        try:
            validate_email(address)
        except ValidationError:
            return _("“%(address)s” is no mail address.") % {"address": address}
    for person in User.objects.filter(email__in=[address.lower() for address in people]):
        if not is_able(person):
            return _("%(address)s does not work at the desk, or may not sign in.") % {"address": person.email}
    return ""


def _check_hours(hours: Mapping[str, Sequence[Sequence[str]]]) -> None:
    stored = {day: [list(span) for span in spans] for day, spans in hours.items()}
    for spans in (hours_of(stored) or {}).values():
        for opens, closes in spans:
            if closes != time(0) and closes <= opens:
                raise ValueError(_("Hours end after they begin; 00:00 is the end of the day."))


def _check_place(system: System, key: str, part: str, over: Rotation | None) -> None:
    if over is not None and part:
        raise ValidationError({"part": _("A layer fills the part of the rotation it lies upon.")})
    if over is not None and (over.over_id is not None or over.key == key or over.system_id != system.pk):
        raise ValidationError({"over": _("A layer lies upon a rotation of the same system that is no layer itself.")})
    taken = (
        Rotation.objects.filter(system=system, part=part, retired_at=None).exclude(key=key).first() if part else None
    )
    if taken is not None:
        raise ValidationError(
            {"part": _("The part “%(part)s” has the rotation %(key)s already.") % {"part": part, "key": taken.key}}
        )


def _renew(row: Rotation, wanted: Wanted, at: datetime) -> None:
    """End what is in force when the new version begins: now, or with its first hand-off if that is still to come."""
    _drop_pending(row, at)
    last = row.versions.order_by("-number").first()
    first = Rule(wanted.zone, wanted.handoff, parse_every(wanted.every), wanted.start, wanted.weekday).boundary(0)
    in_force = last is not None and last.ends_at is None and rule_of(last).boundary(0) <= at
    changeover = max(at, first) if in_force else at
    row.versions.filter(ends_at=None).update(ends_at=changeover)
    _write(row, wanted, number=last.number + 1 if last is not None else 1, begins_at=changeover)


def _drop_pending(row: Rotation, at: datetime) -> None:
    """Take away a version that never came into force; the one before it goes on."""
    if row.versions.filter(begins_at__gt=at).delete()[0]:
        row.versions.filter(ends_at__gt=at).update(ends_at=None)


def _write(row: Rotation, wanted: Wanted, *, number: int, begins_at: datetime | None) -> None:
    version = RotationVersion.objects.create(rotation=row, number=number, begins_at=begins_at, **wanted.columns())
    known = {person.email: person for person in User.objects.filter(email__in=[one.lower() for one in wanted.people])}
    RotationMember.objects.bulk_create(
        RotationMember(version=version, position=place, email=one.lower(), person=known.get(one.lower()))
        for place, one in enumerate(wanted.people)
    )
