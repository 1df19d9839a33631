"""Changes of a case by hand: columns that no step owns."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.actors import Actor
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.cases.models import Case
from config.casework.transitions import StaleState


@transaction.atomic
def change_case(case: Case, *, actor: Actor, at: datetime, seen_version: int | None = None, **values: Any) -> Case:
    """Change columns of a case that no step owns.

    Args:
        seen_version: the version the person saw; None takes the row as it is.
    Raises:
        StaleState: somebody changed the case since then.
        ValidationError: a value is bad; keyed by field.
        PermissionDenied: `actor` may not change this case.
    """
    require(actor, f"{case._meta.app_label}.change_{case._meta.model_name}", case)
    row = type(case)._default_manager.select_for_update(of=("self",)).get(pk=case.pk)
    if seen_version is not None and row.version != seen_version:
        raise StaleState(_("Somebody changed it since you opened it. Look again, then repeat your change."))
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(row, name, value)
        row.version += 1
        row.full_clean()
        row.save(update_fields=[*changed, "version"])
        keys = {
            name: str(getattr(row, name).pk)
            for name in changed
            if row._meta.get_field(name).is_relation and getattr(row, name) is not None
        }
        record(case, "case.changed", actor=actor, at=at, fields=changed, detail=keys)
    case.refresh_from_db()
    return case
