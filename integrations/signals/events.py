"""What the floor of signals tells the floors above."""

from dataclasses import dataclass
from datetime import datetime

from config.casework.catalogue.models import System
from integrations.signals.models import Alert, AlertGroup, Monitor


@dataclass(frozen=True)
class AlertsReceived:
    """A message about one group of alerts of a known system was stored.

    A subscriber answers with the reference of the case the group belongs to, or None. It runs in the transaction of
    the message, with the group's row locked: calls for one group come one after the other. `group.case_key` tells
    repeats of the same trouble.

    Attributes:
        new: firing now and not before, the first time or again.
        repeated: told again without a change.
        resolved: resolved with this message; also those nobody ever saw firing.
        severity: gravest severity key among the alerts that fire in this message; empty when nothing names one.
        monitor: the monitor of the gravest alert that fires, if its name is one.
        data_loss: a firing alert says that data may be lost.
        truncated: alerts the sender left out; they are neither new nor resolved.
        at: when the desk learned of it (UTC); clocks start here.
    """

    group: AlertGroup
    new: tuple[Alert, ...]
    repeated: tuple[Alert, ...]
    resolved: tuple[Alert, ...]
    severity: str
    monitor: Monitor | None
    data_loss: bool
    truncated: int
    at: datetime

    @property
    def firing(self) -> tuple[Alert, ...]:
        """The alerts of this message that fire, new ones first."""
        return tuple(alert for alert in (*self.new, *self.repeated) if alert.is_firing)


@dataclass(frozen=True)
class LevelsAsked:
    """Which severities has a system? A subscriber answers with their keys, gravest first."""

    system: System
