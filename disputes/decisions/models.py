"""Decisions as they were taken, who must not take them, and what has to be put right afterwards."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import Func
from django.db.models.lookups import IsNull
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.choices import Tone, TonedChoices
from config.casework.personal import FREE_TEXT, personal
from config.casework.transitions import Machine
from disputes.choices import Outcome, Stage


@personal()
class ReportingLine(models.Model):
    """Who answers to whom. People of one line do not decide about each other's assessments."""

    person = models.OneToOneField(User, on_delete=models.CASCADE, related_name="reporting_line")
    superior = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("answers to"))

    class Meta:
        verbose_name = _("reporting line")
        constraints = [
            models.CheckConstraint(
                condition=~Q(person=F("superior")),
                name="reporting_line_to_another",
                violation_error_message=_("Nobody answers to themselves."),
            ),
        ]

    def __str__(self) -> str:
        return f"reporting line {self.pk}"


@personal(plain=("stage", "outcome"), case="dispute", reasons=FREE_TEXT)
class Decision(models.Model):
    """What was decided at one stage. One that touches a hiring outcome takes effect when CEO and CTO have signed."""

    dispute = models.ForeignKey("disputes.Dispute", on_delete=models.CASCADE, related_name="decisions")
    stage = models.CharField(max_length=10, choices=Stage)
    outcome = models.CharField(max_length=20, choices=Outcome)
    reasons = models.TextField(max_length=10_000)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    effective_at = models.DateTimeField(null=True, blank=True)
    replaced_at = models.DateTimeField(null=True, blank=True)
    excluded_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    changed_after_score = models.BooleanField(default=False)
    seconds = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("proposed_at", "pk")
        verbose_name = _("decision")
        constraints = [
            models.UniqueConstraint(
                fields=["dispute", "stage"], condition=Q(replaced_at=None), name="decision_one_per_stage"
            ),
            models.CheckConstraint(
                condition=Q(
                    IsNull(
                        Func(
                            F("excluded_ids"),
                            F("decided_by"),
                            function="array_position",
                            output_field=models.IntegerField(),
                        ),
                        True,
                    )
                ),
                name="decision_is_independent",
            ),
            models.CheckConstraint(condition=~Q(reasons=""), name="decision_has_reasons"),
        ]

    def __str__(self) -> str:
        return f"decision {self.outcome} {self.pk}"


class ReversalState(TonedChoices):
    OPEN = "pending", Tone.WARN, _("to be put right")
    DONE = "done", Tone.OK, _("put right")
    DROPPED = "dropped", Tone.NEUTRAL, _("not needed")


@personal(plain=("state",), case="dispute", what=FREE_TEXT, result=FREE_TEXT)
class Reversal(models.Model):
    """A consequence of the label that must be put right, tracked until it is."""

    dispute = models.ForeignKey("disputes.Dispute", on_delete=models.CASCADE, related_name="reversals")
    what = models.CharField(_("what must be put right"), max_length=300)
    result = models.TextField(_("what was done"), blank=True, max_length=5_000)
    state = models.CharField(max_length=8, choices=ReversalState, default=ReversalState.OPEN, editable=False)
    noted_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True, editable=False)
    done_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    version = models.PositiveIntegerField(default=0, editable=False)

    MACHINE: ClassVar[Machine[Any]]

    class Meta:
        ordering = ("noted_at", "pk")
        verbose_name = _("consequence")

    def __str__(self) -> str:
        return f"consequence {self.pk}"

    @property
    def case_root(self) -> Any:
        return self.dispute
