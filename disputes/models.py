"""The dispute; the rooms' models are re-exported for Django."""

from typing import Any, ClassVar

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import Func
from django.db.models.lookups import IsNull
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.cases.models import Case
from config.casework.personal import FREE_TEXT, Erasure, Subject, holds, personal
from config.casework.transitions import Machine
from disputes.assessments.models import Assessment, AssessmentVersion, EmployerSwitch, LabelView, ScoringVersion
from disputes.choices import IN_REVIEW, OPEN_STATES, DisputeState, Outcome
from disputes.decisions.models import Decision, ReportingLine, Reversal
from disputes.explanations.models import Explanation
from disputes.filing.models import CircumstanceReport, Filing
from disputes.hiring.models import HiringDecision, ProxyFinding, RefusedAttempt
from disputes.letters.models import Letter
from disputes.register.models import AiSystem, ReviewerAuthority, SeriousIncident, VersionNotice
from disputes.rescoring.models import PipelineFault, Rescore, ScoringService
from disputes.review.models import CodeAnswer, Review, ReviewCheck, SecondLook
from disputes.status.models import Hearing
from disputes.undecided.models import TimeoutSwitch

HISTORY_FIELDS = [
    "state", "outcome", "owner", "restricted", "touches_hiring", "received_at", "acknowledged_at", "acknowledged_by", "decided_at",
    "decided_by", "excluded_ids", "times_out_at", "appeal_until", "appealed_at", "closed_at", "organization", "system",
]  # fmt: skip


def _not_excluded(decider: str = "decided_by", excluded: str = "excluded_ids") -> IsNull:
    """True while the decider is none of the excluded people."""
    place = Func(F(excluded), F(decider), function="array_position", output_field=models.IntegerField())
    return IsNull(place, True)


@personal(
    plain=("reference", "state", "outcome", "next_due_kind", "trace_id", "language"),
    title=FREE_TEXT,
    candidate_email=holds(Subject.CANDIDATE, erase=Erasure.CLEAR, retention="P1Y"),
    reasons=FREE_TEXT,
    appeal_grounds=FREE_TEXT,
    fault_account=FREE_TEXT,
)
@pghistory.track(model_name="DisputeEvent", fields=HISTORY_FIELDS)
class Dispute(Case):
    """A candidate contests a label; a person reviews it (DSP-01..18, GDPR Article 22(3)).

    `excluded_ids` are the people whose decision would not be independent: assessor, labeller, re-scorer, their
    reporting lines, and who decided before. The database itself refuses them as deciders.
    """

    PREFIX: ClassVar[str] = "DSP"
    OPEN_STATES: ClassVar[tuple[str, ...]] = OPEN_STATES
    MACHINE: ClassVar[Machine[Any]]

    assessment = models.ForeignKey("disputes.Assessment", on_delete=models.PROTECT, related_name="disputes")
    contested = models.ForeignKey(
        "disputes.AssessmentVersion",
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        verbose_name=_("contested result"),
        help_text=_("Frozen: the database refuses every change to it (DSP-02)."),
    )
    state = models.CharField(max_length=20, choices=DisputeState, default=DisputeState.UNDER_REVIEW, editable=False)
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    reasons = models.TextField(_("reasons, in words for the candidate"), blank=True, max_length=10_000)
    candidate_email = models.EmailField(max_length=254, blank=True, editable=False)
    language = models.CharField(max_length=10, default="en-gb", editable=False)
    touches_hiring = models.BooleanField(
        _("touches a hiring outcome"),
        default=False,
        help_text=_("The employer has decided already, or decides soon: then CEO and CTO decide together."),
    )
    decision_due_at = models.DateTimeField(_("the employer decides at"), null=True, blank=True, editable=False)
    acknowledged_at = models.DateTimeField(_("taken at"), null=True, blank=True, editable=False)
    acknowledged_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        verbose_name=_("reviewer"),
    )
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    excluded_ids = ArrayField(models.BigIntegerField(), default=list, blank=True, editable=False)
    times_out_at = models.DateTimeField(null=True, blank=True, editable=False)
    appeal_until = models.DateTimeField(null=True, blank=True, editable=False)
    appealed_at = models.DateTimeField(null=True, blank=True, editable=False)
    appeal_grounds = models.TextField(blank=True, max_length=20_000, editable=False)
    undecided_at = models.DateTimeField(null=True, blank=True, editable=False)
    fault_account = models.TextField(_("why it stayed undecided, and what we change"), blank=True, max_length=10_000)
    playbook_run = models.ForeignKey(
        "incidents.Run", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    is_rehearsal = models.BooleanField(_("rehearsal"), default=False, editable=False)

    class Meta:
        verbose_name = _("dispute")
        indexes = [
            models.Index(
                F("next_due_at").asc(nulls_last=True), "id", condition=Q(state__in=OPEN_STATES), name="dispute_queue"
            ),
            models.Index(fields=["-received_at", "-id"], name="dispute_newest"),
            models.Index(fields=["system", "-received_at"], name="dispute_system"),
            models.Index(fields=["organization", "-received_at"], name="dispute_organization"),
            models.Index(fields=["times_out_at"], condition=Q(state__in=IN_REVIEW), name="dispute_times_out"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["assessment"], condition=Q(state__in=OPEN_STATES), name="dispute_one_open_per_assessment"
            ),
            models.CheckConstraint(
                condition=Q(_not_excluded()),
                name="dispute_decider_is_independent",
                violation_error_message=_(
                    "Who assessed, labelled or scored anew, or answers for them, does not decide."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(outcome__in=("label_removed", "label_confirmed", "rescored"))
                | Q(decided_at__isnull=False, decided_by__isnull=False) & ~Q(reasons=""),
                name="dispute_decision_is_complete",
            ),
            models.CheckConstraint(
                condition=~Q(state=DisputeState.DECIDED) | ~Q(outcome=""), name="dispute_decided_has_outcome"
            ),
        ]
        permissions = [
            ("review_dispute", _("Can review and decide disputes")),
            ("decide_dispute", _("Can sign joint decisions on disputes")),
            ("lead_dispute", _("Can rehearse, mass re-score and switch the time-out")),
            ("see_figures", _("Can see the figures of the dispute desk")),
        ]

    @property
    def is_demo(self) -> bool:
        """A rehearsal writes its letters and sends none of them."""
        return self.is_rehearsal


__all__ = [
    "AiSystem",
    "Assessment",
    "AssessmentVersion",
    "CircumstanceReport",
    "CodeAnswer",
    "Decision",
    "Dispute",
    "EmployerSwitch",
    "Explanation",
    "Filing",
    "Hearing",
    "HiringDecision",
    "LabelView",
    "Letter",
    "PipelineFault",
    "ProxyFinding",
    "RefusedAttempt",
    "ReportingLine",
    "Rescore",
    "Reversal",
    "Review",
    "ReviewCheck",
    "ReviewerAuthority",
    "ScoringService",
    "ScoringVersion",
    "SecondLook",
    "SeriousIncident",
    "TimeoutSwitch",
    "VersionNotice",
]
