"""How playbooks and checklists are written in a runbook file."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from config.casework.catalogue.fields import Key, Line, PositiveDuration, RunbookModel
from config.casework.catalogue.runbook import ROLES
from incidents.communications.slots import slots_in

type Cadence = Literal[
    "once",
    "daily",
    "shift_end",
    "weekly",
    "monthly",
    "per_deployment",
    "per_rollback",
    "per_drill",
    "per_replay",
    "per_incident",
    "per_flag",
    "on_demand",
]


def _role(name: str) -> str:
    if name.lower() not in ROLES:
        raise ValueError(f"{name!r} is no role of the desk; roles are {', '.join(sorted(ROLES))}")
    return name.lower()


def _from_text(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


RoleName = Annotated[str, AfterValidator(_role)]


class StepPart(RunbookModel):
    """A check or a mitigation: one line of text, or a mapping with more. Commands are shown, never run by the desk.

    Attributes:
        variant: engine or flavour that the step is for.
        expires: "required" for a temporary measure that somebody must take back (INC-21).
        approval: role that must agree first.
        reason: flag or cause that leads to this step.
        action: name of the desk action that the step offers.
        proposed: the step is ours, not the source's.
    """

    text: Line
    command: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    setting: Annotated[Line, Field(max_length=200)] | None = None
    default: Line | int | float | bool | None = None
    variant: Line | None = None
    expires: Literal["required"] | None = None
    approval: RoleName | None = None
    optional: bool = False
    reason: Line | None = None
    action: Annotated[Key, Field(max_length=60)] | None = None
    proposed: bool = False

    @model_serializer(mode="wrap")
    def _short_when_plain(self, handler: SerializerFunctionWrapHandler) -> Any:
        full = handler(self)
        return full["text"] if full.keys() == {"text"} else full


class MessagePart(RunbookModel):
    """Somebody to be told: by a text, by a template, or in the sender's own words.

    Attributes:
        desk: the desk that owns the template, when it is not the incident desk; that desk sends it.
        due: time after the start of the playbook.
    """

    audience: Annotated[Line, Field(max_length=20)]
    text: Line | None = None
    template: Key | None = None
    desk: Literal["privacy", "disputes"] | None = None
    rules: list[Line] = []
    owner: RoleName | None = None
    when: Line | None = None
    due: PositiveDuration | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "MessagePart":
        if self.text and self.template:
            raise ValueError("text and template exclude each other")
        slots_in(self.text or "")
        return self


Step = Annotated[StepPart, BeforeValidator(_from_text)]


class Playbook(RunbookModel):
    """How to handle one kind of trouble (INC-45)."""

    id: Key
    title: Annotated[Line, Field(max_length=160)]
    source: Annotated[Line, Field(max_length=120)] | None = None
    trigger: Line
    monitors: list[Key] = []
    checks: list[Step] = []
    mitigations: list[Step] = []
    communications: list[MessagePart] = []
    policy: list[Line] = []
    prevention: list[Line] = []


class ChecklistItem(RunbookModel):
    """One thing to tick.

    Attributes:
        phase, minutes: phase of the work, and its marks in minutes after the start (INC-25).
        due_offset: distance from the planned start, such as -P7D.
    """

    key: Annotated[Key, Field(max_length=60)]
    text: Line
    command: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    phase: Key | None = None
    minutes: Annotated[list[int | None], Field(min_length=2, max_length=2)] | None = None
    optional: bool = False
    due_offset: Annotated[str, StringConstraints(pattern=r"^-?P[0-9TDHM]+$")] | None = None
    warning: Line | None = None
    action: Annotated[Key, Field(max_length=60)] | None = None


class Objectives(RunbookModel):
    """Recovery objectives of a procedure (INC-78, INC-90)."""

    rto_minutes: int | None = None
    rpo_minutes: int | None = None
    rpo_hours: int | None = None


class Checklist(RunbookModel):
    """A list to be worked through at its cadence (INC-65); `ordered`: in sequence only; `gate`: what it opens."""

    id: Key
    title: Annotated[Line, Field(max_length=160)]
    cadence: Cadence
    ordered: bool = False
    gate: Line | None = None
    also_on: list[Line] = []
    severity: Key | None = None
    schedule: Line | None = None
    triggers: list[Line] = []
    minimum_minutes: int | None = None
    objectives: Objectives | None = None
    source: Annotated[Line, Field(max_length=120)] | None = None
    proposed: list[Line] = []
    items: Annotated[list[ChecklistItem], Field(min_length=1)]
