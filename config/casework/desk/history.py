"""What the trail and the row history know about one row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pghistory
from django.db import models
from pghistory.models import Events

from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.cases.timeline import wording

LIMIT = 200


@dataclass(frozen=True)
class HistoryEntry:
    """One line of a history: when, who, what, and which fields."""

    at: datetime
    recorded_at: datetime | None
    actor: str
    what: str
    fields: str = ""
    kind: str = "system"


def entries_about(obj: models.Model, limit: int = LIMIT) -> list[HistoryEntry]:
    """The trail of one row, newest first; of a case all that happened in it."""
    reference = getattr(obj, "reference", "")
    rows = (
        AuditEntry.objects.filter(case_reference=reference)
        if reference
        else AuditEntry.objects.filter(object_type=obj._meta.label_lower, object_id=obj.pk)
    )
    return [_told(entry) for entry in rows.select_related("actor").order_by("-pk")[:limit]]


def row_changes(obj: models.Model, limit: int = LIMIT) -> list[HistoryEntry]:
    """The changes of the row's own columns, newest first; nothing when the model keeps no row history."""
    if not _is_tracked(type(obj)):
        return []
    rows: models.QuerySet[Any] = Events.objects.tracks(obj)  # type: ignore[no-untyped-call]
    events = [(event, _person_pk(event)) for event in rows.order_by("-pgh_created_at", "-pgh_id")[:limit]]
    people = User.objects.in_bulk({pk for _event, pk in events if pk is not None})
    return [
        HistoryEntry(
            at=event.pgh_created_at,
            recorded_at=None,
            actor=people[pk].get_full_name() if pk in people else "",
            what=str(event.pgh_label),
            fields=", ".join(sorted(event.pgh_diff or {})),
        )
        for event, pk in events
    ]


def _is_tracked(model: type[models.Model]) -> bool:
    return any(getattr(event, "pgh_tracked_model", None) is model for event in pghistory.core.event_models())


def _person_pk(event: Any) -> int | None:
    context = event.pgh_context or {}
    return context.get("user") if isinstance(context, dict) else None


def _told(entry: AuditEntry) -> HistoryEntry:
    return HistoryEntry(
        at=entry.happened_at,
        recorded_at=entry.at if entry.at != entry.happened_at else None,
        actor=entry.actor.get_full_name() if entry.actor else entry.actor_label,
        what=wording(entry),
        fields=", ".join(entry.fields),
        kind="person" if entry.actor_id else "system",
    )
