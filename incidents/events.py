"""What happens on the incident desk that its own rooms, and the floors above, listen to."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from config.casework.access.actors import Actor

if TYPE_CHECKING:
    from incidents.models import Incident


@dataclass(frozen=True)
class IncidentOpened:
    incident: "Incident"
    at: datetime


@dataclass(frozen=True)
class IncidentReopened:
    incident: "Incident"
    at: datetime


@dataclass(frozen=True)
class SeverityJudged:
    """`by_alert`: an alert raised it; a person did not judge."""

    incident: "Incident"
    at: datetime
    by_alert: bool = False


@dataclass(frozen=True)
class AcknowledgementRecorded:
    incident: "Incident"
    actor: Actor
    at: datetime


@dataclass(frozen=True)
class DataLossFlagged:
    """An alert says that data may be lost in an incident that did not say so before."""

    incident: "Incident"
    at: datetime


@dataclass(frozen=True)
class AlertsCameBack:
    """Alerts fire anew for an incident that was open already."""

    incident: "Incident"
    at: datetime
