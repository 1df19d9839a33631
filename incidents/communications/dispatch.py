"""Carry a written text to its readers: one mail and one entry of the log for each of them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from incidents.communications.choices import Audience
from incidents.communications.models import Communication, MessageTemplate
from incidents.customers.choices import NoticeChannel, NoticeResult, Topic
from incidents.customers.models import CustomerContact, Notice
from incidents.customers.optouts import opted_out, stop_link
from incidents.models import Incident
from integrations.messages.choices import Purpose
from integrations.messages.services import queue_chat, queue_mail


@dataclass(frozen=True)
class Addressee:
    """One address a text goes to, and whose it is when we know."""

    address: str
    contact: CustomerContact | None = None


def addressees(
    incident: Incident, template: MessageTemplate, recipients: Iterable[str], contacts: Sequence[CustomerContact]
) -> list[Addressee]:
    """Everybody a text goes to, each once; for the internal update the two people of the incident when nobody is named.

    Raises:
        ValidationError: a bad address, or nobody to tell. A text for the status page needs no addresses.
    """
    wanted = [address.strip().lower() for address in recipients if address.strip()]
    if not wanted and not contacts and template.audience == Audience.INTERNAL:
        wanted = [person.email for person in (incident.owner, incident.comms_lead) if person is not None]
    bad = [address for address in wanted if not _is_address(address)]
    if bad:
        raise ValidationError({"recipients": _("Not a mail address: %(bad)s.") % {"bad": ", ".join(bad)}})
    people = {contact.email: Addressee(contact.email, contact) for contact in contacts if contact.email}
    for address in wanted:
        people.setdefault(address, Addressee(address))
    if not people and template.audience != Audience.STATUS:
        raise ValidationError({"recipients": _("Nobody to tell: choose customers or add an address.")})
    return list(people.values())


def dispatch(communication: Communication, people: Sequence[Addressee], *, at: datetime) -> int:
    """Queue the mails of a communication, and tell the chat targets of an internal one; returns how many people get it."""
    internal = communication.audience == Audience.INTERNAL
    topic = Topic.STATUS if communication.audience == Audience.STATUS else None
    out = opted_out([person.address for person in people], topic) if topic else frozenset()
    for person in people:
        notice = Notice.objects.create(
            incident=communication.incident,
            communication=communication,
            organization=person.contact.organization if person.contact else None,
            contact=person.contact,
            name=person.contact.name if person.contact else "",
            address=person.address,
            channel=NoticeChannel.MAIL,
            result=NoticeResult.LEFT_OUT if person.address in out else NoticeResult.QUEUED,
            told_by=communication.sent_by,
            at=at,
        )
        if person.address not in out:
            _mail(communication, notice, internal=internal, topic=topic, at=at)
    if internal:
        _chat(communication, at=at)
    return sum(person.address not in out for person in people)


def _mail(communication: Communication, notice: Notice, *, internal: bool, topic: Topic | None, at: datetime) -> None:
    system = communication.incident.system
    with override(communication.language):
        context: dict[str, Any] = {
            "headline": communication.subject,
            "paragraphs": [part for part in communication.body.split("\n\n") if part.strip()],
            "why": _("You get this because you work on this incident.")
            if internal
            else _("You get this because you use %(system)s.") % {"system": system.public_name or system.name},
        }
        if topic is not None:
            context["stop"] = stop_link(notice, topic, at=at)
        text, html = render_to_string("mail/update.txt", context), render_to_string("mail/update.html", context)
    mark = hashlib.sha256(notice.address.encode()).hexdigest()[:16]
    notice.message = queue_mail(
        to=notice.address,
        name=notice.name,
        subject=communication.subject,
        text=text,
        html=html,
        key=f"communication:{communication.pk}:{mark}",
        purpose=Purpose.INTERNAL if internal else Purpose.UPDATE,
        case=communication.incident,
        about=communication,
        at=at,
    )
    notice.save(update_fields=["message"])


def _chat(communication: Communication, *, at: datetime) -> None:
    incident = communication.incident
    level = incident.severity
    queue_chat(
        subject=f"{incident.reference} {level.key if level else ''}".strip(),
        text=_("An internal update was written. Read it on the desk."),
        key=f"communication-chat:{communication.pk}",
        purpose=Purpose.INTERNAL,
        case=incident,
        about=communication,
        at=at,
    )


def _is_address(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True
