"""The sections of a runbook file that say who is paged, in which order, and when many alerts become one page."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from config.casework.catalogue.fields import Duration, Key, Line, PositiveDuration, RunbookModel
from config.casework.catalogue.runbook import ROLES, DeskRole
from config.casework.catalogue.sections import Context, Finding, Section, setting


class OncallRoles(RunbookModel):
    """The parts of the duty, and the desk role whose person takes each until somebody is named (INC-04)."""

    primary: DeskRole
    secondary: DeskRole


class PagingStep(RunbookModel):
    """Page `to` (a part of the on-call duty or a desk role) when `after` has passed since the page began and nobody acknowledged."""

    after: Duration
    to: Key


class PagingPolicy(RunbookModel):
    """The steps of one severity level, in order (INC-29); `repeat`: how often they are gone through again."""

    severity: Key
    steps: Annotated[list[PagingStep], Field(min_length=1)]
    repeat: Annotated[int, Field(ge=0, le=24)] = 0
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
            f"{to!r} is neither a part of the on-call duty ({', '.join(sorted(known)) or 'none'}) nor a role of the desk ({', '.join(sorted(ROLES))})",
        )


def _unpaged_levels(paging: Paging, context: Context) -> Iterator[Finding]:
    scheme = context.section("severities")
    covered = {policy.severity for policy in paging.policies}
    for level in scheme.levels if scheme else ():
        if level.paging != "never" and level.key not in covered:
            yield Finding(("policies",), f"{level.key} is paged ({level.paging}), but has no policy here")


def _parts(roles: OncallRoles) -> list[str]:
    return list(roles.model_dump())


ONCALL_ROLES: Section[OncallRoles] = setting("oncall_roles", OncallRoles, order=26, names=_parts)
PAGING: Section[Paging] = setting("paging", Paging, order=28, check=_check_paging)
STORM: Section[Storm] = setting("storm", Storm, order=30)
