"""The sections of a runbook file that say who is paged, in which order, and when many alerts become one page."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from config.casework.catalogue.fields import Duration, Key, Line, PositiveDuration, RunbookModel
from config.casework.catalogue.runbook import ROLES, DeskRole
from config.casework.catalogue.sections import Context, Finding, Section, setting


class OncallRole(RunbookModel):
    """A place on call; `holder` is the desk role whose person takes it until somebody is set (INC-04)."""

    key: Key
    name: Line
    holder: DeskRole
    duty: Line


class PagingStep(RunbookModel):
    """Page `to` (an on-call role or a desk role) when `after` has passed since the page began and nobody acknowledged."""

    after: Duration
    to: Key


class Repeat(RunbookModel):
    """Begin the steps again every so often, so many times, while nobody acknowledged."""

    every: PositiveDuration
    times: Annotated[int, Field(ge=1, le=24)]


class PagingPolicy(RunbookModel):
    """The steps of one severity level, in order (INC-29)."""

    severity: Key
    steps: Annotated[list[PagingStep], Field(min_length=1)]
    repeat: Repeat | None = None
    proposed: list[Line] = []


class BreachStep(RunbookModel):
    """Tell `to` when `after` has passed since a clock ran out (INC-33, R-52)."""

    to: Key
    after: Duration = timedelta(0)


class Paging(RunbookModel):
    """All paging of a system."""

    policies: list[PagingPolicy]
    breach: Annotated[list[BreachStep], Field(min_length=1)]


class Storm(RunbookModel):
    """More than `more_than` new alert cases within `within` become one storm case."""

    more_than: Annotated[int, Field(ge=1, le=1000)]
    within: PositiveDuration


def _check_paging(paging: Paging, context: Context) -> Iterator[Finding]:
    counts = Counter(policy.severity for policy in paging.policies)
    for index, policy in enumerate(paging.policies):
        place = ("policies", index)
        yield from context.unknown(policy.severity, section="severities", location=(*place, "severity"))
        if counts[policy.severity] > 1:
            yield Finding(
                (*place, "severity"), f"{policy.severity!r} has {counts[policy.severity]} policies; one is allowed"
            )
        for number, step in enumerate(policy.steps):
            yield from _check_target(step.to, context, (*place, "steps", number, "to"))
            if number == 0 and step.after:
                yield Finding((*place, "steps", 0, "after"), "the first step pages at once: write PT0S")
            if number and step.after <= policy.steps[number - 1].after:
                yield Finding((*place, "steps", number, "after"), "must be later than the step before it")
    for index, step_ in enumerate(paging.breach):
        yield from _check_target(step_.to, context, ("breach", index, "to"))
    yield from _unpaged_levels(paging, context)


def _check_target(to: str, context: Context, location: tuple[str | int, ...]) -> Iterator[Finding]:
    known = context.names("oncall_roles")
    if known is not None and to not in known | ROLES:
        yield Finding(
            location,
            f"{to!r} is neither an on-call role of this file ({', '.join(sorted(known)) or 'none'}) nor a role of the desk",
        )


def _unpaged_levels(paging: Paging, context: Context) -> Iterator[Finding]:
    scheme = context.section("severities")
    covered = {policy.severity for policy in paging.policies}
    for level in scheme.levels if scheme else ():
        if level.paging != "never" and level.key not in covered:
            yield Finding(("policies",), f"{level.key} is paged ({level.paging}), but has no policy here")


ONCALL_ROLES: Section[list[OncallRole]] = setting("oncall_roles", list[OncallRole], order=26)
PAGING: Section[Paging] = setting("paging", Paging, order=28, check=_check_paging)
STORM: Section[Storm] = setting("storm", Storm, order=30)
