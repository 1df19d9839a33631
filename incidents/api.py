"""Incidents by HTTP: report one; reading and working them is the door of all cases (scope cases)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router
from ninja.responses import Status
from pydantic import Field

from config.casework import clock
from config.casework.access.actors import Actor
from config.casework.api.base import answers
from config.casework.api.errors import Invalid
from config.casework.api.schemas import Input, Line
from config.casework.api.security import caller
from config.casework.api.services import once
from config.casework.cases.api import CASES, case_out, find_case, find_system
from config.casework.cases.kinds import Kind, register
from config.casework.cases.schemas import CaseOut, IdempotencyText
from config.casework.transitions import apply
from incidents.choices import UNRESOLVED
from incidents.models import Incident, Severity
from incidents.services import acknowledge, apply_mitigation, open_incident

router = Router(tags=["cases"])


class IncidentIn(Input):
    """A report of trouble."""

    system: str = Field(max_length=40)
    title: Line
    severity: str | None = Field(default=None, max_length=20)
    description: str = Field(default="", max_length=20_000)
    idempotency_key: IdempotencyText = ""


@router.post("", auth=CASES, response=answers({200: CaseOut, 201: CaseOut}, 409), summary="Report an incident")
def report(request: HttpRequest, payload: IncidentIn) -> Status[dict[str, Any]]:
    """Open an incident: same fields and clocks as one by alert. The same idempotency key again gives the first one."""
    system = find_system(payload.system)
    severity = None if payload.severity is None else _severity(system.pk, payload.severity)
    if payload.severity is not None and severity is None:
        raise Invalid(severity=_("This system has no such severity."))

    def make() -> str:
        incident = open_incident(
            system,
            title=payload.title,
            description=payload.description,
            severity=severity,
            actor=caller(request),
            at=clock.now(),
        )
        return incident.reference

    content = payload.model_dump(mode="json", exclude={"idempotency_key"})
    reference, is_new = once("incidents", payload.idempotency_key, content=content, at=clock.now(), make=make)
    return Status(201 if is_new else 200, case_out(*find_case(reference)))


def take_step(
    incident: Incident,
    name: str,
    *,
    actor: Actor,
    at: datetime | None,
    reason: str,
    mitigation: str = "",
    **values: Any,
) -> None:
    """Take a step on an incident as the desk's pages do.

    A late acknowledgement is an entry in the timeline, never a change of state; `stabilize` may bring the measure along.
    """
    moment = at or clock.now()
    if name == "acknowledge" and incident.state not in UNRESOLVED:
        acknowledge(incident, actor=actor, at=moment)
        return
    with transaction.atomic():
        if mitigation.strip():
            apply_mitigation(incident, actor=actor, text=mitigation.strip(), at=moment)
        apply(incident, name, actor=actor, at=at, reason=reason, **values)


def _severity(system: int, key: str) -> Severity | None:
    return Severity.objects.filter(system=system, key=key).select_related("system__calendar").first()


def _severity_of(incident: Incident, key: str) -> Severity | None:
    return _severity(incident.system_id, key)


def _details(incident: Incident) -> Mapping[str, Any]:
    return {
        "severity": incident.severity.key if incident.severity else None,
        "acknowledged_at": incident.acknowledged_at,
    }


INCIDENT = register(
    Kind(
        key="incident",
        model=Incident,
        open_states=tuple(UNRESOLVED),
        related=("severity",),
        details=_details,
        lookups={"severity": _severity_of},
        take=take_step,
        extras={"stabilize": ("mitigation",)},
        internal=frozenset({"acknowledgement_provisional"}),
    )
)
