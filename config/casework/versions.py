"""Versions of rows that say how the desk works: every insert, change and removal is kept, with who did it (OPS-22)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import pghistory
from django.contrib.auth import get_user_model
from django.db import models

if TYPE_CHECKING:  # the catalogue is versioned too, and people belong to organisations
    from config.casework.access.models import User

LIMIT = 200
INSERTED, CHANGED, REMOVED = "insert", "update", "delete"


def versioned[M: models.Model](*, exclude: Iterable[str] = ()) -> Callable[[type[M]], type[M]]:
    """Keep a copy of each row of a model whenever it is inserted, changed or removed.

    Args:
        exclude: columns that are left out, such as those that hold personal data.
    """
    tracker: Callable[[type[M]], type[M]] = pghistory.track(
        pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), exclude=list(exclude) or None
    )
    return tracker


@dataclass(frozen=True)
class Difference:
    """One column of a version that is not as it was before."""

    column: models.Field[Any, Any]
    before: Any
    after: Any


@dataclass(frozen=True)
class Version:
    """One version of a row: who made it, when, and what changed; `source` names the file when one was loaded."""

    at: datetime
    label: str
    model: type[models.Model]
    row: int
    name: str
    actor: "User | None"
    source: str
    differences: tuple[Difference, ...]


def is_versioned(model: type[models.Model]) -> bool:
    return event_model(model) is not None


def event_model(model: type[models.Model]) -> Any:
    """The model that holds the versions of a model; None when none are kept."""
    return next((event for event in event_models() if event.pgh_tracked_model is model._meta.concrete_model), None)


def event_models() -> list[Any]:
    """All models that hold versions or history; `pgh_tracked_model` of each names what it is about."""
    return list(pghistory.core.event_models())


def versions_of(obj: models.Model, limit: int = LIMIT) -> list[Version]:
    """The versions of one row, the newest first."""
    return list(islice(_versions(type(obj), pgh_obj_id=obj.pk), limit))


def versions_of_rows(model: type[models.Model], limit: int = LIMIT, **rows: Any) -> list[Version]:
    """The versions of several rows of a model, the newest first; removed rows are among them.

    Args:
        rows: conditions on the kept columns, such as `system=system`.
    """
    return list(islice(_versions(model, **rows), limit))


def _versions(model: type[models.Model], **conditions: Any) -> Iterator[Version]:
    """Each version against the one of the same row before it; one query for the rows, one for the people."""
    kept = event_model(model)
    if kept is None:
        return
    events = list(kept.objects.filter(**conditions).select_related("pgh_context").order_by("-pgh_id")[: LIMIT * 5])
    people = get_user_model()._default_manager.in_bulk(
        {pk for event in events if (pk := _context(event).get("user")) is not None}
    )
    columns = [column for column in model._meta.concrete_fields if _is_kept(kept, column)]
    told: set[tuple[int, Any]] = set()
    for index, event in enumerate(events):
        act = (event.pgh_obj_id, event.pgh_context_id)
        if event.pgh_context_id is not None and act in told:
            continue  # one load or request that wrote a row several times made one version
        told.add(act)
        older = [other for other in events[index + 1 :] if other.pgh_obj_id == event.pgh_obj_id]
        same = [other for other in older if event.pgh_context_id and other.pgh_context_id == event.pgh_context_id]
        label = INSERTED if any(other.pgh_label == INSERTED for other in same) else event.pgh_label
        earlier = next((other for other in older if other not in same), None)
        context = _context(event)
        found = tuple(_differences(columns, earlier, event)) if label == CHANGED else ()
        if label != CHANGED or found:
            yield Version(
                at=event.pgh_created_at,
                label=label,
                model=model,
                row=event.pgh_obj_id,
                name=_name(event),
                actor=people.get(context.get("user")),
                source=str(context.get("source", "")),
                differences=found,
            )


def _differences(columns: Iterable[Any], earlier: Any, event: Any) -> Iterator[Difference]:
    for column in columns:
        before = getattr(earlier, column.attname) if earlier is not None else None
        after = getattr(event, column.attname)
        if before != after:
            yield Difference(column, before, after)


def _is_kept(kept: Any, column: models.Field[Any, Any]) -> bool:
    return any(field.name == column.name for field in kept._meta.concrete_fields)


def _context(event: Any) -> dict[str, Any]:
    return dict(event.pgh_context.metadata) if event.pgh_context is not None else {}


def _name(event: Any) -> str:
    """What people call the row, by its own columns."""
    return next(
        (str(value) for name in ("key", "role", "part", "name", "text") if (value := getattr(event, name, ""))), ""
    )
