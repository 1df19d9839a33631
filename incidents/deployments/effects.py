"""What follows from a step of a deployment: lists begin, clocks run, open lists end."""

from datetime import datetime

from config.casework.access.actors import Actor
from config.casework.audit.services import record
from config.casework.deadlines import services as deadlines
from config.casework.transitions import Step
from incidents.deployments.choices import ROLL_BACK_CLOCK
from incidents.deployments.models import Deployment
from incidents.deployments.selectors import procedures_for, runs_of
from incidents.procedures.choices import RunState, Stage
from incidents.procedures.models import Run
from incidents.procedures.runs import Occasion, begin


def started(step: Step[Deployment]) -> None:
    begin_stage(step.obj, Stage.STEPS, actor=step.actor, at=step.at)


def watched(step: Step[Deployment]) -> None:
    begin_stage(step.obj, Stage.WATCH, actor=step.actor, at=step.at)


def rolling_back(step: Step[Deployment]) -> None:
    """The way back begins, and its clock with it; what was open is put aside (INC-77, INC-78)."""
    put_aside(step.obj, actor=step.actor, at=step.at)
    Deployment.objects.filter(pk=step.obj.pk).update(closed_at=None)
    runs = begin_stage(step.obj, Stage.ROLLBACK, actor=step.actor, at=step.at)
    ends = [run.due_at for run in runs if run.due_at is not None]
    if ends:
        deadlines.start(
            step.obj,
            ROLL_BACK_CLOCK,
            at=step.at,
            due_at=min(ends),
            steps=[{"rule": "recovery time objective", "at": min(ends).isoformat()}],
        )


def rolled_back(step: Step[Deployment]) -> None:
    deadlines.meet(step.obj, ROLL_BACK_CLOCK, at=step.at)


def called_off(step: Step[Deployment]) -> None:
    put_aside(step.obj, actor=step.actor, at=step.at)


def begin_stage(deployment: Deployment, stage: Stage, *, actor: Actor, at: datetime) -> list[Run]:
    """Begin all lists of a stage, with the versions of this deployment in their commands."""
    occasion = Occasion(
        deployment=deployment,
        stage=stage,
        backup_at=deployment.backup_at if stage == Stage.ROLLBACK else None,
        values={"target_version": deployment.version_tag, "previous_version": deployment.previous_version},
    )
    return [begin(procedure, occasion, actor=actor, at=at)[0] for procedure in procedures_for(deployment.system, stage)]


def put_aside(deployment: Deployment, *, actor: Actor, at: datetime) -> None:
    """End the lists that are still open."""
    for stage in Stage:
        for run in runs_of(deployment, stage):
            if run.state == RunState.ACTIVE:
                run.state, run.finished_at = RunState.ABANDONED, at
                run.save(update_fields=["state", "finished_at"])
                record(deployment, "run.put_aside", actor=actor, at=at, about=run)
