"""What the incident desk does when something happens below it or in its own rooms."""

from config.casework.access.actors import actor_user
from config.casework.events import DeadlineBreached, PersonSignedIn, subscribe
from incidents import alerts
from incidents.backups import checklists
from incidents.backups.events import BackupVerified
from incidents.choices import SLA_CLOCKS, Clock
from incidents.events import AcknowledgementRecorded, IncidentOpened, IncidentReopened, SeverityJudged
from incidents.models import Incident
from incidents.oncall import handover
from incidents.oncall.events import DutyHandedOver
from incidents.paging import services as paging
from incidents.paging import texts
from incidents.services import confirm_acknowledgements, demand_joint_decision
from integrations.messages.choices import Purpose
from integrations.messages.services import recheck_before_sending
from integrations.signals.events import AlertsReceived, LevelsAsked


def connect() -> None:
    subscribe(AlertsReceived, alerts.received)
    subscribe(LevelsAsked, alerts.levels)
    subscribe(IncidentOpened, _opened)
    subscribe(IncidentReopened, _reopened)
    subscribe(SeverityJudged, _severity_judged)
    subscribe(AcknowledgementRecorded, _acknowledged)
    subscribe(DeadlineBreached, _clock_ran_out)
    subscribe(PersonSignedIn, _signed_in)
    subscribe(BackupVerified, checklists.settle)
    subscribe(DutyHandedOver, handover.handed_over)
    recheck_before_sending(Purpose.PAGE, texts.still_wanted)


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
        paging.clock_missed(event.deadline, at=event.at)
    elif event.deadline.kind == Clock.CONFIRM:
        paging.acknowledgement_lapsed(incident, at=event.at)
    elif event.deadline.kind == Clock.UPDATE:
        texts.send_update_reminder(incident, at=event.at)


def _signed_in(event: PersonSignedIn) -> None:
    confirm_acknowledgements(event.person, at=event.at)
