"""What a candidate sent, and what they said of circumstances."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.personal import Erasure, Subject, holds, personal
from disputes.choices import Point
from disputes.filing.choices import FilingState, Way

OF_CANDIDATE = holds(Subject.CANDIDATE, erase=Erasure.DELETE_ROW, retention="P1Y")


@personal(
    plain=("state", "way", "language", "points"),
    case="dispute",
    reference=OF_CANDIDATE,
    email=OF_CANDIDATE,
    statement=OF_CANDIDATE,
)
class Filing(models.Model):
    """One form that was sent, or an addition to a dispute. Sent by mail, it waits for the click that confirms it."""

    dispute = models.ForeignKey(
        "disputes.Dispute", on_delete=models.CASCADE, null=True, blank=True, related_name="filings"
    )
    assessment = models.ForeignKey(
        "disputes.Assessment", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=FilingState, default=FilingState.WAITING)
    way = models.CharField(max_length=10, choices=Way)
    reference = models.CharField(max_length=200, blank=True, help_text=_("As it was typed."))
    email = models.EmailField(max_length=254, blank=True)
    points = ArrayField(models.CharField(max_length=20, choices=Point), default=list, blank=True)
    statement = models.TextField(blank=True, max_length=20_000)
    language = models.CharField(max_length=10, default="en-gb")
    filed_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("filed_at", "pk")
        verbose_name = _("filing")
        indexes = [
            models.Index(
                fields=["filed_at"],
                condition=Q(state__in=[FilingState.DRAFT, FilingState.WAITING]),
                name="filing_waiting",
            ),
            models.Index(fields=["filed_at"], condition=Q(state=FilingState.ACCEPTED), name="filing_flood"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=[FilingState.ACCEPTED, FilingState.JOINED]) | Q(dispute__isnull=False),
                name="filing_taken_has_dispute",
            ),
        ]

    def __str__(self) -> str:
        return f"filing {self.pk}"


@personal(
    case="filing__dispute",
    kind=holds(Subject.CANDIDATE, erase=Erasure.DELETE_ROW, retention="until the end of the appeal period"),
)
class CircumstanceReport(models.Model):
    """An innocent circumstance the candidate named (GDPR Article 9): for the reviewer alone, deleted with the appeal period."""

    filing = models.ForeignKey(Filing, on_delete=models.CASCADE, related_name="circumstances")
    kind = models.CharField(max_length=40, help_text=_("Key of a circumstance of the runbook file."))

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["filing", "kind"], name="circumstance_once")]

    def __str__(self) -> str:
        return f"circumstance {self.pk}"
