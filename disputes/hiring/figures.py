"""The weekly figure: what the guard refused, and who was not told (to the CEO)."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.work.models import Job
from config.casework.work.services import enqueue
from disputes.assessments.models import Assessment
from disputes.hiring.choices import Decision
from disputes.hiring.models import HiringDecision, RefusedAttempt
from integrations.messages.choices import Purpose
from integrations.messages.services import queue_mail

WEEKLY = "hiring.weekly"
ZONE = ZoneInfo("Europe/Berlin")
OPENING = time(8, 0)
NAMED = 5


def week_before(at: datetime) -> tuple[datetime, datetime]:
    """The last full week, Monday 8:00 to Monday 8:00, on the wall clock of the CEO's office."""
    local = at.astimezone(ZONE)
    monday = datetime.combine(local.date() - timedelta(days=local.weekday()), OPENING, ZONE)
    if local < monday:
        monday -= timedelta(days=7)
    return monday - timedelta(days=7), monday


def ask(at: datetime) -> int:
    """Have last week's figure sent, once; nothing as long as nothing was assessed."""
    _begin, end = week_before(at)
    key = f"{WEEKLY}:{end.date().isoformat()}"
    if Job.objects.filter(key=key).exists() or not Assessment.objects.filter(received_at__lt=end).exists():
        return 0
    enqueue(WEEKLY, key=key, at=at, end=end.isoformat())
    return 1


def send(end: datetime, *, at: datetime) -> int:
    """Mail the figure of the week before `end` to everybody in the role CEO; returns to how many."""
    text = words(end - timedelta(days=7), end)
    chiefs = User.objects.filter(groups__name=Role.CEO, is_active=True, is_staff=True)
    for chief in chiefs:
        queue_mail(
            to=chief.email,
            name=chief.name,
            subject=_("Hiring decisions and labels: the week in figures"),
            text=text,
            key=f"{WEEKLY}:{end.date().isoformat()}:{chief.pk}",
            purpose=Purpose.NOTICE,
            at=at,
            person=chief,
        )
    return len(chiefs)


def words(begin: datetime, end: datetime) -> str:
    """The figure in words; counts of employers, never a candidate."""
    refused = RefusedAttempt.objects.filter(at__gte=begin, at__lt=end)
    decided = HiringDecision.objects.filter(decided_at__gte=begin, decided_at__lt=end)
    most = refused.values_list("organization__name").annotate(n=Count("pk")).order_by("-n", "organization__name")
    lines = [
        _("From %(begin)s to %(end)s:") % {"begin": date_format(begin, "j F Y"), "end": date_format(end, "j F Y")},
        "",
        _("Rejections refused because they rested on authenticity alone: %(n)d") % {"n": refused.count()},
        *(_("  %(name)s: %(n)d") % {"name": name, "n": n} for name, n in most[:NAMED]),
        _("Decisions kept: %(n)d, of them rejections: %(m)d")
        % {"n": decided.count(), "m": decided.filter(decision=Decision.REJECT).count()},
        _("Labels whose subject was not told: %(n)d") % {"n": Assessment.objects.untold().count()},
        "",
        settings.BASE_URL + reverse("admin:disputes_refusedattempt_changelist"),
    ]
    return "\n".join(lines)
