"""The sections of a runbook file that say who is paged, in which order, and when many alerts become one page."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from config.casework.access.models import User
from config.casework.catalogue.fields import Duration, Key, Line, PositiveDuration, RunbookModel, format_duration
from config.casework.catalogue.models import System
from config.casework.catalogue.rows import assign
from config.casework.catalogue.runbook import ROLES
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register, setting
from incidents.severity.models import Severity

KINDS = ("to", "person", "rotation", "channel")


class PagingStep(RunbookModel):
    """Whom to page when `after` has passed since the page began and nobody acknowledged: exactly one of four kinds.

    Attributes:
        to: a part of the on-call duty or a desk role.
        person: the address of one person of the desk.
        rotation: key of a rotation.
        channel: key of a chat target of NOTIFY_URLS: its scheme, such as slack, or slack-2 for the second of a kind.
        hours: business_hours passes the step over at other times.
    """

    after: Duration
    to: Key | None = None
    person: Line | None = None
    rotation: Key | None = None
    channel: Key | None = None
    hours: Literal["always", "business_hours"] = "always"

    @model_validator(mode="after")
    def _one_target(self) -> "PagingStep":
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise ValueError(f"names exactly one of {', '.join(KINDS)}")
        return self


class PagingPolicy(RunbookModel):
    """The steps of one severity level, in order (INC-29).

    Attributes:
        repeat: how often they are gone through again; every: the time between two rounds.
        acknowledgement_lasts: without any work for this long an acknowledgement expires; None: it lasts.
    """

    severity: Key
    steps: Annotated[list[PagingStep], Field(min_length=1)]
    repeat: Annotated[int, Field(ge=0, le=24)] = 0
    every: PositiveDuration = timedelta(minutes=15)
    acknowledgement_lasts: PositiveDuration | None = None


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
            yield from _check_step(step, context, (*place, "steps", number))
        yield from (Finding((*place, "steps", *at), why) for at, why in order_findings(policy.steps))
    for index, step_ in enumerate(paging.breach):
        yield from _check_target(step_.to, context, ("breach", index, "to"))
    yield from _unpaged_levels(paging, context)


def order_findings(steps: list[PagingStep]) -> Iterator[tuple[tuple[int, str], str]]:
    """What is wrong with the times of steps: (step, key) and the sentence."""
    for number, step in enumerate(steps):
        if number == 0 and step.after:
            yield (0, "after"), "the first step pages at once: write PT0S"
        if number and step.after <= steps[number - 1].after:
            yield (number, "after"), "must be later than the step before it"


def _check_step(step: PagingStep, context: Context, location: tuple[str | int, ...]) -> Iterator[Finding]:
    if step.to is not None:
        yield from _check_target(step.to, context, (*location, "to"))
    if step.rotation is not None:
        yield from context.unknown(step.rotation, section="rotations", location=(*location, "rotation"))
    if step.person is not None and person_at(step.person) is None:
        yield Finding((*location, "person"), f"nobody at the desk has the address {step.person!r}")


def person_at(address: str) -> User | None:
    """The person of the desk with this address."""
    return User.objects.filter(email=address.strip().lower(), is_staff=True, is_active=True).first()


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
        changes += assign(level, policy_values(policy) | {"breach_steps": breach})
    return changes


def policy_values(policy: PagingPolicy | None) -> dict[str, Any]:
    """The columns of a level that hold its policy; without one they are as at the beginning."""
    if policy is None:
        return {"paging_steps": [], "paging_repeat": 0, "paging_every": "PT15M", "paging_lasts": ""}
    lasts = policy.acknowledgement_lasts
    return {
        "paging_steps": [_plain(step) for step in policy.steps],
        "paging_repeat": policy.repeat,
        "paging_every": format_duration(policy.every),
        "paging_lasts": format_duration(lasts) if lasts else "",
    }


def _plain(step: PagingStep | BreachStep) -> dict[str, Any]:
    """A step as the row keeps it: people by their number, never by their address."""
    if isinstance(step, BreachStep):
        return {"to": step.to, "after": format_duration(step.after)}
    kind = next(kind for kind in KINDS if getattr(step, kind) is not None)
    value = getattr(step, kind)
    if kind == "person":
        person = person_at(value)
        value = person.pk if person else 0
    hours = {"hours": step.hours} if step.hours != "always" else {}
    return {kind: value, "after": format_duration(step.after)} | hours


def spelt(step: dict[str, Any]) -> dict[str, Any]:
    """A step as a file spells it: the address of a person who is still here, else a word that says that nobody is."""
    if "person" not in step:
        return step
    person = User.objects.filter(pk=step["person"]).first()
    return step | {"person": person.email if person else "nobody@localhost"}


def policy_of(level: Severity) -> dict[str, Any]:
    """The policy of a level as plain data of the section."""
    return {
        "severity": level.key,
        "steps": [spelt(step) for step in level.paging_steps],
        "repeat": level.paging_repeat,
        "every": level.paging_every,
        "acknowledgement_lasts": level.paging_lasts or None,
    }


def _export_paging(system: System) -> Paging | None:
    levels = list(Severity.objects.filter(system=system).order_by("rank", "key"))
    paged = [level for level in levels if level.paging_steps]
    policies = [policy_of(level) for level in paged]
    breach: list[dict[str, str]] = next((level.breach_steps for level in levels if level.breach_steps), [])
    return PAGING.adapter.validate_python({"policies": policies, "breach": breach}) if breach else None


PAGING: Section[Paging] = register(
    Section(key="paging", schema=Paging, load=_load_paging, export=_export_paging, check=_check_paging, order=28)
)
STORM: Section[Storm] = setting("storm", Storm, order=30)
