"""What happens in on-call that others listen to."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.casework.access.models import User
    from incidents.oncall.models import Rotation


@dataclass(frozen=True)
class DutyHandedOver:
    """The duty of a rotation went over at `since`, which was written down at `at`."""

    rotation: "Rotation"
    before: "User | None"
    after: "User | None"
    since: datetime
    at: datetime
