"""The summary that may be told outside: written by one person, approved by another, guarded like any text for outside."""

import re
from datetime import datetime

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.actors import actor_user
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.transitions import Step
from incidents.communications.slots import guarded_word
from incidents.models import Incident
from incidents.reviews.choices import SummaryState
from incidents.reviews.models import ReviewSummary

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|\+\d[\d /-]{6,}\d|\b\d{1,3}(?:\.\d{1,3}){3}\b")


def write_summary(incident: Incident, *, actor: User, at: datetime, text: str) -> ReviewSummary:
    """Write or change the summary of an incident; a changed text waits for approval again.

    Raises:
        ValidationError: empty, names a guarded word, or an address.
        PermissionDenied: the actor may not work this incident.
    """
    require(actor, "incidents.change_reviewsummary", incident)
    text = text.strip()
    if not text:
        raise ValidationError({"text": _("Write something first.")})
    if (refusal := what_must_not_leave(incident, text)) is not None:
        raise ValidationError({"text": refusal})
    with transaction.atomic():
        summary: ReviewSummary | None = (
            ReviewSummary.objects.select_for_update(of=("self",)).filter(incident=incident).first()
        )
        if summary is not None and summary.text == text:
            return summary
        summary = summary or ReviewSummary(incident=incident)
        summary.text, summary.written_by, summary.written_at = text, actor, at
        summary.state, summary.approved_by, summary.approved_at = SummaryState.DRAFT, None, None
        summary.version += 1
        summary.full_clean(exclude={"incident"} if summary.pk else None)
        summary.save()
        record(incident, "summary.written", actor=actor, at=at, about=summary, fields=["text"])
    return summary


def what_must_not_leave(incident: Incident, text: str) -> str | None:
    """Why a text may not be told outside: it names a guarded word of the system, or an address of somebody."""
    word = guarded_word(text, incident.system.setting("guard_words", []))
    if word is not None:
        return _("It names “%(word)s”. Texts for people outside name no provider.") % {"word": word}
    found = ADDRESS.search(text)
    return _("It holds an address: %(found)s. Take it out.") % {"found": found.group()} if found else None


def nothing_guarded(step: Step[ReviewSummary]) -> str | None:
    """Guard words may have been added since it was written."""
    return what_must_not_leave(step.obj.incident, step.obj.text)


def another_person_wrote_it(step: Step[ReviewSummary]) -> str | None:
    author = step.obj.written_by
    if author is None or actor_user(step.actor) != author:
        return None
    return _("You wrote it; somebody else approves it.")


def summary_of(incident: Incident) -> ReviewSummary | None:
    try:
        return incident.review_summary
    except ObjectDoesNotExist:
        return None


def published_summary(incident: Incident) -> str:
    """The text that may be told outside; empty while none is approved."""
    summary = summary_of(incident)
    return summary.text if summary is not None and summary.state == SummaryState.APPROVED else ""
