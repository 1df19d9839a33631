"""Acts of the desk that a step can offer by name. Each room registers its own; a runbook file may name no other."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.casework.access.models import User
from incidents.procedures.models import RunStep


@dataclass(frozen=True, kw_only=True)
class DeskAction:
    """One act: it is either done at once, or leads to the page where it is done.

    Attributes:
        name: as runbook files say it.
        label: what the button says.
        permission: "app.codename" a person needs.
        perform: does it for (step, person, moment) and returns the sentence that is kept as the step's note.
        link: address of the page where it is done; empty when there is none for this step.
    """

    name: str
    label: Any
    permission: str
    perform: Callable[[RunStep, User, datetime], str] | None = None
    link: Callable[[RunStep], str] | None = None


_actions: dict[str, DeskAction] = {}


def register(action: DeskAction) -> DeskAction:
    """Make an act known.

    Raises:
        ValueError: another act has the name.
    """
    known = _actions.setdefault(action.name, action)
    if known != action:
        raise ValueError(f"the desk action {action.name!r} is registered twice")
    return action


def find(name: str) -> DeskAction | None:
    return _actions.get(name)


def names() -> list[str]:
    return sorted(_actions)
