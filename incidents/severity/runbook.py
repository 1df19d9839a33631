"""The section of a runbook file that holds the severity scheme of a system: one row of `Severity` a level."""

from collections.abc import Iterator
from typing import Any

from config.casework.catalogue.fields import format_duration
from config.casework.catalogue.models import System
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register
from incidents.severity.models import Severity
from incidents.severity.schemas import Severities, SeverityLevel
from incidents.severity.selectors import BORROWED_FROM, lender
from incidents.severity.services import lent_by, write_levels

AMOUNTS = ("acknowledge", "mitigate", "update_every")
PLAIN = (
    "key",
    "name",
    "meaning",
    "examples",
    "rank",
    "mitigate_by_release_window",
    "clock",
    "warn",
    "paging",
    "postmortem",
    "phases",
)


def _check(scheme: Severities, context: Context) -> Iterator[Finding]:
    if scheme.borrowed_from is not None:
        yield from _check_lender(scheme.borrowed_from, context)
        return
    keys = [level.key for level in scheme.levels]
    if scheme.untriaged not in keys:
        yield Finding(("untriaged",), f"{scheme.untriaged!r} is no level of this scheme (there: {', '.join(keys)})")
    ranks = [level.rank for level in scheme.levels]
    if ranks != sorted(ranks):
        yield Finding(("levels",), "must run from the gravest level (rank 1) down")


def _check_lender(key: str, context: Context) -> Iterator[Finding]:
    lent = context.section("severities")
    own = context.section("system")
    if own is not None and own.key == key:
        yield Finding(("borrowed_from",), "a system cannot borrow from itself")
    elif lent is None:
        yield Finding(("borrowed_from",), f"{key!r} is neither loaded nor among these files; load it first or with it")
    elif lent.borrowed_from is not None:
        yield Finding(("borrowed_from",), f"{key!r} borrows its scheme itself; name the owner, {lent.borrowed_from!r}")


def _load(system: System, scheme: Severities, context: Context) -> Changes:
    if lender(system) != scheme.borrowed_from:
        kept = {name: value for name, value in system.settings.items() if name != BORROWED_FROM}
        system.settings = kept | ({BORROWED_FROM: scheme.borrowed_from} if scheme.borrowed_from else {})
        system.save(update_fields=["settings"])
    if scheme.borrowed_from:
        return write_levels(system, lent_by(System.objects.get(key=scheme.borrowed_from)))
    return write_levels(system, {level.key: _values(level, untriaged=scheme.untriaged) for level in scheme.levels})


def _values(level: SeverityLevel, *, untriaged: str | None) -> dict[str, Any]:
    values = level.model_dump(exclude={"key", "phases"})
    for name in AMOUNTS:
        amount = getattr(level, name)
        values[name] = str(amount) if amount else ""
    values["phases"] = [
        {
            "key": phase.key,
            "name": phase.name,
            "until": format_duration(phase.until) if phase.until else "",
            "met_by": phase.met_by,
        }
        for phase in level.phases
    ]
    return values | {"is_untriaged": level.key == untriaged}


def _export(system: System) -> Severities | None:
    if borrowed := lender(system):
        return Severities(borrowed_from=borrowed)
    rows = list(Severity.objects.filter(system=system).order_by("rank", "key"))
    untriaged = next((row.key for row in rows if row.is_untriaged), "none")
    levels = [{name: getattr(row, name) or None for name in AMOUNTS} | _plain(row) for row in rows]
    return SEVERITIES.adapter.validate_python({"untriaged": untriaged, "levels": levels}) if rows else None


def _plain(row: Severity) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in PLAIN}
    return values | {"phases": [phase | {"until": phase["until"] or None} for phase in row.phases]}


def _names(scheme: Severities) -> list[str]:
    return [level.key for level in scheme.levels]


SEVERITIES: Section[Severities] = register(
    Section(
        key="severities",
        schema=Severities,
        load=_load,
        export=_export,
        check=_check,
        names=_names,
        order=20,
        lender=lambda scheme: scheme.borrowed_from,
    )
)
