"""What a candidate does on their own page, and what staff record of a hearing."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from config.casework.access.actors import Actor, actor_user
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.transitions import Refused, apply
from disputes.choices import IN_REVIEW
from disputes.letters import services as letters
from disputes.letters.models import LetterKind
from disputes.models import Dispute
from disputes.status.models import Hearing, HearingWay

REVIEW = "disputes.review_dispute"


def ask_to_be_heard(dispute: Dispute, *, way: str, phone: str = "", wishes: str = "", at: datetime) -> Hearing:
    """Keep that the candidate wants to be heard; asked again, the wish is renewed.

    Raises:
        Refused: nobody reviews it any more.
    """
    if dispute.state not in IN_REVIEW:
        raise Refused(_("The review is over. You can appeal instead."))
    values = {"way": way, "phone": phone, "wishes": wishes, "asked_at": at}
    try:
        with transaction.atomic():
            hearing, _created = Hearing.objects.update_or_create(
                dispute=dispute, held_at=None, cancelled_at=None, defaults=values
            )
            record(dispute, "hearing.asked", actor=None, at=at, about=hearing, detail={"way": way})
    except IntegrityError:  # the same form twice at once
        hearing = Hearing.objects.get(dispute=dispute, held_at=None, cancelled_at=None)
    return hearing


def appoint(hearing: Hearing, *, call_at: datetime, actor: Actor, at: datetime) -> None:
    """Fix the call and tell the candidate.

    Raises:
        ValidationError: it is asked for in writing, or the time is over.
        PermissionDenied: the actor reviews no disputes.
    """
    require(actor, REVIEW, hearing.dispute)
    if hearing.way != HearingWay.CALL:
        raise ValidationError(_("The candidate wants to be heard in writing."))
    if call_at <= at:
        raise ValidationError({"appointed_for": _("Choose a time that lies ahead.")})
    with transaction.atomic():
        Hearing.objects.filter(pk=hearing.pk).update(appointed_for=call_at)
        record(hearing.dispute, "hearing.appointed", actor=actor, at=at, about=hearing)
        letters.to_candidate(hearing.dispute, LetterKind.CALL, at=at, when=call_at)


def note_hearing(hearing: Hearing, *, text: str, actor: Actor, at: datetime) -> None:
    """Keep what the candidate said; it counts as heard.

    Raises:
        ValidationError: nothing was written.
        PermissionDenied: the actor reviews no disputes.
    """
    require(actor, REVIEW, hearing.dispute)
    if not text.strip():
        raise ValidationError({"record": _("Write what was said, or that nobody answered twice.")})
    with transaction.atomic():
        changed = Hearing.objects.filter(pk=hearing.pk, held_at=None).update(
            record=text.strip(), held_at=at, held_by=actor_user(actor)
        )
        if changed:
            record(hearing.dispute, "hearing.held", actor=actor, at=at, about=hearing)


def appeal(dispute: Dispute, *, grounds: str, at: datetime, actor: Actor = None) -> Dispute:
    """The one appeal, decided by another person.

    Raises:
        Refused: it was used, or its time is over.
    """
    return apply(dispute, "appeal", actor=actor, at=at, appeal_grounds=grounds)


def end(dispute: Dispute, *, at: datetime) -> Dispute:
    """The candidate ends it; the assessment stands as before.

    Raises:
        Refused: it is decided already.
    """
    return apply(dispute, "give_up", actor=None, at=at)
