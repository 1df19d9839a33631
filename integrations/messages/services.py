"""Queue messages and deliver them; the only sender of mail and chat."""

import hashlib
import smtplib
from collections.abc import Callable
from datetime import datetime

import apprise
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import models

from config import traceparent
from config.casework import clock
from config.casework.access.models import RESERVED, User
from config.casework.cases.models import Case
from config.casework.cases.timeline import Entry
from config.casework.events import publish
from config.casework.work.failures import Permanent, Retry
from config.casework.work.services import enqueue
from integrations.messages import personal
from integrations.messages.choices import Channel, MessageState, Purpose
from integrations.messages.events import MessageAccepted, MessageFailed
from integrations.messages.models import Message

DEMO = "demo: nothing leaves"
NO_ADDRESS = "address is reserved"

PERSONAL = "contact:"

_still_wanted: dict[str, Callable[[Message], bool]] = {}
_addresses: list[Callable[[int], str | None]] = []


def recheck_before_sending(purpose: Purpose, wanted: Callable[[Message], bool]) -> None:
    """Ask `wanted` at the moment a message of this purpose leaves; on False it expires instead (no page after an acknowledgement)."""
    _still_wanted[purpose] = wanted


def look_up_addresses(find: Callable[[int], str | None]) -> None:
    """Ask `find` for the address behind a contact method's key when its message leaves; None when it is out of use."""
    _addresses[:] = [find]


def queue_mail(
    *,
    to: str,
    subject: str,
    text: str,
    key: str,
    purpose: Purpose,
    at: datetime,
    html: str = "",
    name: str = "",
    case: Case | None = None,
    about: models.Model | None = None,
    person: User | None = None,
) -> Message:
    """Keep one mail and let it be sent; in the caller's transaction, so it leaves exactly when the cause is committed.

    Args:
        to: the address.
        key: idempotency key; the same key returns the first message and sends nothing new.
        at: aware instant from which it may leave.
    """
    return _queue(
        Channel.EMAIL,
        key,
        at,
        purpose=purpose,
        address=to,
        recipient_name=name,
        subject=subject,
        text=text,
        html=html,
        case=case,
        about_id=about.pk if about else None,
        person=person,
    )


def queue_chat(
    *,
    subject: str,
    text: str,
    key: str,
    purpose: Purpose,
    at: datetime,
    case: Case | None = None,
    about: models.Model | None = None,
    only: int | None = None,
) -> list[Message]:
    """Keep one message for each configured chat target (NOTIFY_URLS); their addresses carry secrets and stay in the environment.

    Args:
        only: the place of the one target that gets it; all of them when left out.
    """
    return [
        _queue(
            Channel.CHAT,
            f"{key}:{place}",
            at,
            purpose=purpose,
            target=str(place),
            subject=subject,
            text=text,
            case=case,
            about_id=about.pk if about else None,
        )
        for place in (range(len(settings.NOTIFY_URLS)) if only is None else [only])
    ]


def chat_targets() -> dict[str, int]:
    """The places of the configured chat targets by key: the scheme of each, with a number from the second of a kind on."""
    found: dict[str, int] = {}
    for place, url in enumerate(settings.NOTIFY_URLS):
        scheme = url.partition(":")[0].lower()
        same = sum(key == scheme or key.startswith(f"{scheme}-") for key in found)
        found[f"{scheme}-{same + 1}" if same else scheme] = place
    return found


def queue_personal(
    *,
    contact: int,
    channel: str,
    subject: str,
    text: str,
    key: str,
    purpose: Purpose,
    at: datetime,
    case: Case | None = None,
    about: models.Model | None = None,
    person: User | None = None,
) -> Message:
    """Keep one message for a person's own contact method; its address is looked up when it leaves and stands nowhere here.

    Args:
        contact: key of the contact method.
    """
    return _queue(
        Channel(channel),
        key,
        at,
        purpose=purpose,
        target=f"{PERSONAL}{contact}",
        subject=subject,
        text=text,
        case=case,
        about_id=about.pk if about else None,
        person=person,
    )


def _queue(channel: Channel, key: str, at: datetime, *, subject: str, **fields: object) -> Message:
    """Keep a message and the work of sending it; what is about a made-up case is kept for the page, and never sent."""
    trace = traceparent.current()
    made_up = bool(getattr(fields.get("case"), "is_demo", False))
    if made_up:
        fields |= {"state": MessageState.EXPIRED, "outcome": DEMO}
    message, created = Message.objects.get_or_create(
        idempotency_key=key,
        defaults={
            "channel": channel,
            "subject": " ".join(subject.split())[:250],
            "created_at": at,
            "trace": trace.header() if trace else "",
            **fields,
        },
    )
    if created and not made_up:
        enqueue("messages.deliver", key=f"message:{message.pk}", at=at, message=message.pk)
    return message


def deliver(message_id: int) -> None:
    """Send one message, unless it was sent or is no longer wanted.

    Raises:
        Retry: the server was not reached or is busy.
        Permanent: the server refuses it for good.
    """
    message = Message.objects.select_for_update().get(pk=message_id)
    if message.state in (MessageState.SENT, MessageState.DELIVERED, MessageState.EXPIRED):
        return
    if message.address.casefold().endswith(RESERVED):
        _finish(message, MessageState.EXPIRED, NO_ADDRESS)
        return
    wanted = _still_wanted.get(message.purpose)
    if wanted is not None and not wanted(message):
        _finish(message, MessageState.EXPIRED, "no longer needed when it was its turn")
        return
    if message.target.startswith(PERSONAL):
        _send_personal(message)
    elif message.channel == Channel.EMAIL:
        _send_mail(message)
    else:
        _send_chat(message)
    message.sent_at = clock.now()
    _finish(message, MessageState.SENT, "")
    publish(MessageAccepted(message, message.sent_at))


def mark_failed(message_id: int, reason: str) -> None:
    """After the last attempt the message says so on the case's page, its sender hears of it, and the job stands parked."""
    changed = Message.objects.filter(pk=message_id, state=MessageState.QUEUED).update(
        state=MessageState.FAILED, outcome=reason[:120]
    )
    if changed:
        publish(MessageFailed(Message.objects.select_related("person").get(pk=message_id), clock.now()))


def _send_personal(message: Message) -> None:
    contact = int(message.target.removeprefix(PERSONAL))
    address = next((found for find in _addresses if (found := find(contact))), None)
    if address is None:
        raise Permanent("this contact method is no longer in use")
    if message.channel == Channel.EMAIL:
        _send_mail(message, to=address)
    else:
        personal.send(address, subject=message.subject, text=message.text)


def _send_mail(message: Message, to: str = "") -> None:
    address = to or message.address
    mail = EmailMultiAlternatives(
        subject=message.subject,
        body=message.text,
        to=[f"{_quoted(message.recipient_name)} <{address}>" if message.recipient_name else address],
        headers={"Message-ID": message_id(message), "Auto-Submitted": "auto-generated"}
        | ({"traceparent": message.trace} if message.trace else {}),
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _text in error.recipients.values()}
        if all(500 <= code < 600 for code in codes):
            raise Permanent("the mail server refused the address") from error
        raise Retry("the mail server refused the address for now") from error
    except smtplib.SMTPResponseException as error:
        if 500 <= error.smtp_code < 600:
            raise Permanent(f"the mail server refused the message ({error.smtp_code})") from error
        raise Retry(f"the mail server could not take the message ({error.smtp_code})") from error
    except (smtplib.SMTPException, OSError) as error:
        raise Retry(f"the mail server was not reached ({error.__class__.__name__})") from error


def _send_chat(message: Message) -> None:
    place = int(message.target)
    if place >= len(settings.NOTIFY_URLS):
        raise Permanent("this chat target is no longer configured")
    target = apprise.Apprise()
    if not target.add(settings.NOTIFY_URLS[place]):
        raise Permanent("the chat target is not understood; see NOTIFY_URLS")
    if not target.notify(title=message.subject, body=message.text):
        raise Retry("the chat target did not take the message")


def _finish(message: Message, state: MessageState, outcome: str) -> None:
    message.state, message.outcome = state, outcome
    message.save(update_fields=["state", "outcome", "sent_at"])


def message_id(message: Message) -> str:
    """The same for every attempt, so that a mail sent twice by a dying worker is one mail in the inbox."""
    digest = hashlib.sha256(message.idempotency_key.encode()).hexdigest()[:32]
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "localhost"
    return f"<{digest}@{domain}>"


def _quoted(name: str) -> str:
    """A name as it may stand before an address: nothing in it ends the quotes or the line, or is read as encoded."""
    words = " ".join(name.replace("=?", " ").split())
    return '"' + "".join(letter for letter in words if letter.isprintable() and letter not in '"\\') + '"'


def timeline_entries(case: Case) -> list[Entry]:
    """Messages of a case for its timeline: what went out and how it fared, without addresses."""
    from_type = Message.objects.filter(
        content_type__model=case._meta.model_name, content_type__app_label=case._meta.app_label, object_id=case.pk
    )
    return [
        Entry(
            at=message.sent_at or message.created_at,
            recorded_at=message.created_at,
            actor="desk",
            what=f"{message.get_purpose_display()}: {message.get_state_display()}",
            text=message.outcome,
            kind="system",
            internal=True,
        )
        for message in from_type.only("purpose", "state", "outcome", "created_at", "sent_at")
    ]
