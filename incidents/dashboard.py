"""What the incident desk puts on the first page: numbers with a sentence, and what each person should do next."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, cast

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.clocks import SpokenClock, name_clock
from config.casework.desk.dashboard import NEXT, Card, NextItem, counts, next_of_queue, register_card, register_next
from config.casework.desk.display import Mark
from config.casework.words import clock_words
from config.casework.work.choices import JobState
from config.casework.work.models import Job
from incidents import waits
from incidents.choices import Clock
from incidents.models import Incident, Mitigation
from incidents.oncall.board import card as on_call_card
from incidents.oncall.board import next_steps as on_call_steps
from incidents.reviews.choices import ActionState
from incidents.reviews.models import ActionItem, Postmortem

VIEW, WORK = "incidents.view_incident", "incidents.change_incident"
LEAD, DECIDE = "incidents.lead_incident", "incidents.decide_incident"
ACTION_AHEAD = timedelta(days=3)  # how long before its date an action item shows
MEASURE_AHEAD = timedelta(hours=24)
URGENT = (Clock.ACKNOWLEDGE, Clock.CONFIRM, Clock.MITIGATE)  # before paperwork, however late that is
DELIVERIES = "messages.deliver"

ACTS = {
    Clock.ACKNOWLEDGE: gettext_lazy("acknowledge"),
    Clock.CONFIRM: gettext_lazy("confirm that you have it"),
    Clock.RENEW: gettext_lazy("show that you are still on it"),
    Clock.MITIGATE: gettext_lazy("mitigate"),
    Clock.UPDATE: gettext_lazy("update people"),
    Clock.REVERT: gettext_lazy("take the measure back"),
    Clock.PAPERWORK: gettext_lazy("complete the record"),
    Clock.ACTION: gettext_lazy("finish the action item"),
    Clock.AUTHORITY: gettext_lazy("report the breach of personal data to the authority"),
    Clock.NOTICE: gettext_lazy("tell the customer"),
}


def declare() -> None:
    """Name the clocks, and register cards and the list of what to do next."""
    for kind, act in ACTS.items():
        name_clock(kind, act)
    register_card(cards)
    register_next(next_steps)
    register_next(on_call_steps)


# --- cards -----------------------------------------------------------------------------------------------------------


def cards(user: User, now: datetime) -> list[Card]:
    """The cards this person may look behind; one question counts all about open incidents, another one the rest."""
    made: list[Card] = []
    parked = Job.objects.filter(state=JobState.PARKED)
    further = counts(
        items=ActionItem.objects.visible_to(user).filter(state=ActionState.OPEN, due_on__lt=now.date()),
        parked=parked,
        unsent=parked.filter(kind=DELIVERIES),
    )
    if user.has_perm(VIEW):
        numbers = _numbers(user, now) | further
        made += [_unacknowledged(numbers), _clocks(numbers), _promises(numbers)]
        if user.has_perm(DECIDE) or user.has_perm("casework.view_approval"):
            made.append(_to_sign(numbers, signs=user.has_perm(DECIDE)))
    if user.has_perm("casework.view_job"):
        made.append(_attention(further))
    if user.has_perm("incidents.view_oncallrole"):
        made.append(on_call_card(now))
    return made


def _numbers(user: User, now: datetime) -> dict[str, int]:
    return _open(user).aggregate(
        total=Count("pk"),
        waiting=Count("pk", filter=waits.UNACKNOWLEDGED),
        late=Count("pk", filter=waits.late(now)),
        risky=Count("pk", filter=waits.at_risk(now)),
        updates=Count("pk", filter=waits.update_overdue(now)),
        decisions=Count("pk", filter=waits.decision_open(user, now)),
    )


def _unacknowledged(numbers: dict[str, int]) -> Card:
    waiting, total = numbers["waiting"], numbers["total"]
    if waiting:
        sentence = ngettext(
            "open incident that nobody has taken yet, of %(total)s open",
            "open incidents that nobody has taken yet, of %(total)s open",
            waiting,
        )
    else:
        sentence = _("incidents wait for somebody to take them, of %(total)s open")
    return Card(
        _("Unacknowledged"),
        waiting,
        sentence % {"total": total},
        _queue("acknowledgement"),
        Tone.DANGER if waiting else "",
        10,
    )


def _clocks(numbers: dict[str, int]) -> Card:
    late, risky = numbers["late"], numbers["risky"]
    if late and risky:
        sentence = _("incidents with a clock that needs you: %(late)s late, %(risky)s at risk") % {
            "late": late,
            "risky": risky,
        }
    elif late:
        sentence = ngettext("incident is late", "incidents are late", late)
    elif risky:
        sentence = ngettext("incident is at risk of being late", "incidents are at risk of being late", risky)
    else:
        sentence = _("incidents are late or at risk")
    return Card(
        _("Clocks"), late + risky, sentence, _queue("clocks"), Tone.DANGER if late else Tone.WARN if risky else "", 20
    )


def _to_sign(numbers: dict[str, int], *, signs: bool) -> Card:
    """For whoever signs, what waits for their word; for whoever reads the trail, what waits at all."""
    count = numbers["decisions"]
    if signs:
        sentence = ngettext("joint decision waits for your signature", "joint decisions wait for your signature", count)
    else:
        sentence = ngettext(
            "joint decision is not signed by both yet", "joint decisions are not signed by both yet", count
        )
    return Card(_("Decisions"), count, sentence, _queue("decision"), Tone.WARN if count else "", 30)


def _attention(numbers: dict[str, int]) -> Card:
    """Work that failed for good, messages among it."""
    total, unsent = numbers["parked"], numbers["unsent"]
    sentence = ngettext("piece of work failed and needs a person", "pieces of work failed and need a person", total)
    if unsent:
        sentence += ngettext("; %(count)s message did not leave", "; %(count)s messages did not leave", unsent) % {
            "count": unsent
        }
    elif not total:
        sentence = _("pieces of work failed; every message left")
    return Card(
        _("Attention"), total, sentence, reverse("admin:casework_job_changelist"), Tone.DANGER if total else "", 40
    )


def _promises(numbers: dict[str, int]) -> Card:
    """What was promised to people and to ourselves, and is overdue."""
    late_updates, late_items = numbers["updates"], numbers["items"]
    said = []
    if late_updates:
        said.append(
            ngettext("%(count)s update to people", "%(count)s updates to people", late_updates)
            % {"count": late_updates}
        )
    if late_items:
        said.append(ngettext("%(count)s action item", "%(count)s action items", late_items) % {"count": late_items})
    sentence = (
        _("overdue: %(what)s") % {"what": _(" and ").join(said)} if said else _("updates and action items are overdue")
    )
    url = (
        _queue("update")
        if late_updates or not late_items
        else f"{reverse('admin:incidents_actionitem_changelist')}?due=late"
    )
    return Card(_("Promises"), late_updates + late_items, sentence, url, Tone.WARN if said else "", 50)


def _open(user: User) -> QuerySet[Incident]:
    return cast("QuerySet[Incident]", Incident.objects.visible_to(user).open())


def _queue(wait: str) -> str:
    return f"{reverse('admin:incidents_incident_changelist')}?waits={wait}"


# --- what to do next -------------------------------------------------------------------------------------------------


def next_steps(user: User, now: datetime) -> list[NextItem]:
    """What one person should do: take, mitigate, tell, sign, take back, write, finish. Nothing for who only reads."""
    if not user.has_perm(WORK):
        return []
    measures, reviews = _measures(user, now), _reviews(user, now)
    told_elsewhere = {(Clock.REVERT, incident_id) for incident_id, _item in measures} | {
        (Clock.PAPERWORK, incident_id) for incident_id, _item in reviews
    }
    rows = Incident.objects.select_related("severity")
    queue = [
        replace(item, urgent=item.kind in URGENT)
        for item in next_of_queue(rows, user, now, also=_concerns(user, now), badge=_severity)
        if (item.kind, item.pk) not in told_elsewhere
    ]
    return [
        *queue,
        *(item for _pk, item in measures),
        *(item for _pk, item in reviews),
        *_decisions(user, now),
        *_action_items(user, now),
    ]


def _concerns(user: User, now: datetime) -> Q:
    """What is everybody's business until somebody has it; whoever leads also answers for what is late."""
    return waits.UNACKNOWLEDGED | Q(next_due_at__lt=now) if user.has_perm(LEAD) else waits.UNACKNOWLEDGED


def _mine(user: User, path: str = "") -> Q:
    """Incidents of this person; whoever leads answers for all of them."""
    if user.has_perm(LEAD):
        return Q(**{f"{path}pk__isnull": False})  # not an empty Q, which would vanish beside an OR
    return Q(**{f"{path}owner": user}) | Q(**{f"{path}owner": None})


def _measures(user: User, now: datetime) -> list[tuple[int, NextItem]]:
    rows = Mitigation.objects.visible_to(user).filter(
        _mine(user, "incident__") | Q(applied_by=user), temporary=True, reverted_at=None
    )
    rows = (
        rows.filter(expires_at__lte=now + MEASURE_AHEAD)
        .select_related("incident__severity")
        .order_by("expires_at")[:NEXT]
    )
    return [
        (
            row.incident_id,
            _item(
                row.incident,
                _("Take the measure back"),
                now,
                due_at=row.expires_at,
                started_at=row.applied_at,
                act=Clock.REVERT,
                title=row.text,
            ),
        )
        for row in rows
    ]


def _reviews(user: User, now: datetime) -> list[tuple[int, NextItem]]:
    rows = _open(user).filter(waits.review_missing(), _mine(user)).select_related("severity")
    begun = Exists(Postmortem.objects.filter(incident=OuterRef("pk")))
    found = rows.annotate(begun=begun).order_by("next_due_at", "pk")[:NEXT]
    items = []
    for row in found:
        what = _("Finish the postmortem") if row.begun else _("Write the postmortem")
        due_at = row.next_due_at if row.next_due_kind == Clock.PAPERWORK else None
        items.append(
            (
                row.pk,
                _item(
                    row,
                    what,
                    now,
                    due_at=due_at,
                    started_at=row.resolved_at or row.received_at,
                    act=Clock.PAPERWORK,
                    tab="review",
                ),
            )
        )
    return items


def _decisions(user: User, now: datetime) -> list[NextItem]:
    if not user.has_perm(DECIDE):
        return []
    asked = waits.open_approvals(user, now).filter(object_id=OuterRef("pk")).values("requested_at")[:1]
    rows = (
        _open(user)
        .annotate(asked_at=Subquery(asked))
        .filter(asked_at__isnull=False)
        .select_related("severity")
        .order_by("asked_at")[:NEXT]
    )
    return [_item(row, _("Sign the joint decision"), now, act="", tab="review", sort_at=row.asked_at) for row in rows]


def _action_items(user: User, now: datetime) -> list[NextItem]:
    rows = ActionItem.objects.visible_to(user).filter(
        owner=user, state=ActionState.OPEN, due_on__lte=(now + ACTION_AHEAD).date()
    )
    items = []
    for row in rows.select_related("incident__severity").order_by("due_on", "pk")[:NEXT]:
        due_at = datetime.combine(row.due_on, time(23, 59, 59), UTC)
        items.append(
            _item(
                row.incident,
                _("Finish the action item"),
                now,
                due_at=due_at,
                started_at=due_at - ACTION_AHEAD,
                act=Clock.ACTION,
                title=row.text,
                tab="review",
            )
        )
    return items


def _item(
    incident: Incident,
    what: str,
    now: datetime,
    *,
    act: str,
    due_at: datetime | None = None,
    started_at: datetime | None = None,
    sort_at: datetime | None = None,
    title: str = "",
    tab: str = "",
) -> NextItem:
    """One line; a clock stands beside it when there is a date, `sort_at` only gives it its place."""
    clock: SpokenClock | None = None
    if due_at is not None:
        start = min(started_at or due_at, due_at)
        said = clock_words(str(ACTS[Clock(act)]), due_at, None, start, None, now)
        clock = SpokenClock(act, said.words, said.tone, due_at, start)
    url = reverse("admin:incidents_incident_change", args=[incident.pk])
    return NextItem(
        what=what,
        reference=incident.reference,
        title=title or incident.title,
        url=f"{url}?tab={tab}" if tab else url,
        due_at=due_at or sort_at,
        clock=clock,
        badge=_severity(incident),
        kind=act,
        pk=incident.pk,
    )


def _severity(incident: Any) -> Mark:
    level = incident.severity
    return Mark(level.key, str(level.tone)) if level else Mark(_("not judged"), str(Tone.DANGER))
