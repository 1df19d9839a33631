"""Enter contact methods, try them, and notice when they fail."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from config.casework import crypto
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.links.services import LinkExpired, issue, look
from config.casework.transitions import Refused
from config.casework.words import moment
from incidents.contact_methods.models import SET_FOR_OTHERS, ContactMethod, TrialPage
from integrations.messages import personal
from integrations.messages.choices import Channel, Purpose
from integrations.messages.models import Message
from integrations.messages.services import PERSONAL, queue_mail, queue_personal

SEALED_FOR = "contact-method"
TRIAL_PURPOSE = "test-page"
ANSWER_WITHIN = timedelta(minutes=10)
TRIALS_APART = timedelta(minutes=1)
MOST_METHODS = 8


def add_method(
    person: User, *, address: str, actor: User, at: datetime, label: str = "", wakes: bool = False
) -> ContactMethod:
    """Enter one more way to reach a person; it is tried after those they have.

    Args:
        address: a mail address, or one in the notation of apprise; kept encrypted.
        wakes: it rings until somebody answers.
    Raises:
        ValidationError: keyed by field.
        PermissionDenied: the actor is neither that person nor sets the methods of others.
    """
    _require(actor, person, "incidents.add_contactmethod")
    if not person.is_active or not person.is_staff:
        raise ValidationError({"person": _("Only people of the desk are called.")})
    try:
        read = personal.read(address)
    except ValidationError as error:
        raise ValidationError({"address": error.messages}) from error
    if wakes and not read.may_wake:
        raise ValidationError(
            {"wakes": _("This way does not ring until somebody answers. Take a call or such a push.")}
        )
    with transaction.atomic():
        User.objects.select_for_update(of=("self",)).get(pk=person.pk)
        known = ContactMethod.objects.filter(person=person, is_active=True)
        if known.count() >= MOST_METHODS:
            raise ValidationError({"address": _("Eight ways are enough. Take one out of use first.")})
        if any(opened(row) == read.text for row in known):
            raise ValidationError({"address": _("This address is there already.")})
        last = ContactMethod.objects.filter(person=person).aggregate(last=Max("position"))["last"] or 0
        method = ContactMethod(
            person=person,
            channel=read.channel,
            scheme=read.scheme,
            label=label.strip(),
            sealed=crypto.encrypt(SEALED_FOR, read.text.encode()),
            masked=read.masked,
            wakes=wakes,
            position=last + 1,
            added_by=actor,
            added_at=at,
        )
        method.full_clean()
        method.save()
        record(method, "contact_method.added", actor=actor, at=at, detail={"channel": read.channel, "wakes": wakes})
    return method


def set_in_use(method: ContactMethod, *, in_use: bool, actor: User, at: datetime) -> ContactMethod:
    """Take a method out of use, or into use again; doing it twice changes nothing.

    Raises:
        PermissionDenied: as for `add_method`.
    """
    _require(actor, method.person, "incidents.change_contactmethod")
    with transaction.atomic():
        if ContactMethod.objects.filter(pk=method.pk, is_active=not in_use).update(is_active=in_use):
            action = "contact_method.used_again" if in_use else "contact_method.retired"
            record(method, action, actor=actor, at=at)
    method.refresh_from_db()
    return method


def try_first(method: ContactMethod, *, actor: User, at: datetime) -> ContactMethod:
    """Have a method tried before all others of its person.

    Raises:
        PermissionDenied: as for `add_method`.
    """
    _require(actor, method.person, "incidents.change_contactmethod")
    with transaction.atomic():
        rows = list(ContactMethod.objects.filter(person=method.person).select_for_update(of=("self",)))
        ordered = sorted(rows, key=lambda row: (row.pk != method.pk, row.position, row.pk))
        for position, row in enumerate(ordered, 1):
            row.position = position
        ContactMethod.objects.bulk_update(ordered, ["position"])
        record(method, "contact_method.put_first", actor=actor, at=at)
    method.refresh_from_db()
    return method


def send_trial(method: ContactMethod, *, actor: User, at: datetime) -> TrialPage:
    """Send a test page; its link, answered within ten minutes, proves that the method arrives and is heard.

    Raises:
        Refused: the method is out of use, or a test page left less than a minute ago.
        PermissionDenied: as for `add_method`.
    """
    _require(actor, method.person, "incidents.change_contactmethod")
    with transaction.atomic():
        row = ContactMethod.objects.select_for_update(of=("self",)).select_related("person").get(pk=method.pk)
        if not row.is_active:
            raise Refused(_("This method is out of use."))
        if row.tests.filter(sent_at__gt=at - TRIALS_APART).exists():
            raise Refused(_("A test page has just left. Wait a minute."))
        trial = TrialPage.objects.create(method=row, sent_by=actor, sent_at=at)
        trial.message = _queue_trial(trial, at)
        trial.save(update_fields=["message"])
        record(row, "contact_method.tested", actor=actor, at=at, about=trial)
    return trial


def acknowledge_trial(token: str, *, at: datetime) -> TrialPage:
    """The link of a test page was answered from the phone: its method is proven.

    Raises:
        LinkUnknown, LinkExpired: the link does not serve; ten minutes are over.
    """
    grant = look(token, TRIAL_PURPOSE, at)
    with transaction.atomic():
        trial = (
            TrialPage.objects.select_for_update(of=("self",)).select_related("method__person").get(pk=grant.object_id)
        )
        person = trial.method.person
        if not person.is_active:
            raise LinkExpired
        if trial.acknowledged_at is None:
            trial.acknowledged_at = at
            trial.save(update_fields=["acknowledged_at"])
            ContactMethod.objects.filter(pk=trial.method_id).update(proven_at=at, failed_at=None)
            record(trial.method, "contact_method.proven", actor=person, at=at, about=trial)
    return trial


def address_of(contact: int) -> str | None:
    """The address of a method in use, opened at the moment a message leaves."""
    method = ContactMethod.objects.in_use().filter(pk=contact, person__is_active=True).first()
    return opened(method) if method is not None else None


def opened(method: ContactMethod) -> str:
    """The address in clear; for sending alone."""
    return crypto.decrypt(SEALED_FOR, bytes(method.sealed)).decode()


def delivery_failed(message: Message, *, at: datetime) -> None:
    """A method failed for good: it is not proven any more, and its person hears of it by mail, once a day."""
    contact = message.target.removeprefix(PERSONAL)
    if not message.target.startswith(PERSONAL) or not contact.isdecimal():
        return
    method = ContactMethod.objects.select_related("person").filter(pk=int(contact)).first()
    if method is None:
        return
    ContactMethod.objects.filter(pk=method.pk).update(failed_at=at)
    record(method, "contact_method.failed", actor=None, at=at)
    person = method.person
    with override(person.language):
        subject = _("One of your contact methods failed")
        paragraphs = [
            _("%(address)s did not take a message. Pages go another way meanwhile. Test it, or enter another one.")
            % {"address": method.masked}
        ]
        _mail(person, subject, paragraphs, key=f"method-dead:{method.pk}:{at.date().isoformat()}", at=at)


def send_proof_reminder(person: User, *, to: User, key: str, at: datetime) -> None:
    """Mail that a person who pages at night reach has no way proven to wake them."""
    with override(to.language):
        if to == person:
            subject = _("Nothing is proven to wake you at night")
            said = _("You are on call at night. Enter a way that rings until you answer, and answer a test page from your phone within ten minutes. Do it every 30 days.")  # fmt: skip
        else:
            subject = _("Nobody is sure to wake %(person)s at night") % {"person": person.get_full_name()}
            said = _("They are on call at night, and no way that rings until answered was proven in the last 30 days.")
        link = {"url": settings.BASE_URL + reverse("admin:incidents_contactmethod_changelist"), "label": subject}
        _mail(to, subject, [said], key=key, at=at, link=link)


def _queue_trial(trial: TrialPage, at: datetime) -> Message:
    method, person = trial.method, trial.method.person
    token = issue(TRIAL_PURPOSE, trial, person=person, expires_at=at + ANSWER_WITHIN, at=at)
    link = settings.BASE_URL + reverse("test-page-acknowledge", args=[token])
    with override(person.language):
        short = method.channel == Channel.SMS
        until = moment(at + ANSWER_WITHIN, person.zone)
        text = _("Test page. Press the button behind this link until %(until)s: %(link)s") % {
            "until": until,
            "link": link,
        }
        return queue_personal(
            contact=method.pk,
            channel=method.channel,
            subject="" if short else _("Test page of the desk"),
            text=_("Test page, answer in 10 min: %(link)s") % {"link": link} if short else text,
            key=f"trial:{trial.pk}",
            purpose=Purpose.TEST,
            about=trial,
            person=person,
            at=at,
        )


def _mail(
    person: User, subject: str, paragraphs: list[str], *, key: str, at: datetime, link: dict[str, str] | None = None
) -> None:
    context = {
        "headline": subject,
        "paragraphs": paragraphs,
        "link": link,
        "why": _("You get this because you work at the desk."),
    }
    text = render_to_string("mail/base.txt", context)
    queue_mail(
        to=person.email,
        name=person.name,
        subject=subject,
        text=text,
        key=key,
        purpose=Purpose.NOTICE,
        person=person,
        at=at,
    )


def _require(actor: User, person: User, permission: str) -> None:
    require(actor, permission)
    if actor.pk != person.pk and not actor.has_perm(SET_FOR_OTHERS):
        raise PermissionDenied(f"{actor} may not set how {person} is reached.")
