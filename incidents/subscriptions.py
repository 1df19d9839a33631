"""What the incident desk does when something happens below it or in its own rooms."""

from config.casework.access.actors import actor_user
from config.casework.events import DeadlineBreached, DeadlineWarned, PersonSignedIn, TransitionApplied, subscribe
from incidents import alerts
from incidents.choices import SLA_CLOCKS, Clock
from incidents.contacts import services as contacts
from incidents.events import AcknowledgementRecorded, ClockKept, IncidentOpened, IncidentReopened, SeverityJudged
from incidents.models import Incident
from incidents.oncall import handover
from incidents.oncall.events import DutyHandedOver
from incidents.paging import calls, escalations, texts
from incidents.paging import services as paging
from incidents.services import confirm_acknowledgements, demand_joint_decision, drop_joint_decision
from incidents.storms import services as storms
from integrations.messages.choices import Purpose
from integrations.messages.events import MessageFailed
from integrations.messages.services import look_up_addresses, recheck_before_sending
from integrations.signals.events import AlertsReceived, LevelsAsked


def connect() -> None:
    subscribe(AlertsReceived, alerts.received)
    subscribe(LevelsAsked, alerts.levels)
    subscribe(IncidentOpened, _opened)
    subscribe(IncidentReopened, _reopened)
    subscribe(SeverityJudged, _severity_judged)
    subscribe(AcknowledgementRecorded, _acknowledged)
    subscribe(DeadlineWarned, _clock_warned)
    subscribe(DeadlineBreached, _clock_ran_out)
    subscribe(ClockKept, _clock_kept)
    subscribe(TransitionApplied, _step_taken)
    subscribe(PersonSignedIn, _signed_in)
    subscribe(MessageFailed, _message_failed)
    recheck_before_sending(Purpose.PAGE, calls.still_wanted)
    look_up_addresses(contacts.address_of)
    subscribe(DutyHandedOver, handover.handed_over)


def _opened(event: IncidentOpened) -> None:
    paging.begin(event.incident, at=event.at)


def _reopened(event: IncidentReopened) -> None:
    paging.begin(event.incident, at=event.at)


def _severity_judged(event: SeverityJudged) -> None:
    paging.severity_changed(event.incident, at=event.at, by_alert=event.by_alert)
    if event.incident.impacts_hiring:
        demand_joint_decision(event.incident, because="hiring", at=event.at)


def _acknowledged(event: AcknowledgementRecorded) -> None:
    paging.acknowledged(event.incident, by=actor_user(event.actor), at=event.at)


def _clock_ran_out(event: DeadlineBreached) -> None:
    incident = event.deadline.case
    if not isinstance(incident, Incident):
        return
    if event.deadline.kind in SLA_CLOCKS:
        escalations.clock_missed(event.deadline, at=event.at)
    elif event.deadline.kind == Clock.CONFIRM:
        paging.acknowledgement_lapsed(incident, at=event.at)
    elif event.deadline.kind == Clock.RENEW:
        paging.acknowledgement_expired(incident, at=event.at)
    elif event.deadline.kind == Clock.UPDATE:
        texts.send_update_reminder(incident, at=event.at)


def _clock_warned(event: DeadlineWarned) -> None:
    if event.deadline.kind in SLA_CLOCKS and isinstance(event.deadline.case, Incident):
        texts.send_warning(event.deadline, at=event.at)


def _clock_kept(event: ClockKept) -> None:
    drop_joint_decision(event.incident, at=event.at)


def _step_taken(event: TransitionApplied) -> None:
    if event.machine == "incident" and event.name == "resolve":
        storms.case_resolved(event.obj, at=event.at)


def _message_failed(event: MessageFailed) -> None:
    contacts.delivery_failed(event.message, at=event.at)
    paging.delivery_failed(event.message, at=event.at)


def _signed_in(event: PersonSignedIn) -> None:
    confirm_acknowledgements(event.person, at=event.at)
