"""What came in: alerts in their groups, the messages that brought them, and the monitors they are named after."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import ApiToken
from config.casework.catalogue.models import System
from config.casework.personal import Erasure, Subject, holds, personal
from integrations.signals.choices import AlertStatus, Paging, Source
from integrations.signals.querysets import AlertGroupQuerySet, AlertQuerySet

SEVERITY_LENGTH = 20
OUTSIDE_TEXT = holds(Subject.ANYONE, erase=Erasure.REVIEW)


@personal(plain=("key", "title", "metric", "severity", "playbook", "spec"))
class Monitor(models.Model):
    """A named condition of a runbook (INC-01); an alert whose `alertname` is its key takes severity, paging and playbook from it."""

    key = models.CharField(max_length=80, unique=True)
    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="monitors")
    title = models.CharField(max_length=200, blank=True)
    metric = models.CharField(max_length=120, blank=True)
    severity = models.CharField(max_length=20, blank=True, help_text=_("Key of a severity of the system."))
    page = models.CharField(max_length=20, choices=Paging, blank=True, help_text=_("Empty: as the severity says."))
    playbook = models.CharField(max_length=80, blank=True, help_text=_("Key of the procedure to walk."))
    spec = models.JSONField(default=dict, blank=True, help_text=_("The whole row of the runbook."))

    class Meta:
        ordering = ("key",)
        verbose_name = _("monitor")

    def __str__(self) -> str:
        return self.key


@personal(
    plain=("key_hash",), key=OUTSIDE_TEXT, receiver=OUTSIDE_TEXT, group_labels=OUTSIDE_TEXT, external_url=OUTSIDE_TEXT
)
class AlertGroup(models.Model):
    """The alerts a sender groups under one key, for one system. Without a system it stands in the list of unknown ones."""

    source = models.CharField(max_length=20, choices=Source, default=Source.ALERTMANAGER)
    key = models.TextField(help_text=_("The sender's own key, such as the groupKey of Alertmanager."))
    key_hash = models.CharField(max_length=64, editable=False)
    system = models.ForeignKey(System, on_delete=models.PROTECT, null=True, blank=True, related_name="alert_groups")
    receiver = models.CharField(max_length=200, blank=True)
    group_labels = models.JSONField(default=dict, blank=True)
    external_url = models.TextField(blank=True)
    truncated = models.PositiveIntegerField(default=0, help_text=_("Alerts the sender left out of its last message."))
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    objects = AlertGroupQuerySet.as_manager()

    class Meta:
        ordering = ("-last_at", "-pk")
        verbose_name = _("alert group")
        constraints = [
            models.UniqueConstraint(
                fields=["source", "key_hash", "system"], nulls_distinct=False, name="alert_group_once"
            ),
        ]
        indexes = [models.Index(fields=["-last_at"], condition=Q(system=None), name="alert_group_unknown")]

    def __str__(self) -> str:
        return f"alert group {self.pk}"

    @property
    def case_key(self) -> str:
        """What tells repeats of the same trouble: the sender's key within a system (at most 118 characters)."""
        return f"{self.source}:{self.key_hash}:{self.system.key if self.system else ''}"


@personal(
    plain=("fingerprint",),
    severity_hint=OUTSIDE_TEXT,
    labels=OUTSIDE_TEXT,
    annotations=OUTSIDE_TEXT,
    generator_url=OUTSIDE_TEXT,
    name=OUTSIDE_TEXT,
)
class Alert(models.Model):
    """One alert of a group as its sender last told it. Repeats count; they add no row."""

    group = models.ForeignKey(AlertGroup, on_delete=models.CASCADE, related_name="alerts")
    fingerprint = models.CharField(max_length=64)
    name = models.CharField(max_length=200, blank=True, help_text=_("The label alertname."))
    system = models.ForeignKey(System, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    monitor = models.ForeignKey(Monitor, on_delete=models.SET_NULL, null=True, blank=True, related_name="alerts")
    status = models.CharField(max_length=10, choices=AlertStatus.choices)
    severity_hint = models.CharField(
        max_length=SEVERITY_LENGTH,
        blank=True,
        help_text=_("Key of a severity of the system; empty: nothing named one."),
    )
    data_loss = models.BooleanField(default=False)
    labels = models.JSONField(default=dict, blank=True)
    annotations = models.JSONField(default=dict, blank=True)
    generator_url = models.TextField(blank=True)
    starts_at = models.DateTimeField(help_text=_("When the sender saw it begin; no clock counts from here."))
    ends_at = models.DateTimeField(null=True, blank=True)
    first_received_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1, help_text=_("Messages that named it."))

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ("-last_received_at", "-pk")
        verbose_name = _("alert")
        constraints = [
            models.UniqueConstraint(fields=["group", "fingerprint"], name="alert_once"),
            models.CheckConstraint(
                condition=Q(status=AlertStatus.FIRING, ends_at=None)
                | Q(status=AlertStatus.RESOLVED, ends_at__isnull=False),
                name="alert_resolved_has_end",
            ),
        ]

    def __str__(self) -> str:
        return f"alert {self.fingerprint}"

    @property
    def is_firing(self) -> bool:
        return self.status == AlertStatus.FIRING


@personal(plain=("digest", "references"), payload=holds(Subject.ANYONE, erase=Erasure.REVIEW, retention="P30D"))
class Delivery(models.Model):
    """A message as it came, unknown fields included; it goes after 30 days unless a case holds it."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    payload = models.JSONField()
    groups = models.ManyToManyField(AlertGroup, related_name="deliveries")
    token = models.ForeignKey(ApiToken, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    references = ArrayField(
        models.CharField(max_length=20), default=list, blank=True, help_text=_("The cases it belongs to.")
    )
    received_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=0, help_text=_("How often the very same message came."))
    expires_at = models.DateTimeField(null=True, blank=True, help_text=_("Empty while a case holds it."))

    class Meta:
        ordering = ("-last_received_at", "-pk")
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(expires_at__isnull=False), name="delivery_to_expire")
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"
