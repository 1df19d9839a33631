"""Requests for an explanation of an assessment (GDPR Article 15(1)(h), AI Act Article 86): a type of their own."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.cases.models import Case
from config.casework.choices import Tone, TonedChoices
from config.casework.personal import FREE_TEXT, Erasure, Subject, holds, personal
from config.casework.transitions import Machine


class ExplanationState(TonedChoices):
    RECEIVED = "received", Tone.INFO, _("to be written")
    SENT = "sent", Tone.OK, _("sent")
    CLOSED = "closed", Tone.NEUTRAL, _("closed")


OPEN = (ExplanationState.RECEIVED,)


@personal(
    plain=("reference", "state", "next_due_kind", "trace_id", "language"),
    title=FREE_TEXT,
    email=holds(Subject.CANDIDATE, erase=Erasure.CLEAR, retention="P1Y"),
    question=FREE_TEXT,
    text=holds(Subject.CANDIDATE, erase=Erasure.CLEAR, retention="P3Y"),
)
class Explanation(Case):
    """One request, answered from the frozen snapshot in plain words that a person has read."""

    PREFIX: ClassVar[str] = "EXP"
    OPEN_STATES: ClassVar[tuple[str, ...]] = OPEN
    MACHINE: ClassVar[Machine[Any]]

    assessment = models.ForeignKey("disputes.Assessment", on_delete=models.PROTECT, related_name="explanations")
    result = models.ForeignKey("disputes.AssessmentVersion", on_delete=models.PROTECT, related_name="+", editable=False)
    state = models.CharField(max_length=10, choices=ExplanationState, default=ExplanationState.RECEIVED, editable=False)
    email = models.EmailField(max_length=254, editable=False)
    language = models.CharField(max_length=10, default="en-gb", editable=False)
    question = models.TextField(_("what they want to know"), blank=True, max_length=5_000)
    text = models.TextField(_("the explanation"), blank=True, max_length=50_000)
    reviewed_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    reviewed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("explanation")
        indexes = [
            models.Index(
                F("next_due_at").asc(nulls_last=True), "id", condition=Q(state__in=OPEN), name="explanation_queue"
            ),
            models.Index(fields=["-received_at", "-id"], name="explanation_newest"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["assessment"], condition=Q(state__in=OPEN), name="explanation_one_open"),
            models.CheckConstraint(
                condition=~Q(state=ExplanationState.SENT) | Q(reviewed_by__isnull=False) & ~Q(text=""),
                name="explanation_read_by_a_person",
            ),
        ]
