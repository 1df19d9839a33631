"""What one looks up while working an incident: commands of the operated systems, and switches for what is yet to come."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.personal import personal
from config.casework.versions import versioned
from incidents.references.choices import Judgement


@personal(plain=("key", "command", "purpose", "source", "variant", "warning"))
@versioned()
class CommandReference(models.Model):
    """A command of an operated system: shown, copied, reviewed, never run by the desk (OPS-10)."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="commands")
    key = models.CharField(max_length=80)
    purpose = models.CharField(max_length=160)
    command = models.TextField(max_length=1000)
    variant = models.CharField(max_length=40, blank=True, help_text=_("The engine it is for, such as postgresql."))
    judgement = models.CharField(max_length=10, choices=Judgement, default=Judgement.OK)
    warning = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=120, blank=True)
    reviewed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    reviewed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("system__name", "purpose", "key")
        verbose_name = _("command")
        constraints = [
            models.UniqueConstraint(fields=["system", "key"], name="command_key_once"),
            models.CheckConstraint(
                condition=Q(judgement=Judgement.OK) | ~Q(warning=""), name="command_careful_has_warning"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} ({self.key})"


@personal(plain=("key", "name", "description", "source"))
@versioned()
class FeatureSwitch(models.Model):
    """A behaviour that the source calls future: off until somebody switches it on (INC-96)."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="features")
    key = models.CharField(max_length=80)
    name = models.CharField(max_length=160)
    description = models.CharField(max_length=600)
    source = models.CharField(max_length=120, blank=True)
    is_on = models.BooleanField(_("on"), default=False, editable=False)

    class Meta:
        ordering = ("system__name", "key")
        verbose_name = _("switch")
        verbose_name_plural = _("switches")
        constraints = [models.UniqueConstraint(fields=["system", "key"], name="feature_switch_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.key})"
