"""Handing over: notes for the next one, a mail at the hand-over, and the daily word about what is wrong (INC-94, INC-30)."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from config.casework.access.choices import Role
from config.casework.access.models import RESERVED, User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.words import moment
from incidents.oncall.board import NOTE_SHIFT, schedule_url
from incidents.oncall.events import DutyHandedOver
from incidents.oncall.feeds import words
from incidents.oncall.models import HandOverNote, Rotation
from incidents.oncall.plans import EDIT
from incidents.oncall.selectors import next_shift
from incidents.oncall.services import takes_turns
from incidents.oncall.watch import look_ahead
from integrations.messages.choices import Purpose
from integrations.messages.models import Message
from integrations.messages.services import queue_mail

NEWS = timedelta(minutes=15)
"""A hand-over noticed later than this is on record, but no news."""
MORNING, MORNING_ENDS = time(8), time(10)


def write_note(rotation: Rotation, *, text: str, actor: User, at: datetime) -> HandOverNote:
    """Leave word for the next one on call; they find it on their first page until they have read it.

    Raises:
        ValidationError: it says nothing.
        PermissionDenied: the actor neither takes turns there nor may change rotations.
    """
    require(actor, "incidents.add_handovernote")
    if not actor.has_perm(EDIT) and not takes_turns(actor, rotation):
        raise PermissionDenied(f"{actor} takes no turns in {rotation}.")
    if not text.strip():
        raise ValidationError({"text": _("Write what the next one must know.")})
    with transaction.atomic():
        row = HandOverNote.objects.create(rotation=rotation, text=text.strip(), author=actor, written_at=at)
        record(row, "handover_note.written", actor=actor, at=at)
    return row


def read_note(note: HandOverNote, *, actor: User, at: datetime) -> HandOverNote:
    """Say that one has read a note; the first one counts."""
    require(actor, "incidents.change_handovernote")
    with transaction.atomic():
        if HandOverNote.objects.filter(pk=note.pk, read_at=None).update(read_at=at, read_by=actor):
            record(note, "handover_note.read", actor=actor, at=at)
    note.refresh_from_db()
    return note


# --- mails -----------------------------------------------------------------------------------------------------------------


def handed_over(event: DutyHandedOver) -> None:
    """Tell both people when the duty goes from one to the other; long ago it is no news."""
    if event.before == event.after or event.at - event.since > NEWS:
        return
    if event.after is not None:
        _tell_next(event, event.after)
    if event.before is not None and event.before.is_active and event.after is not None:
        _tell_last(event, event.before, event.after)


def _tell_next(event: DutyHandedOver, person: User) -> None:
    following = next_shift(event.rotation, event.at)
    with override(person.language):
        facts = [{"label": _("Since"), "value": moment(event.since, person.zone)}]
        if following is not None:
            facts.append({"label": _("Until"), "value": moment(following.start, person.zone)})
        _mail(
            person,
            key=f"oncall-begins:{event.rotation.pk}:{int(event.since.timestamp())}",
            at=event.at,
            headline=_("You are on call for %(what)s") % {"what": words(event.rotation)},
            facts=facts,
            ask=_("Read the hand-over notes on your first page."),
            link={"url": settings.BASE_URL + reverse("admin:index"), "label": _("Open the desk")},
        )


def _tell_last(event: DutyHandedOver, person: User, follower: User) -> None:
    notes = event.rotation.notes.filter(author=person, written_at__gte=event.since - NOTE_SHIFT)
    if notes.exists():
        return
    address = f"{reverse('admin:incidents_handovernote_add')}?rotation={event.rotation.pk}"
    with override(person.language):
        _mail(
            person,
            key=f"oncall-ends:{event.rotation.pk}:{int(event.since.timestamp())}",
            at=event.at,
            headline=_("%(who)s is on call for %(what)s now")
            % {"who": follower.get_full_name(), "what": words(event.rotation)},
            ask=_("Write down what the next one must know."),
            link={"url": settings.BASE_URL + address, "label": _("Write the hand-over note")},
        )


def daily(at: datetime) -> int:
    """Each morning, tell CEO and CTO what is wrong with the next 14 days; a good plan is no news."""
    leads = User.objects.filter(is_active=True, groups__name__in=(Role.CEO, Role.CTO)).exclude(email__endswith=RESERVED)
    due = {}
    for person in leads.distinct():
        local = at.astimezone(ZoneInfo(person.zone))
        if MORNING <= local.time() < MORNING_ENDS:
            due[f"oncall-daily:{local:%Y-%m-%d}:{person.pk}"] = person
    told = set(Message.objects.filter(idempotency_key__in=due).values_list("idempotency_key", flat=True))
    if not due.keys() - told:
        return 0
    count = 0
    for key in due.keys() - told:
        with override(due[key].language):
            wrong = look_ahead(at)
            if not wrong:
                continue
            headline = ngettext(
                "%(count)d thing is wrong with the on-call plan",
                "%(count)d things are wrong with the on-call plan",
                len(wrong),
            )
            _mail(
                due[key],
                key=key,
                at=at,
                headline=headline % {"count": len(wrong)},
                paragraphs=[one.sentence for one in wrong],
                ask=_("Enter a shift by hand, or change the rotation."),
                link={"url": settings.BASE_URL + schedule_url(), "label": _("Open the schedule")},
            )
            count += 1
    return count


def _mail(person: User, *, key: str, at: datetime, headline: str, **context: object) -> None:
    said = {"headline": headline, "why": _("You get this because you take part in on-call."), **context}
    queue_mail(
        to=person.email,
        name=person.name,
        subject=headline,
        text=render_to_string("mail/base.txt", said),
        html=render_to_string("mail/base.html", said),
        key=key,
        purpose=Purpose.REMINDER,
        person=person,
        at=at,
    )
