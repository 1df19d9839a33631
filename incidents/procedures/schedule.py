"""Lists that fall due by themselves: by the calendar, once, or because something happened (INC-65, INC-70).

Each is made exactly once for its slot: the unique constraint decides, not the look-up before it.
"""

from datetime import date, datetime, time, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Max, Q

from config.casework.audit.services import record
from config.casework.catalogue.fields import parse_duration
from config.casework.catalogue.models import System
from incidents.continuity.models import Fallback
from incidents.models import Incident
from incidents.oncall.choices import OnCallPart
from incidents.oncall.selectors import on_call
from incidents.procedures.choices import ProcedureKind, RunState
from incidents.procedures.models import Procedure, Run
from incidents.procedures.recurrence import ANCHOR, START_OF_DAY, USUAL, Occurrence, Recurrence
from incidents.procedures.runs import Occasion, begin

ONCE: Final = "once"
CATCH_UP: Final = timedelta(days=31)  # after a longer silence only the lists of the last month are made, and are missed
BATCH: Final = 200
FALLBACK_CHANGED: Final = "change of a fallback"


def recurrence_of(procedure: Procedure) -> Recurrence | None:
    """The calendar of a list; None when it does not recur by one."""
    extra = procedure.extra
    cadence = extra.get("cadence")
    if cadence not in USUAL:
        return None
    offsets = [step.extra.get("due_offset", "") for step in procedure.steps.all()]
    ahead = [parse_duration(offset[1:]) for offset in offsets if offset.startswith("-")]
    return Recurrence(
        rule=extra.get("rule") or USUAL[cadence],
        zone=extra.get("zone") or procedure.system.zone,
        at=time.fromisoformat(extra.get("at") or START_OF_DAY),
        start=date.fromisoformat(extra["start"]) if extra.get("start") else ANCHOR,
        lasts=parse_duration(extra["lasts"]) if extra.get("lasts") else None,
        ahead=max(ahead, default=timedelta(0)),
    )


def sweep(at: datetime) -> int:
    """Make the lists that are due and mark those that were missed; returns how many."""
    return _make_due(at) + _mark_missed(at)


def _make_due(at: datetime) -> int:
    lists = (
        Procedure.objects.filter(is_active=True, kind=ProcedureKind.CHECKLIST)
        .select_related("system")
        .prefetch_related("steps")
        .annotate(last_day=Max("runs__slot", filter=Q(runs__slot__lt="A")), made_once=Max("runs__pk", filter=Q(runs__slot=ONCE)))
        .order_by("pk")
    )  # fmt: skip
    made = 0
    for procedure in lists:
        if procedure.extra.get("cadence") == ONCE:
            made += 0 if procedure.made_once else _make(procedure, ONCE, at)
            continue
        recurrence = recurrence_of(procedure)
        if recurrence is not None:
            for occurrence in _due(recurrence, procedure.last_day, at):
                made += _make(procedure, occurrence.day.isoformat(), at, occurrence, recurrence)
    return made


def _due(recurrence: Recurrence, last_day: str | None, at: datetime) -> list[Occurrence]:
    """What has opened since the last list was made; of a list that never ran, the present one alone."""
    latest = recurrence.latest(at)
    if latest is None or (last_day and latest.day.isoformat() <= last_day):
        return []
    if last_day is None:
        return [latest] if latest.due_at > at else []
    since = recurrence.between(at - CATCH_UP, at)
    return [occurrence for occurrence in since if occurrence.day.isoformat() > last_day] or [latest]


def _make(
    procedure: Procedure,
    slot: str,
    at: datetime,
    occurrence: Occurrence | None = None,
    recurrence: Recurrence | None = None,
) -> int:
    planned_for = occurrence.opens_at + recurrence.ahead if occurrence and recurrence else None
    occasion = Occasion(
        slot=slot,
        assigned_to=on_call(procedure.system, OnCallPart(procedure.extra.get("owner") or OnCallPart.PRIMARY), at),
        due_at=occurrence.due_at if occurrence else None,
        planned_for=planned_for,
    )
    return int(begin(procedure, occasion, actor=None, at=at)[1])


def _mark_missed(at: datetime) -> int:
    """Say of each list whose time is over that it was missed; it can still be finished late."""
    with transaction.atomic():
        rows = Run.objects.active().scheduled().filter(missed_at=None, due_at__lte=at)
        runs = list(rows.select_for_update(skip_locked=True, of=("self",)).select_related("procedure")[:BATCH])
        for run in runs:
            run.missed_at = at
            run.save(update_fields=["missed_at"])
            record(run.subject, "run.missed", actor=None, at=at, about=run, detail={"procedure": run.procedure.key})
    return len(runs)


def incident_closed(incident: Incident, *, at: datetime) -> None:
    """Lists that are due after a case of this level was closed, such as the runbook review (INC-70)."""
    if incident.severity is not None:
        _make_on(f"close of {incident.severity.key}", incident.system, incident.reference, at, incident=incident)


def fallback_switched(fallback: Fallback, *, at: datetime) -> None:
    """Lists that are due after a fallback was switched; at most one a day for each fallback."""
    _make_on(FALLBACK_CHANGED, fallback.system, f"{fallback.key[:24]} {at:%Y-%m-%d}", at)


def severity_known(incident: Incident, *, at: datetime) -> None:
    """Begin the list that every case of this level works through; its marks count from the detection (INC-25)."""
    if incident.severity is None:
        return
    lists = Procedure.objects.filter(system=incident.system_id, is_active=True, kind=ProcedureKind.CHECKLIST)
    for procedure in lists.filter(extra__cadence="per_incident", extra__severity=incident.severity.key):
        if not Run.objects.filter(procedure=procedure, incident=incident).exists():
            occasion = Occasion(incident=incident, counted_from=incident.received_at)
            begin(procedure, occasion, actor=None, at=at)


def _make_on(cause: str, system: System, slot: str, at: datetime, *, incident: Incident | None = None) -> None:
    lists = Procedure.objects.filter(system=system, is_active=True, kind=ProcedureKind.CHECKLIST)
    for procedure in lists.filter(extra__also_on__contains=[cause]):
        if (
            incident is not None
            and Run.objects.filter(procedure=procedure, incident=incident, state=RunState.ACTIVE).exists()
        ):
            continue
        occasion = Occasion(
            slot=slot,
            assigned_to=on_call(system, OnCallPart(procedure.extra.get("owner") or OnCallPart.PRIMARY), at),
            incident=incident,
        )
        begin(procedure, occasion, actor=None, at=at)
