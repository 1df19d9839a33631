"""Tell customers about a maintenance: approved texts, once for each stage and language, with a log and a way out."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from config.casework.audit.services import record
from config.casework.words import moment
from incidents.communications.choices import OUTSIDE_AUDIENCES
from incidents.communications.models import MessageTemplate
from incidents.communications.slots import fill, slots_in
from incidents.customers.choices import NoticeChannel, NoticeResult, Topic
from incidents.customers.models import CustomerContact, Notice
from incidents.customers.optouts import opted_out, stop_link
from incidents.customers.selectors import ALL, readers
from incidents.maintenance.choices import Stage
from incidents.maintenance.models import MaintenanceMessage, MaintenanceWindow
from integrations.messages.choices import Purpose
from integrations.messages.services import queue_mail


def tell(window: MaintenanceWindow, stage: Stage, *, at: datetime) -> list[MaintenanceMessage]:
    """Send the text of a stage to the customers that use the system, each in the language they read.

    The text is kept for the status page also when nobody is to be mailed. A stage that was told is not told again.
    """
    key = window.templates.get(stage, "")
    if not key:
        return []
    texts = MessageTemplate.objects.filter(
        system=window.system, key=key, is_current=True, approved_at__isnull=False, audience__in=OUTSIDE_AUDIENCES
    ).select_related("system")
    return [message for text in texts if (message := _tell_in(window, stage, text, at=at)) is not None]


def values(window: MaintenanceWindow) -> dict[str, str]:
    """What fills the slots of a maintenance text."""
    zone = window.rule.zone if window.rule else window.system.zone
    return {
        "system": window.system.public_name or window.system.name,
        "starts": moment(window.starts_at, zone),
        "ends": moment(window.ends_at, zone),
        "work": ", ".join(window.work) or window.title,
    }


def unfilled(template: MessageTemplate) -> list[str]:
    """Slots of a text that no maintenance fills: such a text cannot be sent by the desk alone."""
    known = {"system", "starts", "ends", "work"}
    return [name for name in slots_in(f"{template.subject}\n{template.body}") if name not in known]


def _tell_in(
    window: MaintenanceWindow, stage: Stage, text: MessageTemplate, *, at: datetime
) -> MaintenanceMessage | None:
    if unfilled(text):
        return None
    with override(text.language):
        known = values(window)
    contacts = readers(window.system, [ALL], text).contacts
    message, created = MaintenanceMessage.objects.get_or_create(
        window=window,
        stage=stage,
        language=text.language,
        defaults={
            "template_key": text.key,
            "template_version": text.version,
            "subject": fill(text.subject, known),
            "body": fill(text.body, known),
            "sent_at": at,
        },
    )
    if not created:
        return None
    message.recipient_count = _mail(message, contacts, at=at)
    message.save(update_fields=["recipient_count"])
    detail = {"stage": str(stage), "template": text.key, "version": text.version, "recipients": message.recipient_count}
    record(window, "maintenance.told", actor=None, at=at, about=message, detail=detail)
    return message


def _mail(message: MaintenanceMessage, contacts: Iterable[CustomerContact], *, at: datetime) -> int:
    people = list(contacts)
    out = opted_out([person.email for person in people], Topic.MAINTENANCE)
    for person in people:
        notice = Notice.objects.create(
            maintenance_message=message,
            organization=person.organization,
            contact=person,
            name=person.name,
            address=person.email,
            channel=NoticeChannel.MAIL,
            result=NoticeResult.LEFT_OUT if person.email in out else NoticeResult.QUEUED,
            at=at,
        )
        if person.email not in out:
            _queue(message, notice, at=at)
    return sum(person.email not in out for person in people)


def _queue(message: MaintenanceMessage, notice: Notice, *, at: datetime) -> None:
    system = message.window.system
    with override(message.language):
        context: Mapping[str, object] = {
            "headline": message.subject,
            "paragraphs": [part for part in message.body.split("\n\n") if part.strip()],
            "why": _("You get this because your company uses %(system)s.")
            % {"system": system.public_name or system.name},
            "stop": stop_link(notice, Topic.MAINTENANCE, at=at),
        }
        text, html = render_to_string("mail/update.txt", context), render_to_string("mail/update.html", context)
    mark = hashlib.sha256(notice.address.encode()).hexdigest()[:16]
    notice.message = queue_mail(
        to=notice.address,
        name=notice.name,
        subject=message.subject,
        text=text,
        html=html,
        key=f"maintenance:{message.pk}:{mark}",
        purpose=Purpose.NOTICE,
        about=message,
        at=at,
    )
    notice.save(update_fields=["message"])
