"""What happens to assessments that others listen to; the delivery to subscribers takes it from here."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from disputes.assessments.models import Assessment


@dataclass(frozen=True)
class StandingChanged:
    """A label is worth something else than before; `event` is its name outside, such as "dispute.label_removed"."""

    assessment: "Assessment"
    before: str
    after: str
    at: datetime

    @property
    def event(self) -> str:
        return f"dispute.{self.after}"


@dataclass(frozen=True)
class CandidateTold:
    """The subject of a label was told of it, by our message or as the platform says."""

    assessment: "Assessment"
    at: datetime
