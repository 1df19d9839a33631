"""The section of a runbook file that lists the monitors of a system (spec: one row per trigger of the sources)."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.casework.catalogue.fields import Key, Line, PositiveDuration, RunbookModel
from config.casework.catalogue.models import System
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register
from integrations.signals import monitors
from integrations.signals.models import Monitor as MonitorRow

type Unit = Literal[
    "ratio",
    "error_ratio",
    "seconds",
    "milliseconds",
    "business_days",
    "days",
    "count",
    "event",
    "bool",
    "bytes",
    "MB",
    "GB",
    "cores",
    "enum",
]
type Comparison = Literal["<", "<=", "==", ">=", ">"]
type Aggregation = Literal["avg", "max", "min", "p50", "p90", "p95", "p99", "sum"]
type Action = Literal[
    "advise_job_details_and_api_status", "advise_manual_action", "advise_signature_and_failed_events", "alert", "alert_by_other_channel", "archive",
    "attach_playbook", "block_deployment", "block_deployment_with_migration", "block_done", "capacity_warning", "ceo_stakeholder_task",
    "check_worker", "create_calendar_event", "create_icims_note", "deterministic_parser_only", "else_manual_outreach", "enter_degraded",
    "enter_hard_down", "escalate_by_matrix", "escalate_ceo", "escalate_cto", "flag_missing_notice", "flag_phase_overdue",
    "investigate_bottleneck", "mark_failed", "mark_objective_missed", "mark_slo_missed", "mark_under_review", "open_case", "open_dispute",
    "open_gdpr_request", "open_incident", "page", "page_primary", "page_secondary", "prune_log", "purge_copy", "purge_log", "refuse_upload",
    "require_joint_decision", "require_manual_confirmation", "retry_backoff_3", "rotate_oncall", "set_needs_attention",
    "show_billing_unavailable", "show_on_ops", "start_clock_72h", "status_critical", "status_degraded", "suggest_channel_failover",
    "switch_channel_if_consent_and_contact", "transcript_first_packet", "update_request_status",
]  # fmt: skip


class Objective(RunbookModel):
    """The service level objective that a monitor guards."""

    sli: Line
    target: Annotated[float, Field(gt=0, lt=1)] | None = None
    target_seconds: Annotated[float, Field(gt=0)] | None = None
    window: PositiveDuration

    @model_validator(mode="after")
    def _one_target(self) -> "Objective":
        if (self.target is None) == (self.target_seconds is None):
            raise ValueError("needs exactly one of target and target_seconds")
        return self


class Monitor(RunbookModel):
    """What is watched, and what happens when the comparison holds.

    Attributes:
        comparison, threshold: the condition that fires; exactly at the threshold only where the comparison says so.
        window: span the value is computed over.
        hold: how long the condition must hold (key `for`); exit_for: how long it must be over.
        severity: None: opens no incident of its own.
        page: None: the severity's own paging.
        min_samples: fewer samples in the window do not fire; ratios that name none need 20.
        label: value of the label `severity` in the source's rule file.
        proposed: values that are ours, not the source's.
    """

    id: Key
    metric: Line
    unit: Unit
    comparison: Comparison
    threshold: int | float | Line
    aggregation: Aggregation | None = None
    window: PositiveDuration | None = None
    hold: Annotated[PositiveDuration | None, Field(alias="for")] = None
    exit_for: PositiveDuration | None = None
    integration: Key | None = None
    labels: dict[Line, Line] = {}
    label: Line | None = None
    clock: Literal["round_the_clock", "business_hours"] | None = None
    limit: int | float | None = None
    warn_at: int | float | None = None
    min_samples: Annotated[int, Field(ge=1)] | None = None
    min_failures: Annotated[int, Field(ge=1)] | None = None
    severity: Key | None = None
    page: Literal["always", "business_hours", "never"] | None = None
    playbook: Key | None = None
    action: Annotated[list[Action], Field(min_length=1)]
    slo: Objective | None = None
    setting: Line | None = None
    source: Line | None = None
    proposed: list[Line] = []
    note: Line | None = None

    @model_validator(mode="after")
    def _values_fit(self) -> "Monitor":
        if isinstance(self.threshold, str) != (self.unit == "enum"):
            raise ValueError("the threshold is a word for the unit enum and a number for all others")
        if (
            isinstance(self.threshold, int | float)
            and self.unit in ("ratio", "error_ratio")
            and not 0 <= self.threshold <= 1
        ):
            raise ValueError(f"the threshold of a ratio lies between 0 and 1, not at {self.threshold}")
        return self


def _check_monitors(parsed: list[Monitor], context: Context) -> Iterator[Finding]:
    system = context.section("system")
    rows = MonitorRow.objects.filter(key__in=[monitor.id for monitor in parsed])
    taken = dict(rows.exclude(system__key=system.key if system else "").values_list("key", "system__key"))
    for index, monitor in enumerate(parsed):
        if monitor.id in taken:
            yield Finding((index, "id"), f"{monitor.id!r} is a monitor of {taken[monitor.id]} already")
        if monitor.severity:
            yield from context.unknown(monitor.severity, section="severities", location=(index, "severity"))
        if level := monitor.labels.get("severity"):
            yield from context.unknown(level, section="severities", location=(index, "labels", "severity"))
        if monitor.playbook:
            yield from context.unknown(monitor.playbook, section="playbooks", location=(index, "playbook"))


def _load_monitors(system: System, parsed: list[Monitor], context: Context) -> Changes:
    return monitors.load(system, MONITORS.dump(parsed))


def _export_monitors(system: System) -> list[Monitor] | None:
    return [Monitor.model_validate(row.spec) for row in system.monitors.order_by("pk")] or None


MONITORS: Section[list[Monitor]] = register(
    Section(
        key="monitors",
        schema=list[Monitor],
        load=_load_monitors,
        export=_export_monitors,
        order=70,
        check=_check_monitors,
        shared=True,
    )
)
