"""Durable work: rows that own their state and attempts. A queue task only says "look"."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.personal import personal
from config.casework.work.choices import JobState


@personal(plain=("kind", "key", "arguments", "last_error", "parked_reason", "trace_id"))
class Job(models.Model):
    """One piece of work. `arguments` are ids and coded values only, never personal data.

    `attempts` is committed before an attempt starts, so a worker that dies counts. `lease_until` is real time of the
    database: a running row whose lease ran out lost its worker.
    """

    kind = models.CharField(max_length=60)
    key = models.CharField(max_length=200, unique=True, help_text=_("Idempotency key: the same work is kept once."))
    arguments = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.DUE)
    next_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    deaths = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    parked_reason = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    trace_id = models.CharField(max_length=55, blank=True)

    class Meta:
        verbose_name = _("job")
        indexes = [
            models.Index(fields=["next_at", "id"], condition=Q(state=JobState.DUE), name="job_due"),
            models.Index(fields=["kind", "next_at"], condition=Q(state=JobState.DUE), name="job_due_of_kind"),
            models.Index(fields=["lease_until"], condition=Q(state=JobState.RUNNING), name="job_running"),
            models.Index(fields=["kind"], condition=Q(state=JobState.PARKED), name="job_parked"),
            models.Index(fields=["finished_at"], condition=Q(state=JobState.DONE), name="job_done"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state=JobState.DUE) | Q(next_at__isnull=False), name="job_due_has_time"
            ),
            models.CheckConstraint(
                condition=~Q(state=JobState.RUNNING) | Q(lease_until__isnull=False), name="job_running_has_lease"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


@personal(plain=("name",))
class Heartbeat(models.Model):
    """When a part of the desk last finished its round (real time)."""

    name = models.CharField(max_length=40, primary_key=True)
    beat_at = models.DateTimeField()

    class Meta:
        db_table = "casework_heartbeat"

    def __str__(self) -> str:
        return self.name
