"""How the severity scheme of a system is written in a runbook file."""

from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.casework.catalogue.fields import Amount, Key, Line, PositiveDuration, RunbookModel, Share
from config.casework.catalogue.runbook import SystemKey


class Phase(RunbookModel):
    """A part of the procedure of a level, with its mark after the start (INC-25).

    Attributes:
        until: after this time it is overdue; None: it has no mark.
        met_by: the fact that ends it.
    """

    key: Annotated[Key, Field(max_length=30)]
    name: Annotated[Line, Field(max_length=60)]
    until: PositiveDuration | None = None
    met_by: Literal["acknowledged", "triaged", "stabilized", "resolved", "closed"]


class SeverityLevel(RunbookModel):
    """One level of a severity scheme, and the promises that go with it (INC-06..16, INC-28, INC-97, INC-98).

    Attributes:
        rank: for sorting across systems only; 1 is gravest (Annex A).
        acknowledge, mitigate: amounts on the level's clock; None makes no promise.
        mitigate_by_release_window: the fix is due in the next planned release window, which is no amount of time.
        warn: share of a clock after which it warns.
        update_every: time between two updates, on the level's clock.
        phases: marks round the clock, counted from the start.
    """

    key: Annotated[Key, Field(max_length=20)]
    name: Annotated[Line, Field(max_length=60)]
    meaning: Line
    examples: list[Line] = []
    rank: Annotated[int, Field(ge=1, le=9)]
    acknowledge: Amount | None = None
    mitigate: Amount | None = None
    mitigate_by_release_window: bool = False
    clock: Literal["round_the_clock", "business"]
    warn: Share = 0.8
    paging: Literal["always", "business_hours", "never"]
    update_every: Amount | None = None
    postmortem: Literal["required", "optional", "never"]
    phases: list[Phase] = []

    @model_validator(mode="after")
    def _promises_make_sense(self) -> "SeverityLevel":
        if self.mitigate and self.mitigate_by_release_window:
            raise ValueError("mitigate and mitigate_by_release_window exclude each other")
        for name in ("acknowledge", "mitigate", "update_every"):
            amount = getattr(self, name)
            if amount and self.clock == "business" and amount.time >= timedelta(days=1):
                raise ValueError(
                    f"{name} runs on a business clock, where {amount} is more than a day; write business days as 1BD"
                )
            if amount and self.clock == "round_the_clock" and amount.business_days:
                raise ValueError(
                    f"{name} runs round the clock, where there are no business days; write P1D, not {amount}"
                )
        return self

    @model_validator(mode="after")
    def _phases_follow_each_other(self) -> "SeverityLevel":
        marked = [phase for phase in self.phases if phase.until is not None]
        for earlier, later in pairwise(marked):
            if later.until is not None and earlier.until is not None and later.until <= earlier.until:
                raise ValueError(f"the phase {later.key!r} must end later than {earlier.key!r} before it")
        return self


class Severities(RunbookModel):
    """The severity scheme of a system, or the one it borrows (INC-17).

    Attributes:
        untriaged: the level whose promises hold until somebody judged (INC-99).
        borrowed_from: key of the system whose levels hold here as well.
    """

    untriaged: Key | None = None
    levels: list[SeverityLevel] = []
    borrowed_from: SystemKey | None = None

    @model_validator(mode="after")
    def _own_or_borrowed(self) -> "Severities":
        if self.borrowed_from is not None:
            if self.untriaged is not None or self.levels:
                raise ValueError("a borrowed scheme has no levels of its own; leave out untriaged and levels")
        elif self.untriaged is None or not self.levels:
            raise ValueError("needs untriaged and levels, or borrowed_from")
        return self
