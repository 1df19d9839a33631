"""The page log and the escalation of missed clocks."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.deadlines.models import Deadline
from config.casework.personal import personal
from incidents.contact_methods.models import ContactMethod
from incidents.paging.choices import CallState, PageReason, PageState
from incidents.querysets import OfIncidentQuerySet
from integrations.messages.models import Message

if TYPE_CHECKING:
    from incidents.models import Incident


@personal(plain=("target", "skipped_because"), case="incident")
class Page(models.Model):
    """One call to one person about one incident; once for each step and round of the plan."""

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="pages")
    person = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="pages")
    target = models.CharField(
        max_length=100, help_text=_("The part, role, rotation, person or channel the step names.")
    )
    reason = models.CharField(max_length=20, choices=PageReason)
    generation = models.PositiveSmallIntegerField(default=0)
    step = models.PositiveSmallIntegerField(default=0)
    round = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=20, choices=PageState, default=PageState.SENT)
    skipped_because = models.CharField(max_length=120, blank=True)
    paged_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    worth_it = models.BooleanField(
        _("worth it"), null=True, blank=True, help_text=_("What the person who was called said afterwards.")
    )
    judged_at = models.DateTimeField(null=True, blank=True)

    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        ordering = ("paged_at", "pk")
        default_permissions = ("view", "change")
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "generation", "step", "round"],
                condition=Q(reason__in=[PageReason.OPENED, PageReason.UNACKNOWLEDGED, PageReason.EXPIRED]),
                name="page_step_once",
            ),
        ]

    def __str__(self) -> str:
        return f"page {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.incident


@personal(case="page__incident")
class Call(models.Model):
    """One way a page goes to its person: mail, or a contact method. Those to one contact within a minute leave together."""

    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="calls")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    method = models.ForeignKey(ContactMethod, on_delete=models.CASCADE, null=True, blank=True, related_name="calls")
    state = models.CharField(max_length=10, choices=CallState, default=CallState.WAITING)
    message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    placed_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("placed_at", "pk")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["page", "method"], nulls_distinct=False, name="call_once_each_way")
        ]
        indexes = [
            models.Index(fields=["person", "method", "-sent_at"], name="call_contact"),
            models.Index(fields=["person", "method"], condition=Q(state=CallState.WAITING), name="call_waiting"),
        ]

    def __str__(self) -> str:
        return f"call {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.page.incident


@personal(plain=("target",), case="incident")
class Escalation(models.Model):
    """A missed clock was carried to a person: once for each clock and step (INC-33)."""

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="escalations")
    deadline = models.ForeignKey(Deadline, on_delete=models.CASCADE, related_name="+")
    order = models.PositiveSmallIntegerField()
    target = models.CharField(max_length=40)
    person = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    escalated_at = models.DateTimeField()

    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        ordering = ("escalated_at", "pk")
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["deadline", "order"], name="escalation_once")]

    def __str__(self) -> str:
        return f"escalation {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.incident
