"""Notes on cases (OPS-04)."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework import clock
from config.casework.access.actors import Actor, actor_user
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.cases.models import Case, Note

LONGEST_NOTE = 20_000  # letters
FUTURE_TOLERANCE = timedelta(minutes=5)


def add_note(case: Case, *, actor: Actor, text: str, at: datetime, internal: bool = True) -> Note:
    """Keep what a person says about a case.

    Args:
        at: aware instant when it was said or happened; the time of recording is kept beside it.
        internal: not for the person the case is about.
    Raises:
        ValidationError: keyed by field: the text is empty or too long, or the time lies ahead.
        PermissionDenied: the person may not write on this case.
    """
    require(actor, "casework.add_note", case)
    text = text.strip()
    now = clock.now()
    if not text:
        raise ValidationError({"text": _("Write something first.")})
    if len(text) > LONGEST_NOTE:
        raise ValidationError({"text": _("This is too long: at most %(most)d letters.") % {"most": LONGEST_NOTE}})
    ProhibitNullCharactersValidator()(text)
    if at - now > FUTURE_TOLERANCE:
        raise ValidationError({"at": _("This time lies in the future.")})
    with transaction.atomic():
        note = Note.objects.create(
            case=case, author=actor_user(actor), at=at, recorded_at=now, text=text, internal=internal
        )
        record(case, "note.added", actor=actor, at=at, about=note, detail={"internal": internal})
    return note
