"""The sections of a runbook file on what follows an incident: the fields of the postmortem, action items."""

from typing import Literal

from config.casework.catalogue.fields import Key, Line, PositiveDuration, RunbookModel
from config.casework.catalogue.sections import Section, setting

type Prefill = Literal[
    "reference",
    "title",
    "date",
    "duration",
    "severity",
    "timeline",
    "phases",
    "root_cause",
    "resolution",
    "impact",
    "owner",
]


class PostmortemField(RunbookModel):
    """One field of the postmortem, published only when none is empty (INC-41).

    A `tick` is done or not, such as a retrospective that was held (INC-43). `prefill` names what the desk writes into it from the record, to be corrected by a person.
    """

    key: Key
    label: Line
    help: str = ""
    kind: Literal["text", "line", "tick"] = "text"
    prefill: Prefill | None = None


class ActionItems(RunbookModel):
    """Defaults for corrective and preventive action items (INC-44)."""

    due: PositiveDuration
    remind_before: PositiveDuration


POSTMORTEM: Section[list[PostmortemField]] = setting("postmortem", list[PostmortemField], order=60)
ACTION_ITEMS: Section[ActionItems] = setting("action_items", ActionItems, order=62)
