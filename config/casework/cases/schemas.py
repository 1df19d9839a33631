"""Cases as the API gives and takes them: no names of people, nothing people wrote but the title."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from config.casework.api.schemas import Input, Moment

KEY_LENGTH = 200
REASON_LENGTH = 20_000
IdempotencyText = Annotated[str, Field(max_length=KEY_LENGTH)]


class ClockOut(BaseModel):
    """One clock of a case; `breached` also when it was met too late."""

    name: str
    due_at: datetime | None
    met_at: datetime | None
    breached: bool


class EntryOut(BaseModel):
    """One line of a timeline: P-0001 for a person, `desk` for the machine, `token:...` for a token."""

    at: datetime
    actor: str
    what: str


class CaseSummary(BaseModel):
    """A case in a list."""

    ref: str
    kind: str
    system: str
    organization: str
    title: str
    state: str
    severity: str | None
    owner: str | None
    received_at: datetime
    acknowledged_at: datetime | None
    clocks: list[ClockOut]


class CaseOut(CaseSummary):
    """A case with its timeline, newest first."""

    timeline: list[EntryOut]


class StepIn(Input):
    """A step on a case; the fields the step demands stand beside these."""

    at: Moment | None = None
    reason: str = Field(default="", max_length=REASON_LENGTH)
    idempotency_key: IdempotencyText = ""
