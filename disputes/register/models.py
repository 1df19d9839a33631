"""The register of assessing systems: what they are for, who oversees them, and what went wrong with them."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.models import Organization, System
from config.casework.personal import FREE_TEXT, Erasure, Subject, holds, personal
from disputes.assessments.choices import ScoringPart
from disputes.assessments.models import ScoringVersion
from disputes.register.querysets import AuthorityQuerySet
from incidents.models import Incident
from integrations.messages.models import Message


@personal(
    plain=("name", "purpose", "instructions", "oversight", "limits"),
    provider=holds(Subject.CONTACT, erase=Erasure.REVIEW),
    deployer=holds(Subject.CONTACT, erase=Erasure.REVIEW),
)
class AiSystem(models.Model):
    """One assessing system: purpose, roles, instructions, oversight, limits (AI Act Articles 13, 14, 26)."""

    system = models.OneToOneField(System, on_delete=models.CASCADE, related_name="ai_system")
    name = models.CharField(max_length=160)
    purpose = models.TextField(max_length=5_000)
    provider = models.CharField(max_length=200, help_text=_("Who develops it and places it on the market."))
    deployer = models.CharField(max_length=200, help_text=_("Who uses it under their authority."))
    instructions = models.TextField(_("instructions for use"), max_length=10_000)
    oversight = models.TextField(_("human oversight"), max_length=10_000)
    limits = models.TextField(_("known limits"), max_length=10_000)
    duties_from = models.DateField(_("duties hold from"), null=True, blank=True)
    log_days = models.PositiveIntegerField(_("event logs kept, days"), default=184)
    serious_incident_days = models.PositiveSmallIntegerField(_("report a serious incident within, days"), default=15)

    class Meta:
        verbose_name = _("AI system")
        constraints = [
            models.CheckConstraint(
                condition=Q(log_days__gte=184),
                name="ai_system_logs_six_months",
                violation_error_message=_("Event logs are kept for at least six months."),
            )
        ]

    def __str__(self) -> str:
        return self.name


@personal(competence=FREE_TEXT, authority=FREE_TEXT)
class ReviewerAuthority(models.Model):
    """Why a person may decide disputes, and until when; without an entry there is no decision (AI Act Article 26(2))."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("person"))
    system = models.ForeignKey(
        System, on_delete=models.CASCADE, null=True, blank=True, related_name="+", help_text=_("Empty: all systems.")
    )
    competence = models.TextField(help_text=_("Training and experience."), max_length=5_000)
    authority = models.TextField(help_text=_("What the person may decide, and who said so."), max_length=5_000)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    granted_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AuthorityQuerySet.as_manager()

    class Meta:
        verbose_name = _("reviewer's authority")
        verbose_name_plural = _("reviewers’ authority")
        ordering = ("-ends_at", "-pk")
        indexes = [models.Index(fields=["person", "ends_at"], name="authority_person")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="authority_ends_after_start",
                violation_error_message=_("The end must be later than the start."),
            ),
            models.CheckConstraint(
                condition=~Q(person=F("granted_by")),
                name="authority_not_by_oneself",
                violation_error_message=_("Nobody grants this to themselves."),
            ),
        ]

    def __str__(self) -> str:
        return f"authority {self.pk}"


@personal(plain=("gap",), what=FREE_TEXT, report_reference=FREE_TEXT)
class SeriousIncident(models.Model):
    """A pattern fault of an assessing system that may have to be reported (AI Act Article 73), with its own clock."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(ScoringVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    part = models.CharField(max_length=8, choices=ScoringPart, blank=True)
    gap = models.CharField(max_length=80, blank=True, help_text=_("The telemetry gap, where that is the pattern."))
    what = models.TextField(_("what was found"), max_length=10_000)
    incident = models.OneToOneField(Incident, on_delete=models.PROTECT, related_name="+")
    affected = models.PositiveIntegerField(_("assessments concerned"), default=0)
    aware_at = models.DateTimeField()
    report_due_at = models.DateTimeField()
    duty_holds = models.BooleanField(default=True, help_text=_("Off: found before the date from which the duty holds."))
    reported_at = models.DateTimeField(null=True, blank=True, editable=False)
    reported_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)
    report_reference = models.CharField(_("reference of the authority"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("serious incident")
        ordering = ("-aware_at", "-pk")
        default_permissions = ("view", "add")
        constraints = [
            models.CheckConstraint(condition=Q(report_due_at__gte=F("aware_at")), name="serious_due_after_aware"),
            models.CheckConstraint(
                condition=Q(reported_at=None) | ~Q(report_reference=""), name="serious_report_has_reference"
            ),
        ]
        permissions = [("report_seriousincident", _("Can report serious incidents to the authority"))]

    def __str__(self) -> str:
        return f"serious incident {self.pk}"


@personal()
class VersionNotice(models.Model):
    """One organisation was told of a serious incident with a version it uses; without an address somebody must call."""

    serious_incident = models.ForeignKey(SeriousIncident, on_delete=models.CASCADE, related_name="notices")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    affected = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField()

    class Meta:
        verbose_name = _("notice to an organisation")
        ordering = ("serious_incident", "organization")
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["serious_incident", "organization"], name="version_notice_once")]

    def __str__(self) -> str:
        return f"version notice {self.pk}"
