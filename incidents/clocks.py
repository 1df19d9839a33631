"""The clocks of an incident: when they start, move, are met and end.

Clocks start when the desk learns of the trouble and follow the severity, counted from then (INC-28). Facts meet them
at their true times; nothing here refuses anything.
"""

from datetime import datetime

from config.casework import calendars
from config.casework.approvals.services import current_approval
from config.casework.catalogue.models import Calendar
from config.casework.deadlines import services as deadlines
from config.casework.events import publish
from config.casework.transitions import Step
from incidents.choices import Clock
from incidents.events import AcknowledgementRecorded, IncidentReopened, SeverityJudged
from incidents.models import Incident, Mitigation
from incidents.reviews.choices import PostmortemState
from incidents.severity.choices import Duty
from incidents.severity.models import Severity
from incidents.severity.selectors import next_release, untriaged_level

CONFIRM_WITHIN = "PT15M"
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


def effective_level(incident: Incident) -> Severity | None:
    """The judged severity, or the level that holds until somebody judges (INC-99)."""
    return incident.severity or untriaged_level(incident.system)


def severity_judged(step: Step[Incident]) -> None:
    follow_severity(step.obj, at=step.at)
    publish(SeverityJudged(step.obj, step.at))


def follow_severity(incident: Incident, *, at: datetime) -> None:
    """Give the open clocks the promises of the incident's level, counted from detection with pauses carried over."""
    level = incident.severity
    if level is None:
        return
    calendar = level.business_calendar()
    _follow(incident, Clock.ACKNOWLEDGE, level.acknowledge, calendar, wanted=incident.acknowledged_at is None, at=at)
    if incident.impact_over_at is None and incident.stabilized_at is None and incident.resolved_at is None:
        if level.mitigate:
            _follow(incident, Clock.MITIGATE, level.mitigate, calendar, wanted=True, at=at)
        else:
            deadlines.cancel(incident, at=at, kinds=[Clock.MITIGATE])
            _start_mitigate(incident, level, incident.received_at)
    if incident.resolved_at is None:
        _follow(incident, Clock.UPDATE, level.update_every, calendar, wanted=True, at=at)


def acknowledged(step: Step[Incident]) -> None:
    incident = step.obj
    deadlines.meet(incident, Clock.ACKNOWLEDGE, at=step.at)
    if incident.acknowledgement_provisional:
        deadlines.start(incident, Clock.CONFIRM, at=step.at, span=CONFIRM_WITHIN)
    else:
        deadlines.meet(incident, Clock.CONFIRM, at=step.at)
    publish(AcknowledgementRecorded(incident, step.actor, step.at))


def mitigated(step: Step[Incident]) -> None:
    deadlines.meet(step.obj, Clock.MITIGATE, at=step.at)


def resolved(step: Step[Incident]) -> None:
    """Whoever resolved it had it in hand; what the record lacks gets one clock, due at noon of the next business day."""
    incident = step.obj
    deadlines.meet(incident, Clock.ACKNOWLEDGE, at=step.at)
    deadlines.meet(incident, Clock.MITIGATE, at=incident.impact_over_at or step.at)
    deadlines.cancel(incident, at=step.at, kinds=[Clock.UPDATE, Clock.CONFIRM])
    changed = {}
    if incident.acknowledged_at is None or incident.acknowledgement_provisional:
        changed = {"acknowledged_at": incident.acknowledged_at or step.at, "acknowledgement_provisional": False}
    if incident.impact_over_at is None:
        changed["impact_over_at"] = step.at
    if changed:
        Incident.objects.filter(pk=incident.pk).update(**changed)
    start_paperwork(incident, at=step.at)


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
    deadlines.cancel(step.obj, at=step.at)
    Incident.objects.filter(pk=step.obj.pk).update(
        acknowledged_at=None,
        acknowledged_by=None,
        acknowledgement_provisional=False,
        impact_over_at=None,
        resolved_at=None,
        stabilized_at=None,
    )
    step.obj.refresh_from_db()
    start(step.obj, at=step.at)
    publish(IncidentReopened(step.obj, step.at))


def closed(step: Step[Incident]) -> None:
    deadlines.meet(step.obj, Clock.PAPERWORK, at=step.at)
    deadlines.cancel(step.obj, at=step.at, kinds=[Clock.UPDATE, Clock.CONFIRM, Clock.ACKNOWLEDGE, Clock.MITIGATE])


def measure_taken_back(step: Step[Mitigation]) -> None:
    deadlines.meet(step.obj.incident, Clock.REVERT, at=step.at, about=step.obj)


def closing_needs(incident: Incident) -> list[str]:
    """What closing still waits for, as keys: cause, fix_reference, communication, joint_decision, postmortem."""
    missing = [name for name in ("cause", "fix_reference") if not getattr(incident, name)]
    if not incident.no_communication_reason and not incident.communications.exists():
        missing.append("communication")
    approval = current_approval(incident, "joint_decision")
    if approval is not None and approval.granted_at is None:
        missing.append("joint_decision")
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
        window = next_release(incident.system, at)
        steps = (
            [{"rule": f"release window {window.name}", "at": window.ends_at.isoformat()}]
            if window
            else [{"rule": NO_WINDOW, "at": at.isoformat()}]
        )
        deadlines.start(incident, Clock.MITIGATE, at=at, due_at=window.ends_at if window else None, steps=steps)


def _follow(
    incident: Incident, kind: Clock, span: str, calendar: Calendar | None, *, wanted: bool, at: datetime
) -> None:
    if not wanted:
        return
    if not span:
        deadlines.cancel(incident, at=at, kinds=[kind])
    elif deadlines.recompute(incident, kind, span=span, calendar=calendar) is None:
        deadlines.start(incident, kind, at=incident.received_at, span=span, calendar=calendar)
