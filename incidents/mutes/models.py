"""Alerts that somebody silenced for a while, and why."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.personal import FREE_TEXT, personal
from incidents.mutes.choices import MuteOf
from incidents.severity.models import Severity


class MuteQuerySet(models.QuerySet["Mute"]):
    def in_force(self, at: object) -> Self:
        return self.filter(ended_at=None, starts_at__lte=at, ends_at__gt=at)


@personal(plain=("value",), reason=FREE_TEXT)
class Mute(models.Model):
    """One thing that opens no case for a while. It ends by itself and never hides a graver severity or lost data.

    `value` is the alert's name, its fingerprint, or the key of the alert group. `ended_at` is set when it is over, by a
    person or by the sweep, which then opens what still fires.
    """

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="mutes")
    of = models.CharField(_("silences"), max_length=12, choices=MuteOf)
    value = models.CharField(_("name, fingerprint or group"), max_length=200)
    severity = models.ForeignKey(
        Severity,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("gravest severity it hides"),
        help_text=_("Anything graver still opens a case and pages."),
    )
    reason = models.CharField(_("why"), max_length=300)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    made_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("by"))
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    hidden = models.PositiveIntegerField(
        _("hidden"), default=0, help_text=_("Messages with new alerts it kept silent.")
    )
    groups = models.ManyToManyField("integrations.AlertGroup", related_name="+", blank=True)

    objects = MuteQuerySet.as_manager()

    class Meta:
        ordering = ("-ends_at", "-pk")
        default_permissions = ("view", "add", "change")
        verbose_name = _("mute")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="mute_ends_after_start",
                violation_error_message=_("The end must be later than the start."),
            )
        ]
        indexes = [models.Index(fields=["system", "ends_at"], condition=Q(ended_at=None), name="mute_in_force")]

    def __str__(self) -> str:
        return f"mute {self.pk}"
