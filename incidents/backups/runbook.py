"""The section of a runbook file on backups: what is saved how often, how long it is kept, and where (INC-87)."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from config.casework.catalogue.fields import Key, Line, PositiveDuration, RunbookModel, format_duration
from config.casework.catalogue.models import System
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register
from incidents.backups.models import BackupPolicy


class Policy(RunbookModel):
    """One class of data.

    Attributes:
        every: how often it is saved; left out: it is streamed.
        keep: how long a copy is kept; left out: until somebody decides otherwise.
        of_this_desk: the desk's own `backup` command fulfils it.
    """

    key: Annotated[Key, Field(max_length=60)]
    name: Annotated[Line, Field(max_length=120)]
    every: PositiveDuration | None = None
    keep: PositiveDuration | None = None
    place: Annotated[Line, Field(max_length=160)] | None = None
    note: Annotated[Line, Field(max_length=300)] | None = None
    of_this_desk: bool = False


def _check(policies: list[Policy], context: Context) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        if policy.key in seen:
            yield Finding((index, "key"), f"{policy.key!r} stands twice")
        seen.add(policy.key)


def _values(policy: Policy) -> dict[str, object]:
    return {
        "name": policy.name,
        "every": format_duration(policy.every) if policy.every else "",
        "keep": format_duration(policy.keep) if policy.keep else "",
        "place": policy.place or "",
        "note": policy.note or "",
        "of_this_desk": policy.of_this_desk,
        "is_active": True,
    }


def _load(system: System, policies: list[Policy], context: Context) -> Changes:
    """Rows that runs hang on are ended, never deleted."""
    present = {row.key: row for row in BackupPolicy.objects.filter(system=system)}
    changes = Changes()
    for policy in policies:
        values, row = _values(policy), present.pop(policy.key, None)
        if row is None:
            BackupPolicy.objects.create(system=system, key=policy.key, **values)
            changes += Changes(created=1)
        elif any(getattr(row, name) != value for name, value in values.items()):
            BackupPolicy.objects.filter(pk=row.pk).update(**values)
            changes += Changes(changed=1)
        else:
            changes += Changes(unchanged=1)
    ended = BackupPolicy.objects.filter(pk__in=[row.pk for row in present.values()], is_active=True)
    return changes + Changes(removed=ended.update(is_active=False))


def _export(system: System) -> list[Policy] | None:
    rows = BackupPolicy.objects.filter(system=system, is_active=True).order_by("pk")
    names = ("key", "name", "every", "keep", "place", "note", "of_this_desk")
    return (
        BACKUPS.adapter.validate_python(
            [{name: value for name in names if (value := getattr(row, name))} for row in rows]
        )
        or None
    )


BACKUPS: Section[list[Policy]] = register(
    Section(key="backups", schema=list[Policy], load=_load, export=_export, check=_check, order=64)
)
