"""Who is on call for a system."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.personal import personal
from config.casework.versions import versioned
from incidents.oncall.choices import OnCallPart


@personal(plain=("part", "held_by"))
@versioned()
class OnCallRole(models.Model):
    """One part of the on-call duty of a system; without a named person it falls to whoever holds a desk role."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="oncall_roles")
    part = models.CharField(max_length=10, choices=OnCallPart)
    held_by = models.CharField(
        max_length=20, choices=Role, help_text=_("The desk role that holds it while no person is named.")
    )
    person = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="oncall_roles")

    class Meta:
        ordering = ("system__name", "part")
        verbose_name = _("on-call role")
        constraints = [models.UniqueConstraint(fields=["system", "part"], name="oncall_role_once")]

    def __str__(self) -> str:
        return f"on-call {self.part} {self.pk}"
