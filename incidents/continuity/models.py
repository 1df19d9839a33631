"""What keeps an operated system going by hand: backups with their schedule, and fallbacks that people switch."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.fields import parse_duration
from config.casework.catalogue.models import System
from config.casework.personal import FREE_TEXT, personal
from incidents.procedures.models import Procedure


@personal(plain=("key", "name", "every", "keep", "place", "source"))
class BackupPolicy(models.Model):
    """What of a system is backed up how often, where it lies and how long (INC-87)."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="backup_policies")
    key = models.CharField(max_length=60)
    name = models.CharField(max_length=120)
    every = models.CharField(max_length=20, blank=True, help_text=_("Such as P1D; empty: in real time."))
    keep = models.CharField(max_length=20, blank=True, help_text=_("Such as P30D; empty: indefinitely."))
    place = models.CharField(max_length=120)
    encrypted = models.BooleanField(default=False)
    source = models.CharField(max_length=120, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True, editable=False)
    is_active = models.BooleanField(default=True, editable=False)

    class Meta:
        ordering = ("system__name", "pk")
        verbose_name = _("backup policy")
        verbose_name_plural = _("backup policies")
        constraints = [models.UniqueConstraint(fields=["system", "key"], name="backup_policy_once")]

    def __str__(self) -> str:
        return self.name

    def late_by(self, at: datetime) -> timedelta | None:
        """How long a success is overdue; None while it is in time, in real time, or none was ever recorded."""
        if not self.every or self.last_success_at is None:
            return None
        over = at - self.last_success_at - parse_duration(self.every)
        return over if over > timedelta(0) else None


@personal(plain=("key", "title"), reason=FREE_TEXT)
class Fallback(models.Model):
    """Something people switch to by hand while a part is down: on or off, since when, by whom, why (INC-64)."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="fallbacks")
    key = models.CharField(max_length=60)
    title = models.CharField(max_length=160)
    procedure = models.ForeignKey(Procedure, on_delete=models.SET_NULL, null=True, blank=True, related_name="fallbacks")
    is_on = models.BooleanField(default=False, editable=False)
    since = models.DateTimeField(null=True, blank=True, editable=False)
    switched_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    reason = models.CharField(max_length=300, blank=True, editable=False)
    is_active = models.BooleanField(default=True, editable=False)

    class Meta:
        ordering = ("system__name", "pk")
        verbose_name = _("manual fallback")
        constraints = [
            models.UniqueConstraint(fields=["system", "key"], name="fallback_once"),
            models.CheckConstraint(condition=Q(is_on=False) | Q(since__isnull=False), name="fallback_on_has_time"),
        ]

    def __str__(self) -> str:
        return self.title
