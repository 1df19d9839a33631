"""Say whom an incident hits, log calls, and keep the clock of each agreed notice (rules: "Messages and links")."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import cast

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework import clock
from config.casework.access.actors import Actor, actor_user
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.cases.models import Note
from config.casework.catalogue.choices import OrganizationKind
from config.casework.catalogue.models import Organization
from config.casework.deadlines import services as deadlines
from config.casework.deadlines.models import Deadline
from config.casework.transitions import Refused
from config.casework.words import duration_words
from incidents.choices import OPEN_STATES, Clock
from incidents.customers.choices import TOLD, NoticeChannel, NoticeResult
from incidents.customers.models import Affected, CustomerContact, Notice
from incidents.customers.selectors import agreed_length, agreed_time
from incidents.models import Incident
from integrations.messages.models import Message

BOUNCE_COUNTS = timedelta(hours=72)
DOUBLE_TAP = timedelta(minutes=1)
CALL_RESULTS = (NoticeResult.SPOKEN, NoticeResult.NOT_REACHED)


def name_affected(
    incident: Incident, organizations: Iterable[Organization], *, actor: Actor, at: datetime
) -> list[Affected]:
    """Note the customers an incident hits; an agreed notice time starts as a clock. Naming one again changes nothing.

    Returns:
        the new ones.
    Raises:
        ValidationError: the operator itself is no customer.
        PermissionDenied: the actor may not change this incident.
    """
    require(actor, "incidents.add_affected", incident)
    new: list[Affected] = []
    with transaction.atomic():
        for organization in organizations:
            if organization.kind != OrganizationKind.TENANT:
                raise ValidationError({"customers": _("%(name)s is no customer.") % {"name": organization.name}})
            row, created = Affected.objects.get_or_create(
                incident=incident, organization=organization, defaults={"since": at, "named_by": actor_user(actor)}
            )
            if created:
                new.append(row)
                _follow_agreement(row, at=at)
                detail = {"customer": organization.key}
                record(incident, "incident.customer_affected", actor=actor, at=at, about=row, detail=detail)
    return new


def not_affected(row: Affected, *, actor: User, at: datetime, reason: str) -> None:
    """Take a customer off the list: it turned out not to be hit. Its clock ends; what it was told stays in the log.

    Raises:
        ValidationError: no reason.
    """
    require(actor, "incidents.add_affected", row.incident)
    if not reason.strip():
        raise ValidationError({"reason": _("Say why it is not affected.")})
    with transaction.atomic():
        deadlines.cancel(row.incident, at=at, kinds=[Clock.NOTICE], about=row)
        detail = {"customer": row.organization.key}
        record(row.incident, "incident.customer_not_affected", actor=actor, at=at, detail=detail)
        Note.objects.create(
            case=row.incident,
            author=actor,
            at=at,
            recorded_at=clock.now(),
            text=reason.strip(),
            about="incident.customer_not_affected",
        )
        row.delete()


def follow_agreements(incident: Incident, *, at: datetime) -> None:
    """A judged severity or a data-loss flag may bring another notice time; clocks still count from when we knew."""
    for row in incident.affected.select_related("organization"):
        _follow_agreement(row, at=at)


def log_call(
    incident: Incident,
    organization: Organization,
    *,
    result: str,
    actor: User,
    at: datetime,
    contact: CustomerContact | None = None,
    note: str = "",
) -> Notice:
    """Keep a call to a customer: spoken, or not reached. A customer we spoke to about an incident is affected and told.

    Raises:
        ValidationError: no such result, or the contact is of another customer.
        PermissionDenied: the person may not log calls on this incident.
    """
    require(actor, "incidents.add_notice", incident)
    if result not in CALL_RESULTS:
        raise ValidationError({"result": _("Say whether you spoke or did not reach anybody.")})
    if contact is not None and contact.organization_id != organization.pk:
        raise ValidationError({"contact": _("This person belongs to another customer.")})
    with transaction.atomic():
        Incident.objects.select_for_update(of=("self",)).get(pk=incident.pk)
        same = Notice.objects.filter(
            incident=incident, organization=organization, contact=contact, result=result, told_by=actor
        )
        tapped = same.filter(channel=NoticeChannel.PHONE, at__gt=at - DOUBLE_TAP, at__lte=at).first()
        if tapped is not None:
            return cast("Notice", tapped)
        name_affected(incident, [organization], actor=actor, at=at)
        notice = Notice(
            incident=incident,
            organization=organization,
            contact=contact,
            name=contact.name if contact else "",
            address=contact.phone if contact else "",
            channel=NoticeChannel.PHONE,
            result=result,
            note=note.strip(),
            told_by=actor,
            at=at,
            settled_at=at,
        )
        notice.clean_fields()
        notice.save()
        detail = {"customer": organization.key, "result": str(result)}
        record(incident, "incident.customer_called", actor=actor, at=at, about=notice, detail=detail)
        _count(incident, organization, at=at)
    return notice


def mail_accepted(message: Message, *, at: datetime) -> None:
    """The next server took a mail: the customer counts as told, and its notice clock is met."""
    _settle(message, NoticeResult.ACCEPTED, at=at)


def mail_failed(message: Message, *, at: datetime) -> list[Notice]:
    """A mail was given up: the log says so; the clock runs on. Returns the entries, for whoever speaks for us."""
    return _settle(message, NoticeResult.FAILED, at=at)


def _settle(message: Message, result: NoticeResult, *, at: datetime) -> list[Notice]:
    waiting = Notice.objects.filter(message=message, result=NoticeResult.QUEUED)
    settled = list(waiting.select_related("incident__system", "organization"))
    for notice in settled:
        notice.result, notice.settled_at = result, at
        notice.save(update_fields=["result", "settled_at"])
        if notice.incident is not None and notice.organization is not None:
            _count(notice.incident, notice.organization, at=at)
    return settled


def came_back(notice: Notice, *, actor: Actor, at: datetime) -> Notice:
    """A mail that was accepted came back. Within 72 hours the customer counts as not told, and its clock runs again.

    Raises:
        Refused: it was no accepted mail.
    """
    if notice.incident is not None:
        require(actor, "incidents.add_notice", notice.incident)
    with transaction.atomic():
        row: Notice = (
            Notice.objects.select_for_update(of=("self",)).select_related("incident", "organization").get(pk=notice.pk)
        )
        if row.channel != NoticeChannel.MAIL or row.result != NoticeResult.ACCEPTED:
            raise Refused(_("Only an accepted mail can come back."))
        accepted_at = row.settled_at or row.at
        row.result, row.settled_at = NoticeResult.BOUNCED, at
        row.save(update_fields=["result", "settled_at"])
        if row.incident is None:
            return row
        record(row.incident, "incident.notice_came_back", actor=actor, at=at, about=row)
        if row.organization is not None and at - accepted_at <= BOUNCE_COUNTS:
            _count(row.incident, row.organization, at=at)
    return row


def _count(incident: Incident, organization: Organization, *, at: datetime) -> None:
    """Bring "told" and the clock of a customer in line with the log."""
    row = Affected.objects.select_for_update(of=("self",)).filter(incident=incident, organization=organization).first()
    if row is None:
        return
    told = (
        Notice.objects.filter(incident=incident, organization=organization, result__in=TOLD)
        .order_by("settled_at")
        .values_list("settled_at", flat=True)
        .first()
    )
    if told == row.told_at:
        return
    row.told_at = told
    row.save(update_fields=["told_at"])
    if told is not None:
        deadlines.meet(incident, Clock.NOTICE, at=told, about=row)
        return
    met = Deadline.objects.of(incident).filter(kind=Clock.NOTICE, about_id=row.pk, met_at__isnull=False)
    last = met.order_by("-pk").first()
    if last is not None:
        deadlines.unmeet(last)


def _follow_agreement(row: Affected, *, at: datetime) -> None:
    """Start, move or end the clock of a customer's agreed notice time."""
    incident = row.incident
    agreed = agreed_time(row.organization, incident)
    if agreed != row.agreed:
        row.agreed = agreed
        row.save(update_fields=["agreed"])
    if row.told_at is not None or incident.state not in OPEN_STATES:
        return
    if not agreed:
        deadlines.cancel(incident, at=at, kinds=[Clock.NOTICE], about=row)
        return
    due_at = row.since + agreed_length(agreed)
    said = f"agreed with {row.organization.key}: within {duration_words(agreed_length(agreed))}"
    steps = [{"rule": said, "at": due_at.isoformat()}]
    moved = deadlines.recompute(incident, Clock.NOTICE, span="", calendar=None, about=row, due_at=due_at, steps=steps)
    if moved is None:
        deadlines.start(incident, Clock.NOTICE, at=row.since, due_at=due_at, about=row, steps=steps)
