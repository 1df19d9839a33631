"""How a reviewer works a dispute: impression first, then the score, four checks, an answer for each reason code."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.choices import Tone, TonedChoices
from config.casework.personal import FREE_TEXT, Erasure, Subject, holds, personal
from disputes.choices import Stage


class Impression(TonedChoices):
    """What the reviewer thinks after reading the candidate's account, before they saw any score."""

    CONVINCING = "convincing", Tone.OK, _("the account convinces me")
    OPEN = "open", Tone.INFO, _("I cannot tell yet")
    DOUBTFUL = "doubtful", Tone.WARN, _("the account does not convince me")


class Check(TonedChoices):
    CONFIDENCE = "confidence", Tone.INFO, _("Confidence and reason codes")
    TELEMETRY = "telemetry", Tone.INFO, _("Completeness of what was recorded")
    VERSION = "version", Tone.INFO, _("Version at that time")
    CIRCUMSTANCES = "circumstances", Tone.INFO, _("Innocent circumstances")


@personal(plain=("stage", "impression"), case="dispute", impression_note=FREE_TEXT)
class Review(models.Model):
    """One reviewer's work on one stage of a dispute."""

    dispute = models.ForeignKey("disputes.Dispute", on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    stage = models.CharField(max_length=10, choices=Stage)
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    seconds = models.PositiveIntegerField(
        default=0, help_text=_("Time on the pages; pauses beyond ten minutes not counted.")
    )
    impression = models.CharField(_("first impression"), max_length=12, choices=Impression, blank=True)
    impression_note = models.TextField(_("why"), blank=True, max_length=5_000)
    impression_at = models.DateTimeField(null=True, blank=True)
    revealed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("started_at", "pk")
        verbose_name = _("review")
        constraints = [
            models.UniqueConstraint(fields=["dispute", "reviewer", "stage"], name="review_once"),
            models.CheckConstraint(
                condition=Q(revealed_at=None) | Q(impression_at__isnull=False, impression_at__lte=F("revealed_at")),
                name="review_impression_before_score",
            ),
        ]

    def __str__(self) -> str:
        return f"review {self.pk}"


@personal(plain=("key",), case="review__dispute", note=FREE_TEXT)
class ReviewCheck(models.Model):
    """One of the four checks, ticked with what was found."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="checks")
    key = models.CharField(max_length=16, choices=Check)
    note = models.TextField(_("what you found"), blank=True, max_length=5_000)
    done_at = models.DateTimeField()

    class Meta:
        verbose_name = _("check")
        constraints = [models.UniqueConstraint(fields=["review", "key"], name="review_check_once")]

    def __str__(self) -> str:
        return f"check {self.key} {self.pk}"


@personal(
    plain=("code",),
    case="review__dispute",
    circumstance=holds(Subject.CANDIDATE, erase=Erasure.CLEAR, retention="until the end of the appeal period"),
    note=FREE_TEXT,
)
class CodeAnswer(models.Model):
    """Whether a reason code still counts. Why it does not is special-category data and goes with the appeal period."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="answers")
    code = models.CharField(max_length=80)
    counts = models.BooleanField(_("it still counts"))
    circumstance = models.CharField(max_length=40, blank=True)
    note = models.TextField(blank=True, max_length=5_000)
    answered_at = models.DateTimeField()

    class Meta:
        verbose_name = _("answer")
        constraints = [models.UniqueConstraint(fields=["review", "code"], name="code_answer_once")]

    def __str__(self) -> str:
        return f"answer {self.pk}"


@personal(plain=("opinion",), case="dispute", question=FREE_TEXT, note=FREE_TEXT)
class SecondLook(models.Model):
    """Another reviewer's opinion, asked for by the first; it decides nothing."""

    dispute = models.ForeignKey("disputes.Dispute", on_delete=models.CASCADE, related_name="second_looks")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_of = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", verbose_name=_("whom"))
    question = models.TextField(_("your question"), max_length=5_000)
    asked_at = models.DateTimeField()
    opinion = models.CharField(max_length=12, choices=Impression, blank=True)
    note = models.TextField(_("your opinion"), blank=True, max_length=5_000)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("asked_at", "pk")
        verbose_name = _("second look")
        constraints = [
            models.CheckConstraint(condition=~Q(asked_by=F("asked_of")), name="second_look_by_another"),
        ]

    def __str__(self) -> str:
        return f"second look {self.pk}"
