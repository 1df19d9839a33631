"""The section of a runbook file on how much a system can take, and what to do when it gets tight (INC-83..86)."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from config.casework.catalogue.fields import Key, Line, PositiveDuration, RunbookModel, Share
from config.casework.catalogue.models import System
from config.casework.catalogue.rows import sync
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register
from incidents.capacity.models import CapacityLimit

SETTING = "capacity"


class Limit(RunbookModel):
    """One limit (INC-83); `metric`: samples of this name are its readings."""

    key: Key
    name: Annotated[Line, Field(max_length=120)]
    unit: Annotated[Line, Field(max_length=40)]
    limit: Annotated[int | float, Field(gt=0, lt=1e11)]
    metric: Annotated[Line, Field(max_length=160)] | None = None


class Advice(RunbookModel):
    """A text to read when it gets tight, with our warning where the source's advice is dangerous (INC-85, R-19)."""

    key: Key
    title: Line
    text: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    warning: Line | None = None


class Capacity(RunbookModel):
    """All limits of a system.

    Attributes:
        warn: share of a limit from which, included, a reading warns (INC-84).
        severity: level of the case that a warning opens.
        archive_after: age after which the system's own rows may be archived (INC-86).
    """

    limits: Annotated[list[Limit], Field(min_length=1)]
    warn: Share = 0.8
    severity: Key | None = None
    archive_after: PositiveDuration | None = None
    source: Annotated[Line, Field(max_length=120)] | None = None
    guidance: list[Advice] = []


def _check(capacity: Capacity, context: Context) -> Iterator[Finding]:
    if capacity.severity:
        yield from context.unknown(capacity.severity, section="severities", location=("severity",))


def _load(system: System, capacity: Capacity, context: Context) -> Changes:
    wanted = {
        limit.key: {
            "position": position,
            "name": limit.name,
            "unit": limit.unit,
            "limit": Decimal(str(limit.limit)),
            "warn_share": Decimal(str(capacity.warn)),
            "metric": limit.metric or "",
            "severity_key": capacity.severity or "",
            "source": capacity.source or "",
        }
        for position, limit in enumerate(capacity.limits)
    }
    rest = CAPACITY.adapter.dump_python(capacity, mode="json", exclude={"limits", "warn", "severity", "source"})
    changes = Changes(unchanged=1)
    if system.settings.get(SETTING) != rest:
        changes = Changes(changed=1) if SETTING in system.settings else Changes(created=1)
        system.settings = system.settings | {SETTING: rest}
        system.save(update_fields=["settings"])
    return changes + sync(
        CapacityLimit.objects.filter(system=system), wanted, by="key", make=CapacityLimit, system=system
    )


def _export(system: System) -> Capacity | None:
    rows = list(CapacityLimit.objects.filter(system=system).order_by("position", "key"))
    if not rows:
        return None
    limits = [
        {"key": row.key, "name": row.name, "unit": row.unit, "limit": _number(row.limit), "metric": row.metric or None}
        for row in rows
    ]
    values: dict[str, Any] = {
        "limits": limits,
        "warn": float(rows[0].warn_share),
        "severity": rows[0].severity_key or None,
        "source": rows[0].source or None,
    }
    return CAPACITY.adapter.validate_python(system.setting(SETTING, {}) | values)


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


CAPACITY: Section[Capacity] = register(
    Section(key="capacity", schema=Capacity, load=_load, export=_export, check=_check, order=82)
)
