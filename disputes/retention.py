"""Disputes and explanations go when they were kept long enough, with everything that hangs on them."""

from datetime import datetime, timedelta

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction

from config.casework.approvals.models import Approval
from config.casework.audit.services import record
from config.casework.cases.models import Case, Note
from config.casework.deadlines.models import Deadline
from config.casework.files.models import StoredFile
from config.casework.files.services import delete as delete_file
from config.casework.links.models import Grant
from disputes.choices import DisputeState
from disputes.explanations.models import Explanation, ExplanationState
from disputes.models import Dispute
from integrations.messages.models import Message

DISPUTES_KEPT = timedelta(days=365)
EXPLANATIONS_KEPT = timedelta(days=3 * 365)
BATCH = 100


def sweep(at: datetime) -> int:
    """Delete closed disputes a year after they were closed, explanations after three years; returns how many."""
    disputes = Dispute.objects.filter(state=DisputeState.CLOSED, closed_at__lte=at - DISPUTES_KEPT)
    explanations = Explanation.objects.filter(state=ExplanationState.SENT, closed_at__lte=at - EXPLANATIONS_KEPT)
    gone: list[Case] = [*disputes.order_by("pk")[:BATCH], *explanations.order_by("pk")[:BATCH]]
    for case in gone:
        _delete(case, at)
    return len(gone)


@transaction.atomic
def _delete(case: Case, at: datetime) -> None:
    about = {"content_type": ContentType.objects.get_for_model(case), "object_id": case.pk}
    for stored in StoredFile.objects.filter(**about, deleted_at=None):
        delete_file(stored, actor=None, at=at, reason="retention")
    hanging: tuple[type[models.Model], ...] = (Note, Deadline, Grant, Approval, Message)
    for model in hanging:
        model._default_manager.filter(**about).delete()
    record(case, f"{case._meta.model_name}.retention_over", actor=None, at=at)
    case.delete()
