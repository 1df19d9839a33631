"""Look things up about assessments."""

from datetime import datetime

from django.db.models import QuerySet

from config.casework.catalogue.models import System
from disputes.assessments.models import Assessment, AssessmentVersion, LabelView, ScoringVersion


def version_at(system: System, part: str, at: datetime) -> ScoringVersion | None:
    """The version of a system's model or rules that was active at a moment (DSP-04)."""
    rows = ScoringVersion.objects.filter(system=system, part=part, active_from__lte=at)
    return rows.order_by("-active_from", "-pk").first()


def find_assessment(system_key: str, external_id: str) -> Assessment | None:
    rows = Assessment.objects.select_related("system", "organization", "current")
    return rows.filter(system__key=system_key, external_id=external_id).first()


def viewers(assessment: Assessment) -> QuerySet[LabelView]:
    """Everybody who was shown a label of this assessment, whichever it was."""
    return LabelView.objects.filter(assessment=assessment).order_by("first_at", "pk")


def similar(version: AssessmentVersion) -> QuerySet[Assessment]:
    """Other assessments in force under the same version of model or rules."""
    rows = Assessment.objects.filter(system_id=version.assessment.system_id).exclude(pk=version.assessment_id)
    return rows.filter(model_version=version.model_version, rules_version=version.rules_version)
