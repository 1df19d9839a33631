"""The sections of a runbook file on backups and on fallbacks that people switch by hand."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from config.casework.catalogue.fields import Key, Line, PositiveDuration, RunbookModel, format_duration, parse_duration
from config.casework.catalogue.models import System
from config.casework.catalogue.rows import assign
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register
from incidents.continuity.models import BackupPolicy, Fallback
from incidents.procedures.models import Procedure

ShortKey = Annotated[Key, Field(max_length=60)]


class Backup(RunbookModel):
    """One kind of backup (INC-87). Without `every` it is streamed in real time; without `keep` it stays for ever."""

    key: ShortKey
    name: Annotated[Line, Field(max_length=120)]
    every: PositiveDuration | None = None
    keep: PositiveDuration | None = None
    place: Annotated[Line, Field(max_length=120)]
    encrypted: bool = False
    source: Annotated[Line, Field(max_length=120)] | None = None


class FallbackPart(RunbookModel):
    """A fallback that people switch, and the playbook it belongs to (INC-64)."""

    key: ShortKey
    title: Annotated[Line, Field(max_length=160)]
    playbook: Key | None = None


def _check_fallbacks(parts: list[FallbackPart], context: Context) -> Iterator[Finding]:
    yield from _check_once([part.key for part in parts])
    for index, part in enumerate(parts):
        if part.playbook:
            yield from context.unknown(part.playbook, section="playbooks", location=(index, "playbook"))


def _check_backups(parts: list[Backup], context: Context) -> Iterator[Finding]:
    yield from _check_once([part.key for part in parts])


def _check_once(keys: Sequence[str]) -> Iterator[Finding]:
    for index, key in enumerate(keys):
        if key in keys[:index]:
            yield Finding((index, "key"), f"{key!r} stands here twice")


def _load_backups(system: System, parts: list[Backup], context: Context) -> Changes:
    wanted = {
        part.key: {
            "name": part.name,
            "every": format_duration(part.every) if part.every else "",
            "keep": format_duration(part.keep) if part.keep else "",
            "place": part.place,
            "encrypted": part.encrypted,
            "source": part.source or "",
        }
        for part in parts
    }
    return _load(BackupPolicy, system, wanted)


def _load_fallbacks(system: System, parts: list[FallbackPart], context: Context) -> Changes:
    playbooks = {row.key: row for row in Procedure.objects.filter(system=system)}
    wanted = {
        part.key: {"title": part.title, "procedure": playbooks.get(part.playbook) if part.playbook else None}
        for part in parts
    }
    return _load(Fallback, system, wanted)


def _load(model: type[BackupPolicy] | type[Fallback], system: System, wanted: dict[str, dict[str, Any]]) -> Changes:
    """Make the rows as wanted; what is gone is put out of use, for its past stays in the trail."""
    present: dict[str, Any] = {row.key: row for row in model.objects.filter(system=system)}
    changes = Changes()
    for key, values in wanted.items():
        row = present.pop(key, None)
        if row is None:
            model.objects.create(system=system, key=key, **values)
            changes += Changes(created=1)
        elif row.is_active and all(getattr(row, name) == value for name, value in values.items()):
            changes += Changes(unchanged=1)
        else:
            assign(row, {**values, "is_active": True})
            changes += Changes(changed=1)
    for row in present.values():
        if row.is_active:
            assign(row, {"is_active": False})
            changes += Changes(removed=1)
    return changes


def _export_backups(system: System) -> list[Backup] | None:
    rows = BackupPolicy.objects.filter(system=system, is_active=True).order_by("pk")
    return [
        Backup(
            key=row.key,
            name=row.name,
            every=parse_duration(row.every) if row.every else None,
            keep=parse_duration(row.keep) if row.keep else None,
            place=row.place,
            encrypted=row.encrypted,
            source=row.source or None,
        )
        for row in rows
    ] or None


def _export_fallbacks(system: System) -> list[FallbackPart] | None:
    rows = Fallback.objects.filter(system=system, is_active=True).select_related("procedure").order_by("pk")
    return [
        FallbackPart(key=row.key, title=row.title, playbook=row.procedure.key if row.procedure else None)
        for row in rows
    ] or None


BACKUPS: Section[list[Backup]] = register(
    Section(
        key="backups", schema=list[Backup], load=_load_backups, export=_export_backups, check=_check_backups, order=54
    )
)
FALLBACKS: Section[list[FallbackPart]] = register(
    Section(
        key="fallbacks",
        schema=list[FallbackPart],
        load=_load_fallbacks,
        export=_export_fallbacks,
        check=_check_fallbacks,
        order=56,
    )
)
