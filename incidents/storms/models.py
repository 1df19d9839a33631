"""Storm cases: many new alerts of one system at once become one case with members."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.catalogue.models import System
from config.casework.personal import FREE_TEXT, personal
from config.casework.transitions import Machine
from incidents.querysets import OfIncidentQuerySet
from incidents.severity.models import Severity
from incidents.storms.choices import MemberState

if TYPE_CHECKING:
    from incidents.models import Incident


@personal(case="incident")
class Storm(models.Model):
    """The mark that makes an incident a storm case: one page, one clock, one postmortem for all its members."""

    incident = models.OneToOneField("incidents.Incident", on_delete=models.CASCADE, related_name="storm")
    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="+")
    last_joined_at = models.DateTimeField()

    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        indexes = [models.Index(fields=["system", "-last_joined_at"], name="storm_recent")]

    def __str__(self) -> str:
        return f"storm {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.incident


@personal(plain=("source_key", "monitor_key"), case="incident", title=FREE_TEXT)
class StormMember(models.Model):
    """A group of alerts that would have been a case of its own, with its own resolve state."""

    incident = models.ForeignKey(
        "incidents.Incident", on_delete=models.CASCADE, related_name="storm_members", verbose_name=_("storm case")
    )
    title = models.CharField(_("title"), max_length=200)
    state = models.CharField(max_length=10, choices=MemberState, default=MemberState.OPEN, editable=False)
    source_key = models.CharField(max_length=128, editable=False)
    monitor_key = models.CharField(max_length=120, blank=True, editable=False)
    severity = models.ForeignKey(Severity, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    alert_group = models.ForeignKey(
        "integrations.AlertGroup", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    joined_at = models.DateTimeField()
    resolved_at = models.DateTimeField(_("over"), null=True, blank=True, editable=False)
    taken_out_at = models.DateTimeField(null=True, blank=True, editable=False)
    taken_as = models.ForeignKey(
        "incidents.Incident",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("own case"),
    )
    version = models.PositiveIntegerField(default=0, editable=False)

    MACHINE: ClassVar[Machine[Any]]
    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        ordering = ("joined_at", "pk")
        default_permissions = ("view",)
        verbose_name = _("member of a storm")
        constraints = [
            models.UniqueConstraint(
                fields=["source_key"], condition=Q(state=MemberState.OPEN), name="storm_member_one_open"
            )
        ]
        indexes = [models.Index(fields=["source_key", "-joined_at"], name="storm_member_key")]

    def __str__(self) -> str:
        return f"storm member {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.incident
