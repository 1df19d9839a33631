"""What happens on the incident desk that its own rooms, and the floors above, listen to."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from config.casework.access.actors import Actor

if TYPE_CHECKING:
    from config.casework.access.models import User
    from incidents.continuity.models import Fallback
    from incidents.deployments.models import Deployment
    from incidents.models import Incident
    from incidents.procedures.models import Run


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
class RunFinished:
    """All steps of a procedure are settled."""

    run: "Run"
    actor: "User"
    at: datetime


@dataclass(frozen=True)
class PersonalDataBreachFlagged:
    """Personal data are affected: the 72 hours to the authority run from `aware_at` (GDPR Article 33)."""

    incident: "Incident"
    aware_at: datetime
    at: datetime


@dataclass(frozen=True)
class ClockKept:
    """A clock that had been marked as missed turned out to be kept: an earlier true time was recorded."""

    incident: "Incident"
    kind: str
    at: datetime


@dataclass(frozen=True)
class DataLossFlagged:
    """An alert says that data may be lost in an incident that did not say so before."""

    incident: "Incident"
    at: datetime


@dataclass(frozen=True)
class DeploymentAsked:
    """May this deployment start? Whoever objects answers with the reason."""

    deployment: "Deployment"
    at: datetime


@dataclass(frozen=True)
class FallbackSwitched:
    """People went over to a manual fallback, or came back from it."""

    fallback: "Fallback"
    at: datetime


@dataclass(frozen=True)
class AlertsCameBack:
    """Alerts fire anew for an incident that was open already."""

    incident: "Incident"
    at: datetime
