"""What the dispute desk puts on the first page: one question for everything."""

from datetime import datetime

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.dashboard import Card, register_card
from disputes.choices import IN_REVIEW
from disputes.decisions.services import undecidable
from disputes.models import Dispute

REVIEW = "disputes.review_dispute"


def declare() -> None:
    register_card(card)


def card(user: User, now: datetime) -> Card | None:
    """Disputes that wait, for those who review them."""
    if not user.has_perm(REVIEW):
        return None
    rows = Dispute.objects.visible_to(user).filter(state__in=IN_REVIEW)
    numbers = rows.aggregate(
        total=Count("pk"),
        untaken=Count("pk", filter=Q(acknowledged_by=None)),
        late=Count("pk", filter=Q(next_due_at__lt=now)),
        joint=Count("pk", filter=Q(touches_hiring=True)),
    )
    total, late = numbers["total"], numbers["late"]
    if not total:
        return None
    if late:
        sentence = ngettext(
            "dispute is late, of %(total)s in review", "disputes are late, of %(total)s in review", late
        )
        number = late
    else:
        number = numbers["untaken"]
        sentence = ngettext(
            "dispute that nobody has taken, of %(total)s in review",
            "disputes that nobody has taken, of %(total)s in review",
            number,
        )
    stuck = undecidable(at=now) if numbers["joint"] else []
    if stuck:
        number = len(stuck)
        sentence = ngettext(
            "dispute cannot be decided: name a deputy for CEO or CTO (%(total)s in review)",
            "disputes cannot be decided: name a deputy for CEO or CTO (%(total)s in review)",
            number,
        )
    tone = Tone.DANGER if late or stuck else Tone.WARN if number else ""
    return Card(
        _("Disputes"), number, sentence % {"total": total}, reverse("admin:disputes_dispute_changelist"), tone, 35
    )
