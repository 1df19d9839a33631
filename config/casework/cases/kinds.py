"""The kinds of cases the HTTP API knows: each desk names its own, the API knows no desk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.casework.access.actors import Actor
from config.casework.cases.models import Case
from config.casework.transitions import apply

type Take = Callable[..., object]


def no_details(case: Case) -> Mapping[str, Any]:
    return {}


def take_step(case: Case, name: str, *, actor: Actor, at: datetime | None, reason: str, **values: Any) -> object:
    """Take a step of the case's own machine."""
    return apply(case, name, actor=actor, at=at, reason=reason, **values)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How the cases of one desk look from outside.

    Attributes:
        key: such as "incident".
        model: the case model; its machine gives the steps.
        open_states: states in which a case counts as open.
        related: keys that `details` and the list need, for one question instead of many.
        details: further values of a case: severity and acknowledged_at.
        lookups: turn the key of a related row, as a step's field, into the row; None when there is none.
        take: takes a step; gets `values` by field.
        extras: further text fields a step takes beside those of its row in the machine, by step.
        internal: fields of the machine that nobody sets from outside.
    """

    key: str
    model: type[Case]
    open_states: tuple[str, ...]
    related: tuple[str, ...] = ()
    details: Callable[[Any], Mapping[str, Any]] = no_details
    lookups: Mapping[str, Callable[[Any, str], Any]]
    take: Take = take_step
    extras: Mapping[str, tuple[str, ...]]
    internal: frozenset[str] = frozenset()


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Make a kind known to the API.

    Raises:
        ValueError: another kind has the key.
    """
    if _kinds.setdefault(kind.key, kind) is not kind:
        raise ValueError(f"the kind of case {kind.key!r} is registered twice")
    return kind


def kinds() -> list[Kind]:
    return [_kinds[key] for key in sorted(_kinds)]


def kind_of_reference(reference: str) -> Kind | None:
    """The kind whose references begin like this one."""
    prefix = reference.partition("-")[0]
    return next((kind for kind in _kinds.values() if prefix == kind.model.PREFIX), None)
