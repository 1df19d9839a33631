"""Work the steps of a run: tick, say that it failed, decide, skip, note, renew, let go."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.catalogue.fields import parse_duration
from config.casework.events import publish
from config.casework.files.services import Upload, store
from config.casework.transitions import Refused
from incidents.events import RunFinished
from incidents.models import Mitigation
from incidents.procedures import actions
from incidents.procedures.choices import RunState, StepKind, StepState
from incidents.procedures.models import Run, RunStep
from incidents.procedures.rules import holds_up, refuse_unfit
from incidents.procedures.runs import CHANGE, Occasion, begin, start_run
from incidents.services import apply_mitigation

OPEN_GATE = "incidents.open_gate"

__all__ = [
    "CHANGE", "Evidence", "Occasion", "annotate", "begin", "let_go", "open_gate", "perform", "renew", "skip", "start_run", "tick",
]  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """A file that proves a step; it is encrypted and kept with the case, or with the run when there is none."""

    upload: Upload
    name: str


def tick(
    step: RunStep,
    *,
    actor: User,
    at: datetime,
    note: str = "",
    evidence: str = "",
    file: Evidence | None = None,
    answer: str = "",
    failed: bool = False,
    expires_at: datetime | None = None,
) -> RunStep:
    """Mark a step done, or answer a decision.

    Args:
        evidence: a link, or where the proof lies.
        file: a file that proves it.
        answer: one of the options of a decision; steps that depend on another answer are put aside.
        failed: it was looked at and is not as it should be; the note says what.
        expires_at: aware end of a measure that must be taken back; its clock starts (INC-21). May be left out when the
            measure was recorded on the incident since the run began: then that one is meant.
    Raises:
        Refused: ticked already, out of order, needs a role's word, or the run is over.
        ValidationError: keyed by field: answer, expires_at, evidence, note.
        PermissionDenied: the actor may not work this case.
    """
    values = {"note": note, "evidence": evidence, "answer": answer}
    with transaction.atomic():
        run, row = _locked(step, actor)
        refuse_unfit(run, row, StepState.DONE, actor=actor, at=at)
        if row.expires and run.incident is not None and expires_at is None and not failed:
            row.mitigation = _recorded_measure(run, row)
        _demand(row, values, has_file=file is not None, failed=failed)
        if file is not None:
            row.evidence_file = store(run.subject, file.upload, name=file.name, actor=actor, at=at)  # type: ignore[arg-type]
        if expires_at is not None and row.expires and run.incident is not None:
            row.mitigation = apply_mitigation(
                run.incident, actor=actor, text=row.text[:200], at=at, temporary=True, expires_at=expires_at
            )
        row.failed = failed
        row.valid_until = None if failed else _valid_until(row, at)
        _settle(run, row, StepState.DONE, actor=actor, at=at, **values)
        if row.answer:
            _put_aside(run, row, actor=actor, at=at)
        _finish_when_settled(run, actor=actor, at=at)
    step.refresh_from_db()
    return step


def skip(step: RunStep, *, actor: User, at: datetime, reason: str) -> RunStep:
    """Pass a step over, with the reason.

    Raises:
        ValidationError: no reason.
        Refused, PermissionDenied: as `tick`.
    """
    if not reason.strip():
        raise ValidationError({"skip_reason": _("Say why this step is skipped.")})
    with transaction.atomic():
        run, row = _locked(step, actor)
        refuse_unfit(run, row, StepState.SKIPPED, actor=actor, at=at)
        row.failed = False
        _settle(run, row, StepState.SKIPPED, actor=actor, at=at, skip_reason=reason)
        _finish_when_settled(run, actor=actor, at=at)
    step.refresh_from_db()
    return step


def annotate(step: RunStep, *, actor: User, at: datetime, note: str) -> RunStep:
    """Add a note to a step, settled or not; an earlier note stays.

    Raises:
        ValidationError: no words.
        PermissionDenied: the actor may not work this case.
    """
    if not note.strip():
        raise ValidationError({"note": _("Write something, or leave it.")})
    with transaction.atomic():
        run, row = _locked(step, actor)
        row.note = _joined(row.note, note)
        row.clean_fields(exclude={"run", "done_by"})
        row.save(update_fields=["note"])
        _record(run, row, "noted", actor, at, fields=["note"])
    step.refresh_from_db()
    return step


def renew(
    step: RunStep, *, actor: User, at: datetime, evidence: str = "", note: str = "", file: Evidence | None = None
) -> RunStep:
    """Prove again an item whose evidence ends; what was kept before stays in the notes and the trail.

    Raises:
        Refused: it was never proven, or its evidence does not end.
        ValidationError: no evidence.
        PermissionDenied: the actor may not work this case.
    """
    with transaction.atomic():
        run, row = _locked(step, actor)
        if run.state == RunState.ABANDONED or row.state != StepState.DONE or row.valid_until is None:
            raise Refused(_("There is no evidence here that could be renewed."))
        _demand_evidence(row, {"evidence": evidence, "note": note}, has_file=file is not None)
        if file is not None:
            row.evidence_file = store(run.subject, file.upload, name=file.name, actor=actor, at=at)  # type: ignore[arg-type]
        row.valid_until = _valid_until(row, at)
        row.evidence = evidence.strip() or row.evidence
        row.note = _joined(row.note, note)
        row.done_by, row.done_at = actor, at
        row.clean_fields(exclude={"run", "done_by"})
        row.save()
        _record(run, row, "renewed", actor, at, fields=["evidence"])
    step.refresh_from_db()
    return step


def perform(step: RunStep, *, actor: User, at: datetime) -> str:
    """Do the desk action of a step, and tick it with what was done.

    Returns:
        the sentence that says what was done.
    Raises:
        Refused: there is no such action, it is not the step's turn, or the action itself refuses.
        PermissionDenied: the actor may not do it.
    """
    action = actions.find(step.action)
    if action is None or action.perform is None:
        raise Refused(_("The desk has no act “%(name)s”.") % {"name": step.action})
    with transaction.atomic():
        run, row = _locked(step, actor)
        refuse_unfit(run, row, StepState.DONE, actor=actor, at=at)
        require(actor, action.permission, run.case_root)
        said = action.perform(row, actor, at)
        tick(row, actor=actor, at=at, note=said)
    step.refresh_from_db()
    return said


def let_go(run: Run, *, actor: User, at: datetime, reason: str) -> Run:
    """End a run that nobody will finish, with the reason.

    Raises:
        ValidationError: no reason.
        Refused: it is over, or part of a deployment.
        PermissionDenied: the actor may not work this case.
    """
    if not reason.strip():
        raise ValidationError({"let_go_reason": _("Say why it is not finished.")})
    with transaction.atomic():
        row = _locked_run(run.pk, actor)
        if row.state != RunState.ACTIVE:
            raise Refused(_("This run is over."))
        if row.stage:
            raise Refused(_("It is part of a deployment. End the deployment instead."))
        row.state, row.finished_at, row.let_go_reason = RunState.ABANDONED, at, reason.strip()
        row.clean_fields(exclude={column.name for column in row._meta.concrete_fields} - {"let_go_reason"})
        row.save(update_fields=["state", "finished_at", "let_go_reason"])
        record(row.subject, "run.let_go", actor=actor, at=at, about=row, detail={"procedure": row.procedure.key})
    run.refresh_from_db()
    return run


def missing_for_gate(run: Run, at: datetime) -> list[RunStep]:
    """What stands between a checklist and its gate: items not done, failed, or proven too long ago."""
    return [
        step
        for step in run.steps.exclude(kind=StepKind.POLICY).order_by("position")
        if step.state != StepState.DONE or step.failed or (step.valid_until is not None and step.valid_until <= at)
    ]


def open_gate(run: Run, *, actor: User, at: datetime) -> Run:
    """Open what a checklist guards, such as the go-live flag; only with every item proven (INC-66).

    Raises:
        Refused: naming what is missing; or it guards nothing, or is open.
        PermissionDenied: the actor may not open gates.
    """
    require(actor, OPEN_GATE, run.case_root)
    with transaction.atomic():
        row = _locked_run(run.pk, actor)
        if not row.extra.get("gate"):
            raise Refused(_("This list guards no gate."))
        if row.gate_opened_at is not None:
            raise Refused(_("It is open already."))
        missing = missing_for_gate(row, at)
        if missing:
            raise Refused(
                _("%(done)d of %(all)d are proven. Missing: %(items)s")
                % {
                    "done": row.steps.count() - len(missing),
                    "all": row.steps.count(),
                    "items": "; ".join(step.text for step in missing),
                }
            )
        row.gate_opened_at, row.gate_opened_by = at, actor
        row.save(update_fields=["gate_opened_at", "gate_opened_by"])
        record(row.subject, "run.gate_opened", actor=actor, at=at, about=row, detail={"procedure": row.procedure.key})
    run.refresh_from_db()
    return run


def _locked(step: RunStep, actor: User) -> tuple[Run, RunStep]:
    run = _locked_run(step.run_id, actor)
    return run, RunStep.objects.select_for_update(of=("self",)).get(pk=step.pk)


def _locked_run(pk: int, actor: User) -> Run:
    rows = Run.objects.select_for_update(of=("self",)).select_related("procedure", "incident", "deployment")
    run: Run = rows.get(pk=pk)
    require(actor, CHANGE, run.case_root)
    return run


def _recorded_measure(run: Run, row: RunStep) -> Mitigation:
    """The temporary measure that was recorded beside the run and belongs to no other step.

    Raises:
        ValidationError: there is none, so the end must be said now.
    """
    taken = RunStep.objects.filter(mitigation__isnull=False).values("mitigation")
    rows = Mitigation.objects.filter(incident=run.incident, temporary=True, reverted_at=None).exclude(pk__in=taken)
    found: Mitigation | None = rows.filter(applied_at__gte=run.started_at).order_by("-applied_at", "-pk").first()
    if found is None:
        raise ValidationError({"expires_at": _("This measure needs an end. Say when it is taken back.")})
    return found


def _demand(row: RunStep, values: dict[str, str], *, has_file: bool, failed: bool) -> None:
    options = row.extra.get("options", [])
    if row.kind == StepKind.DECISION and values["answer"] not in options:
        raise ValidationError({"answer": _("Choose one: %(options)s.") % {"options": ", ".join(options)}})
    if row.kind != StepKind.DECISION and values["answer"]:
        raise ValidationError({"answer": _("There is nothing to decide in this step.")})
    if failed and not values["note"].strip():
        raise ValidationError({"note": _("Say what is not as it should be.")})
    if not failed:
        _demand_evidence(row, values, has_file=has_file)


def _demand_evidence(row: RunStep, values: dict[str, str], *, has_file: bool) -> None:
    if row.extra.get("evidence") and not has_file and not values["evidence"].strip():
        raise ValidationError({"evidence": _("This item needs evidence: a link, where it lies, or a file.")})


def _valid_until(row: RunStep, at: datetime) -> datetime | None:
    return at + parse_duration(row.extra["valid"]) if row.extra.get("valid") else None


def _settle(run: Run, row: RunStep, state: StepState, *, actor: User, at: datetime, **values: str) -> None:
    note = values.pop("note", "")
    row.state, row.done_by, row.done_at = state, actor, at
    row.note = _joined(row.note, note)
    for name, value in values.items():
        setattr(row, name, value.strip())
    row.full_clean(exclude={"run", "done_by"})
    row.save()
    action = "failed" if row.failed else str(state)
    _record(run, row, action, actor, at, detail={"answer": row.answer} if row.answer else {})


def _put_aside(run: Run, decision: RunStep, *, actor: User, at: datetime) -> None:
    """Steps that ask for another answer are not needed, nor those that hang on them."""
    gone = {decision.key: decision.answer}
    for row in run.steps.filter(state=StepState.OPEN).order_by("position"):
        condition = row.extra.get("only_if")
        if not condition or condition["step"] not in gone or gone[condition["step"]] in condition["answer"]:
            continue
        why = _("“%(decision)s” was answered otherwise.") % {"decision": decision.text[:240]}
        row.state, row.done_by, row.done_at, row.reason = StepState.NOT_NEEDED, actor, at, why
        row.save(update_fields=["state", "done_by", "done_at", "reason"])
        _record(run, row, "not_needed", actor, at)
        if row.key:
            gone[row.key] = ""


def _finish_when_settled(run: Run, *, actor: User, at: datetime) -> None:
    if any(holds_up(run, step) for step in run.steps.all()):
        return
    run.state, run.finished_at = RunState.FINISHED, at
    run.save(update_fields=["state", "finished_at"])
    detail: dict[str, Any] = {"procedure": run.procedure.key, "seconds": int((at - run.started_at).total_seconds())}
    if run.objectives and run.due_at is not None:
        detail["rto_met"] = at <= run.due_at
    record(run.subject, "run.finished", actor=actor, at=at, about=run, detail=detail)
    publish(RunFinished(run, actor, at))


def _record(
    run: Run,
    row: RunStep,
    action: str,
    actor: User,
    at: datetime,
    *,
    fields: list[str] | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    record(
        run.subject,
        f"run_step.{action}",
        actor=actor,
        at=at,
        about=row,
        fields=fields or [],
        detail={"step": row.position, "kind": row.kind, **(detail or {})},
    )


def _joined(before: str, note: str) -> str:
    return "\n".join(part for part in (before, note.strip()) if part)
