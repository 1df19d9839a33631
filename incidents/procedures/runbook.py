"""The sections of a runbook file that say how work is done: playbooks and checklists. Both become procedures."""

from collections.abc import Iterator
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
from config.casework.catalogue.sections import Context, Finding, Section, setting
from incidents.communications.runbook import check_words
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
    setting: Line | None = None
    default: Line | int | float | bool | None = None
    variant: Line | None = None
    expires: Literal["required"] | None = None
    approval: RoleName | None = None
    optional: bool = False
    reason: Line | None = None
    action: Key | None = None
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

    audience: Line
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
    title: Line
    source: Line | None = None
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

    key: Key
    text: Line
    command: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    phase: Key | None = None
    minutes: Annotated[list[int | None], Field(min_length=2, max_length=2)] | None = None
    optional: bool = False
    due_offset: Annotated[str, StringConstraints(pattern=r"^-?P[0-9TDHM]+$")] | None = None
    warning: Line | None = None
    action: Key | None = None


class Objectives(RunbookModel):
    """Recovery objectives of a procedure (INC-78, INC-90)."""

    rto_minutes: int | None = None
    rpo_minutes: int | None = None
    rpo_hours: int | None = None


class Checklist(RunbookModel):
    """A list to be worked through at its cadence (INC-65); `ordered`: in sequence only; `gate`: what it opens."""

    id: Key
    title: Line
    cadence: Cadence
    ordered: bool = False
    gate: Line | None = None
    also_on: list[Line] = []
    severity: Key | None = None
    schedule: Line | None = None
    triggers: list[Line] = []
    minimum_minutes: int | None = None
    objectives: Objectives | None = None
    source: Line | None = None
    proposed: list[Line] = []
    items: Annotated[list[ChecklistItem], Field(min_length=1)]


def _check_playbooks(playbooks: list[Playbook], context: Context) -> Iterator[Finding]:
    for index, playbook in enumerate(playbooks):
        for number, monitor in enumerate(playbook.monitors):
            yield from context.unknown(monitor, section="monitors", location=(index, "monitors", number))
        for number, message in enumerate(playbook.communications):
            place = (index, "communications", number)
            yield from check_words(
                message.text or "", audience=message.audience, location=(*place, "text"), context=context
            )
            if message.template and not message.desk:
                yield from context.unknown(message.template, section="templates", location=(*place, "template"))


def _check_checklists(checklists: list[Checklist], context: Context) -> Iterator[Finding]:
    playbooks = context.names("playbooks") or frozenset()
    for index, checklist in enumerate(checklists):
        if checklist.id in playbooks:
            yield Finding(
                (index, "id"), f"{checklist.id!r} is also a playbook; both are procedures and share their ids"
            )
        if checklist.severity:
            yield from context.unknown(checklist.severity, section="severities", location=(index, "severity"))


PLAYBOOKS: Section[list[Playbook]] = setting("playbooks", list[Playbook], order=50, check=_check_playbooks, shared=True)
CHECKLISTS: Section[list[Checklist]] = setting(
    "checklists", list[Checklist], order=52, check=_check_checklists, shared=True
)
