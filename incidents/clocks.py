"""The clocks of an incident: when they start, move, are met and end.

Clocks start when the desk learns of the trouble and follow the severity, counted from then (INC-28). Facts meet them
at their true times; nothing here refuses anything.
"""

from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from config.casework import calendars
from config.casework.approvals.services import current_approval
from config.casework.audit.services import record
from config.casework.deadlines import services as deadlines
from config.casework.deadlines.models import Deadline
from config.casework.events import publish
from config.casework.transitions import Step
from incidents.choices import Clock
from incidents.customers.choices import NoticeResult
from incidents.events import (
    AcknowledgementRecorded,
    ClockKept,
    IncidentReopened,
    PersonalDataBreachFlagged,
    SeverityJudged,
)
from incidents.models import Incident, Mitigation
from incidents.reviews.choices import PostmortemState
from incidents.severity import phases
from incidents.severity.choices import Duty
from incidents.severity.models import Severity
from incidents.severity.selectors import next_release, untriaged_level

CONFIRM_WITHIN = "PT15M"
AUTHORITY_WITHIN = "PT72H"  # GDPR Article 33(1), apart from the acknowledgement of a privacy request
URGENT = (Clock.ACKNOWLEDGE, Clock.CONFIRM, Clock.RENEW, Clock.MITIGATE)
NO_WINDOW = "no release window is planned"


def start(incident: Incident, *, at: datetime) -> None:
    """Start all clocks of a new or reopened incident at `at`."""
    level = effective_level(incident)
    if level is None:
        return
    if level.acknowledge and incident.acknowledged_at is None:
        deadlines.start(
            incident,
            Clock.ACKNOWLEDGE,
            at=at,
            span=level.acknowledge,
            calendar=level.business_calendar(),
            warn=level.warn,
        )
    _start_mitigate(incident, level, at)
    if level.update_every:
        deadlines.start(incident, Clock.UPDATE, at=at, span=level.update_every, calendar=level.business_calendar())
    phases.follow(incident, level, begun=at, at=at)


def effective_level(incident: Incident) -> Severity | None:
    """The judged severity, or the level that holds until somebody judges (INC-99)."""
    return incident.severity or untriaged_level(incident.system)


def severity_judged(step: Step[Incident]) -> None:
    follow_severity(step.obj, at=step.at)
    publish(SeverityJudged(step.obj, step.at, by_alert=step.actor is None))


def follow_severity(incident: Incident, *, at: datetime) -> None:
    """Give the open clocks the promises of the incident's level, counted from detection with pauses carried over."""
    level = incident.severity
    if level is None:
        return
    if incident.resolved_at is not None:
        return
    if incident.acknowledged_at is None:
        _follow(incident, Clock.ACKNOWLEDGE, level, level.acknowledge, at=at)
    if incident.impact_over_at is None and incident.stabilized_at is None:
        if level.mitigate_by_release_window:
            _follow_release(incident, level)
        else:
            _follow(incident, Clock.MITIGATE, level, level.mitigate, at=at)
    if not _update_is_promised(incident):
        _follow(incident, Clock.UPDATE, level, level.update_every, at=at)
    incident.refresh_from_db()
    phases.follow(incident, level, begun=_counted_from(incident), at=at)


def follow_phases(incident: Incident, *, at: datetime) -> None:
    """Let the phases of the level's procedure follow the facts, counted from detection (INC-25)."""
    level = effective_level(incident)
    if level is not None and level.phases:
        incident.refresh_from_db()
        phases.follow(incident, level, begun=_counted_from(incident), at=at)


def follow_release_windows(at: datetime) -> int:
    """Give clocks that wait for a release the date of the window as it is planned now (INC-08); returns how many moved."""
    rows = Deadline.objects.open().filter(
        kind=Clock.MITIGATE, span="", content_type=ContentType.objects.get_for_model(Incident)
    )
    moved = 0
    for deadline in rows:
        with transaction.atomic():
            incident = (
                Incident.objects.select_for_update(of=("self",))
                .select_related("system", "severity__system")
                .get(pk=deadline.object_id)
            )
            level = effective_level(incident)
            still = Deadline.objects.open().filter(pk=deadline.pk).exists()
            if still and level is not None and level.mitigate_by_release_window:
                window = next_release(incident.system, deadline.started_at)
                if deadline.due_at != (window.ends_at if window else None):
                    _follow_release(incident, level)
                    moved += 1
    return moved


def acknowledged(step: Step[Incident]) -> None:
    """A firm word ends a provisional one; whoever confirms their own had it since they first said so."""
    incident = step.obj
    was_provisional = step.before.get("acknowledgement_provisional", incident.acknowledgement_provisional)
    if was_provisional and not step.values.get("acknowledgement_provisional"):
        incident.acknowledgement_provisional = False
        if step.before["acknowledged_by"] == incident.acknowledged_by:
            incident.acknowledged_at = step.before["acknowledged_at"]
        incident.save(update_fields=["acknowledgement_provisional", "acknowledged_at"])
    if incident.acknowledgement_expired:
        incident.acknowledgement_expired = False
        incident.acknowledged_at = step.before["acknowledged_at"]
        incident.save(update_fields=["acknowledgement_expired", "acknowledged_at"])
    keep(incident, Clock.ACKNOWLEDGE, at=step.at)
    if incident.acknowledgement_provisional:
        deadlines.start(incident, Clock.CONFIRM, at=step.at, span=CONFIRM_WITHIN)
    else:
        deadlines.meet(incident, Clock.CONFIRM, at=step.at)
    follow_phases(incident, at=step.at)
    publish(AcknowledgementRecorded(incident, step.actor, step.at))


def mitigated(step: Step[Incident]) -> None:
    """The impact ended with the first of these facts; one recorded or corrected afterwards moves a clock met already."""
    incident = step.obj
    facts = [
        fact for fact in (incident.stabilized_at, incident.impact_over_at, incident.resolved_at) if fact is not None
    ]
    if keep(incident, Clock.MITIGATE, at=min(facts)) is None:
        met = (
            Deadline.objects.of(incident)
            .filter(kind=Clock.MITIGATE, met_at__isnull=False, started_at__lte=min(facts))
            .order_by("-pk")
            .first()
        )
        if met is not None:
            met.met_at = min(facts)
            met.save(update_fields=["met_at"])
            _was_in_time(incident, met, at=step.at)
    deadlines.cancel(incident, at=step.at, kinds=[Clock.RENEW])
    follow_phases(incident, at=step.at)


def keep(incident: Incident, kind: Clock, *, at: datetime) -> Deadline | None:
    """Meet a promised clock; too late is a miss, also when no sweep has seen it run out yet (INC-05)."""
    deadline = deadlines.meet(incident, kind, at=at)
    if deadline is not None and deadline.breached_at is None and deadline.is_late(at):
        deadlines.miss(deadline, at=at)
    elif deadline is not None:
        _was_in_time(incident, deadline, at=at)
    return deadline


def _was_in_time(incident: Incident, deadline: Deadline, *, at: datetime) -> None:
    """A true time recorded afterwards shows that a clock marked as missed was kept: the mark goes, and what followed from it."""
    if deadline.breached_at is None or deadline.is_late(at):
        return
    deadlines.forgive(deadline)
    record(incident, "clock.kept", actor=None, at=at, about=deadline, detail={"clock": deadline.kind})
    publish(ClockKept(incident, deadline.kind, at))


def resolved(step: Step[Incident]) -> None:
    """Whoever resolved it had it in hand; what the record lacks gets one clock, due at noon of the next business day."""
    incident = step.obj
    keep(incident, Clock.ACKNOWLEDGE, at=step.at)
    keep(incident, Clock.MITIGATE, at=incident.impact_over_at or step.at)
    deadlines.cancel(incident, at=step.at, kinds=[Clock.UPDATE, Clock.CONFIRM, Clock.RENEW])
    changed: dict[str, Any] = {"acknowledgement_expired": False} if incident.acknowledgement_expired else {}
    if incident.acknowledged_at is None or incident.acknowledgement_provisional:
        changed |= {"acknowledged_at": incident.acknowledged_at or step.at, "acknowledgement_provisional": False}
    if incident.impact_over_at is None:
        changed["impact_over_at"] = step.at
    if changed:
        Incident.objects.filter(pk=incident.pk).update(**changed)
    start_paperwork(incident, at=step.at)
    follow_phases(incident, at=step.at)


def start_paperwork(incident: Incident, *, at: datetime) -> None:
    """One clock for everything that closing still needs."""
    calendar = incident.system.calendar
    due_at = calendars.noon_of_next_business_day(at, calendar.business() if calendar else calendars.ROUND_THE_CLOCK)
    deadlines.start(
        incident,
        Clock.PAPERWORK,
        at=at,
        due_at=due_at,
        calendar=calendar,
        steps=[{"rule": "noon of the next business day", "at": due_at.isoformat()}],
    )


def reopened(step: Step[Incident]) -> None:
    """All begins anew, but a measure in force must still be taken back."""
    deadlines.cancel(step.obj, at=step.at, kinds=[*URGENT, Clock.UPDATE, Clock.PAPERWORK])
    Incident.objects.filter(pk=step.obj.pk).update(
        acknowledged_at=None,
        acknowledged_by=None,
        acknowledgement_provisional=False,
        acknowledgement_expired=False,
        impact_over_at=None,
        resolved_at=None,
        stabilized_at=None,
    )
    step.obj.refresh_from_db()
    phases.follow(step.obj, None, begun=step.at, at=step.at)
    start(step.obj, at=step.at)
    publish(IncidentReopened(step.obj, step.at))


def closed(step: Step[Incident]) -> None:
    deadlines.meet(step.obj, Clock.PAPERWORK, at=step.at)
    follow_phases(step.obj, at=step.at)
    deadlines.cancel(step.obj, at=step.at, kinds=[Clock.UPDATE, *URGENT])


def measure_taken_back(step: Step[Mitigation]) -> None:
    deadlines.meet(step.obj.incident, Clock.REVERT, at=step.at, about=step.obj)


def breach_flagged(step: Step[Incident]) -> None:
    """Personal data are affected: the 72 hours run from awareness, round the clock (GDPR-19)."""
    aware_at = step.obj.breach_aware_at or step.at
    deadlines.start(step.obj, Clock.AUTHORITY, at=aware_at, span=AUTHORITY_WITHIN)
    publish(PersonalDataBreachFlagged(step.obj, aware_at, step.at))


def breach_unflagged(step: Step[Incident]) -> None:
    deadlines.cancel(step.obj, at=step.at, kinds=[Clock.AUTHORITY])
    Incident.objects.filter(pk=step.obj.pk).update(breach_aware_at=None)


def authority_told(step: Step[Incident]) -> None:
    keep(step.obj, Clock.AUTHORITY, at=step.at)


def was_somebody_told(incident: Incident) -> bool:
    """A message was written about it, or somebody was spoken to by phone."""
    return bool(incident.communications.exists() or incident.notices.filter(result=NoticeResult.SPOKEN).exists())


def closing_needs(incident: Incident) -> list[str]:
    """What closing still waits for, as keys: cause, fix_reference, communication, joint_decision, authority, postmortem."""
    if incident.duplicate_of_id is not None:
        return []  # it is closed with the incident it was merged into
    missing = [name for name in ("cause", "fix_reference") if not getattr(incident, name)]
    if not incident.no_communication_reason and not was_somebody_told(incident):
        missing.append("communication")
    approval = current_approval(incident, "joint_decision")
    if approval is not None and approval.granted_at is None:
        missing.append("joint_decision")
    if incident.breach_aware_at is not None and incident.authority_notified_at is None:
        missing.append("authority")
    if incident.severity is not None and incident.severity.postmortem == Duty.REQUIRED:
        postmortem = getattr(incident, "postmortem", None)
        if postmortem is None or postmortem.state != PostmortemState.PUBLISHED:
            missing.append("postmortem")
    return missing


def _start_mitigate(incident: Incident, level: Severity, at: datetime) -> None:
    if level.mitigate:
        deadlines.start(
            incident, Clock.MITIGATE, at=at, span=level.mitigate, calendar=level.business_calendar(), warn=level.warn
        )
    elif level.mitigate_by_release_window:
        due_at, steps = _release(incident, at)
        deadlines.start(incident, Clock.MITIGATE, at=at, due_at=due_at, steps=steps, warn=level.warn)


def _follow(incident: Incident, kind: Clock, level: Severity, span: str, *, at: datetime) -> None:
    """Give the open clock of a kind the promise of a level; one that was not running is counted from detection."""
    calendar = level.business_calendar()
    if not span:
        deadlines.cancel(incident, at=at, kinds=[kind])
    elif deadlines.recompute(incident, kind, span=span, calendar=calendar, warn=level.warn) is None:
        deadlines.start(incident, kind, at=_counted_from(incident), span=span, calendar=calendar, warn=level.warn)


def _follow_release(incident: Incident, level: Severity) -> None:
    """As `_follow`, for a level whose fix is due with a release: the clock keeps its start and its pauses."""
    running = Deadline.objects.open().of(incident).filter(kind=Clock.MITIGATE).first()
    begun = running.started_at if running else _counted_from(incident)
    due_at, steps = _release(incident, begun)
    if (
        deadlines.recompute(
            incident, Clock.MITIGATE, span="", calendar=None, due_at=due_at, steps=steps, warn=level.warn
        )
        is None
    ):
        deadlines.start(incident, Clock.MITIGATE, at=begun, due_at=due_at, steps=steps, warn=level.warn)


def _release(incident: Incident, at: datetime) -> tuple[datetime | None, list[dict[str, str]]]:
    """The end of the release window that comes next after `at`, and the sentence that explains it."""
    window = next_release(incident.system, at)
    if window is None:
        return None, [{"rule": NO_WINDOW, "at": at.isoformat()}]
    return window.ends_at, [{"rule": f"release window {window.name}", "at": window.ends_at.isoformat()}]


def _counted_from(incident: Incident) -> datetime:
    """Detection, or the last time it came back: clocks count from there."""
    begun = (
        Deadline.objects.of(incident)
        .filter(kind__in=[Clock.ACKNOWLEDGE, Clock.MITIGATE])
        .order_by("-started_at")
        .first()
    )
    return begun.started_at if begun else incident.received_at


def _update_is_promised(incident: Incident) -> bool:
    """The last update named the time of the next: a change of severity does not take that word back."""
    return Deadline.objects.open().of(incident).filter(kind=Clock.UPDATE, span="", due_at__isnull=False).exists()
