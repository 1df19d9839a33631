"""The section of a runbook file that says when a system is maintained, and which texts tell of it (INC-80)."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from pydantic import Field, field_validator

from config.casework.catalogue.fields import (
    ClockTime,
    Day,
    Duration,
    Key,
    Line,
    PositiveDuration,
    RunbookModel,
    Zone,
    format_duration,
)
from config.casework.catalogue.models import System
from config.casework.catalogue.rows import sync
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register
from config.casework.transitions import apply
from incidents.communications.runbook import Template
from incidents.communications.slots import slots_in
from incidents.maintenance.choices import WindowState
from incidents.maintenance.models import MaintenanceRule, MaintenanceWindow
from incidents.maintenance.recurrence import occurrences, parse
from incidents.maintenance.services import RULE_CHANGED, follow_rule

SLOTS = ("system", "starts", "ends", "work")
ANCHOR = date(2026, 1, 1)


class Texts(RunbookModel):
    """Keys of the templates that announce a maintenance, and say that it begins, is done, or does not take place."""

    notice: Key | None = None
    start: Key | None = None
    completion: Key | None = None
    cancellation: Key | None = None


class Maintenance(RunbookModel):
    """A maintenance that comes again and again.

    Attributes:
        recurrence: a rule of days by RFC 5545, such as FREQ=MONTHLY;BYDAY=1SU.
        at, zone: wall-clock time of the beginning.
        begins: from when the rule counts; it says which weeks an INTERVAL means.
        duration, notice: elapsed time; customers are told so long before.
        work: what is done.
    """

    key: Annotated[Key, Field(max_length=60)]
    title: Annotated[Line, Field(max_length=120)]
    recurrence: Annotated[Line, Field(max_length=200)]
    at: ClockTime
    zone: Zone = "UTC"
    begins: Day = ANCHOR
    duration: PositiveDuration
    notice: Duration | None = None
    work: list[Line] = []
    templates: Texts = Texts()

    @field_validator("recurrence")
    @classmethod
    def _can_be_read(cls, value: str) -> str:
        parse(value, ANCHOR)
        return value


def _check(rules: list[Maintenance], context: Context) -> Iterator[Finding]:
    texts: list[Template] = context.section("templates") or []
    for index, rule in enumerate(rules):
        coming = occurrences(rule.recurrence, begins=rule.begins, at=rule.at, zone=rule.zone, after=context.at, count=1)
        if not coming:
            yield Finding((index, "recurrence"), f"{rule.recurrence} never happens in the next ten years")
        for stage, key in rule.templates.model_dump(exclude_none=True).items():
            place = (index, "templates", stage)
            yield from context.unknown(key, section="templates", location=place)
            for text in texts:
                open_slots = [name for name in slots_in(f"{text.subject}\n{text.body}") if name not in SLOTS]
                if text.key == key and open_slots:
                    yield Finding(
                        place, f"{key!r} uses {{{open_slots[0]}}}; a maintenance fills {', '.join(SLOTS)} only"
                    )


def _load(system: System, rules: list[Maintenance], context: Context) -> Changes:
    wanted = {rule.key: _values(rule) for rule in rules}
    gone = MaintenanceWindow.objects.filter(rule__system=system, state=WindowState.PLANNED)
    for window in gone.exclude(rule__key__in=wanted):
        apply(window, "cancel", actor=context.actor, at=context.at, why=RULE_CHANGED)
    existing = MaintenanceRule.objects.filter(system=system)
    changes = sync(existing, wanted, by="key", make=MaintenanceRule, system=system)
    if changes.total:
        planned = MaintenanceWindow.objects.filter(rule__system=system, state=WindowState.PLANNED)
        for window in planned.select_related("rule"):
            if window.rule is not None:
                follow_rule(window, window.rule, at=context.at)
    return changes


def _values(rule: Maintenance) -> dict[str, Any]:
    values = rule.model_dump(exclude={"key", "templates"})
    values["duration"] = format_duration(rule.duration)
    values["notice"] = format_duration(rule.notice) if rule.notice is not None else ""
    return values | {"templates": rule.templates.model_dump(exclude_none=True)}


def _export(system: System) -> list[Maintenance] | None:
    names = ("key", "title", "recurrence", "at", "zone", "begins", "duration", "work", "templates")
    rows = [
        {name: getattr(row, name) for name in names} | {"notice": row.notice or None}
        for row in MaintenanceRule.objects.filter(system=system).order_by("key")
    ]
    return MAINTENANCE.adapter.validate_python(rows) or None


MAINTENANCE: Section[list[Maintenance]] = register(
    Section(key="maintenance", schema=list[Maintenance], load=_load, export=_export, check=_check, order=46)
)
