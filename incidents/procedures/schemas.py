"""How playbooks and checklists are written in a runbook file."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_validator,
    model_serializer,
    model_validator,
)

from config.casework.catalogue.fields import ClockTime, Day, Key, Line, PositiveDuration, RunbookModel, Zone
from config.casework.catalogue.runbook import ROLES
from incidents.communications.slots import slots_in
from incidents.procedures.recurrence import ANCHOR, USUAL, check_rule

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
Option = Annotated[Line, Field(max_length=60)]


class Condition(RunbookModel):
    """A step applies only when an earlier decision was answered so."""

    step: Annotated[Key, Field(max_length=60)]
    answer: Annotated[list[Option], Field(min_length=1)]


class Work(RunbookModel):
    """What every step may carry.

    Attributes:
        key: by which other steps refer to it.
        options: the answers of a decision; a step with options is one.
        only_if: the decision that must have been answered so, else the step is put aside.
        needs: keys of earlier steps that must be done, not skipped.
        wait: time to wait after it before the next one of an ordered list.
        evidence: "required" when ticking needs a link or a file.
        valid: how long its evidence counts.
        action: name of the desk action that the step offers.
    """

    options: Annotated[list[Option], Field(min_length=2)] | None = None
    only_if: Condition | None = None
    needs: list[Key] = []
    wait: PositiveDuration | None = None
    evidence: Literal["required"] | None = None
    valid: PositiveDuration | None = None
    action: Annotated[Key, Field(max_length=60)] | None = None


class StepPart(Work):
    """A check or a mitigation: one line of text, or a mapping with more. Commands are shown, never run by the desk.

    Attributes:
        variant: engine or flavour that the step is for.
        expires: "required" for a temporary measure that somebody must take back (INC-21).
        approval: role that must agree first.
        reason: flag or cause that leads to this step.
        proposed: the step is ours, not the source's.
    """

    key: Annotated[Key, Field(max_length=60)] | None = None
    text: Line
    command: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    setting: Annotated[Line, Field(max_length=200)] | None = None
    default: Line | int | float | bool | None = None
    variant: Line | None = None
    expires: Literal["required"] | None = None
    approval: RoleName | None = None
    optional: bool = False
    reason: Line | None = None
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

    @field_validator("mitigations")
    @classmethod
    def _decided_before(cls, parts: list[StepPart]) -> list[StepPart]:
        if any(part.options for part in parts):
            raise ValueError("a decision (a step with options) stands under checks")
        return parts


class ChecklistItem(Work):
    """One thing to tick.

    Attributes:
        approval: role that must tick it.
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
    approval: RoleName | None = None


class Objectives(RunbookModel):
    """Recovery objectives of a procedure (INC-78, INC-90)."""

    rto_minutes: int | None = None
    rpo_minutes: int | None = None
    rpo_hours: int | None = None


class Checklist(RunbookModel):
    """A list to be worked through at its cadence (INC-65); `ordered`: in sequence only; `gate`: what it opens.

    Attributes:
        kind: what it is, when its cadence does not tell.
        also_on: what else makes one due: "close of SEV-1", "change of a fallback".
        severity: level of the case it belongs to; a list per incident begins with a case of that level.
        rule, at, zone, start: recurrence rule of days (RFC 5545), time of day, zone, day from which intervals count.
        lasts: time after `at` when it counts as missed; else when its day or period ends.
        owner: who is to do it, a part of the on-call.
    """

    id: Key
    title: Annotated[Line, Field(max_length=160)]
    cadence: Cadence
    kind: Literal["checklist", "deployment", "rollback", "recovery", "breach", "drill"] | None = None
    ordered: bool = False
    gate: Line | None = None
    also_on: list[Line] = []
    severity: Key | None = None
    schedule: Line | None = None
    rule: Annotated[Line, Field(max_length=200)] | None = None
    at: ClockTime | None = None
    zone: Zone | None = None
    start: Day | None = None
    lasts: PositiveDuration | None = None
    owner: Literal["primary", "secondary"] | None = None
    triggers: list[Line] = []
    minimum_minutes: int | None = None
    objectives: Objectives | None = None
    source: Annotated[Line, Field(max_length=120)] | None = None
    proposed: list[Line] = []
    items: Annotated[list[ChecklistItem], Field(min_length=1)]

    @field_validator("rule")
    @classmethod
    def _happens(cls, rule: str | None) -> str | None:
        return check_rule(rule) if rule else None

    @model_validator(mode="after")
    def _recurs(self) -> "Checklist":
        given = [name for name in ("rule", "at", "zone", "start", "lasts", "owner") if getattr(self, name) is not None]
        if given and self.cadence not in USUAL:
            raise ValueError(
                f"{', '.join(given)}: only lists with the cadence {', '.join(USUAL)} recur by the calendar"
            )
        if self.rule and self.start and self.start != ANCHOR:
            check_rule(self.rule, self.start)
        return self
