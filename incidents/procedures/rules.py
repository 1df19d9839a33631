"""Why a step has to wait. Each rule says what is missing and where."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.catalogue.fields import parse_duration
from config.casework.transitions import Refused
from config.casework.words import duration_words
from incidents.procedures.choices import RunState, StepKind, StepState
from incidents.procedures.models import Run, RunStep


def refuse_unfit(run: Run, row: RunStep, state: StepState, *, actor: User, at: datetime) -> None:
    """Refuse to settle a step that is not its turn.

    Raises:
        Refused: in words for a person.
    """
    steps = list(run.steps.select_related("done_by").order_by("position"))
    _refuse_settled(run, row)
    if row.kind == StepKind.POLICY:
        raise Refused(_("This is a rule to keep, not a step to tick."))
    if state == StepState.DONE:
        _refuse_undecided(steps, row)
    if run.ordered:
        _refuse_out_of_order(run, steps, row, at)
    if state == StepState.DONE:
        _refuse_without_needs(steps, row)
        if row.approval and row.approval not in actor.roles:
            raise Refused(_("This step needs the word of the %(role)s.") % {"role": row.get_approval_display()})
    elif any(_asks(step, row) for step in steps):
        raise Refused(_("Later steps depend on this decision, so it cannot be skipped. Answer it."))


def holds_up(run: Run, step: RunStep) -> bool:
    """Whether a step is not settled for what comes after it: open, or failed within a deployment."""
    if step.kind == StepKind.POLICY:
        return False
    return step.state == StepState.OPEN or bool(run.stage and step.failed)


def _refuse_settled(run: Run, row: RunStep) -> None:
    if run.state != RunState.ACTIVE:
        raise Refused(_("This run is over."))
    if row.state == StepState.NOT_NEEDED:
        raise Refused(_("This step is not needed: %(why)s") % {"why": row.reason or _("an earlier decision says so")})
    if row.state == StepState.OPEN or (row.state == StepState.DONE and row.failed):
        return
    who = row.done_by.get_full_name() if row.done_by else _("somebody")
    raise Refused(_("This step was settled already by %(who)s.") % {"who": who})


def _refuse_out_of_order(run: Run, steps: Sequence[RunStep], row: RunStep, at: datetime) -> None:
    before = [step for step in steps if step.position < row.position]
    earlier = next((step for step in before if holds_up(run, step)), None)
    if earlier is not None:
        words = (
            _("“%(step)s” failed. Repeat it, or start the rollback.")
            if earlier.failed
            else _("These steps are done in order. First: %(step)s")
        )
        raise Refused(words % {"step": earlier.text})
    for step in before:
        left = waiting(step, at)
        if left:
            raise Refused(
                _("“%(step)s” needs %(span)s to settle. Wait another %(left)s.")
                % {"step": step.text, "span": duration_words(wait_of(step)), "left": duration_words(left)}
            )


def wait_of(step: RunStep) -> timedelta:
    """How long to wait after a step before the next one."""
    return parse_duration(step.extra["wait"]) if step.extra.get("wait") else timedelta(0)


def waiting(step: RunStep, at: datetime) -> timedelta:
    """What is left of the wait after a step that was done; nothing after one that was skipped."""
    if step.state != StepState.DONE or step.done_at is None:
        return timedelta(0)
    return max(step.done_at + wait_of(step) - at, timedelta(0))


def _refuse_without_needs(steps: Sequence[RunStep], row: RunStep) -> None:
    """Some steps need another one really done: evidence is preserved before credentials change (SEC-18)."""
    needed = row.extra.get("needs", [])
    for step in steps:
        if step.key in needed and (step.state != StepState.DONE or step.failed):
            raise Refused(_("First: %(step)s. It must be done, not skipped.") % {"step": step.text})


def _refuse_undecided(steps: Sequence[RunStep], row: RunStep) -> None:
    condition = row.extra.get("only_if")
    decision = next((step for step in steps if condition and step.key == condition["step"]), None)
    if decision is not None and decision.state == StepState.OPEN:
        raise Refused(_("Whether this is needed depends on: %(step)s") % {"step": decision.text})


def _asks(step: RunStep, decision: RunStep) -> bool:
    condition = step.extra.get("only_if")
    return bool(condition and decision.key and condition["step"] == decision.key and step.state == StepState.OPEN)
