"""Assessments as the scoring systems sent them, what is in force of them, and who was shown what."""

from typing import TYPE_CHECKING

import pghistory
import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.models import Organization, System
from config.casework.personal import FREE_TEXT, Erasure, Subject, holds, personal
from disputes.assessments.choices import (
    UNTOLD,
    Intake,
    NoticeState,
    ScoringPart,
    Standing,
    VersionKind,
    ViewChannel,
)
from disputes.assessments.querysets import AssessmentQuerySet, OfAssessmentQuerySet, OfOrganizationQuerySet
from integrations.messages.models import Message

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

CANDIDATE = holds(Subject.CANDIDATE, erase=Erasure.CLEAR)
SCORED = holds(Subject.CANDIDATE, erase=Erasure.DELETE_ROW)
RECIPIENT = holds(Subject.CONTACT, erase=Erasure.CLEAR)

TRACKED = [
    "system",
    "organization",
    "standing",
    "standing_at",
    "current",
    "contestable",
    "candidate_informed_at",
    "notice_state",
    "decision_due_at",
]


@personal(
    plain=("external_id", "job_ref", "candidate_locale", "label", "model_version", "rules_version"),
    controller="organisation",
    candidate_ref=CANDIDATE,
    candidate_email=CANDIDATE,
    recipients=RECIPIENT,
)
@pghistory.track(model_name="AssessmentEvent", fields=TRACKED)
class Assessment(models.Model):
    """One assessment of one candidate by one system (DSP-01..08). What was measured stands in its versions.

    `standing` moves by `services.put_assessment`, `mark_under_review` and `set_outcome` alone. `label` and the two
    versions mirror the row `current` points to, so that lists need no join.
    """

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    external_id = models.CharField(max_length=120, help_text=_("What the scoring system calls it."))
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    job_ref = models.CharField(_("job"), max_length=120, blank=True)
    candidate_ref = models.CharField(_("candidate"), max_length=200)
    candidate_email = models.EmailField(blank=True)
    candidate_locale = models.CharField(max_length=35, blank=True)
    recipients = models.JSONField(
        default=list, blank=True, help_text=_("Who gets the label, as the platform named them.")
    )
    candidate_informed_at = models.DateTimeField(_("told"), null=True, blank=True, editable=False)
    notice_state = models.CharField(
        _("notice"), max_length=12, choices=NoticeState, default=NoticeState.NOT_NEEDED, editable=False
    )
    notice = models.ForeignKey(
        Message, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    notice_round = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text=_("Counts further attempts, such as to a corrected address.")
    )
    decision_due_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the employer decides about the application.")
    )
    standing = models.CharField(max_length=20, choices=Standing, default=Standing.NOT_ASSESSED, editable=False)
    standing_at = models.DateTimeField(editable=False)
    review_open_until = models.DateTimeField(null=True, blank=True, editable=False)
    current = models.ForeignKey(
        "AssessmentVersion", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    label = models.CharField(max_length=120, blank=True, editable=False)
    model_version = models.CharField(max_length=80, blank=True, editable=False)
    rules_version = models.CharField(max_length=80, blank=True, editable=False)
    contestable = models.BooleanField(default=False, editable=False)
    assessed_at = models.DateTimeField(editable=False)
    received_at = models.DateTimeField(editable=False)

    objects = AssessmentQuerySet.as_manager()
    if TYPE_CHECKING:
        versions: RelatedManager["AssessmentVersion"]
        views: RelatedManager["LabelView"]

    class Meta:
        verbose_name = _("assessment")
        ordering = ("-assessed_at", "-pk")
        indexes = [
            models.Index(fields=["-assessed_at", "-id"], name="assessment_newest"),
            models.Index(fields=["system", "-assessed_at"], name="assessment_system"),
            models.Index(fields=["organization", "-assessed_at"], name="assessment_organization"),
            models.Index(fields=["system", "model_version"], name="assessment_model"),
            models.Index(fields=["system", "rules_version"], name="assessment_rules"),
            models.Index(fields=["external_id"], name="assessment_external_id"),
            models.Index(fields=["candidate_ref"], name="assessment_candidate"),
            models.Index(fields=["candidate_email"], condition=~Q(candidate_email=""), name="assessment_email"),
            models.Index(fields=["assessed_at", "id"], condition=Q(notice_state__in=UNTOLD), name="assessment_untold"),
            models.Index(
                fields=["standing", "-assessed_at"], condition=~Q(standing=Standing.FINAL), name="assessment_standing"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["system", "external_id"], name="assessment_once"),
            models.CheckConstraint(
                condition=~Q(notice_state=NoticeState.TOLD) | Q(candidate_informed_at__isnull=False),
                name="assessment_told_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"assessment {self.pk}"  # never a candidate: the admin log copies it

    @property
    def key(self) -> str:
        """How the hiring check names it: <system>/<external_id>."""
        return f"{self.system.key}/{self.external_id}"


@personal(
    plain=("label", "reason_codes", "model_version", "rules_version", "fault", "digest"),
    controller="organisation",
    telemetry=SCORED,
    assessed_by=holds(Subject.STAFF, erase=Erasure.CLEAR),
    extra=FREE_TEXT,
)
class AssessmentVersion(models.Model):
    """One snapshot as it came; never changed afterwards, so what a dispute froze stays what it was.

    A re-score is a further row that names the one it answers and the recorded pipeline fault (DSP-07).
    """

    assessment = models.ForeignKey(Assessment, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=VersionKind, default=VersionKind.ORIGINAL)
    intake = models.CharField(max_length=10, choices=Intake, default=Intake.API)
    label = models.CharField(max_length=120)
    confidence = models.FloatField()
    reason_codes = ArrayField(models.CharField(max_length=80), default=list)
    telemetry = models.JSONField(default=dict)
    model_version = models.CharField(max_length=80)
    rules_version = models.CharField(max_length=80)
    assessed_at = models.DateTimeField()
    assessed_by = models.CharField(max_length=200, blank=True, help_text=_("A person who had a part in it, if any."))
    assessor = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", help_text=_("That person, if known.")
    )
    received_at = models.DateTimeField()
    extra = models.JSONField(default=dict, blank=True, help_text=_("Further fields the sender named."))
    digest = models.CharField(max_length=64, editable=False)
    supersedes = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="rescores")
    fault = models.CharField(max_length=80, blank=True, help_text=_("Key of the pipeline fault that asked for it."))
    requested_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    objects = OfAssessmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("snapshot")
        ordering = ("assessment", "number")
        default_permissions = ("view",)
        triggers = [
            # keys to people may be emptied by erasing them; what was measured may not change
            pgtrigger.Protect(
                name="measured_stays",
                operation=pgtrigger.UpdateOf(  # type: ignore[no-untyped-call]
                    "assessment_id",
                    "number",
                    "kind",
                    "label",
                    "confidence",
                    "reason_codes",
                    "telemetry",
                    "model_version",
                    "rules_version",
                    "assessed_at",
                    "received_at",
                    "digest",
                    "fault",
                ),
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["assessment", "number"], name="snapshot_number_once"),
            models.CheckConstraint(condition=Q(confidence__gte=0, confidence__lte=1), name="snapshot_confidence_share"),
            models.CheckConstraint(
                condition=~Q(kind=VersionKind.RESCORE) | ~Q(fault=""), name="snapshot_rescore_has_fault"
            ),
        ]

    def __str__(self) -> str:
        return f"assessment {self.assessment_id} snapshot {self.number}"

    @property
    def completeness(self) -> float | None:
        """Share of the expected telemetry that arrived, 0 to 1; None when the sender did not say (DSP-03)."""
        expected, received = self.telemetry.get("expected"), self.telemetry.get("received")
        return min(1.0, received / expected) if expected and received is not None else None


@personal(plain=("key", "changes"))
class ScoringVersion(models.Model):
    """Which version of a system's model or rules was active from when on (DSP-04): the base of the AI register."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="+")
    part = models.CharField(max_length=8, choices=ScoringPart)
    key = models.CharField(_("version"), max_length=80)
    active_from = models.DateTimeField()
    changes = models.TextField(_("what changed"), blank=True, max_length=5_000)
    declared = models.BooleanField(
        default=True, help_text=_("Off: the desk learnt of it by a snapshot alone; nobody registered it.")
    )

    class Meta:
        verbose_name = _("scoring version")
        ordering = ("system", "part", "-active_from")
        constraints = [models.UniqueConstraint(fields=["system", "part", "key"], name="scoring_version_once")]
        indexes = [models.Index(fields=["system", "part", "-active_from"], name="scoring_version_active")]

    def __str__(self) -> str:
        return f"{self.get_part_display()} {self.key}"


@personal(controller="organisation", viewer=holds(Subject.CONTACT, erase=Erasure.CLEAR))
class LabelView(models.Model):
    """Who was shown a label, first and last: they are told what becomes of it."""

    assessment = models.ForeignKey(Assessment, on_delete=models.CASCADE, related_name="views")
    version = models.ForeignKey(AssessmentVersion, on_delete=models.CASCADE, related_name="+")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=10, choices=ViewChannel)
    viewer = models.CharField(max_length=200, help_text=_("The token, person or recipient."))
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)

    objects = OfOrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("view of a label")
        verbose_name_plural = _("views of labels")
        ordering = ("-last_at", "-pk")
        default_permissions = ("view",)
        indexes = [models.Index(fields=["-last_at", "-id"], name="label_view_newest")]
        constraints = [
            models.UniqueConstraint(fields=["assessment", "version", "channel", "viewer"], name="label_view_once"),
            models.CheckConstraint(condition=Q(last_at__gte=F("first_at")), name="label_view_order"),
        ]

    def __str__(self) -> str:
        return f"view {self.pk}"


@personal(reason=FREE_TEXT)
class EmployerSwitch(models.Model):
    """Labels are hidden from an organisation, since when and why (SC-42). A lifted switch stays as a record."""

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="+", verbose_name=_("organisation")
    )
    system = models.ForeignKey(
        System, on_delete=models.CASCADE, null=True, blank=True, related_name="+", help_text=_("Empty: all systems.")
    )
    reason = models.CharField(max_length=300)
    hidden_at = models.DateTimeField(editable=False)
    hidden_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)
    until = models.DateTimeField(null=True, blank=True, help_text=_("Empty: until somebody lifts it."))
    lifted_at = models.DateTimeField(null=True, blank=True, editable=False)
    lifted_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)

    class Meta:
        verbose_name = _("hidden labels")
        verbose_name_plural = _("hidden labels")
        ordering = ("-hidden_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "system"],
                condition=Q(lifted_at=None),
                nulls_distinct=False,
                name="employer_switch_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"hidden labels {self.pk}"
