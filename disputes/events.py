"""What happens on the dispute desk that the house and other rooms listen to."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from config.casework.access.actors import Actor

if TYPE_CHECKING:
    from disputes.models import Dispute


@dataclass(frozen=True)
class DisputeFiled:
    """A dispute was accepted; its assessment is under review."""

    dispute: "Dispute"
    at: datetime


@dataclass(frozen=True)
class RehearsalPassed:
    """A marked rehearsal went from filing to decision (DSP-09); `desk` names the desk that rehearsed."""

    dispute: "Dispute"
    actor: Actor
    at: datetime
    desk: str = "disputes"
