"""Page people and carry missed clocks to them.

The plan of a case is snapshotted when it opens. Each step is a durable job; when it runs it looks at the case again,
so nobody is paged after an acknowledgement or a resolve, and a step of an old plan does nothing.
"""

from datetime import datetime, timedelta
from typing import cast

from django.db import transaction
from django.utils.translation import gettext as _

from config.casework import calendars
from config.casework.access.models import User
from config.casework.audit.services import record
from config.casework.catalogue.fields import parse_duration
from config.casework.deadlines import services as deadlines
from config.casework.deadlines.models import Deadline
from config.casework.transitions import Refused
from config.casework.work.services import enqueue
from incidents.choices import UNRESOLVED, Clock
from incidents.clocks import effective_level, follow_severity
from incidents.models import Incident
from incidents.oncall.choices import OnCallPart
from incidents.oncall.selectors import resolve
from incidents.paging import holds, texts
from incidents.paging.choices import PageReason, PageState
from incidents.paging.models import Escalation, Page
from incidents.services import demand_joint_decision
from incidents.severity.choices import Paging
from incidents.severity.models import Severity

ROUND_AFTER = timedelta(minutes=15)  # unanswered for this long, the plan is gone through again


def begin(incident: Incident, *, at: datetime) -> None:
    """Snapshot the paging plan of the incident's level and set its steps going; a new plan makes the old one stale."""
    level = effective_level(incident)
    _take_plan(incident, level)
    if incident.paging_plan["steps"]:
        _enqueue_step(incident, step=0, round_=0, at=_first_moment(incident, _paging(incident, level), at))


def severity_changed(incident: Incident, *, at: datetime, by_alert: bool = False) -> None:
    """Another level brings its own plan. A graver one pages anew; a milder one goes on after those paged already.

    Args:
        by_alert: an alert raised it, whose own word on paging stands; once a person judged, the level decides.
    """
    level = effective_level(incident)
    if level is None or incident.paging_plan.get("level") == level.key:
        return
    if incident.paging_override and not by_alert:
        incident.paging_override = ""
        incident.save(update_fields=["paging_override"])
    before = Severity.objects.filter(system=incident.system, key=incident.paging_plan.get("level", "")).first()
    first = incident.pages.filter(generation=incident.paging_generation, round=0, step=0, state=PageState.SENT).first()
    if not _needs_paging(incident):
        _take_plan(incident, level)
    elif before is None or level.rank < before.rank or first is None:
        begin(incident, at=at)
    else:
        _take_plan(incident, level)
        _go_on(incident, since=first.paged_at, at=at)


def _take_plan(incident: Incident, level: Severity | None) -> None:
    """Snapshot the plan of a level; the steps of an older one are stale from now on."""
    incident.paging_generation += 1
    incident.paging_plan = {
        "level": level.key if level else "",
        "steps": _steps(level, _paging(incident, level)),
        "repeat": level.paging_repeat if level else 0,
        "breach": list(level.breach_steps) if level else [],
    }
    incident.save(update_fields=["paging_generation", "paging_plan"])


def _go_on(incident: Incident, *, since: datetime, at: datetime) -> None:
    """Set the plan going behind its first step, which was carried out under another plan at `since`."""
    steps = incident.paging_plan["steps"]
    if len(steps) > 1:
        _enqueue_step(incident, step=1, round_=0, at=max(at, since + _after(steps[1], "PT15M")))
    elif steps and incident.paging_plan["repeat"]:
        _enqueue_step(incident, step=0, round_=1, at=max(at, since + ROUND_AFTER))


def acknowledged(incident: Incident, *, by: User | None, at: datetime) -> None:
    """The page log says who answered."""
    if by is not None:
        incident.pages.filter(person=by, state=PageState.SENT).update(state=PageState.ACKNOWLEDGED, acknowledged_at=at)


def run_step(incident_id: int, *, generation: int, step: int, round_: int, at: datetime) -> Page | None:
    """Carry out one step of the plan, if it still matters, and set the next one going.

    Returns:
        the page, also one that was skipped because nobody holds the part; None when the step is stale.
    """
    with transaction.atomic():
        incident = (
            Incident.objects.select_for_update(of=("self",)).select_related("system", "severity").get(pk=incident_id)
        )
        if incident.paging_generation != generation or not _needs_paging(incident):
            return None
        until = holds.held_until(incident, at)
        if until is not None:
            _hold(incident, until=until, at=at)
            return None
        steps = incident.paging_plan["steps"]
        target = steps[step]["to"]
        person = resolve(incident.system, target, at, demo=incident.is_demo)
        reason = PageReason.OPENED if step == 0 and round_ == 0 else PageReason.UNACKNOWLEDGED
        page = _page(
            incident,
            person=person,
            target=target,
            reason=reason,
            at=at,
            step=step,
            round_=round_,
            generation=generation,
        )
        _enqueue_next(incident, step=step, round_=round_, at=at, at_once=page.state == PageState.SKIPPED)
    return page


def _hold(incident: Incident, *, until: datetime, at: datetime) -> None:
    """Nobody is paged for now; at `until` the plan begins again with its first step, if somebody is still needed."""
    incident.paging_generation += 1
    incident.save(update_fields=["paging_generation"])
    record(incident, "page.held", actor=None, at=at, detail={"until": until.isoformat()})
    _enqueue_step(incident, step=0, round_=0, at=until)


def hand_over(incident: Incident, *, giver: User, to: User, at: datetime) -> Page:
    """Page another person at once because the one who was paged hands it on.

    Raises:
        Refused: somebody has it already, or it is over.
    """
    with transaction.atomic():
        row = Incident.objects.select_for_update(of=("self",)).get(pk=incident.pk)
        if row.acknowledgement_provisional and row.acknowledged_by_id == giver.pk:
            _withdraw_acknowledgement(row, at=at)
        if not _needs_paging(row):
            raise Refused(_("Somebody has it already, or it is over."))
        last: Page | None = row.pages.exclude(person=None).order_by("-paged_at", "-pk").first()
        if (
            last is not None
            and last.reason == PageReason.HANDED
            and last.person == to
            and last.generation == row.paging_generation
        ):
            return last  # a double tap pages nobody twice
        page = _page(row, person=to, target="hand-over", reason=PageReason.HANDED, at=at)
        record(row, "incident.handed_over", actor=giver, at=at, detail={"to": str(to)})
    return page


def acknowledgement_lapsed(incident: Incident, *, at: datetime) -> None:
    """Nobody confirmed a provisional acknowledgement: it no longer counts, and paging goes on with the next person."""
    with transaction.atomic():
        row = Incident.objects.select_for_update(of=("self",)).get(pk=incident.pk)
        if not row.acknowledgement_provisional:
            return
        silent = row.acknowledged_by
        _withdraw_acknowledgement(row, at=at)
        record(row, "incident.acknowledgement_lapsed", actor=None, at=at)
        targets = [step["to"] for step in row.paging_plan.get("steps", [])] + list(OnCallPart.values)
        reached = [
            (target, person)
            for target in targets
            if (person := resolve(row.system, target, at, demo=row.is_demo)) is not None
        ]
        others = [pair for pair in reached if pair[1] != silent]
        target, person = next(iter(others or reached), (targets[0], None))
        _page(row, person=person, target=target, reason=PageReason.LAPSED, at=at)


def clock_missed(deadline: Deadline, *, at: datetime) -> None:
    """A promise was missed: carry it to the first person of the breach steps and ask for the joint decision (INC-33, INC-05)."""
    incident = cast("Incident", deadline.case)
    record(incident, "clock.missed", actor=None, at=at, about=deadline, detail={"clock": deadline.kind})
    demand_joint_decision(incident, because=deadline.kind, at=at)
    _enqueue_escalation(deadline, order=0, at=at)


def escalate(deadline_id: int, *, order: int, at: datetime) -> Escalation | None:
    """Tell the next person about a missed clock, unless it was met or moved meanwhile; an empty step is passed over visibly.

    Whoever was told about this clock already, before it was met for a while, is passed over too.
    """
    with transaction.atomic():
        deadline = Deadline.objects.select_for_update(of=("self",)).get(pk=deadline_id)
        incident = cast("Incident", deadline.case)
        steps = incident.paging_plan.get("breach", [])
        if not deadline.is_open or deadline.breached_at is None or order >= len(steps):
            return None
        until = holds.held_until(incident, at)
        if until is not None:
            _enqueue_escalation(deadline, order=order, at=until, after_hold=True)
            return None
        target = steps[order]["to"]
        person = resolve(incident.system, target, at, demo=incident.is_demo)
        escalation, created = Escalation.objects.get_or_create(
            deadline=deadline,
            order=order,
            defaults={"incident": incident, "target": target, "person": person, "escalated_at": at},
        )
        if created:
            record(
                incident,
                "incident.escalated" if person else "incident.escalation_without_person",
                actor=None,
                at=at,
                about=escalation,
                detail={"clock": deadline.kind, "to": target},
            )
        if created and person is not None:
            texts.send_escalation(incident, escalation, deadline, at=at)
        if order + 1 < len(steps):
            wait = timedelta() if person is None else _after(steps[order + 1])
            _enqueue_escalation(deadline, order=order + 1, at=at + wait)
    return escalation


def _withdraw_acknowledgement(row: Incident, *, at: datetime) -> None:
    """A provisional acknowledgement no longer counts: its clock runs again, and the steps of the old plan are stale."""
    row.acknowledged_at, row.acknowledged_by, row.acknowledgement_provisional = None, None, False
    row.paging_generation += 1
    row.save(update_fields=["acknowledged_at", "acknowledged_by", "acknowledgement_provisional", "paging_generation"])
    deadlines.cancel(row, at=at, kinds=[Clock.CONFIRM])
    met = Deadline.objects.of(row).filter(kind=Clock.ACKNOWLEDGE, met_at__isnull=False).order_by("-pk").first()
    if met is not None:
        deadlines.unmeet(met)
        follow_severity(row, at=at)
        met.refresh_from_db()
        if met.breached_at is not None:
            _enqueue_escalation(met, order=0, at=at)
    row.pages.filter(state=PageState.ACKNOWLEDGED).update(state=PageState.SENT, acknowledged_at=None)
    if row.paging_plan.get("steps"):
        _enqueue_step(row, step=0, round_=1, at=at + ROUND_AFTER)


def _needs_paging(incident: Incident) -> bool:
    return incident.state in UNRESOLVED and incident.acknowledged_at is None and incident.duplicate_of_id is None


def _page(
    incident: Incident,
    *,
    person: User | None,
    target: str,
    reason: PageReason,
    at: datetime,
    step: int = 0,
    round_: int = 0,
    generation: int | None = None,
) -> Page:
    page = Page.objects.create(
        incident=incident,
        person=person,
        target=target,
        reason=reason,
        generation=incident.paging_generation if generation is None else generation,
        step=step,
        round=round_,
        state=PageState.SENT if person else PageState.SKIPPED,
        skipped_because="" if person else f"nobody holds {target}",
        paged_at=at,
    )
    record(
        incident,
        "page.sent" if person else "page.skipped",
        actor=None,
        at=at,
        about=page,
        detail={"to": target, "person": str(person) if person else None, "reason": reason},
    )
    if person is not None:
        texts.send_page(page, at=at)
    return page


def _after(step: dict[str, str], default: str = "PT0S") -> timedelta:
    """How long after the first moment a step is due."""
    return parse_duration(step.get("after", default))


def _enqueue_next(incident: Incident, *, step: int, round_: int, at: datetime, at_once: bool) -> None:
    steps = incident.paging_plan["steps"]
    if step + 1 < len(steps):
        wait = _after(steps[step + 1], "PT15M") - _after(steps[step])
        _enqueue_step(incident, step=step + 1, round_=round_, at=at if at_once else at + wait)
    elif round_ < incident.paging_plan.get("repeat", 0):
        _enqueue_step(incident, step=0, round_=round_ + 1, at=at + ROUND_AFTER)


def _enqueue_step(incident: Incident, *, step: int, round_: int, at: datetime) -> None:
    generation = incident.paging_generation
    enqueue(
        "incidents.page",
        key=f"page:{incident.pk}:{generation}:{round_}:{step}",
        at=at,
        incident=incident.pk,
        generation=generation,
        step=step,
        round=round_,
    )


def _enqueue_escalation(deadline: Deadline, *, order: int, at: datetime, after_hold: bool = False) -> None:
    incident = cast("Incident", deadline.case)
    missed = int(deadline.breached_at.timestamp()) if deadline.breached_at else 0
    key = f"escalate:{deadline.pk}:{incident.paging_generation}:{missed}:{order}"
    if after_hold:
        key = f"{key}:{int(at.timestamp())}"
    enqueue("incidents.escalate", key=key, at=at, deadline=deadline.pk, order=order)


def _paging(incident: Incident, level: Severity | None) -> str:
    return incident.paging_override or (level.paging if level else Paging.NEVER)


def _steps(level: Severity | None, paging: str) -> list[dict[str, str]]:
    if level is None or paging == Paging.NEVER:
        return []
    return list(level.paging_steps) or [{"to": OnCallPart.PRIMARY.value, "after": "PT0S"}]


def _first_moment(incident: Incident, paging: str, at: datetime) -> datetime:
    """When the first page leaves: at once, or at the next opening for levels that page in business hours (INC-10)."""
    if paging == Paging.BUSINESS_HOURS and incident.system.calendar is not None:
        return calendars.next_open(at, incident.system.calendar.business())
    return at
