"""What the other rooms hear about maintenance."""

from dataclasses import dataclass
from datetime import datetime

from incidents.maintenance.models import MaintenanceWindow


@dataclass(frozen=True)
class MaintenanceBegun:
    window: MaintenanceWindow
    at: datetime


@dataclass(frozen=True)
class MaintenanceEnded:
    window: MaintenanceWindow
    at: datetime
