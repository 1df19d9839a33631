"""Approved texts, and the log of who was told what, when."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.personal import FREE_TEXT, Erasure, Subject, holds, personal
from config.casework.versions import versioned
from incidents.communications.choices import Audience, TemplateStanding
from incidents.querysets import OfIncidentQuerySet

if TYPE_CHECKING:
    from incidents.models import Incident

WAITING = Q(approved_at=None, withdrawn_at=None)


@personal(plain=("key", "language", "title", "subject", "body", "slots"))
@versioned()
class MessageTemplate(models.Model):
    """One version of an approved text with named slots like {feature}; a change is a new version."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="templates")
    key = models.SlugField(max_length=60)
    language = models.CharField(max_length=10, default="en")
    version = models.PositiveIntegerField(default=1)
    audience = models.CharField(max_length=12, choices=Audience)
    title = models.CharField(max_length=120, blank=True)
    subject = models.CharField(max_length=200)
    body = models.TextField(max_length=10_000)
    slots = models.JSONField(
        default=list,
        blank=True,
        help_text=_('What people fill in: [{"key": "eta", "label": "Expected recovery", "hint": "..."}].'),
    )
    claims_data_safety = models.BooleanField(
        default=False, help_text=_("It says that data are safe; refused where data may be lost.")
    )
    proposed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    proposed_at = models.DateTimeField(null=True, blank=True, editable=False)
    approved_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("Declined, or replaced before anybody approved it.")
    )
    is_current = models.BooleanField(default=True, editable=False)

    class Meta:
        ordering = ("system__name", "key", "language", "-version")
        constraints = [
            models.UniqueConstraint(fields=["system", "key", "language", "version"], name="template_version_once"),
            models.UniqueConstraint(
                fields=["system", "key", "language"], condition=Q(is_current=True), name="template_one_current"
            ),
            models.UniqueConstraint(
                fields=["system", "key", "language"], condition=WAITING, name="template_one_waiting"
            ),
            models.CheckConstraint(
                condition=Q(is_current=False) | Q(approved_at__isnull=False), name="template_current_is_approved"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"

    @property
    def is_waiting(self) -> bool:
        """Written, and neither approved nor declined."""
        return self.approved_at is None and self.withdrawn_at is None

    @property
    def standing(self) -> TemplateStanding:
        if self.is_current:
            return TemplateStanding.CURRENT
        if self.is_waiting:
            return TemplateStanding.WAITING
        return TemplateStanding.OLD if self.approved_at else TemplateStanding.WITHDRAWN


@personal(
    plain=("template_key", "language", "idempotency_key"),
    case="incident",
    subject=FREE_TEXT,
    body=FREE_TEXT,
    slots=FREE_TEXT,
    recipients=holds(Subject.ANYONE, erase=Erasure.CLEAR),
)
class Communication(models.Model):
    """A text that went out about an incident: which version, to whom, by whom (INC-23)."""

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="communications")
    audience = models.CharField(max_length=12, choices=Audience)
    template = models.ForeignKey(MessageTemplate, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    template_key = models.CharField(max_length=60, blank=True)
    template_version = models.PositiveIntegerField(null=True, blank=True)
    language = models.CharField(max_length=10, default="en")
    slots = models.JSONField(default=dict, blank=True)
    subject = models.CharField(max_length=200)
    body = models.TextField(max_length=10_000)
    recipients = models.JSONField(default=list, blank=True)
    recipient_count = models.PositiveIntegerField(default=0)
    next_update_at = models.DateTimeField(null=True, blank=True)
    data_safety_confirmed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    sent_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    sent_at = models.DateTimeField()
    idempotency_key = models.CharField(max_length=64, unique=True, editable=False)

    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        ordering = ("-sent_at", "-pk")
        default_permissions = ("view", "add")

    def __str__(self) -> str:
        return f"communication {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.incident
