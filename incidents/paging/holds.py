"""Reasons for which nobody is paged for a while, such as maintenance. The room that knows one registers it here."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from incidents.models import Incident

type Hold = Callable[["Incident", datetime], datetime | None]

_holds: list[Hold] = []


def register(hold: Hold) -> Hold:
    """Ask `hold(incident, at)` before anybody is paged: until when to wait, or None.

    When the time is over the plan begins again with its first step, if the incident still waits for somebody.
    """
    if hold not in _holds:
        _holds.append(hold)
    return hold


def held_until(incident: "Incident", at: datetime) -> datetime | None:
    """The latest end of all reasons that hold at `at`; None when nothing holds pages back."""
    ends = [end for hold in _holds if (end := hold(incident, at)) is not None and end > at]
    return max(ends, default=None)
