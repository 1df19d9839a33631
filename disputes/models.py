"""The rooms' models, re-exported for Django."""

from disputes.assessments.models import (
    Assessment,
    AssessmentVersion,
    EmployerSwitch,
    LabelView,
    ScoringVersion,
)
from disputes.hiring.models import HiringDecision, ProxyFinding, RefusedAttempt
from disputes.register.models import AiSystem, ReviewerAuthority, SeriousIncident, VersionNotice

__all__ = [
    "AiSystem",
    "Assessment",
    "AssessmentVersion",
    "EmployerSwitch",
    "HiringDecision",
    "LabelView",
    "ProxyFinding",
    "RefusedAttempt",
    "ReviewerAuthority",
    "ScoringVersion",
    "SeriousIncident",
    "VersionNotice",
]
