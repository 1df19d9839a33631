"""The red figure: labels whose subject was not told (SC-39)."""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.dashboard import Card
from disputes.assessments.models import Assessment

MOST = 1_000
ORDER = 5


def card(user: User, now: datetime) -> Card | None:
    """Shown while there is one; the index holds only these rows, and beyond a thousand it counts no further."""
    if not user.has_perm("disputes.view_assessment"):
        return None
    number = Assessment.objects.visible_to(user).untold()[:MOST].count()
    if not number:
        return None
    sentence = ngettext(
        "label whose subject was not told; it is hidden until then",
        "labels whose subjects were not told; they are hidden until then",
        number,
    )
    return Card(
        label=_("Labels without notice"),
        number=number if number < MOST else f"{MOST:,}+",
        sentence=sentence,
        url=reverse("admin:disputes_assessment_changelist") + "?notice=untold",
        tone=Tone.DANGER,
        order=ORDER,
    )
