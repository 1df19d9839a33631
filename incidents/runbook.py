"""The sections of a runbook file that classify an incident: severities, scopes, the watch after a fix."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.casework.catalogue.fields import Amount, Duration, Key, Line, PositiveDuration, RunbookModel, Share, Text
from config.casework.catalogue.sections import Context, Finding, Section, setting


class SeverityLevel(RunbookModel):
    """One level of a system's severity scheme, and the clocks that go with it (INC-06..08, INC-28, INC-97, INC-98).

    Attributes:
        rank: for sorting across systems only; 1 is gravest (Annex A).
        acknowledge, mitigate: amounts on the level's clock; None means no such clock.
        mitigate_by_release_window: the fix is due in the next planned release window, which is no amount of time.
        warn: share of a clock after which it warns; warn_acknowledge_after overrides it by an amount of time (R-23).
        update_every: elapsed time between two updates.
        proposed: values that are ours, not the source's.
    """

    key: Annotated[Key, Field(max_length=20)]
    name: Line
    meaning: Text
    examples: list[Line] = []
    rank: Annotated[int, Field(ge=1, le=9)]
    acknowledge: Amount | None = None
    mitigate: Amount | None = None
    mitigate_by_release_window: bool = False
    clock: Literal["round_the_clock", "business"]
    warn: Share = 0.8
    warn_acknowledge_after: Amount | None = None
    paging: Literal["always", "business_hours", "never"]
    update_every: PositiveDuration | None = None
    postmortem: Literal["required", "optional", "never"]
    source: Line | None = None
    proposed: list[Line] = []

    @model_validator(mode="after")
    def _clocks_make_sense(self) -> "SeverityLevel":
        if self.mitigate and self.mitigate_by_release_window:
            raise ValueError("mitigate and mitigate_by_release_window exclude each other")
        for name in ("acknowledge", "mitigate"):
            amount = getattr(self, name)
            if amount and self.clock == "business" and amount.time >= timedelta(days=1):
                raise ValueError(
                    f"{name} runs on a business clock, where {amount} is more than a day; write business days as 1BD"
                )
        return self


class Severities(RunbookModel):
    """The severity scheme of a system.

    Attributes:
        untriaged: level whose clocks run until somebody triaged (INC-99).
        labels: level for a value of the label `severity` of an alert that no monitor knows (R-64).
    """

    untriaged: Key
    labels: dict[Line, Key] = {}
    levels: Annotated[list[SeverityLevel], Field(min_length=1)]


class ScopePart(RunbookModel):
    """A part of a scope, such as CV parsing within the async pipeline."""

    key: Key
    name: Line


class Scope(RunbookModel):
    """What a support case is about; some scopes belong to another desk (INC-03)."""

    key: Key
    name: Line
    parts: list[ScopePart] = []
    routes_to: Literal["dispute", "privacy"] | None = None


def _check_severities(scheme: Severities, context: Context) -> Iterator[Finding]:
    keys = [level.key for level in scheme.levels]
    if scheme.untriaged not in keys:
        yield Finding(("untriaged",), f"{scheme.untriaged!r} is no level of this scheme (there: {', '.join(keys)})")
    for label, key in scheme.labels.items():
        if key not in keys:
            yield Finding(("labels", label), f"{key!r} is no level of this scheme (there: {', '.join(keys)})")
    ranks = [level.rank for level in scheme.levels]
    if ranks != sorted(ranks):
        yield Finding(("levels",), "must run from the gravest level (rank 1) down")


def _level_names(scheme: Severities) -> list[str]:
    return [level.key for level in scheme.levels]


SEVERITIES: Section[Severities] = setting(
    "severities", Severities, order=20, check=_check_severities, names=_level_names
)
SCOPES: Section[list[Scope]] = setting("scopes", list[Scope], order=22)
RECURRENCE_WATCH: Section[timedelta] = setting("recurrence_watch", Duration, order=24)
