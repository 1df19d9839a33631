"""The sections of a runbook file on what follows an incident: the fields of the postmortem, action items."""

from typing import Annotated, Literal

from pydantic import Field

from config.casework.catalogue.fields import Key, Line, PositiveDuration, RunbookModel
from config.casework.catalogue.sections import Section, setting

type Prefill = Literal[
    "reference",
    "title",
    "date",
    "duration",
    "severity",
    "timeline",
    "root_cause",
    "resolution",
    "impact",
    "detection_gap",
    "corrective_actions",
    "preventive_actions",
    "actions",
]


class PostmortemField(RunbookModel):
    """One field of the postmortem; `prefill` names what the desk writes into it first, to be corrected by a person."""

    key: Key
    label: Line
    hint: Line | None = None
    prefill: Prefill | None = None


class Postmortem(RunbookModel):
    """The form of a postmortem: published only when no field is empty (INC-41)."""

    title: Line = "Postmortem"
    tone: Line | None = None
    fields: Annotated[list[PostmortemField], Field(min_length=1)]


class ActionItems(RunbookModel):
    """Defaults for corrective and preventive action items (INC-44)."""

    due: PositiveDuration
    remind_before: PositiveDuration


POSTMORTEM: Section[Postmortem] = setting("postmortem", Postmortem, order=60)
ACTION_ITEMS: Section[ActionItems] = setting("action_items", ActionItems, order=62)
