"""The sections of a runbook file on on-call: which desk role holds each part of the duty, and the rotations (INC-04, INC-30)."""

from collections.abc import Iterator
from datetime import time
from typing import Annotated, Literal

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from config.casework.catalogue.fields import ClockTime, Day, Key, RunbookModel, Zone
from config.casework.catalogue.models import WEEKDAYS, System
from config.casework.catalogue.rows import sync
from config.casework.catalogue.runbook import DeskRole, Weekday
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register
from incidents.oncall import plans
from incidents.oncall.choices import OnCallPart
from incidents.oncall.models import OnCallRole, Rotation
from incidents.oncall.rota import WEEK
from incidents.oncall.words import parse_every

FULL_NAMES = dict(
    zip(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), WEEKDAYS, strict=True)
)


class OnCallParts(RunbookModel):
    """Each part of the duty, and the desk role whose person takes it until somebody is named."""

    primary: DeskRole
    secondary: DeskRole


def _weekday(value: object) -> object:
    return FULL_NAMES.get(value.lower(), value.lower()) if isinstance(value, str) else value


def _every(value: str) -> str:
    parse_every(value)
    return value


def _address(value: str) -> str:
    try:
        validate_email(value)
    except ValidationError as error:
        raise ValueError(f"{value!r} is no mail address") from error
    return value.lower()


class RotationPart(RunbookModel):
    """People who take turns.

    The first turn begins with the first hand-off on or after `start`. An address without an account keeps its place,
    is reported, and takes part as soon as there is an account.

    Attributes:
        weekday: of the hand-off, with turns of whole weeks; that of `start` when left out.
        layer: the part of the duty it fills (`primary`, `secondary`; also by bearing that key), or a number: of several
            layers upon one rotation the highest wins.
        over: the key of the rotation it lies upon as a layer.
        hours: when it holds at all, in its zone; always when left out.
    """

    key: Key
    zone: Zone
    handoff: ClockTime
    weekday: Annotated[Weekday, BeforeValidator(_weekday)] | None = None
    every: Annotated[str, AfterValidator(_every)]
    start: Day
    people: Annotated[list[Annotated[str, AfterValidator(_address)]], Field(min_length=1)]
    layer: Annotated[int, Field(ge=1, le=99)] | Literal["primary", "secondary"] | None = None
    over: Key | None = None
    hours: dict[Weekday, list[Annotated[list[ClockTime], Field(min_length=2, max_length=2)]]] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "RotationPart":
        every = parse_every(self.every)
        if self.weekday is not None and (every.months or every.length % WEEK):
            raise ValueError(f"weekday goes with turns of whole weeks such as P7D, not with {self.every}")
        if self.over is not None and self.part:
            raise ValueError("a layer fills the part of the rotation it lies upon; give it a number")
        if self.hours is not None and not any(self.hours.values()):
            raise ValueError("hours names no time; leave it out for always")
        for spans in (self.hours or {}).values():
            for opens, closes in spans:
                if closes != "00:00" and closes <= opens:
                    raise ValueError(
                        f"hours end after they begin, not {opens} to {closes}; 00:00 is the end of the day"
                    )
        return self

    @property
    def part(self) -> str:
        if isinstance(self.layer, str):
            return self.layer
        return self.key if self.key in OnCallPart.values and self.over is None else ""

    def wanted(self) -> plans.Wanted:
        return plans.Wanted(
            zone=self.zone,
            handoff=time.fromisoformat(self.handoff),
            every=self.every,
            start=self.start,
            people=tuple(self.people),
            weekday=None if self.weekday is None else WEEKDAYS.index(self.weekday),
            hours=None if self.hours is None else {str(day): spans for day, spans in self.hours.items()},
        )


def _load(system: System, parts: OnCallParts, context: Context) -> Changes:
    wanted = {part: {"held_by": role} for part, role in parts.model_dump().items()}
    return sync(OnCallRole.objects.filter(system=system), wanted, by="part", make=OnCallRole, system=system)


def _export(system: System) -> OnCallParts | None:
    held = dict(OnCallRole.objects.filter(system=system).values_list("part", "held_by"))
    return ONCALL_ROLES.adapter.validate_python(held) if held.keys() == set(OnCallPart.values) else None


def _names(parts: OnCallParts) -> list[str]:
    return list(OnCallPart.values)


def _check_rotations(parts: list[RotationPart], context: Context) -> Iterator[Finding]:
    known = {part.key: part for part in parts}
    held: dict[str, str] = {}
    for index, part in enumerate(parts):
        if part.part and held.setdefault(part.part, part.key) != part.key:
            yield Finding((index, "layer"), f"the part {part.part} has the rotation {held[part.part]} already")
        below = known.get(part.over) if part.over is not None else None
        if part.over is not None and (below is None or below.over is not None or part.over == part.key):
            yield Finding((index, "over"), f"{part.over!r} is no rotation of this file that a layer can lie upon")


def _load_rotations(system: System, parts: list[RotationPart], context: Context) -> Changes:
    present = {row.key: row for row in Rotation.objects.filter(system=system, retired_at=None)}
    named = {part.key for part in parts}
    changes = Changes()
    for key in present.keys() - named:
        plans.retire_rotation(present[key], actor=context.actor, at=context.at)
        changes += Changes(removed=1)
    rows: dict[str, Rotation] = {}
    for part in sorted(parts, key=lambda part: part.over is not None):
        rows[part.key], changed = plans.put_rotation(
            system,
            part.key,
            part.wanted(),
            actor=context.actor,
            at=context.at,
            part=part.part,
            over=rows[part.over] if part.over is not None else None,
            layer=part.layer if isinstance(part.layer, int) else 0,
        )
        changes += Changes(changed=1) if changed and part.key in present else Changes(created=int(changed))
        changes += Changes(unchanged=int(not changed))
    return changes


def _export_rotations(system: System) -> list[RotationPart] | None:
    rows = Rotation.objects.filter(system=system, retired_at=None).select_related("over").order_by("pk")
    return [part for row in rows if (part := _part(row)) is not None] or None


def _part(row: Rotation) -> RotationPart | None:
    wanted = plans.wanted_of(row)
    if wanted is None:
        return None
    words = row.part if row.part and row.part != row.key else None
    return RotationPart.model_validate(
        {
            "key": row.key,
            "zone": wanted.zone,
            "handoff": f"{wanted.handoff:%H:%M}",
            "weekday": None if wanted.weekday is None else WEEKDAYS[wanted.weekday],
            "every": wanted.every,
            "start": wanted.start,
            "people": list(wanted.people),
            "layer": row.layer or words,
            "over": row.over.key if row.over else None,
            "hours": wanted.hours,
        }
    )


ONCALL_ROLES: Section[OnCallParts] = register(
    Section(key="oncall_roles", schema=OnCallParts, load=_load, export=_export, names=_names, order=26)
)
ROTATIONS: Section[list[RotationPart]] = register(
    Section(
        key="rotations",
        schema=list[RotationPart],
        load=_load_rotations,
        export=_export_rotations,
        check=_check_rotations,
        order=27,
    )
)
