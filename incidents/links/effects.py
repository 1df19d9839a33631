"""What happens to duplicates when the incident they were merged into moves on."""

from django.db import models
from django.utils.translation import gettext as _

from config.casework.transitions import Step, apply
from incidents.choices import UNRESOLVED, IncidentState
from incidents.models import Incident


def resolve_duplicates(step: Step[Incident]) -> None:
    """Duplicates are resolved with the incident they belong to, never before they were received."""
    for duplicate in _duplicates(step.obj).filter(state__in=UNRESOLVED):
        apply(duplicate, "resolve", actor=step.actor, at=max(step.at, duplicate.received_at))


def close_duplicates(step: Step[Incident]) -> None:
    """The record of a duplicate is complete when that of the other is: what it lacks is found there."""
    survivor = step.obj
    for duplicate in _duplicates(survivor).filter(state=IncidentState.RESOLVED):
        if duplicate.severity_id is None or not duplicate.scope:
            apply(
                duplicate,
                "reclassify",
                actor=step.actor,
                at=step.at,
                severity=duplicate.severity or survivor.severity,
                scope=duplicate.scope or survivor.scope,
            )
        apply(
            duplicate,
            "close",
            actor=step.actor,
            at=step.at,
            cause=duplicate.cause or _("Duplicate of %(reference)s.") % {"reference": survivor.reference},
            fix_reference=duplicate.fix_reference or survivor.reference,
        )


def _duplicates(incident: Incident) -> models.QuerySet[Incident]:
    return Incident.objects.filter(duplicate_of=incident).select_related("system", "severity")
