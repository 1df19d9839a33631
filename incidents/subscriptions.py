"""What the incident desk does when something happens below it or in its own rooms."""

from datetime import datetime

from config.casework.access.actors import actor_user
from config.casework.audit.services import record
from config.casework.catalogue.choices import OrganizationKind
from config.casework.events import DeadlineBreached, DeadlineWarned, PersonSignedIn, TransitionApplied, subscribe
from incidents import alerts
from incidents.backups import checklists
from incidents.backups.events import BackupVerified
from incidents.choices import SLA_CLOCKS, Clock
from incidents.communications import reminders
from incidents.contact_methods import services as contact_methods
from incidents.contacts import services as contacts
from incidents.customers import services as customers
from incidents.deployments import services as deployments
from incidents.events import (
    AcknowledgementRecorded,
    AlertsCameBack,
    ClockKept,
    DataLossFlagged,
    FallbackSwitched,
    IncidentOpened,
    IncidentReopened,
    RunFinished,
    SeverityJudged,
)
from incidents.maintenance import services as maintenance
from incidents.maintenance import suppression
from incidents.maintenance.events import MaintenanceBegun, MaintenanceEnded
from incidents.models import Incident
from incidents.oncall import handover
from incidents.oncall.events import DutyHandedOver
from incidents.paging import calls, escalations, holds, texts
from incidents.paging import services as paging
from incidents.procedures import schedule
from incidents.services import confirm_acknowledgements, demand_joint_decision, drop_joint_decision
from incidents.severity import phases
from incidents.storms import services as storms
from integrations.messages.choices import Purpose
from integrations.messages.events import MessageAccepted, MessageFailed
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
    subscribe(PersonSignedIn, _signed_in)
    subscribe(TransitionApplied, _step_taken)
    subscribe(RunFinished, _run_finished)
    subscribe(FallbackSwitched, _fallback_switched)
    subscribe(BackupVerified, checklists.settle)
    subscribe(MessageAccepted, _message_accepted)
    subscribe(MessageFailed, _message_failed)
    subscribe(DataLossFlagged, _data_loss_flagged)
    subscribe(AlertsCameBack, _alerts_came_back)
    subscribe(MaintenanceBegun, maintenance.begun)
    subscribe(MaintenanceEnded, maintenance.ended)
    holds.register(suppression.held_until)
    subscribe(DutyHandedOver, handover.handed_over)
    recheck_before_sending(Purpose.PAGE, calls.still_wanted)
    look_up_addresses(contact_methods.address_of)


def _opened(event: IncidentOpened) -> None:
    suppression.hold_clocks(event.incident, at=event.at)
    paging.begin(event.incident, at=event.at)
    _judged(event.incident, event.at)
    if event.incident.organization.kind == OrganizationKind.TENANT:
        customers.name_affected(event.incident, [event.incident.organization], actor=None, at=event.at)


def _reopened(event: IncidentReopened) -> None:
    suppression.hold_clocks(event.incident, at=event.at)
    paging.begin(event.incident, at=event.at)


def _severity_judged(event: SeverityJudged) -> None:
    paging.severity_changed(event.incident, at=event.at, by_alert=event.by_alert)
    _judged(event.incident, event.at)
    if event.incident.impacts_hiring:
        demand_joint_decision(event.incident, because="hiring", at=event.at)
    customers.follow_agreements(event.incident, at=event.at)
    if event.incident.acknowledged_at is None:
        suppression.hold_clocks(event.incident, at=event.at)


def _acknowledged(event: AcknowledgementRecorded) -> None:
    suppression.let_clocks_run(event.incident, at=event.at)
    paging.acknowledged(event.incident, by=actor_user(event.actor), at=event.at)


def _clock_ran_out(event: DeadlineBreached) -> None:
    incident = event.deadline.case
    if not isinstance(incident, Incident):
        return
    if event.deadline.kind in SLA_CLOCKS:
        escalations.clock_missed(event.deadline, at=event.at)
        contacts.promise_missed(incident, at=event.at)
    elif event.deadline.kind == Clock.CONFIRM:
        paging.acknowledgement_lapsed(incident, at=event.at)
    elif event.deadline.kind == Clock.RENEW:
        paging.acknowledgement_expired(incident, at=event.at)
    elif event.deadline.kind == Clock.UPDATE:
        reminders.update_is_overdue(incident, at=event.at)
    elif event.deadline.kind == Clock.NOTICE:
        reminders.customer_was_not_told(incident, event.deadline, at=event.at)
    elif event.deadline.kind.startswith(phases.PREFIX):
        record(incident, "phase.overdue", actor=None, at=event.at, detail={"phase": event.deadline.kind})


def _clock_warned(event: DeadlineWarned) -> None:
    if event.deadline.kind in SLA_CLOCKS and isinstance(event.deadline.case, Incident):
        texts.send_warning(event.deadline, at=event.at)


def _clock_kept(event: ClockKept) -> None:
    drop_joint_decision(event.incident, at=event.at)


def _data_loss_flagged(event: DataLossFlagged) -> None:
    customers.follow_agreements(event.incident, at=event.at)
    if suppression.let_clocks_run(event.incident, at=event.at):
        paging.begin(event.incident, at=event.at)


def _alerts_came_back(event: AlertsCameBack) -> None:
    """What recovered in a maintenance and was left for the next opening is paged when it fires anew."""
    if suppression.held_until(event.incident, event.at) is None and suppression.let_clocks_run(
        event.incident, at=event.at
    ):
        paging.begin(event.incident, at=event.at)


def _message_accepted(event: MessageAccepted) -> None:
    customers.mail_accepted(event.message, at=event.at)


def _message_failed(event: MessageFailed) -> None:
    for notice in customers.mail_failed(event.message, at=event.at):
        reminders.mail_did_not_arrive(notice, at=event.at)
    contact_methods.delivery_failed(event.message, at=event.at)
    paging.delivery_failed(event.message, at=event.at)


def _signed_in(event: PersonSignedIn) -> None:
    confirm_acknowledgements(event.person, at=event.at)


def _judged(incident: Incident, at: datetime) -> None:
    """What follows from a known severity: the list of its level, and the deployment it is held against."""
    schedule.severity_known(incident, at=at)
    deployments.suspect(incident, at=at)


def _step_taken(event: TransitionApplied) -> None:
    if event.machine == "incident" and event.name == "resolve":
        storms.case_resolved(event.obj, at=event.at)
    if event.machine == "incident" and event.name == "close":
        schedule.incident_closed(event.obj, at=event.at)


def _run_finished(event: RunFinished) -> None:
    deployments.run_finished(event.run, actor=event.actor, at=event.at)


def _fallback_switched(event: FallbackSwitched) -> None:
    schedule.fallback_switched(event.fallback, at=event.at)
