"""Begin a run: a snapshot of a procedure, which later edits of the procedure do not change (INC-45)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from config.casework.access.actors import Actor, actor_user
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.catalogue.fields import parse_duration
from incidents.deployments.models import Deployment
from incidents.models import Incident
from incidents.procedures.choices import ProcedureKind, RunState, Stage
from incidents.procedures.models import Procedure, ProcedureStep, Run, RunStep

SNAPSHOT: Final = (
    "position", "key", "kind", "text", "command", "setting", "template", "audience", "action", "expires", "approval", "optional", "reason",
    "extra",
)  # fmt: skip
CHANGE: Final = "incidents.change_run"


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """What a run is begun for, beside the procedure.

    Attributes:
        stage: its part in a deployment.
        slot: what it is made for; the same procedure is never begun twice for one slot.
        counted_from: instant that marks in minutes count from; the beginning when left out.
        planned_for: instant that offsets such as -P7D count from; `counted_from` when left out.
        due_at: when it counts as missed; else what the recovery objective gives.
        values: what stands for {target_version} and the like in commands.
    """

    incident: Incident | None = None
    deployment: Deployment | None = None
    stage: Stage | None = None
    slot: str = ""
    assigned_to: User | None = None
    counted_from: datetime | None = None
    planned_for: datetime | None = None
    due_at: datetime | None = None
    backup_at: datetime | None = None
    values: Mapping[str, str] = field(default_factory=dict)


def start_run(
    procedure: Procedure,
    *,
    actor: Actor,
    at: datetime,
    incident: Incident | None = None,
    occasion: Occasion | None = None,
) -> Run:
    """Copy a procedure's steps into a run, to be ticked; the one already under way is returned instead of a second.

    Args:
        occasion: what it is for, when that is more than an incident.
    Raises:
        ValidationError: the procedure belongs to another system than the case, or is out of use.
        PermissionDenied: the actor may not work this case.
    """
    begun = occasion or Occasion(incident=incident)
    run, _new = begin(procedure, begun, actor=actor, at=at)
    return run


def begin(procedure: Procedure, occasion: Occasion, *, actor: Actor, at: datetime) -> tuple[Run, bool]:
    """As `start_run`; also says whether the run is new."""
    case = occasion.incident or occasion.deployment
    require(actor, CHANGE, case)
    if case is not None and procedure.system_id != case.system_id:
        raise ValidationError({"procedure": _("This procedure belongs to another system.")})
    if not procedure.is_active:
        raise ValidationError({"procedure": _("This procedure is out of use.")})
    try:
        with transaction.atomic():
            run = _create(procedure, occasion, actor=actor, at=at)
            record(
                run.subject,
                "run.started",
                actor=actor,
                at=at,
                about=run,
                detail={"procedure": procedure.key, "version": procedure.version, "slot": occasion.slot},
            )
            is_playbook = procedure.kind == ProcedureKind.PLAYBOOK
            if occasion.incident is not None and occasion.incident.playbook_id is None and is_playbook:
                Incident.objects.filter(pk=occasion.incident.pk, playbook=None).update(playbook=procedure)
    except IntegrityError:
        return _present(procedure, occasion), False
    return run, True


def _create(procedure: Procedure, occasion: Occasion, *, actor: Actor, at: datetime) -> Run:
    run = Run.objects.create(
        procedure=procedure,
        procedure_version=procedure.version,
        incident=occasion.incident,
        deployment=occasion.deployment,
        stage=occasion.stage or "",
        title=procedure.title,
        ordered=procedure.ordered,
        extra=procedure.extra,
        slot=occasion.slot,
        assigned_to=occasion.assigned_to,
        due_at=occasion.due_at or _objective(procedure, at),
        backup_at=occasion.backup_at,
        started_by=actor_user(actor),
        started_at=at,
    )
    steps = [
        RunStep(run=run, **{name: getattr(step, name) for name in SNAPSHOT})
        for step in ProcedureStep.objects.filter(procedure=procedure).order_by("position")
    ]
    counted_from = occasion.counted_from or at
    for step in steps:
        step.command = filled(step.command, occasion.values)
        step.due_at = _due(step.extra, counted_from, occasion.planned_for or counted_from)
    RunStep.objects.bulk_create(steps)
    return run


def filled(command: str, values: Mapping[str, str]) -> str:
    """A command with its named places filled; other braces stay as they are."""
    for name, value in values.items():
        command = command.replace(f"{{{name}}}", value)
    return command


def _present(procedure: Procedure, occasion: Occasion) -> Run:
    """The run that stood in the way."""
    rows = Run.objects.filter(procedure=procedure)
    if occasion.slot:
        found: Run | None = rows.filter(slot=occasion.slot).first()
        if found is not None:
            return found
    return rows.get(incident=occasion.incident, deployment=occasion.deployment, state=RunState.ACTIVE)


def _objective(procedure: Procedure, at: datetime) -> datetime | None:
    """When recovery has to be done: the objective counts from the beginning (INC-78, INC-90)."""
    minutes = procedure.extra.get("objectives", {}).get("rto_minutes")
    return at + timedelta(minutes=minutes) if minutes else None


def _due(extra: Mapping[str, Any], counted_from: datetime, planned_for: datetime) -> datetime | None:
    """When a step is due: its phase ends, its time after the start, or its distance from the planned start."""
    ends = (extra.get("minutes") or [None, None])[1]
    if ends is not None:
        return counted_from + timedelta(minutes=ends)
    if extra.get("due"):
        return counted_from + parse_duration(extra["due"])
    offset = extra.get("due_offset", "")
    if offset.startswith("-"):
        return planned_for - parse_duration(offset[1:])
    return planned_for + parse_duration(offset) if offset else None
