"""Cases of all desks by one door: list, read, take steps (scope cases)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Body, Query, Router
from pydantic import Field
from pydantic_core import PydanticCustomError

from config.casework import clock
from config.casework.access.choices import Scope
from config.casework.api.base import answers
from config.casework.api.errors import Invalid
from config.casework.api.paging import Paging, decode, encode
from config.casework.api.schemas import Page, read_moment
from config.casework.api.security import Bearer, caller
from config.casework.api.services import once
from config.casework.cases.kinds import Kind, kind_of_reference, kinds
from config.casework.cases.models import Case
from config.casework.cases.schemas import CaseOut, CaseSummary, StepIn
from config.casework.cases.selectors import Place, newest, place_of, visible_outside
from config.casework.cases.timeline import public_timeline
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.transitions import Transition

router = Router(tags=["cases"])
CASES = Bearer(Scope.CASES)


class Filters(Paging):
    """What a list of cases may be narrowed to."""

    kind: str = Field(default="", max_length=20)
    system: str = Field(default="", max_length=40)
    state: str = Field(default="", max_length=20)
    open: bool | None = None


@router.get("", auth=CASES, response=answers({200: Page[CaseSummary]}), summary="Cases, newest first")
def list_cases(request: HttpRequest, filters: Annotated[Filters, Query()]) -> dict[str, Any]:
    """Cases of all kinds; a case counts as open until the trouble is over (an incident until it is resolved)."""
    wanted = _wanted(filters)
    found = newest(
        wanted,
        limit=filters.limit + 1,
        after=_read_place(filters.cursor),
        system=filters.system,
        state=filters.state,
        is_open=filters.open,
    )
    shown, more = found[: filters.limit], len(found) > filters.limit
    return {"items": _summaries(shown, clock.now()), "next": _write_place(*shown[-1]) if more else None}


@router.get("/{ref}", auth=CASES, response=answers({200: CaseOut}, 404), summary="One case")
def read_case(request: HttpRequest, ref: str) -> dict[str, Any]:
    """A case with its clocks and timeline, without personal data."""
    return case_out(*find_case(ref))


@router.post("/{ref}/{transition}", auth=CASES, response=answers({200: CaseOut}, 404, 409), summary="Take a step")
def take_step(
    request: HttpRequest, ref: str, transition: str, payload: Annotated[StepIn | None, Body()] = None
) -> dict[str, Any]:
    """Take a step of the case's state machine, with the fields it demands beside `at` and `reason`."""
    kind, case = find_case(ref)
    if transition not in kind.model.MACHINE.transitions:
        raise Http404
    step = payload or StepIn()

    def make() -> str:
        values = _values(kind, case, transition, step.model_extra or {})
        kind.take(case, transition, actor=caller(request), at=step.at, reason=step.reason, **values)
        return case.reference

    content = step.model_dump(mode="json")
    once(f"{case.reference}/{transition}", step.idempotency_key, content=content, at=clock.now(), make=make)
    return case_out(*find_case(ref))


def find_case(reference: str) -> tuple[Kind, Case]:
    """The case with this reference (letters of any size).

    Raises:
        Http404: there is none.
    """
    reference = reference.upper()
    kind = kind_of_reference(reference)
    case = visible_outside(kind).filter(reference=reference).first() if kind else None
    if kind is None or case is None:
        raise Http404
    return kind, case


def case_out(kind: Kind, case: Case) -> dict[str, Any]:
    """A case as the API gives it."""
    (summary,) = _summaries([(kind, case)], clock.now())
    return {**summary, "timeline": public_timeline(case)}


def find_system(key: str) -> System:
    """The system with this key.

    Raises:
        Invalid: there is none; names the field `system`.
    """
    system = System.objects.select_related("calendar").filter(key=key).first()
    if system is None:
        raise Invalid(system=_("There is no such system."))
    return system


def _wanted(filters: Filters) -> list[Kind]:
    wanted = [kind for kind in kinds() if filters.kind in ("", kind.key)]
    if not wanted:
        raise Invalid(kind=_("There is no such kind: %(kinds)s.") % {"kinds": ", ".join(kind.key for kind in kinds())})
    if filters.system:
        find_system(filters.system)
    known = list(dict.fromkeys(state for kind in wanted for state in kind.model.MACHINE.states.values))
    if filters.state and filters.state not in known:
        raise Invalid(state=_("There is no such state: %(states)s.") % {"states": ", ".join(known)})
    return [kind for kind in wanted if not filters.state or filters.state in kind.model.MACHINE.states.values]


def _summaries(found: Iterable[tuple[Kind, Case]], at: datetime) -> list[dict[str, Any]]:
    pairs = list(found)
    clocks = _clocks([case for _kind, case in pairs])
    return [
        {
            "ref": case.reference,
            "kind": kind.key,
            "system": case.system.key,
            "organization": case.organization.key,
            "title": case.title,
            "state": case.MACHINE.state(case),
            "severity": None,
            "owner": str(case.owner) if case.owner else None,
            "received_at": case.received_at,
            "acknowledged_at": None,
            **kind.details(case),
            "clocks": [_clock(deadline, at) for deadline in clocks.get((kind.model, case.pk), [])],
        }
        for kind, case in pairs
    ]


def _clocks(cases: list[Case]) -> dict[tuple[type[models.Model], int], list[Deadline]]:
    """The clocks of some cases by one question for each kind."""
    by_model: dict[type[models.Model], list[int]] = {}
    for case in cases:
        by_model.setdefault(type(case), []).append(case.pk)
    found: dict[tuple[type[models.Model], int], list[Deadline]] = {}
    for model, keys in by_model.items():
        content_type = ContentType.objects.get_for_model(model)
        rows = Deadline.objects.filter(content_type=content_type, object_id__in=keys, cancelled_at=None)
        for deadline in rows.order_by(models.F("due_at").asc(nulls_last=True), "pk"):
            found.setdefault((model, deadline.object_id), []).append(deadline)
    return found


def _clock(deadline: Deadline, at: datetime) -> dict[str, Any]:
    breached = deadline.breached_at is not None or deadline.is_late(at)
    return {"name": deadline.kind, "due_at": deadline.due_at, "met_at": deadline.met_at, "breached": breached}


def _values(kind: Kind, case: Case, name: str, sent: dict[str, Any]) -> dict[str, Any]:
    """What was sent for the fields of a step, in the types of its model; anything else sent is left alone.

    Raises:
        Invalid: a value has the wrong type, or names a row that does not exist.
    """
    step: Transition = kind.model.MACHINE.transitions[name]
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in (*step.fields, *step.optional, *kind.extras.get(name, ())):
        if field in sent and field not in kind.internal:
            try:
                values[field] = _value(kind, case, field, sent[field])
            except PydanticCustomError as error:
                errors[field] = error.message()
    if errors:
        raise Invalid(**errors)
    return values


def _value(kind: Kind, case: Case, name: str, value: Any) -> Any:
    if name in kind.lookups:
        row = kind.lookups[name](case, value) if isinstance(value, str) else None
        if row is None:
            raise PydanticCustomError("unknown", "There is none with this key.")
        return row
    field = None if name in _extra_names(kind) else kind.model._meta.get_field(name)
    if isinstance(field, models.DateTimeField):
        return read_moment(value)
    wanted = bool if isinstance(field, models.BooleanField) else str
    if not isinstance(value, wanted):
        raise PydanticCustomError("type", "This must be true or false." if wanted is bool else "This must be text.")
    return value


def _extra_names(kind: Kind) -> frozenset[str]:
    return frozenset(name for names in kind.extras.values() for name in names)


def _write_place(kind: Kind, case: Case) -> str:
    place = place_of(kind, case)
    return encode([place.received_at.isoformat(), place.kind, place.pk])


def _read_place(cursor: str) -> Place | None:
    if not cursor:
        return None
    received_at, kind, pk = decode(cursor, 3)
    try:
        return Place(read_moment(received_at), str(kind), int(pk))
    except (PydanticCustomError, ValueError):
        raise Invalid(cursor="This cursor was not given by the desk.") from None
