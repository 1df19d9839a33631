"""Playbook, checklist, deployment, rollback, drill: one concept, a procedure; a run is a snapshot of it."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.files.models import StoredFile
from config.casework.personal import FREE_TEXT, personal
from config.casework.versions import versioned
from incidents.procedures.choices import ProcedureKind, RunState, Stage, StepKind, StepState
from incidents.procedures.querysets import RunQuerySet, RunStepQuerySet

if TYPE_CHECKING:
    from incidents.deployments.models import Deployment
    from incidents.models import Incident


@personal(plain=("key", "title", "trigger", "monitors", "source", "extra"))
@versioned()
class Procedure(models.Model):
    """Ordered steps for a known situation, from a runbook; each change makes a new version."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="procedures")
    key = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=12, choices=ProcedureKind, default=ProcedureKind.PLAYBOOK)
    title = models.CharField(max_length=160)
    trigger = models.CharField(max_length=300, blank=True)
    monitors = models.JSONField(default=list, blank=True)
    ordered = models.BooleanField(default=False, help_text=_("Steps are ticked in sequence only."))
    source = models.CharField(max_length=120, blank=True)
    extra = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("system__name", "title")

    def __str__(self) -> str:
        return self.title


@personal(plain=("key", "text", "command", "template", "setting", "audience", "reason", "action", "expires", "extra"))
@versioned()
class ProcedureStep(models.Model):
    """One step of a procedure."""

    procedure = models.ForeignKey(Procedure, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=60, blank=True)
    kind = models.CharField(max_length=12, choices=StepKind)
    text = models.CharField(max_length=400)
    command = models.TextField(blank=True, help_text=_("For the operated system; shown with a copy button, never run."))
    setting = models.CharField(max_length=200, blank=True)
    template = models.CharField(max_length=60, blank=True, help_text=_("Key of the message template."))
    audience = models.CharField(max_length=20, blank=True)
    action = models.CharField(max_length=60, blank=True, help_text=_("Name of a desk action."))
    expires = models.CharField(max_length=20, blank=True, help_text=_("“required”: the measure needs an end."))
    approval = models.CharField(max_length=20, choices=Role, blank=True)
    optional = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    extra = models.JSONField(default=dict, blank=True, help_text=_("What the runbook says of the step beyond that."))

    class Meta:
        ordering = ("position",)
        constraints = [models.UniqueConstraint(fields=["procedure", "position"], name="procedure_step_place")]

    def __str__(self) -> str:
        return f"{self.procedure_id}.{self.position}"


@personal(plain=("title", "slot", "extra", "stage"), case="incident", let_go_reason=FREE_TEXT)
class Run(models.Model):
    """A procedure being worked: its steps as they were when it began.

    `slot` names what it was made for ("2026-03-09", "once", "INC-2026-000001"), so that the same is never made twice;
    `extra` is what the procedure said of itself then; `missed_at` stays when it is finished late.
    """

    procedure = models.ForeignKey(Procedure, on_delete=models.PROTECT, related_name="runs")
    procedure_version = models.PositiveIntegerField()
    incident = models.ForeignKey(
        "incidents.Incident", on_delete=models.CASCADE, null=True, blank=True, related_name="runs"
    )
    deployment = models.ForeignKey(
        "incidents.Deployment", on_delete=models.CASCADE, null=True, blank=True, related_name="runs"
    )
    stage = models.CharField(max_length=14, choices=Stage, blank=True, default="")
    title = models.CharField(max_length=160)
    ordered = models.BooleanField(default=False)
    extra = models.JSONField(default=dict, blank=True)
    slot = models.CharField(max_length=40, blank=True, default="", editable=False)
    assigned_to = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    due_at = models.DateTimeField(null=True, blank=True)
    missed_at = models.DateTimeField(null=True, blank=True, editable=False)
    backup_at = models.DateTimeField(
        _("newest backup"), null=True, blank=True, help_text=_("Its age is what would be lost.")
    )
    state = models.CharField(max_length=10, choices=RunState, default=RunState.ACTIVE)
    started_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    let_go_reason = models.CharField(max_length=300, blank=True, default="")
    gate_opened_at = models.DateTimeField(null=True, blank=True, editable=False)
    gate_opened_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ("started_at", "pk")
        permissions = [("open_gate", "Can open a gate that a checklist guards")]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state=RunState.ACTIVE), name="run_due"),
            models.Index(fields=["procedure", "-finished_at"], name="run_proven"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["procedure", "slot"], condition=~Q(slot=""), name="run_once_per_slot"),
            models.UniqueConstraint(
                fields=["deployment", "procedure"],
                condition=Q(state=RunState.ACTIVE, deployment__isnull=False),
                name="run_one_active_of_deployment",
            ),
            models.UniqueConstraint(
                fields=["incident", "procedure"],
                condition=Q(state=RunState.ACTIVE, incident__isnull=False),
                name="run_one_active",
            ),
            models.CheckConstraint(
                condition=Q(state=RunState.ACTIVE, finished_at=None)
                | (~Q(state=RunState.ACTIVE) & Q(finished_at__isnull=False)),
                name="run_finished_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def case_root(self) -> "Incident | Deployment | None":
        return self.incident or self.deployment

    @property
    def subject(self) -> "Incident | Deployment | Run":
        """What the trail and files of the run belong to: its case, else the run itself."""
        return self.case_root or self

    @property
    def objectives(self) -> dict[str, int]:
        """What recovery promised: rto_minutes, rpo_minutes, rpo_hours."""
        found: dict[str, int] = self.extra.get("objectives", {})
        return found


@personal(
    plain=(
        "key",
        "text",
        "command",
        "setting",
        "template",
        "audience",
        "action",
        "expires",
        "reason",
        "extra",
        "answer",
    ),
    case="run__incident",
    note=FREE_TEXT,
    skip_reason=FREE_TEXT,
    evidence=FREE_TEXT,
)
class RunStep(models.Model):
    """A step of a run: who ticked or skipped it, when, with what note and evidence."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=60, blank=True)
    kind = models.CharField(max_length=12, choices=StepKind)
    text = models.CharField(max_length=400)
    command = models.TextField(blank=True)
    setting = models.CharField(max_length=200, blank=True)
    template = models.CharField(max_length=60, blank=True)
    audience = models.CharField(max_length=20, blank=True)
    action = models.CharField(max_length=60, blank=True)
    expires = models.CharField(max_length=20, blank=True)
    approval = models.CharField(max_length=20, choices=Role, blank=True)
    optional = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=StepState, default=StepState.OPEN)
    done_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    done_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True, max_length=5_000)
    skip_reason = models.CharField(max_length=300, blank=True)
    evidence = models.CharField(max_length=500, blank=True, help_text=_("Link or name of the attached file."))
    evidence_file = models.ForeignKey(
        StoredFile, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    extra = models.JSONField(default=dict, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    failed = models.BooleanField(default=False, help_text=_("It was looked at, and it is not as it should be."))
    answer = models.CharField(max_length=60, blank=True, default="", help_text=_("What was decided."))
    valid_until = models.DateTimeField(null=True, blank=True, help_text=_("The evidence counts until then."))
    mitigation = models.ForeignKey(
        "incidents.Mitigation", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )

    objects = RunStepQuerySet.as_manager()

    class Meta:
        ordering = ("position",)
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="run_step_place"),
            models.CheckConstraint(
                condition=Q(state=StepState.OPEN, done_at=None) | (~Q(state=StepState.OPEN) & Q(done_at__isnull=False)),
                name="run_step_done_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state=StepState.SKIPPED) | ~Q(skip_reason=""), name="run_step_skip_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.run_id} step {self.position}"
