"""Page people and carry missed clocks to them.

The plan of a case is snapshotted when it opens. Each step is a durable job; when it runs it looks at the case again,
so nobody is paged after an acknowledgement or a resolve, and a step of an old plan does nothing.
"""

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.models import AuditEntry
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
from incidents.oncall.selectors import holder
from incidents.paging import calls, escalations, holds, plans, targets, texts
from incidents.paging.choices import PageReason, PageState
from incidents.paging.models import Page
from incidents.severity.models import Severity
from integrations.messages.choices import Channel, Purpose
from integrations.messages.models import Message

STEP_REASONS = (PageReason.OPENED, PageReason.UNACKNOWLEDGED, PageReason.EXPIRED)


def begin(incident: Incident, *, at: datetime) -> None:
    """Snapshot the paging plan of the incident's level and set its steps going; a new plan makes the old one stale."""
    _take_plan(incident, effective_level(incident))
    if incident.paging_plan["steps"]:
        _enqueue_step(incident, step=0, round_=0, at=plans.moment(incident, at))


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
    if not incident.waits_for_somebody:
        _take_plan(incident, level)
    elif before is None or level.rank < before.rank or first is None:
        begin(incident, at=at)
    else:
        _take_plan(incident, level)
        _go_on(incident, since=first.paged_at, at=at)


def _take_plan(incident: Incident, level: Severity | None) -> None:
    """Snapshot the plan of a level; the steps of an older one are stale from now on."""
    incident.paging_generation += 1
    incident.paging_plan = plans.snapshot(incident, level)
    incident.save(update_fields=["paging_generation", "paging_plan"])


def _go_on(incident: Incident, *, since: datetime, at: datetime) -> None:
    """Set the plan going behind its first step, which was carried out under another plan at `since`."""
    steps = incident.paging_plan["steps"]
    if len(steps) > 1:
        _enqueue_step(incident, step=1, round_=0, at=max(at, since + plans.after(steps[1], "PT15M")))
    elif steps and incident.paging_plan["repeat"]:
        _enqueue_step(incident, step=0, round_=1, at=max(at, since + plans.round_after(incident.paging_plan)))


def acknowledged(incident: Incident, *, by: User | None, at: datetime) -> None:
    """The page log says who answered; where the policy wants it, the word counts for a while only."""
    if by is not None:
        incident.pages.filter(person=by, state=PageState.SENT).update(state=PageState.ACKNOWLEDGED, acknowledged_at=at)
    if not incident.acknowledgement_provisional:
        keep_alive(incident, at=at)


def keep_alive(incident: Incident, *, at: datetime) -> None:
    """Start the clock after which an acknowledgement without any work expires, counted from `at`."""
    lasts = incident.paging_plan.get("lasts")
    if lasts and incident.state in UNRESOLVED and incident.acknowledged_at is not None:
        deadlines.start(incident, Clock.RENEW, at=at, span=lasts)


def run_step(incident_id: int, *, generation: int, step: int, round_: int, at: datetime) -> Page | None:
    """Carry out one step of the plan, if it still matters, and set the next one going.

    Returns:
        the page, also one that was skipped because nobody holds the part; None when the step is stale, was carried out
        already, or waits for the next opening or the end of what holds pages back.
    """
    with transaction.atomic():
        incident = (
            Incident.objects.select_for_update(of=("self",)).select_related("system", "severity").get(pk=incident_id)
        )
        if incident.paging_generation != generation or not incident.waits_for_somebody:
            return None
        if incident.pages.filter(generation=generation, step=step, round=round_, reason__in=STEP_REASONS).exists():
            return None
        if (later := _later(incident, at)) is not None:
            _wait(incident, step=step, round_=round_, at=at, until=later)
            return None
        page = _step_page(incident, step=step, round_=round_, at=at)
        _enqueue_next(incident, step=step, round_=round_, at=at, at_once=page.state == PageState.SKIPPED)
    return page


def _step_page(incident: Incident, *, step: int, round_: int, at: datetime) -> Page:
    """The page of one step: to a person, to a chat target, or skipped with the reason."""
    row = incident.paging_plan["steps"][step]
    reached = targets.reach(incident, row, at)
    if plans.passed_over(incident, row, at):
        reached = targets.Reached(reached.label, why_nobody="this step is for business hours")
    first = step == 0 and round_ == 0
    again = incident.paging_plan.get("again", False)
    reason = PageReason.OPENED if first and not again else PageReason.EXPIRED if first else PageReason.UNACKNOWLEDGED
    return _page(incident, reached=reached, reason=reason, at=at, step=step, round_=round_)


def _later(incident: Incident, at: datetime) -> datetime | None:
    """When a step that is due must wait, until when: business hours, or what holds pages back."""
    held = holds.held_until(incident, at)
    if held is not None:
        return held
    opening = plans.moment(incident, at)
    return opening if opening > at else None


def _wait(incident: Incident, *, step: int, round_: int, at: datetime, until: datetime) -> None:
    """Try again at `until`: the same step after closing time, the first one after pages were held back."""
    if holds.held_until(incident, at) is not None:
        incident.paging_generation += 1
        incident.save(update_fields=["paging_generation"])
        record(incident, "page.held", actor=None, at=at, detail={"until": until.isoformat()})
        step = round_ = 0
    _enqueue_step(incident, step=step, round_=round_, at=until, again=True)


def delivery_failed(message: Message, *, at: datetime) -> None:
    """A message did not leave for good: pages switch channel, then step; a dead chat target is told of by mail (SC-23)."""
    for page in calls.failed(message, at=at):
        _go_to_next_step(page, at=at)
    if message.channel == Channel.CHAT and message.target.isdecimal():
        for role in (Role.CTO, Role.CEO):
            to = holder(role)
            if to is not None:
                calls.tell_dead_channel(message, to=to, at=at)
                break
    elif message.purpose == Purpose.ESCALATION and message.channel == Channel.EMAIL and message.person is not None:
        escalations.switch_channel(message, at=at)


def _go_to_next_step(page: Page, *, at: datetime) -> None:
    """No way led to the person of a page: whoever is next in the plan is called at once."""
    incident = page.incident
    steps = incident.paging_plan.get("steps", [])
    if page.generation != incident.paging_generation or page.reason not in STEP_REASONS or not steps:
        return
    if page.step + 1 < len(steps):
        _enqueue_step(incident, step=page.step + 1, round_=page.round, at=at, again=True)


def hand_over(incident: Incident, *, giver: User, to: User, at: datetime) -> Page:
    """Page another person at once because the one who was paged hands it on.

    Raises:
        Refused: somebody has it already, or it is over.
    """
    with transaction.atomic():
        row = Incident.objects.select_for_update(of=("self",)).get(pk=incident.pk)
        if row.acknowledgement_provisional and row.acknowledged_by_id == giver.pk:
            _withdraw_acknowledgement(row, at=at)
        if not row.waits_for_somebody:
            raise Refused(_("Somebody has it already, or it is over."))
        last: Page | None = row.pages.exclude(person=None).order_by("-paged_at", "-pk").first()
        if (
            last is not None
            and last.reason == PageReason.HANDED
            and last.person == to
            and last.generation == row.paging_generation
        ):
            return last  # a double tap pages nobody twice
        page = _page(row, reached=targets.Reached("hand-over", person=to), reason=PageReason.HANDED, at=at)
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
        steps = [*row.paging_plan.get("steps", []), *({"to": part.value} for part in OnCallPart)]
        found = [reached for step in steps if (reached := targets.reach(row, step, at)).person is not None]
        others = [reached for reached in found if reached.person != silent]
        reached = next(iter(others or found), targets.reach(row, {"to": steps[-1]["to"]}, at))
        _page(row, reached=reached, reason=PageReason.LAPSED, at=at)


def acknowledgement_expired(incident: Incident, *, at: datetime) -> None:
    """Whoever has it did nothing for as long as the policy allows: the plan begins anew, with them.

    Work is anything a person did on the case since; it renews the acknowledgement from then on.
    """
    with transaction.atomic():
        row = Incident.objects.select_for_update(of=("self",)).get(pk=incident.pk)
        lasts = row.paging_plan.get("lasts")
        deadlines.cancel(row, at=at, kinds=[Clock.RENEW])
        if not lasts or row.waits_for_somebody or row.state not in UNRESOLVED or row.impact_over_at is not None:
            return
        worked = _last_work(row)
        if worked is not None and worked + parse_duration(lasts) > at:
            keep_alive(row, at=worked)
            return
        row.acknowledgement_expired = True
        row.paging_generation += 1
        row.paging_plan = row.paging_plan | {"again": True}
        row.save(update_fields=["acknowledgement_expired", "paging_generation", "paging_plan"])
        record(row, "incident.acknowledgement_expired", actor=None, at=at)
        if row.paging_plan.get("steps"):
            _enqueue_step(row, step=0, round_=0, at=at)


def renew(incident: Incident, *, actor: User, at: datetime) -> None:
    """Whoever has it says that they are still on it.

    Raises:
        Refused: somebody else has it, nobody does, or it is over.
    """
    with transaction.atomic():
        row = Incident.objects.select_for_update(of=("self",)).get(pk=incident.pk)
        firm = row.acknowledged_at is not None and not row.acknowledgement_provisional
        if row.state not in UNRESOLVED or not firm or row.acknowledged_by_id != actor.pk:
            raise Refused(_("Only whoever has it can say that they are still on it."))
        if row.acknowledgement_expired:
            row.acknowledgement_expired = False
            row.paging_generation += 1
            row.save(update_fields=["acknowledgement_expired", "paging_generation"])
        record(row, "incident.acknowledgement_renewed", actor=actor, at=at)
        keep_alive(row, at=at)


def judge(page: Page, *, worth_it: bool, actor: User, at: datetime) -> Page:
    """Keep whether a page was worth the call; the person who was called says so, or whoever leads.

    Raises:
        PermissionDenied: it was somebody else's page.
        Refused: nobody was called.
    """
    require(actor, "incidents.view_incident", page.incident)
    if page.person_id != actor.pk and not actor.has_perm("incidents.lead_incident"):
        raise PermissionDenied(f"{actor} was not called by {page}.")
    if page.person_id is None:
        raise Refused(_("Nobody was called."))
    with transaction.atomic():
        row = Page.objects.select_for_update(of=("self",)).get(pk=page.pk)
        if row.worth_it is not worth_it:
            row.worth_it, row.judged_at = worth_it, at
            row.save(update_fields=["worth_it", "judged_at"])
            record(row.incident, "page.judged", actor=actor, at=at, about=row, detail={"worth_it": worth_it})
    page.refresh_from_db()
    return page


def _last_work(row: Incident) -> datetime | None:
    """When a person last did anything on the case."""
    entries = AuditEntry.objects.filter(case_reference=row.reference, actor__isnull=False)
    last: datetime | None = entries.aggregate(last=Max("at"))["last"]
    return last


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
            escalations.enqueue_step(met, order=0, at=at)
    row.pages.filter(state=PageState.ACKNOWLEDGED).update(state=PageState.SENT, acknowledged_at=None)
    if row.paging_plan.get("steps"):
        _enqueue_step(row, step=0, round_=1, at=at + plans.round_after(row.paging_plan))


def _page(
    incident: Incident, *, reached: targets.Reached, reason: PageReason, at: datetime, step: int = 0, round_: int = 0
) -> Page:
    """Write one page and send it on its way."""
    page = Page.objects.create(
        incident=incident,
        person=reached.person,
        target=reached.label,
        reason=reason,
        generation=incident.paging_generation,
        step=step,
        round=round_,
        state=PageState.SENT if reached.found else PageState.SKIPPED,
        skipped_because=reached.why_nobody[:120],
        paged_at=at,
    )
    record(
        incident,
        "page.sent" if reached.found else "page.skipped",
        actor=None,
        at=at,
        about=page,
        detail={"to": reached.label, "person": str(reached.person) if reached.person else None, "reason": reason},
    )
    if reached.place is not None:
        texts.tell_chats(page, at=at, only=reached.place)
    elif reached.person is not None:
        calls.place(page, at=at)
        if reason == PageReason.OPENED:
            texts.tell_chats(page, at=at)
    return page


def _enqueue_next(incident: Incident, *, step: int, round_: int, at: datetime, at_once: bool) -> None:
    steps = incident.paging_plan["steps"]
    if step + 1 < len(steps):
        wait = plans.after(steps[step + 1], "PT15M") - plans.after(steps[step])
        _enqueue_step(incident, step=step + 1, round_=round_, at=at if at_once else at + wait)
    elif round_ < incident.paging_plan.get("repeat", 0):
        _enqueue_step(incident, step=0, round_=round_ + 1, at=at + plans.round_after(incident.paging_plan))


def _enqueue_step(incident: Incident, *, step: int, round_: int, at: datetime, again: bool = False) -> None:
    """Set a step going; `again`: it was set going before, at another time."""
    generation = incident.paging_generation
    enqueue(
        "incidents.page",
        key=f"page:{incident.pk}:{generation}:{round_}:{step}" + (f":{int(at.timestamp())}" if again else ""),
        at=at,
        incident=incident.pk,
        generation=generation,
        step=step,
        round=round_,
    )
