"""What employers decided, what the guard refused, and whether labels decide in secret."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.models import Organization, System
from config.casework.personal import FREE_TEXT, Erasure, Subject, holds, personal
from disputes.assessments.models import Assessment
from disputes.assessments.querysets import OfOrganizationQuerySet
from disputes.hiring.choices import AUTHENTICITY, EMPTY_WORDS, Decision, Door, Why
from incidents.models import Incident

# A rejection that names authenticity and nothing beside it but "other" rests on the label alone.
ALONE = Q(decision=Decision.REJECT, reasons__contains=[AUTHENTICITY], reasons__contained_by=list(EMPTY_WORDS))


@personal(plain=("job_ref", "reasons"), controller="organisation")
class HiringDecision(models.Model):
    """What an employer decided about an application, on which grounds; the last word counts (DSP-08)."""

    assessment = models.OneToOneField(Assessment, on_delete=models.CASCADE, related_name="decision")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    job_ref = models.CharField(_("job"), max_length=120, blank=True)
    decision = models.CharField(max_length=8, choices=Decision)
    reasons = ArrayField(models.CharField(max_length=80))
    label_seen_at = models.DateTimeField(null=True, blank=True)
    contestable = models.BooleanField(default=False, help_text=_("The label could be contested when it was decided."))
    door = models.CharField(max_length=8, choices=Door)
    decided_at = models.DateTimeField()

    objects = OfOrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("hiring decision")
        ordering = ("-decided_at", "-pk")
        indexes = [
            models.Index(fields=["-decided_at", "-id"], name="hiring_newest"),
            models.Index(fields=["organization", "job_ref"], name="hiring_job"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~ALONE,
                name="hiring_never_authenticity_alone",
                violation_error_message=_("Nobody is rejected on authenticity alone. Name what else it rests on."),
            ),
            models.CheckConstraint(condition=~Q(reasons=[]), name="hiring_has_reasons"),
        ]

    def __str__(self) -> str:
        return f"hiring decision {self.pk}"


@personal(plain=("job_ref", "reasons"), controller="organisation")
class RefusedAttempt(models.Model):
    """A rejection that the guard did not let through."""

    assessment = models.ForeignKey(Assessment, on_delete=models.CASCADE, related_name="refused_attempts")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    job_ref = models.CharField(_("job"), max_length=120, blank=True)
    reasons = ArrayField(models.CharField(max_length=80))
    why = models.CharField(max_length=20, choices=Why)
    door = models.CharField(max_length=8, choices=Door)
    at = models.DateTimeField()

    objects = OfOrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("refused rejection")
        ordering = ("-at", "-pk")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["-at", "-id"], name="refused_newest"),
            models.Index(fields=["organization", "at"], name="refused_organization"),
        ]

    def __str__(self) -> str:
        return f"refused rejection {self.pk}"


@personal(plain=("job_ref",), letter=FREE_TEXT, letter_to=holds(Subject.CONTACT, erase=Erasure.CLEAR))
class ProxyFinding(models.Model):
    """Candidates whose label was seen are rejected so much more often that chance does not explain it (SC-42)."""

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    job_ref = models.CharField(_("job"), max_length=120, blank=True)
    seen = models.PositiveIntegerField(_("label seen"))
    seen_rejected = models.PositiveIntegerField(_("of them rejected"))
    unseen = models.PositiveIntegerField(_("others"))
    unseen_rejected = models.PositiveIntegerField(_("of the others rejected"))
    incident = models.ForeignKey(Incident, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    letter = models.TextField(_("letter to the employer"), blank=True, max_length=10_000)
    letter_to = models.EmailField(blank=True)
    letter_sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    letter_sent_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    found_at = models.DateTimeField(editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = OfOrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("proxy finding")
        ordering = ("-found_at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "system", "job_ref"], condition=Q(closed_at=None), name="proxy_one_open"
            ),
            models.CheckConstraint(
                condition=Q(seen_rejected__lte=F("seen"), unseen_rejected__lte=F("unseen")), name="proxy_counts"
            ),
        ]
        permissions = [("answer_proxyfinding", _("Can write to employers and hide labels from them"))]

    def __str__(self) -> str:
        return f"proxy finding {self.pk}"
