"""Whom a step of a plan means at the moment it is carried out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from config.casework.access.models import User
from incidents.models import Incident
from incidents.oncall.selectors import resolve
from integrations.messages.services import chat_targets

CHANNEL = "channel "


@dataclass(frozen=True)
class Reached:
    """What stands behind a step.

    Attributes:
        label: what the page log keeps of the target.
        person: who is called; None when nobody is, or when a chat target is told.
        place: the chat target.
        why_nobody: the sentence when neither was found.
    """

    label: str
    person: User | None = None
    place: int | None = None
    why_nobody: str = ""

    @property
    def found(self) -> bool:
        return self.person is not None or self.place is not None


def reach(incident: Incident, step: Mapping[str, Any], at: datetime) -> Reached:
    """Find the person or the chat target of a step; made-up cases reach made-up people only."""
    if "channel" in step:
        key = str(step["channel"])
        place = chat_targets().get(key)
        why = "" if place is not None else f"no chat target {key} is configured"
        return Reached(f"{CHANNEL}{key}", place=place, why_nobody=why)
    if "person" in step:
        person = None if incident.is_demo else User.objects.filter(pk=step["person"], is_active=True).first()
        label = str(person) if person else "person"
        return Reached(label, person=person, why_nobody="" if person else "the person is not at the desk any more")
    target = str(step.get("rotation") or step.get("to", ""))
    person = resolve(incident.system, target, at, demo=incident.is_demo)
    return Reached(target, person=person, why_nobody="" if person else f"nobody holds {target}")


def words(step: Mapping[str, Any]) -> str:
    """A step's target for people who read the policy."""
    if "channel" in step:
        return _("the chat target %(key)s") % {"key": step["channel"]}
    if "person" in step:
        person = User.objects.filter(pk=step["person"]).first()
        return person.get_full_name() if person else _("a person who is not here any more")
    if "rotation" in step:
        return _("the rotation %(key)s") % {"key": step["rotation"]}
    return str(step.get("to", ""))
