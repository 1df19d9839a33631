"""What a lower floor tells the floors above: typed events, heard in the transaction that caused them.

A lower floor never imports a higher one. It publishes an event; the app above subscribes in its `AppConfig.ready`.
A subscriber that fails fails the transaction, so an event is never half heard.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.dispatch import Signal

if TYPE_CHECKING:
    from config.casework.cases.models import Case
    from config.casework.deadlines.models import Deadline


@dataclass(frozen=True)
class DeadlineWarned:
    """80 % of a clock's time has passed."""

    deadline: "Deadline"
    at: datetime


@dataclass(frozen=True)
class DeadlineBreached:
    """A clock ran out before it was met."""

    deadline: "Deadline"
    at: datetime


@dataclass(frozen=True)
class TransitionApplied:
    """A state machine moved an object; subscribers outside get it as a signed event."""

    obj: Any
    machine: str
    name: str
    at: datetime


@dataclass(frozen=True)
class ApprovalGranted:
    """All people whose word an approval needs have given it."""

    approval: Any
    at: datetime


@dataclass(frozen=True)
class CaseRouted:
    """A case belongs to another desk ("privacy", "dispute"); it keeps its first receipt time."""

    case: "Case"
    destination: str
    at: datetime


@dataclass(frozen=True)
class PersonSignedIn:
    """A member of staff signed in with all factors."""

    person: Any
    at: datetime


_signals: dict[type, Signal] = {}


def subscribe[E](event: type[E], handler: Callable[[E], Any]) -> None:
    """Call `handler` for each event of this type; the same handler is subscribed once."""

    def receive(sender: object, event: E, **_kwargs: object) -> Any:
        return handler(event)

    _signals.setdefault(event, Signal()).connect(
        receive, weak=False, dispatch_uid=f"{handler.__module__}.{handler.__qualname__}"
    )


def publish(event: object) -> list[Any]:
    """Tell all subscribers at once and return what they answered, in the order they subscribed."""
    signal = _signals.get(type(event))
    return [] if signal is None else [answer for _receiver, answer in signal.send(sender=type(event), event=event)]
