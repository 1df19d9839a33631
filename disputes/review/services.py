"""The steps of a review: read, note the impression, see the score, check, answer, ask for a second look."""

from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.transitions import Refused
from disputes.choices import IN_REVIEW
from disputes.decisions import independence
from disputes.guards import fit
from disputes.models import Dispute
from disputes.review.models import Check, CodeAnswer, Impression, Review, ReviewCheck, SecondLook
from disputes.review.selectors import review_of

REVIEW = "disputes.review_dispute"
LONGEST_PAUSE = timedelta(minutes=10)


def seen(dispute: Dispute, *, actor: User, what: str, at: datetime) -> None:
    """Write into the trail that somebody looked at evidence, and count the reviewer's time (DSP-16)."""
    with transaction.atomic():
        review = review_of(dispute, actor)
        if review is not None and dispute.state in IN_REVIEW:
            gap = at - review.last_seen_at
            spent = int(gap.total_seconds()) if timedelta() < gap <= LONGEST_PAUSE else 0
            Review.objects.filter(pk=review.pk).update(seconds=review.seconds + spent, last_seen_at=at)
        record(dispute, "evidence.viewed", actor=actor, at=at, detail={"what": what})


def note_impression(dispute: Dispute, *, impression: str, note: str, actor: User, at: datetime) -> Review:
    """Keep what the reviewer thinks of the account before they see the score; said once.

    Raises:
        Refused: it was noted, or the score was seen.
    """
    review = _mine(dispute, actor)
    if impression not in Impression.values:
        raise ValidationError({"impression": _("Choose one.")})
    with transaction.atomic():
        changed = Review.objects.filter(pk=review.pk, impression_at=None, revealed_at=None).update(
            impression=impression, impression_note=note.strip(), impression_at=at
        )
        if not changed:
            raise Refused(_("Your first impression is noted; it is not changed afterwards."))
        record(dispute, "review.impression", actor=actor, at=at, about=review)
    review.refresh_from_db()
    return review


def reveal(dispute: Dispute, *, actor: User, at: datetime) -> Review:
    """Show the reviewer label, score and reasons.

    Raises:
        Refused: the first impression is not noted yet.
    """
    review = _mine(dispute, actor)
    if review.impression_at is None:
        raise Refused(_("Note your first impression of the account first. It cannot be formed afterwards."))
    with transaction.atomic():
        if Review.objects.filter(pk=review.pk, revealed_at=None).update(revealed_at=at):
            record(dispute, "review.score_seen", actor=actor, at=at, about=review)
    review.refresh_from_db()
    return review


def tick(dispute: Dispute, *, key: str, note: str, actor: User, at: datetime) -> ReviewCheck:
    """Tick one of the four checks with what was found.

    Raises:
        Refused: the score was not seen yet, so there was nothing to check.
        ValidationError: there is no such check, or nothing was written.
    """
    review = _revealed(dispute, actor)
    if key not in Check.values:
        raise ValidationError(_("There is no such check."))
    if not note.strip():
        raise ValidationError({"note": _("Write what you found.")})
    with transaction.atomic():
        check, _created = ReviewCheck.objects.update_or_create(
            review=review, key=key, defaults={"note": note.strip(), "done_at": at}
        )
        record(dispute, "review.check_ticked", actor=actor, at=at, about=check, detail={"check": key})
    return check


def answer(
    dispute: Dispute, *, code: str, counts: bool, circumstance: str = "", note: str = "", actor: User, at: datetime
) -> CodeAnswer:
    """Say whether a reason code still counts; a code that a circumstance explains fully does not (SC-36).

    Raises:
        ValidationError: the contested result has no such code, or no reason is given why it does not count.
    """
    review = _revealed(dispute, actor)
    if code not in dispute.contested.reason_codes:
        raise ValidationError(_("The contested result has no such reason code."))
    if not counts and not (circumstance or note.strip()):
        raise ValidationError({"note": _("Name the circumstance, or say why it does not count.")})
    with transaction.atomic():
        given, _created = CodeAnswer.objects.update_or_create(
            review=review,
            code=code,
            defaults={"counts": counts, "circumstance": circumstance, "note": note.strip(), "answered_at": at},
        )
        # whether it counts may stand in the trail; why not is special-category data and may not
        record(dispute, "review.code_answered", actor=actor, at=at, about=given, detail={"counts": counts})
    return given


def ask_second_look(dispute: Dispute, *, of: User, question: str, actor: User, at: datetime) -> SecondLook:
    """Ask another reviewer for their opinion.

    Raises:
        Refused: that person is not independent or not competent.
    """
    _mine(dispute, actor)
    refusal = independence.words(independence.reasons(dispute).get(of.pk, "")) or (fit(dispute, of) or "")
    if refusal or of.pk == actor.pk:
        raise Refused(_("Ask somebody else: this person had a part in it, or holds no authority that is valid now."))
    with transaction.atomic():
        look = SecondLook(dispute=dispute, asked_by=actor, asked_of=of, question=question, asked_at=at)
        look.full_clean()
        look.save()
        record(dispute, "second_look.asked", actor=actor, at=at, about=look)
    return look


def give_opinion(look: SecondLook, *, opinion: str, note: str, actor: User, at: datetime) -> None:
    """Answer a second look; only who was asked does.

    Raises:
        PermissionDenied: somebody else was asked.
    """
    require(actor, REVIEW, look.dispute)
    if look.asked_of_id != actor.pk:
        raise PermissionDenied(f"{actor} was not asked about {look.dispute}.")
    if opinion not in Impression.values or not note.strip():
        raise ValidationError({"note": _("Say what you think, and why.")})
    with transaction.atomic():
        if SecondLook.objects.filter(pk=look.pk, answered_at=None).update(
            opinion=opinion, note=note.strip(), answered_at=at
        ):
            record(look.dispute, "second_look.answered", actor=actor, at=at, about=look)


def _mine(dispute: Dispute, actor: User) -> Review:
    require(actor, REVIEW, dispute)
    review = review_of(dispute, actor)
    if review is None or dispute.acknowledged_by_id != actor.pk or dispute.state not in IN_REVIEW:
        raise Refused(_("Take it first: only who reviews it works on it."))
    return review


def _revealed(dispute: Dispute, actor: User) -> Review:
    review = _mine(dispute, actor)
    if review.revealed_at is None:
        raise Refused(_("Look at the score first; before that there is nothing to check."))
    return review
