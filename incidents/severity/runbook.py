"""The section of a runbook file that holds the severity scheme of a system: one row of `Severity` a level."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from config.casework.catalogue.fields import Amount, Key, Line, RunbookModel, Share
from config.casework.catalogue.models import System
from config.casework.catalogue.rows import sync
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register
from incidents.severity.models import Severity


class SeverityLevel(RunbookModel):
    """One level of a severity scheme, and the promises that go with it (INC-06..08, INC-28, INC-97, INC-98).

    Attributes:
        rank: for sorting across systems only; 1 is gravest (Annex A).
        acknowledge, mitigate: amounts on the level's clock; None makes no promise.
        mitigate_by_release_window: the fix is due in the next planned release window, which is no amount of time.
        warn: share of a clock after which it warns.
        update_every: time between two updates, on the level's clock.
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


class Severities(RunbookModel):
    """The severity scheme; `untriaged` is the level whose promises hold until somebody judged (INC-99)."""

    untriaged: Key
    levels: Annotated[list[SeverityLevel], Field(min_length=1)]


def _check(scheme: Severities, context: Context) -> Iterator[Finding]:
    keys = [level.key for level in scheme.levels]
    if scheme.untriaged not in keys:
        yield Finding(("untriaged",), f"{scheme.untriaged!r} is no level of this scheme (there: {', '.join(keys)})")
    ranks = [level.rank for level in scheme.levels]
    if ranks != sorted(ranks):
        yield Finding(("levels",), "must run from the gravest level (rank 1) down")


def _load(system: System, scheme: Severities, context: Context) -> Changes:
    existing = list(Severity.objects.filter(system=system))
    moved = [row for row in existing if row.is_untriaged and row.key != scheme.untriaged]
    for row in moved:  # one level may hold the mark; it leaves the old one before the new one gets it
        row.is_untriaged = False
        row.save(update_fields=["is_untriaged"])
    wanted = {level.key: _values(level, untriaged=scheme.untriaged) for level in scheme.levels}
    return sync(existing, wanted, by="key", make=Severity, system=system)


def _values(level: SeverityLevel, *, untriaged: str) -> dict[str, Any]:
    values = level.model_dump(exclude={"key"})
    for name in ("acknowledge", "mitigate", "update_every"):
        amount = getattr(level, name)
        values[name] = str(amount) if amount else ""
    return values | {"is_untriaged": level.key == untriaged}


def _export(system: System) -> Severities | None:
    rows = list(Severity.objects.filter(system=system).order_by("rank", "key"))
    untriaged = next((row.key for row in rows if row.is_untriaged), "none")
    levels = [
        {name: getattr(row, name) or None for name in ("acknowledge", "mitigate", "update_every")} | _plain(row)
        for row in rows
    ]
    return SEVERITIES.adapter.validate_python({"untriaged": untriaged, "levels": levels}) if rows else None


def _plain(row: Severity) -> dict[str, Any]:
    names = (
        "key",
        "name",
        "meaning",
        "examples",
        "rank",
        "mitigate_by_release_window",
        "clock",
        "warn",
        "paging",
        "postmortem",
    )
    return {name: getattr(row, name) for name in names}


def _names(scheme: Severities) -> list[str]:
    return [level.key for level in scheme.levels]


SEVERITIES: Section[Severities] = register(
    Section(key="severities", schema=Severities, load=_load, export=_export, check=_check, names=_names, order=20)
)
