"""How a page gets to its person: mail and the first contact method at once, the next method when one fails for good.

To one contact at most one message leaves in a minute, and five SMS in a quarter of an hour; what comes in between waits
and leaves in one message (design rules, "On-call and escalation").
"""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import override

from config.casework.access.models import User
from config.casework.audit.services import record
from config.casework.work.services import enqueue
from incidents.contact_methods.models import ContactMethod
from incidents.models import Incident
from incidents.paging import texts
from incidents.paging.choices import CallState, PageState
from incidents.paging.models import Call, Page
from integrations.messages.choices import Channel
from integrations.messages.models import Message

APART = timedelta(minutes=1)
SMS_WINDOW = timedelta(minutes=15)
SMS_MOST = 5
LOCK = 7_262  # first half of the advisory lock of a contact


def place(page: Page, *, at: datetime) -> None:
    """Call the person of a page by mail and by their first contact method."""
    if page.person is None:
        return
    if page.incident.is_demo:
        texts.send_mail([page], at=at)
        return
    _place(page, None, at)
    first = _next_method(page)
    if first is not None:
        _place(page, first, at)


def carry_out(call_id: int, *, at: datetime) -> Message | None:
    """Send a waiting call and all others to the same contact in one message, or wait for the contact's turn.

    Returns:
        the message; None when it waits, left with another, or is not wanted any more.
    """
    with transaction.atomic():
        call = Call.objects.select_related("person", "method").get(pk=call_id)
        _lock(call)
        call.refresh_from_db(fields=["state"])
        if call.state != CallState.WAITING:
            return None
        turn = _turn(call, at)
        if turn > at:
            _enqueue(call, at=turn)
            return None
        waiting = _of_contact(call).filter(state=CallState.WAITING).select_related("page__incident__system")
        wanted = [row for row in waiting if row.page.incident.waits_for_somebody]
        dropped = {row.pk for row in waiting} - {row.pk for row in wanted}
        Call.objects.filter(pk__in=dropped).update(state=CallState.DROPPED)
        if not wanted:
            return None
        message = _send([row.page for row in wanted], call, at)
        Call.objects.filter(pk__in=[row.pk for row in wanted]).update(state=CallState.SENT, message=message, sent_at=at)
    return message


def failed(message: Message, *, at: datetime) -> list[Page]:
    """A call failed for good: try each page's next method, and return those that no way is left for."""
    calls = list(Call.objects.filter(message=message).exclude(state=CallState.FAILED).select_related("page__incident"))
    Call.objects.filter(pk__in=[call.pk for call in calls]).update(state=CallState.FAILED)
    lost = []
    for page in (call.page for call in calls):
        following = _next_method(page)
        if following is not None:
            record(page.incident, "page.channel_switched", actor=None, at=at, about=page)
            _place(page, following, at)
        elif not page.calls.filter(state__in=[CallState.WAITING, CallState.SENT]).exists():
            lost.append(page)
    for page in lost:
        page.state, page.skipped_because = PageState.FAILED, "no way led to the person"
        page.save(update_fields=["state", "skipped_because"])
        record(page.incident, "page.undeliverable", actor=None, at=at, about=page, detail={"to": page.target})
    return lost


def tell_dead_channel(message: Message, *, to: User, at: datetime) -> None:
    """Mail that a chat target takes no messages any more, once a day for each (SC-23)."""
    with override(to.language):
        texts.send_notice(
            to,
            subject=_("A chat target takes no messages"),
            text=_("The chat target number %(number)s failed for good. Pages go by mail meanwhile. See NOTIFY_URLS.")
            % {"number": int(message.target) + 1},
            key=f"channel-dead:{message.target}:{to.pk}:{at.date().isoformat()}",
            at=at,
        )


def still_wanted(message: Message) -> bool:
    """A page leaves only while one of its incidents still waits for somebody."""
    incident = message.case
    if not isinstance(incident, Incident) or incident.waits_for_somebody:
        return True
    calls = Call.objects.filter(message=message).select_related("page__incident")
    return any(call.page.incident.waits_for_somebody for call in calls)


def _place(page: Page, method: ContactMethod | None, at: datetime) -> None:
    if page.person_id is None:
        return
    call, created = Call.objects.get_or_create(
        page=page, method=method, defaults={"person_id": page.person_id, "placed_at": at}
    )
    if created:
        _enqueue(call, at=at)


def _next_method(page: Page) -> ContactMethod | None:
    """The person's first method in use that this page was not tried by."""
    tried = page.calls.exclude(method=None).values("method")
    rows = ContactMethod.objects.in_use().filter(person=page.person).exclude(pk__in=tried)
    return rows.order_by("position", "pk").first()


def _enqueue(call: Call, *, at: datetime) -> None:
    enqueue("incidents.call", key=f"call:{call.pk}:{int(at.timestamp())}", at=at, call=call.pk)


def _lock(call: Call) -> None:
    """One sender at a time for a contact, until the transaction ends."""
    contact = -call.method_id if call.method_id else call.person_id
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, contact])


def _of_contact(call: Call) -> QuerySet[Call]:
    return Call.objects.filter(person=call.person, method=call.method)


def _turn(call: Call, at: datetime) -> datetime:
    """The first moment at which something may leave to this contact."""
    moments = set(_of_contact(call).filter(sent_at__gt=at - SMS_WINDOW).values_list("message_id", "sent_at"))
    sent = sorted((moment for _message, moment in moments if moment is not None), reverse=True)
    turn = sent[0] + APART if sent else at
    if call.method is not None and call.method.channel == Channel.SMS and len(sent) >= SMS_MOST:
        turn = max(turn, sent[SMS_MOST - 1] + SMS_WINDOW)
    return max(turn, at)


def _send(pages: list[Page], call: Call, at: datetime) -> Message:
    if call.method is None:
        return texts.send_mail(pages, at=at)
    return texts.send_to_method(pages, call.method, at=at)
