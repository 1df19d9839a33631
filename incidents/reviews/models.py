"""What is learnt and decided afterwards: postmortem, action items, joint decision."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.approvals.models import Approval
from config.casework.personal import FREE_TEXT, personal
from incidents.querysets import OfIncidentQuerySet
from incidents.reviews.choices import ActionKind, ActionState, Factor, PostmortemState, SummaryState

if TYPE_CHECKING:
    from config.casework.transitions import Machine
    from incidents.models import Incident


@personal(plain=("schema",), case="incident", values=FREE_TEXT)
class Postmortem(models.Model):
    """The review of an incident, in the fields its system's runbook names (INC-41)."""

    incident = models.OneToOneField("incidents.Incident", on_delete=models.CASCADE, related_name="postmortem")
    schema = models.JSONField(help_text=_("The fields as they were when the review began."))
    values = models.JSONField(default=dict)
    began_at = models.DateTimeField(
        _("when it really began"),
        null=True,
        blank=True,
        help_text=_("Often earlier than we knew; the time between is the detection gap."),
    )
    state = models.CharField(max_length=10, choices=PostmortemState, default=PostmortemState.DRAFT, editable=False)
    started_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    started_at = models.DateTimeField()
    published_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    published_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0, editable=False)

    MACHINE: ClassVar["Machine[Any]"]
    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state=PostmortemState.DRAFT) | Q(published_at__isnull=False),
                name="postmortem_published_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"postmortem {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.incident

    def missing(self) -> list[str]:
        """Labels of the fields that are still empty."""
        return [field["label"] for field in self.schema if not str(self.values.get(field["key"], "")).strip()]

    @property
    def detection_gap(self) -> timedelta | None:
        """How long it went on before the desk learnt of it; None while nobody has said when it began."""
        return None if self.began_at is None else self.incident.received_at - self.began_at


@personal(case="incident", text=FREE_TEXT, outcome=FREE_TEXT)
class ActionItem(models.Model):
    """Something to be done so that it does not happen again, with an owner and a date (INC-44)."""

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="action_items")
    kind = models.CharField(max_length=12, choices=ActionKind)
    text = models.CharField(max_length=300)
    owner = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="action_items")
    due_on = models.DateField()
    state = models.CharField(max_length=10, choices=ActionState, default=ActionState.OPEN, editable=False)
    outcome = models.CharField(max_length=300, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    reminder_stage = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text=_("How often somebody was reminded of this date."),
    )
    version = models.PositiveIntegerField(default=0, editable=False)

    MACHINE: ClassVar["Machine[Any]"]
    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        ordering = ("due_on", "pk")
        indexes = [models.Index(fields=["due_on"], condition=Q(state=ActionState.OPEN), name="action_item_open")]

    def __str__(self) -> str:
        return f"action item {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.incident


@personal(case="incident", text=FREE_TEXT)
class ContributingFactor(models.Model):
    """One of the things that made an incident possible, worse or longer: there is never a single cause."""

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="factors")
    kind = models.CharField(max_length=12, choices=Factor)
    text = models.CharField(
        _("how it contributed"), max_length=300, help_text=_("What the system allowed, not who did it.")
    )
    added_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    added_at = models.DateTimeField(editable=False)

    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        ordering = ("added_at", "pk")
        default_permissions = ("add", "view")

    def __str__(self) -> str:
        return f"contributing factor {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.incident


@personal(case="incident", text=FREE_TEXT)
class ReviewSummary(models.Model):
    """What may be told outside about an incident afterwards: a text of its own, approved by a second person."""

    incident = models.OneToOneField("incidents.Incident", on_delete=models.CASCADE, related_name="review_summary")
    text = models.TextField(_("summary"), max_length=5_000)
    state = models.CharField(max_length=10, choices=SummaryState, default=SummaryState.DRAFT, editable=False)
    written_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)
    written_at = models.DateTimeField(editable=False)
    approved_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=0, editable=False)

    MACHINE: ClassVar["Machine[Any]"]
    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        default_permissions = ("add", "change", "view")
        constraints = [
            models.CheckConstraint(
                condition=Q(state=SummaryState.DRAFT) | Q(approved_at__isnull=False),
                name="review_summary_approved_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"summary {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.incident


@personal(plain=("because",), case="incident", mitigation_path=FREE_TEXT, stakeholder_updates=FREE_TEXT)
class JointDecision(models.Model):
    """What CEO and CTO decide together when a clock was missed or hiring outcomes are touched (INC-05)."""

    incident = models.OneToOneField("incidents.Incident", on_delete=models.CASCADE, related_name="joint_decision")
    mitigation_path = models.TextField(_("how we go on"), max_length=5_000, blank=True)
    stakeholder_updates = models.TextField(_("whom we tell, and what"), max_length=5_000, blank=True)
    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="+")
    because = models.CharField(max_length=40)

    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return f"joint decision {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.incident
