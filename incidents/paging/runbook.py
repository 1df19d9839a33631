"""The sections of a runbook file that say who is paged, in which order, and when many alerts become one page."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from config.casework.catalogue.fields import Duration, Key, PositiveDuration, RunbookModel, format_duration
from config.casework.catalogue.models import System
from config.casework.catalogue.rows import assign
from config.casework.catalogue.runbook import ROLES
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register, setting
from incidents.severity.models import Severity


class PagingStep(RunbookModel):
    """Page `to` (a part of the on-call duty or a desk role) when `after` has passed since the page began and nobody acknowledged."""

    after: Duration
    to: Key


class PagingPolicy(RunbookModel):
    """The steps of one severity level, in order (INC-29); `repeat`: how often they are gone through again."""

    severity: Key
    steps: Annotated[list[PagingStep], Field(min_length=1)]
    repeat: Annotated[int, Field(ge=0, le=24)] = 0


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


def _load_paging(system: System, paging: Paging, context: Context) -> Changes:
    policies = {policy.severity: policy for policy in paging.policies}
    breach = [_plain(step) for step in paging.breach]
    changes = Changes()
    for level in Severity.objects.filter(system=system):
        policy = policies.get(level.key)
        steps = [_plain(step) for step in policy.steps] if policy else []
        values = {"paging_steps": steps, "paging_repeat": policy.repeat if policy else 0, "breach_steps": breach}
        changes += assign(level, values)
    return changes


def _plain(step: PagingStep | BreachStep) -> dict[str, str]:
    return {"to": step.to, "after": format_duration(step.after)}


def _export_paging(system: System) -> Paging | None:
    levels = list(Severity.objects.filter(system=system).order_by("rank", "key"))
    paged = [level for level in levels if level.paging_steps]
    policies = [{"severity": level.key, "steps": level.paging_steps, "repeat": level.paging_repeat} for level in paged]
    breach: list[dict[str, str]] = next((level.breach_steps for level in levels if level.breach_steps), [])
    return PAGING.adapter.validate_python({"policies": policies, "breach": breach}) if breach else None


PAGING: Section[Paging] = register(
    Section(key="paging", schema=Paging, load=_load_paging, export=_export_paging, check=_check_paging, order=28)
)
STORM: Section[Storm] = setting("storm", Storm, order=30)
