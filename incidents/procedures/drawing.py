"""Runs in words, as the pages draw them (desk/partials/run.html)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from config.casework import clock
from config.casework.access.models import User
from config.casework.desk.display import person_name
from config.casework.words import ClockWords, clock_words, duration_words
from incidents.communications.choices import Audience
from incidents.procedures import actions
from incidents.procedures.choices import ProcedureKind, RunState, StepKind, StepState
from incidents.procedures.models import Run, RunStep
from incidents.procedures.rules import waiting
from incidents.procedures.runs import CHANGE

QUIET_KINDS = (StepKind.CHECK, StepKind.COMMAND)  # what need not be said beside every step
DRAWN_WITH = ("steps__done_by", "steps__evidence_file", "steps__mitigation")


def drawn_run(run: Run, user: User) -> dict[str, Any]:
    """One run with its steps; `read_only` when it is over or not for this person.

    The run comes with DRAWN_WITH fetched beforehand.
    """
    now = clock.now()
    steps = list(run.steps.all())
    work = [step for step in steps if step.kind != StepKind.POLICY]
    read_only = run.state != RunState.ACTIVE or not user.has_perm(CHANGE)
    return {
        "run": run,
        "state": RunState(run.state),
        "url": reverse("admin:incidents_run_change", args=[run.pk]),
        "clock": run_clock(run, now),
        "facts": run_facts(run),
        "rules": [step.text for step in steps if step.kind == StepKind.POLICY],
        "done_count": sum(step.state != StepState.OPEN for step in work),
        "read_only": read_only,
        "steps": [_drawn_step(run, step, work, now) for step in work],
    }


def run_clock(run: Run, now: datetime) -> ClockWords | None:
    """How the run stands against its end: the recovery objective, or the day of a list."""
    if run.due_at is None or (run.state == RunState.ABANDONED and run.finished_at is not None):
        return None
    return clock_words(str(_("finish")), run.due_at, run.finished_at, run.started_at, None, now)


def run_facts(run: Run) -> list[tuple[str, str]]:
    """Objectives against what was reached (INC-78, INC-90), and who is to do it."""
    told: list[tuple[str, str]] = []
    if run.assigned_to_id:
        told.append((_("For"), person_name(run.assigned_to)))
    recovery = run.objectives.get("rto_minutes")
    if recovery:
        took = (run.finished_at or clock.now()) - run.started_at
        kept = took <= timedelta(minutes=recovery)
        words = _("%(took)s of %(allowed)s") % {
            "took": duration_words(took),
            "allowed": duration_words(timedelta(minutes=recovery)),
        }
        if run.finished_at is not None or not kept:
            words += ": " + (_("kept") if kept else _("missed"))
        told.append((_("Recovery time"), words))
    loss = data_loss_allowed(run)
    if loss:
        told.append((_("Data lost at most"), _loss_words(run, loss)))
    return told


def data_loss_allowed(run: Run) -> timedelta | None:
    """The recovery point objective, if the procedure has one."""
    minutes, hours = run.objectives.get("rpo_minutes"), run.objectives.get("rpo_hours")
    return timedelta(minutes=minutes or 0, hours=hours or 0) if minutes or hours else None


def _loss_words(run: Run, allowed: timedelta) -> str:
    if run.backup_at is None:
        return _("%(allowed)s; the age of the newest backup is not recorded") % {"allowed": duration_words(allowed)}
    age = max(run.started_at - run.backup_at, timedelta(0))
    words = {"age": duration_words(age), "allowed": duration_words(allowed)}
    if age <= allowed:
        return _("%(age)s of %(allowed)s: kept") % words
    return _("%(age)s of %(allowed)s: missed") % words


def _drawn_step(run: Run, step: RunStep, steps: Iterable[RunStep], now: datetime) -> dict[str, Any]:
    state = "failed" if step.state == StepState.DONE and step.failed else str(step.state)
    asks_end = bool(step.expires) and run.incident_id is not None
    asks_evidence = bool(step.extra.get("evidence"))
    options = step.extra.get("options", [])
    return {
        "number": step.position,
        "anchor": f"step-{run.pk}-{step.position}",
        "title": step.text,
        "kind": ", ".join(_hints(step)),
        "text": "\n".join(part for part in (step.setting, step.extra.get("variant", "")) if part),
        "warning": step.extra.get("warning", ""),
        "waits": _waits(run, step, steps, now),
        "command": step.command,
        "state": state,
        "url": reverse("admin:incidents_run_step", args=[run.pk, step.pk]),
        "actor": person_name(step.done_by) if step.done_by else "",
        "at": step.done_at,
        "note": step.note,
        "skip_reason": step.skip_reason,
        "answer": step.answer,
        "options": options,
        "asks": bool(options) or asks_end or asks_evidence,
        "asks_end": asks_end,
        "asks_evidence": asks_evidence,
        "may_fail": not options and step.kind not in {StepKind.MESSAGE, StepKind.MITIGATION},
        "may_renew": False,
        "evidence": step.evidence,
        "evidence_url": step.evidence if step.evidence.startswith("https://") else "",
        "file": _file(step),
        "action": _action(step),
        "compose_url": _compose_url(run, step),
        **_clock(step, now),
    }


def _hints(step: RunStep) -> list[str]:
    hints = [] if step.kind in QUIET_KINDS else [str(StepKind(step.kind).label)]
    if step.extra.get("phase"):
        hints.append(step.extra["phase"])
    if step.optional:
        hints.append(_("if needed"))
    if step.approval:
        hints.append(_("needs the word of the %(role)s") % {"role": step.get_approval_display()})
    return hints


def _waits(run: Run, step: RunStep, steps: Iterable[RunStep], now: datetime) -> str:
    """Why a step cannot be ticked at this moment, or is not needed."""
    if step.state == StepState.NOT_NEEDED:
        return step.reason or _("not needed")
    if step.state != StepState.OPEN:
        return ""
    condition = step.extra.get("only_if")
    if condition:
        asked = next((other.text for other in steps if other.key == condition["step"]), condition["step"])
        answer = _(" or ").join(f"“{answer}”" for answer in condition["answer"])
        return _("Only if “%(asked)s” is answered %(answer)s.") % {"asked": asked, "answer": answer}
    left = max((waiting(other, now) for other in steps if other.position < step.position), default=timedelta(0))
    return _("Wait another %(left)s.") % {"left": duration_words(left)} if run.ordered and left else ""


def _clock(step: RunStep, now: datetime) -> dict[str, Any]:
    """The clock of a step: its measure's end, how long its proof counts, or when it is due."""
    mitigation = step.mitigation
    if mitigation is not None and mitigation.expires_at is not None:
        said = clock_words(
            str(_("take back")), mitigation.expires_at, mitigation.reverted_at, mitigation.applied_at, None, now
        )
        return {"clock": said, "due_at": mitigation.expires_at}
    if step.valid_until is not None and step.done_at is not None:
        said = clock_words(str(_("prove again")), step.valid_until, None, step.done_at, None, now)
        return {"clock": said, "due_at": step.valid_until}
    if step.due_at is not None and step.state in {StepState.OPEN, StepState.DONE}:
        started = min(step.run.started_at, step.due_at)
        return {
            "clock": clock_words(str(_("due")), step.due_at, step.done_at, started, None, now),
            "due_at": step.due_at,
        }
    return {"clock": None, "due_at": None}


def _file(step: RunStep) -> dict[str, str] | None:
    stored = step.evidence_file
    if stored is None:
        return None
    return {"name": stored.name, "url": reverse("file-download", args=[stored.pk]), "sha256": stored.sha256}


def _action(step: RunStep) -> dict[str, Any] | None:
    action = actions.find(step.action) if step.action else None
    if action is None:
        return None
    url = action.link(step) if action.link else ""
    return {"label": action.label, "url": url} if url or action.perform else None


def _compose_url(run: Run, step: RunStep) -> str:
    """Where the message of a step is written; empty for texts of other desks."""
    if run.incident_id is None or step.kind != StepKind.MESSAGE:
        return ""
    if not step.template and step.audience not in Audience.values:
        return ""
    chosen = f"template={step.template}" if step.template else f"step={step.pk}"
    return f"{reverse('admin:incidents_incident_compose', args=[run.incident_id])}?{chosen}"


def renewable(drawn: dict[str, Any], run: Run, user: User) -> dict[str, Any]:
    """The run with its proven items open for new evidence, as boards show it; also when all of it is settled."""
    proven = {step.position for step in run.steps.all() if step.valid_until is not None}
    for item in drawn["steps"]:
        item["may_renew"] = item["number"] in proven and item["state"] == "done"
    read_only = run.state == RunState.ABANDONED or not user.has_perm(CHANGE)
    return drawn | {"read_only": read_only}


def kind_words(run: Run) -> str:
    return str(ProcedureKind(run.procedure.kind).label)
