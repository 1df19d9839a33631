"""A version that goes to an operated system, from its prerequisites to the end of the watch, or back (INC-71..78)."""

from datetime import timedelta
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.cases.models import Case
from config.casework.personal import FREE_TEXT, personal
from config.casework.transitions import Machine
from incidents.deployments.choices import OPEN_STATES, UNDER_WAY, DeploymentState

VERSION = RegexValidator(  # it is put into commands that people copy
    r"^[A-Za-z0-9][A-Za-z0-9._+/-]*\Z", _("A version is made of letters, digits and . _ + / -, such as v0.6.0.")
)


@personal(
    plain=("reference", "state", "version_tag", "previous_version", "trace_id", "next_due_kind"),
    title=FREE_TEXT,
    rollback_reason=FREE_TEXT,
    called_off_reason=FREE_TEXT,
)
class Deployment(Case):
    """One version on its way to one system. At most one is under way for each system."""

    PREFIX: ClassVar[str] = "DEP"
    OPEN_STATES: ClassVar[tuple[str, ...]] = OPEN_STATES
    MACHINE: ClassVar[Machine[Any]]

    state = models.CharField(max_length=14, choices=DeploymentState, default=DeploymentState.PLANNED, editable=False)
    version_tag = models.CharField(
        _("target version"), max_length=60, validators=[VERSION], help_text=_("The tag that is deployed.")
    )
    previous_version = models.CharField(
        max_length=60,
        blank=True,
        validators=[VERSION],
        help_text=_("What runs now, and what one goes back to. Left empty: the version deployed last."),
    )
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    watching_at = models.DateTimeField(_("watched since"), null=True, blank=True, editable=False)
    rollback_started_at = models.DateTimeField(null=True, blank=True, editable=False)
    rolled_back_at = models.DateTimeField(null=True, blank=True, editable=False)
    rollback_reason = models.CharField(_("why it goes back"), max_length=300, blank=True)
    called_off_reason = models.CharField(_("why it is called off"), max_length=300, blank=True)
    backup_at = models.DateTimeField(
        _("newest backup"), null=True, blank=True, help_text=_("Its age is what would be lost.")
    )
    suspect_of: "models.ManyToManyField[Any, Any]" = models.ManyToManyField(
        "incidents.Incident", blank=True, related_name="suspects", verbose_name=_("suspected of")
    )

    class Meta:
        verbose_name = _("deployment")
        ordering = ("-received_at", "-pk")
        indexes = [
            models.Index(fields=["system", "-started_at"], name="deployment_system"),
            models.Index(
                F("next_due_at").asc(nulls_last=True), "id", condition=Q(state__in=OPEN_STATES), name="deployment_queue"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["system"],
                condition=Q(state__in=UNDER_WAY),
                name="deployment_one_under_way",
                violation_error_message=_("Another deployment of this system is under way."),
            ),
        ]

    @property
    def rollback_took(self) -> timedelta | None:
        """How long the way back took, once it is over."""
        if self.rollback_started_at is None or self.rolled_back_at is None:
            return None
        return self.rolled_back_at - self.rollback_started_at

    @property
    def backup_age(self) -> timedelta | None:
        """What would be lost with the newest backup, counted when the way back began."""
        if self.backup_at is None or self.rollback_started_at is None:
            return None
        return max(self.rollback_started_at - self.backup_at, timedelta(0))
