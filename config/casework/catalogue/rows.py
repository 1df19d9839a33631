"""Bringing rows in line with what a runbook file says."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models, transaction

from config.casework.catalogue.sections import Changes


def assign(row: models.Model, values: Mapping[str, Any]) -> Changes:
    """Save those fields of `row` that differ from `values`, if any; an unsaved row is inserted."""
    if row.pk is None:
        for name, value in values.items():
            setattr(row, name, value)
        row.save(force_insert=True)
        return Changes(created=1)
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    if changed:
        row.save(update_fields=changed)
    return Changes(changed=1) if changed else Changes(unchanged=1)


def sync[M: models.Model](
    existing: Iterable[M], wanted: Mapping[Any, Mapping[str, Any]], *, by: str, make: type[M], **common: Any
) -> Changes:
    """Make the rows exactly the wanted ones: insert, update, and take away what the file no longer names.

    Args:
        existing: the rows of the system that the file owns.
        wanted: field values of each row by the value of its field `by`.
        by: the field that tells the rows of a system apart.
        make: their model.
        common: further fields of a new row, such as its system.
    """
    present = {getattr(row, by): row for row in existing}
    changes = Changes()
    for key, values in wanted.items():
        row = present.pop(key, None) or make(**{by: key}, **common)
        changes += assign(row, {by: key, **values})
    for row in present.values():
        changes += Changes(removed=1) if discard(row) else Changes(unchanged=1)
    return changes


def discard(row: models.Model) -> bool:
    """Delete a row unless something still needs it; tell whether it is gone."""
    try:
        with transaction.atomic():
            row.delete()
    except models.ProtectedError:
        return False
    return True
