"""Assessments go when they were kept long enough, unless a dispute or an open review holds them."""

from datetime import datetime

from django.db import transaction
from django.db.models import ProtectedError

from config.casework.audit.services import record
from config.casework.catalogue.models import System
from disputes.assessments.choices import Standing
from disputes.assessments.models import Assessment
from disputes.assessments.policy import policy_of

BATCH = 200


def sweep(at: datetime) -> int:
    """Delete what is over its system's retention; returns how many. Whatever a dispute needs stays (foreign keys)."""
    done = 0
    for system in System.objects.order_by("pk"):
        before = at - policy_of(system).retention
        rows = Assessment.objects.filter(system=system, assessed_at__lt=before).exclude(standing=Standing.UNDER_REVIEW)
        for assessment in rows.filter(**_undisputed()).order_by("assessed_at", "pk")[:BATCH]:
            done += _delete(assessment, at)
    return done


def _undisputed() -> dict[str, bool]:
    """Only what no other row protects, so that a held one is not tried again every minute."""
    relations = {relation.get_accessor_name() for relation in Assessment._meta.related_objects}
    return {"disputes__isnull": True} if "disputes" in relations else {}


def _delete(assessment: Assessment, at: datetime) -> int:
    try:
        with transaction.atomic():
            record(assessment, "assessment.retention_over", actor=None, at=at)
            assessment.delete()
    except ProtectedError:
        return 0
    return 1
