"""State machines: what may follow what, who may do it, and what it demands.

A model has one `Machine`, a frozen table. The admin's buttons, bulk actions, the API, imports and the property tests
all come from the table, and all changes of state go through `apply`: permission, guards, row lock, version, trail and
effects in one transaction.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.actors import Actor, actor_user
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.cases.models import Note
from config.casework.choices import Tone
from config.casework.events import TransitionApplied, publish

type Words = Any  # a lazy translation or a plain text

FUTURE_TOLERANCE_SECONDS = 300


class Refused(Exception):
    """A step cannot be taken; the text says what is missing and where, for a person to read."""


class IllegalTransition(Refused):
    """The state does not allow the step."""


class StaleState(Refused):
    """Somebody else changed the object since it was read."""


@dataclass(frozen=True)
class Step[M: models.Model]:
    """What guards and effects get to know about the step being taken; `before`: values and stamps as they were."""

    obj: M
    name: str
    actor: Actor
    at: datetime
    values: Mapping[str, Any]
    before: Mapping[str, Any]


type Guard = Callable[[Step[Any]], str | None]
type Effect = Callable[[Step[Any]], None]


@dataclass(frozen=True)
class Transition:
    """One row of the table.

    Attributes:
        label: what the button says.
        sources: states from which it may be taken.
        target: the state it leads to; None for a fact that is recorded beside the state.
        permission: "app.codename" a person needs.
        action: past verb for the trail ("acknowledged"); the name plus "d" or "ed" would guess.
        fields: model fields it demands; empty ones are refused by name.
        optional: model fields it may also set.
        stamps: time fields set to the true time of the step.
        actor_stamps: key fields set to the person who did it.
        guards: each returns why not, or None.
        effects: run after the row was written, in the same transaction.
        already: sentence when the source state does not fit.
        consequence: sentence shown before it is confirmed.
        repeatable: a fact that may be recorded again.
    """

    label: Words
    sources: frozenset[str]
    permission: str
    action: str
    target: str | None = None
    fields: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    actor_stamps: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()
    effects: tuple[Effect, ...] = ()
    already: Words = ""
    consequence: Words = ""
    tone: Tone = Tone.INFO
    primary: bool = False
    takes_time: bool = False
    initial: Callable[[Any], Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Machine[M: models.Model]:
    """All transitions of one model; iterable, and the only way its state field changes."""

    noun: str
    field: str
    states: type[models.TextChoices]
    transitions: Mapping[str, Transition] = dataclasses.field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[str, Transition]]:
        return iter(self.transitions.items())

    def state(self, obj: M) -> str:
        return str(getattr(obj, self.field))

    def available(self, obj: M, actor: Actor) -> list[tuple[str, Transition]]:
        """The steps this actor could take now, by state and permission (guards may still refuse, and say why)."""
        user = actor_user(actor)
        return [
            (name, transition)
            for name, transition in self.transitions.items()
            if self.state(obj) in transition.sources and (user is None or user.has_perm(transition.permission))
        ]


def apply[M: models.Model](
    obj: M,
    name: str,
    *,
    actor: Actor,
    at: datetime | None = None,
    reason: str = "",
    machine: Machine[M] | None = None,
    **values: Any,
) -> M:
    """Take one step on an object and return it as it then is.

    Args:
        obj: the row as the caller saw it; its version decides whether somebody was faster.
        at: true time of the step, aware; now when left out, never more than five minutes ahead.
        reason: what the person says about it; kept as a note on the case, not in the trail.
        values: model fields the step demands or allows.
    Raises:
        IllegalTransition: the state does not allow it.
        StaleState: somebody else moved the object first.
        Refused: a guard says no, in words for a person.
        ValidationError: a demanded field is empty or a value is bad; keyed by field.
        PermissionDenied: the actor may not do this.
    """
    table: Machine[M] = machine or obj.MACHINE  # type: ignore[attr-defined]
    transition = table.transitions[name]
    require(actor, transition.permission, obj)
    now = clock.now()
    moment = at or now
    if (moment - now).total_seconds() > FUTURE_TOLERANCE_SECONDS:
        raise ValidationError({"at": _("This time lies in the future.")})
    with transaction.atomic():
        row = type(obj)._default_manager.select_for_update(of=("self",)).get(pk=obj.pk)
        _check_state(table, transition, obj, row)
        stamped = {stamp: getattr(row, stamp) for stamp in (*transition.stamps, *transition.actor_stamps)}
        before = stamped | _set_values(transition, row, values)
        step = Step(obj=row, name=name, actor=actor, at=moment, values=values, before=before)
        for guard in transition.guards:
            refusal = guard(step)
            if refusal:
                raise Refused(refusal)
        _write(table, transition, row, step)
        record_step(table, transition, step, reason)
        for effect in transition.effects:
            effect(step)
        publish(TransitionApplied(row, table.noun, name, moment))
    obj.refresh_from_db()
    return obj


def _check_state(table: Machine[Any], transition: Transition, seen: models.Model, row: models.Model) -> None:
    state = table.state(row)
    if state not in transition.sources:
        label = table.states(state).label
        if table.state(seen) in transition.sources:
            raise StaleState(_("Somebody was faster: it is %(state)s now.") % {"state": label})
        raise IllegalTransition(
            str(transition.already)
            or _("“%(step)s” is not possible: it is %(state)s.") % {"step": transition.label, "state": label}
        )
    if transition.target is not None and getattr(seen, "version", None) != getattr(row, "version", None):
        raise StaleState(_("Somebody changed it since you opened it. Look again, then repeat the step."))


def _set_values(transition: Transition, row: models.Model, values: Mapping[str, Any]) -> dict[str, Any]:
    allowed = {*transition.fields, *transition.optional}
    unknown = sorted(values.keys() - allowed)
    if unknown:
        raise ValidationError({name: _("This step takes no such field.") for name in unknown})
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    missing = {name: _("This is needed.") for name in transition.fields if getattr(row, name) in (None, "", [], {})}
    if missing:
        raise ValidationError(missing)
    if values:
        row.clean_fields(exclude={f.name for f in row._meta.concrete_fields} - values.keys())
    return before


def _write(table: Machine[Any], transition: Transition, row: models.Model, step: Step[Any]) -> None:
    changed = {*step.values, *transition.stamps, *transition.actor_stamps}
    for name in transition.stamps:
        setattr(row, name, step.at)
    for name in transition.actor_stamps:
        setattr(row, name, actor_user(step.actor))
    if transition.target is not None:
        setattr(row, table.field, transition.target)
        changed.add(table.field)
    if hasattr(row, "version"):
        row.version += 1
        changed.add("version")
    row.clean()
    row.validate_constraints()
    row.save(update_fields=sorted(changed))


def record_step(table: Machine[Any], transition: Transition, step: Step[Any], reason: str) -> None:
    """Write the trail entry of a step and keep its reason as a note on the case."""
    case = getattr(step.obj, "case_root", step.obj)
    action = f"{table.noun}.{transition.action}"
    detail: dict[str, Any] = {}
    if transition.target is not None:
        detail["state"] = transition.target
    for name in step.values:
        coded = _coded(step.obj, name)
        if coded is not None:
            detail[name] = [_plain(step.before.get(name)), coded]
    record(
        case,
        action,
        actor=step.actor,
        at=step.at,
        about=step.obj if case is not step.obj else None,
        fields=step.values,
        detail=detail,
    )
    if reason.strip():
        Note.objects.create(
            case=case,
            author=actor_user(step.actor),
            at=step.at,
            recorded_at=clock.now(),
            text=reason.strip(),
            about=action,
        )


def _coded(obj: models.Model, name: str) -> str | None:
    """A value fit for the trail: a choice, a key or a time; free text is not."""
    field = obj._meta.get_field(name)
    value = getattr(obj, name)
    if (
        isinstance(field, models.ForeignKey)
        or getattr(field, "choices", None)
        or isinstance(field, (models.BooleanField, models.DateTimeField))
    ):
        return _plain(value)
    return None


def _plain(value: Any) -> str | None:
    return None if value is None else str(value)


def states(*members: str) -> frozenset[str]:
    return frozenset(str(member) for member in members)


ALREADY_DONE = gettext_lazy("This was done already.")
