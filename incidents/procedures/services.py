"""Start a procedure and work its steps. A run is a snapshot: later edits of the procedure do not change it."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.transitions import Refused
from incidents.models import Incident
from incidents.procedures.choices import RunState, StepKind, StepState
from incidents.procedures.models import Procedure, ProcedureStep, Run, RunStep

SNAPSHOT = (
    "position", "key", "kind", "text", "command", "setting", "template", "audience", "action", "expires", "approval", "optional", "reason",
)  # fmt: skip
CHANGE = "incidents.change_run"


def start_run(procedure: Procedure, *, actor: User | None, at: datetime, incident: Incident | None = None) -> Run:
    """Copy a procedure's steps into a run, to be ticked; the one already under way is returned instead of a second.

    Raises:
        ValidationError: the procedure belongs to another system than the incident.
        PermissionDenied: the actor may not work this incident.
    """
    require(actor, CHANGE, incident)
    if incident is not None and procedure.system_id != incident.system_id:
        raise ValidationError({"procedure": _("This procedure belongs to another system.")})
    try:
        with transaction.atomic():
            run = Run.objects.create(
                procedure=procedure,
                procedure_version=procedure.version,
                incident=incident,
                title=procedure.title,
                ordered=procedure.ordered,
                started_by=actor,
                started_at=at,
            )
            RunStep.objects.bulk_create(
                RunStep(run=run, **{name: getattr(step, name) for name in SNAPSHOT})
                for step in ProcedureStep.objects.filter(procedure=procedure).order_by("position")
            )
            record(
                incident or run,
                "run.started",
                actor=actor,
                at=at,
                about=run,
                detail={"procedure": procedure.key, "version": procedure.version},
            )
            if incident is not None and incident.playbook_id is None:
                Incident.objects.filter(pk=incident.pk, playbook=None).update(playbook=procedure)
    except IntegrityError:
        return Run.objects.get(procedure=procedure, incident=incident, state=RunState.ACTIVE)
    return run


def tick(step: RunStep, *, actor: User, at: datetime, note: str = "", evidence: str = "") -> RunStep:
    """Mark a step done.

    Raises:
        Refused: ticked already, out of order, needs a role's word, or the run is over.
        PermissionDenied: the actor may not work this incident.
    """
    return _settle(step, StepState.DONE, actor=actor, at=at, note=note, evidence=evidence)


def skip(step: RunStep, *, actor: User, at: datetime, reason: str) -> RunStep:
    """Pass a step over, with the reason.

    Raises:
        ValidationError: no reason.
        Refused, PermissionDenied: as `tick`.
    """
    if not reason.strip():
        raise ValidationError({"skip_reason": _("Say why this step is skipped.")})
    return _settle(step, StepState.SKIPPED, actor=actor, at=at, skip_reason=reason.strip())


def annotate(step: RunStep, *, actor: User, at: datetime, note: str) -> RunStep:
    """Add a note to a step, settled or not; an earlier note stays.

    Raises:
        ValidationError: no words.
        PermissionDenied: the actor may not work this incident.
    """
    require(actor, CHANGE, step.run.incident)
    if not note.strip():
        raise ValidationError({"note": _("Write something, or leave it.")})
    with transaction.atomic():
        row = RunStep.objects.select_for_update(of=("self",)).get(pk=step.pk)
        row.note = "\n".join(part for part in (row.note, note.strip()) if part)
        row.clean_fields(exclude={"run", "done_by"})
        row.save(update_fields=["note"])
        record(
            step.run.incident or step.run,
            "run_step.noted",
            actor=actor,
            at=at,
            about=row,
            fields=["note"],
            detail={"step": row.position},
        )
    step.refresh_from_db()
    return step


def _settle(step: RunStep, state: StepState, *, actor: User, at: datetime, **values: str) -> RunStep:
    require(actor, CHANGE, step.run.incident)
    with transaction.atomic():
        run = Run.objects.select_for_update(of=("self",)).get(pk=step.run_id)
        row = RunStep.objects.select_for_update(of=("self",)).get(pk=step.pk)
        _refuse_unfit(run, row, state, actor)
        row.state, row.done_by, row.done_at = state, actor, at
        for name, value in values.items():
            setattr(row, name, value.strip())
        row.full_clean(exclude={"run", "done_by"})
        row.save()
        record(
            run.incident or run,
            f"run_step.{state}",
            actor=actor,
            at=at,
            about=row,
            detail={"step": row.position, "kind": row.kind},
        )
        if not run.steps.filter(state=StepState.OPEN).exclude(kind=StepKind.POLICY).exists():
            run.state, run.finished_at = RunState.FINISHED, at
            run.save(update_fields=["state", "finished_at"])
            record(
                run.incident or run,
                "run.finished",
                actor=actor,
                at=at,
                about=run,
                detail={"procedure": run.procedure.key},
            )
    step.refresh_from_db()
    return step


def _refuse_unfit(run: Run, row: RunStep, state: StepState, actor: User) -> None:
    if run.state != RunState.ACTIVE:
        raise Refused(_("This run is over."))
    if row.state != StepState.OPEN:
        who = row.done_by.get_full_name() if row.done_by else _("somebody")
        raise Refused(_("This step was settled already by %(who)s.") % {"who": who})
    earlier = (
        run.steps.filter(position__lt=row.position, state=StepState.OPEN).exclude(kind=StepKind.POLICY).first()
        if run.ordered
        else None
    )
    if earlier is not None:
        raise Refused(_("These steps are done in order. First: %(step)s") % {"step": earlier.text})
    if state == StepState.DONE and row.approval and row.approval not in actor.roles:
        raise Refused(_("This step needs the word of the %(role)s.") % {"role": row.get_approval_display()})
