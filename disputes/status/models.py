"""Being heard: in writing or by a call (GDPR Article 22(3): to express one's point of view)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.choices import Tone, TonedChoices
from config.casework.personal import Erasure, Subject, holds, personal

OF_CANDIDATE = holds(Subject.CANDIDATE, erase=Erasure.DELETE_ROW, retention="P1Y")


class HearingWay(TonedChoices):
    WRITTEN = "written", Tone.NEUTRAL, _("In writing")
    CALL = "call", Tone.INFO, _("By a call")


@personal(plain=("way",), case="dispute", phone=OF_CANDIDATE, wishes=OF_CANDIDATE, record=OF_CANDIDATE)
class Hearing(models.Model):
    """The candidate asked to be heard; a decision waits until they were, or said no."""

    dispute = models.ForeignKey("disputes.Dispute", on_delete=models.CASCADE, related_name="hearings")
    way = models.CharField(max_length=10, choices=HearingWay)
    phone = models.CharField(_("number"), max_length=40, blank=True)
    wishes = models.CharField(_("when it suits"), max_length=300, blank=True)
    asked_at = models.DateTimeField()
    appointed_for = models.DateTimeField(_("call at"), null=True, blank=True)
    record = models.TextField(_("what was said"), blank=True, max_length=10_000)
    held_at = models.DateTimeField(null=True, blank=True, editable=False)
    held_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("asked_at", "pk")
        verbose_name = _("hearing")
        constraints = [
            models.UniqueConstraint(
                fields=["dispute"], condition=Q(held_at=None, cancelled_at=None), name="hearing_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"hearing {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.held_at is None and self.cancelled_at is None
