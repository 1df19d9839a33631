"""What the floor of signals tells and asks the floors above."""

from dataclasses import dataclass
from datetime import datetime

from config.casework.catalogue.models import System
from integrations.signals.models import Alert, AlertGroup, Monitor


@dataclass(frozen=True)
class AlertsReceived:
    """A message about one group of alerts of a known system was stored.

    A subscriber answers with the reference of the case the group belongs to, or None. It runs in the transaction of
    the message, with the group's row locked: calls for one group come one after the other.

    Attributes:
        new: firing now and not before, the first time or again.
        repeated: told again without a change.
        resolved: resolved with this message; also those nobody ever saw firing.
        severity: gravest severity key among the alerts firing in this message; empty when nothing names one.
        monitor: the monitor of the gravest firing alert, if its name is one.
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


@dataclass(frozen=True)
class LevelsAsked:
    """Which severities has a system? A subscriber answers with their keys, gravest first."""

    system: System
