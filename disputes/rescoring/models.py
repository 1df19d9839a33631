"""Faults of the data pipeline, and scores made anew because of one (DSP-07, DSP-17)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.choices import Tone, TonedChoices
from config.casework.personal import FREE_TEXT, personal


class FaultKind(TonedChoices):
    GAP = "gap", Tone.WARN, _("telemetry is missing")
    LATE = "late", Tone.WARN, _("data came late or out of order")
    VERSION = "version", Tone.WARN, _("a faulty model or rules version")
    MIXED = "mixed", Tone.DANGER, _("data of another person")


class RescoreState(TonedChoices):
    ASKED = "asked", Tone.INFO, _("asked for")
    DONE = "done", Tone.OK, _("done")
    FAILED = "failed", Tone.DANGER, _("failed")


@personal(plain=("url", "secret"))
class ScoringService(models.Model):
    """Where a system's scores are made anew; requests carry a signature of our shared secret."""

    system = models.OneToOneField(System, on_delete=models.CASCADE, related_name="scoring_service")
    url = models.URLField(_("address"), max_length=500)
    secret = models.BinaryField(editable=False, default=b"")
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("scoring service")

    def __str__(self) -> str:
        return f"scoring service of {self.system_id}"


@personal(plain=("kind", "gap_key"), case="dispute", detail=FREE_TEXT)
class PipelineFault(models.Model):
    """A fault of the pipeline, recorded by a person; without one nothing is scored anew."""

    dispute = models.ForeignKey("disputes.Dispute", on_delete=models.CASCADE, related_name="faults")
    kind = models.CharField(max_length=10, choices=FaultKind)
    detail = models.TextField(_("what is wrong, and how you know"), max_length=5_000)
    gap_key = models.CharField(max_length=80, blank=True, editable=False)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    incident = models.ForeignKey(
        "incidents.Incident", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )

    class Meta:
        ordering = ("recorded_at", "pk")
        verbose_name = _("pipeline fault")

    def __str__(self) -> str:
        return f"fault {self.kind} {self.pk}"


@personal(plain=("state", "key", "failure"), case="fault__dispute")
class Rescore(models.Model):
    """One assessment scored anew because of a fault; the first result stays beside it."""

    fault = models.ForeignKey(PipelineFault, on_delete=models.CASCADE, related_name="rescores")
    assessment = models.ForeignKey("disputes.Assessment", on_delete=models.CASCADE, related_name="rescores")
    key = models.CharField(max_length=120, unique=True, editable=False)
    state = models.CharField(max_length=8, choices=RescoreState, default=RescoreState.ASKED)
    version = models.ForeignKey(
        "disputes.AssessmentVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    failure = models.CharField(max_length=200, blank=True)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("asked_at", "pk")
        verbose_name = _("new score")
        constraints = [
            models.UniqueConstraint(
                fields=["assessment"], condition=Q(state=RescoreState.ASKED), name="rescore_one_under_way"
            ),
            models.CheckConstraint(
                condition=~Q(state=RescoreState.DONE) | Q(answered_at__isnull=False, version__isnull=False),
                name="rescore_done_has_result",
            ),
        ]

    def __str__(self) -> str:
        return f"rescore {self.pk}"
