"""Write the trail."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import models

from config import traceparent
from config.casework import clock
from config.casework.access.actors import Actor, actor_label, actor_user
from config.casework.audit.models import AuditEntry, SubjectPseudonym


def record(
    obj: models.Model,
    action: str,
    *,
    actor: Actor,
    at: datetime | None = None,
    about: models.Model | None = None,
    fields: Iterable[str] = (),
    detail: Mapping[str, Any] | None = None,
    subject: UUID | None = None,
) -> AuditEntry:
    """Append one entry in the caller's transaction.

    Args:
        obj: the case (its reference and organisation are kept) or the row it is about.
        action: noun and past verb, such as "incident.acknowledged".
        actor: a person, a token, or None for the desk itself.
        at: true time of the fact, aware; now when left out. The time of recording is kept beside it.
        about: the row inside the case that changed.
        fields: names of changed fields, never their values.
        detail: coded values only (states, keys, counts).
        subject: pseudonym of the data subject.
    """
    now = clock.now()
    target = about or obj
    trace = traceparent.current()
    return AuditEntry.objects.create(
        at=now,
        happened_at=at or now,
        actor=actor_user(actor),
        actor_label=actor_label(actor),
        action=action,
        object_type=target._meta.label_lower,
        object_id=target.pk,
        case_reference=getattr(obj, "reference", ""),
        organization_id=getattr(obj, "organization_id", None),
        subject=subject,
        fields=sorted(fields),
        detail=dict(detail or {}),
        trace_id=trace.trace_id if trace else "",
    )


def pseudonym(subject: str) -> UUID:
    """The random id that stands for a person in the trail, made on first use.

    Args:
        subject: a strong identifier in normal form, such as a lower-case address.
    """
    row, _created = SubjectPseudonym.objects.get_or_create(subject=subject, defaults={"pseudonym": uuid4()})
    return row.pseudonym
