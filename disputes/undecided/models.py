"""The switch over the time-out, for a flood of filings: CEO and CTO together, with a date (SC-41)."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.approvals.models import Approval
from config.casework.personal import FREE_TEXT, personal


@personal(reason=FREE_TEXT)
class TimeoutSwitch(models.Model):
    """While it holds, undecided labels stay under review instead of being withdrawn; they are shown to nobody either way."""

    incident = models.ForeignKey("incidents.Incident", on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(_("why"), max_length=5_000)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    until = models.DateTimeField(_("until"))
    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    holds_from = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-asked_at", "-pk")
        verbose_name = _("time-out switch")
        constraints = [
            models.CheckConstraint(
                condition=Q(until__gt=F("asked_at")),
                name="timeout_switch_ends_later",
                violation_error_message=_("The end must lie ahead."),
            ),
        ]

    def __str__(self) -> str:
        return f"time-out switch {self.pk}"
