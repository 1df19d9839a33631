"""Write letters and send them; who has no address waits for a person who tells them by hand."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.urls import reverse

from config.casework.access.actors import Actor
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.links.services import issue
from disputes.letters import texts
from disputes.letters.models import Audience, Letter, LetterKind
from disputes.models import Dispute
from integrations.messages.choices import Purpose
from integrations.messages.services import queue_mail

STATUS_PURPOSE = "dispute-status"
STATUS_LASTS = timedelta(days=90)
CHANGE = "disputes.change_letter"


def status_link(dispute: Dispute, *, at: datetime) -> str:
    """A fresh address of the candidate's own page."""
    token = issue(STATUS_PURPOSE, dispute, expires_at=at + STATUS_LASTS, at=at)
    return settings.BASE_URL + reverse("dispute-status", args=[token])


def to_candidate(
    dispute: Dispute, kind: LetterKind, *, at: datetime, once: str = "", when: datetime | None = None
) -> Letter:
    """Write to the candidate, once for each `once`."""
    key = f"dispute:{dispute.pk}:{kind}:candidate:{once or at.isoformat()}"
    known = Letter.objects.filter(key=key).first()
    if known is not None:
        return known
    words = texts.letter(dispute, kind, Audience.CANDIDATE, link=status_link(dispute, at=at), when=when)
    return _send(dispute, kind, Audience.CANDIDATE, dispute.candidate_email, key, words, at)


def to_everybody(dispute: Dispute, kind: LetterKind, *, at: datetime, once: str = "") -> list[Letter]:
    """Write to the candidate, the employer and each recipient of the label."""
    letters = [to_candidate(dispute, kind, at=at, once=once)]
    others = [(Audience.EMPLOYER, dispute.organization.privacy_contact or dispute.organization.name)]
    others += [(Audience.RECIPIENT, recipient) for recipient in recipients(dispute)]
    for number, (audience, name) in enumerate(others):
        key = f"dispute:{dispute.pk}:{kind}:{number}:{once or at.isoformat()}"
        known = Letter.objects.filter(key=key).first()
        words = texts.letter(dispute, kind, audience)
        letters.append(known or _send(dispute, kind, audience, name, key, words, at))
    return letters


def recipients(dispute: Dispute) -> list[str]:
    """Everybody who got the label: those the platform named, and people who were shown it."""
    named = [str(name) for name in dispute.assessment.recipients]
    seen = dispute.assessment.views.filter(viewer__contains="@").values_list("viewer", flat=True)
    return list(dict.fromkeys([*named, *seen]))


def told_by_hand(letter: Letter, *, actor: Actor, at: datetime) -> None:
    """Record that a person told somebody we have no working address of.

    Raises:
        PermissionDenied: the actor may not change this dispute.
    """
    require(actor, CHANGE, letter.dispute)
    if Letter.objects.filter(pk=letter.pk, told_by_hand_at=None).update(told_by_hand_at=at):
        record(letter.dispute, "letter.told_by_hand", actor=actor, at=at, about=letter)
    letter.refresh_from_db()


def _send(
    dispute: Dispute,
    kind: LetterKind,
    audience: Audience,
    name: str,
    key: str,
    words: texts.Letter,
    at: datetime,
) -> Letter:
    letter = Letter.objects.create(
        dispute=dispute, kind=kind, audience=audience, name=name[:254], key=key[:120], written_at=at
    )
    if _is_address(name):
        letter.message = queue_mail(
            to=name,
            subject=words.subject,
            text=words.text,
            html=words.html,
            key=key,
            purpose=Purpose.NOTICE,
            at=at,
            case=dispute,
            about=letter,
        )
        letter.save(update_fields=["message"])
    return letter


def _is_address(name: str) -> bool:
    try:
        validate_email(name)
    except ValidationError:
        return False
    return True
