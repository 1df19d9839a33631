"""Maintenance: the rules of a runbook, the windows they make, and what people were told about them (INC-27, INC-80)."""

from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.fields import parse_duration
from config.casework.catalogue.models import System
from config.casework.personal import FREE_TEXT, personal
from config.casework.transitions import Machine
from incidents.maintenance.choices import Stage, WindowKind, WindowState


@personal(
    plain=("key", "title", "recurrence", "at", "zone", "duration", "notice", "work", "templates"),
)
class MaintenanceRule(models.Model):
    """When a system is maintained again and again: a recurrence in wall-clock time of a zone.

    `recurrence` is an RFC 5545 rule of days ("FREQ=MONTHLY;BYDAY=1SU"), `at` the time of day, `duration` and `notice`
    ISO 8601 spans of elapsed time.
    """

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="maintenance_rules")
    key = models.SlugField(max_length=60)
    title = models.CharField(max_length=120)
    recurrence = models.CharField(max_length=200)
    at = models.CharField(max_length=5)
    zone = models.CharField(max_length=60, default="UTC")
    begins = models.DateField()
    duration = models.CharField(max_length=20)
    notice = models.CharField(max_length=20, blank=True)
    work = models.JSONField(default=list, blank=True)
    templates = models.JSONField(
        default=dict, blank=True, help_text=_("Key of the text for notice, start, completion.")
    )

    class Meta:
        ordering = ("system__name", "key")
        verbose_name = _("maintenance rule")
        constraints = [models.UniqueConstraint(fields=["system", "key"], name="maintenance_rule_once")]

    def __str__(self) -> str:
        return f"{self.key}"

    @property
    def length(self) -> timedelta:
        return parse_duration(self.duration)


@personal(plain=("title", "work", "templates"), why=FREE_TEXT)
class MaintenanceWindow(models.Model):
    """One maintenance of one system. While it runs, alerts of the system page nobody.

    `notice_due_at` is when those concerned should have been told; `notice_late` says that they were told later, or that
    there was no time left.
    """

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="maintenance_windows")
    rule = models.ForeignKey(MaintenanceRule, on_delete=models.SET_NULL, null=True, blank=True, related_name="windows")
    kind = models.CharField(max_length=10, choices=WindowKind, default=WindowKind.AD_HOC, editable=False)
    title = models.CharField(max_length=120)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=WindowState, default=WindowState.PLANNED, editable=False)
    why = models.CharField(_("reason"), max_length=300, blank=True)
    work = models.JSONField(default=list, blank=True)
    templates = models.JSONField(default=dict, blank=True, editable=False)
    notice_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    notice_late = models.BooleanField(default=False, editable=False)
    begun_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    opened_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    version = models.PositiveIntegerField(default=0, editable=False)

    MACHINE: ClassVar[Machine[Any]]

    class Meta:
        ordering = ("starts_at", "pk")
        verbose_name = _("maintenance window")
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "starts_at"],
                condition=Q(rule__isnull=False) & ~Q(state=WindowState.CANCELLED),
                name="maintenance_window_once",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="maintenance_window_ends_after_start",
                violation_error_message=_("The end must be later than the start."),
            ),
            models.CheckConstraint(
                condition=~Q(kind=WindowKind.MODE) | ~Q(why=""),
                name="maintenance_mode_has_reason",
                violation_error_message=_("Maintenance mode needs a reason."),
            ),
        ]
        indexes = [
            models.Index(
                fields=["system", "starts_at"],
                condition=Q(state__in=[WindowState.PLANNED, WindowState.RUNNING]),
                name="maintenance_window_ahead",
            )
        ]

    def __str__(self) -> str:
        return f"maintenance {self.pk}"


@personal(plain=("subject", "body", "template_key", "language"))
class MaintenanceMessage(models.Model):
    """What was said about a window at one stage: sent to contacts, and kept for the public status page."""

    window = models.ForeignKey(MaintenanceWindow, on_delete=models.CASCADE, related_name="messages")
    stage = models.CharField(max_length=12, choices=Stage)
    template_key = models.CharField(max_length=60)
    template_version = models.PositiveIntegerField()
    language = models.CharField(max_length=10, default="en")
    subject = models.CharField(max_length=200)
    body = models.TextField(max_length=10_000)
    recipient_count = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField()

    class Meta:
        ordering = ("sent_at", "pk")
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["window", "stage", "language"], name="maintenance_message_once")]

    def __str__(self) -> str:
        return f"maintenance message {self.pk}"
