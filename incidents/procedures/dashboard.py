"""What lists put into "What I should do next"."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.clocks import SpokenClock
from config.casework.desk.dashboard import NEXT, NextItem, register_next
from config.casework.desk.display import Mark
from config.casework.words import clock_words
from incidents.procedures.models import Run
from incidents.procedures.runs import CHANGE
from incidents.procedures.selectors import MISSED_FOR

AHEAD = timedelta(hours=24)  # how long before its end a list shows here; all of them stand under "Today's lists"


def declare() -> None:
    register_next(next_lists)


def next_lists(user: User, now: datetime) -> list[NextItem]:
    """The person's lists that end within a day, and those of theirs that were missed."""
    if not user.has_perm(CHANGE):
        return []
    rows = (
        Run.objects.visible_to(user)
        .active()
        .scheduled()
        .filter(Q(assigned_to=user) | Q(assigned_to=None), due_at__gt=now - MISSED_FOR, due_at__lte=now + AHEAD)
        .select_related("procedure__system")
        .order_by("due_at", "pk")
    )
    return [_item(run, now) for run in rows[:NEXT]]


def _item(run: Run, now: datetime) -> NextItem:
    missed = run.due_at is not None and run.due_at <= now
    act = _("finish the list")
    said = clock_words(act, run.due_at, None, run.started_at, None, now)
    return NextItem(
        what=_("Finish the list, or let it go") if missed else _("Work through the list"),
        reference=run.procedure.system.name,
        title=run.title,
        url=reverse("admin:incidents_run_change", args=[run.pk]),
        due_at=run.due_at,
        clock=SpokenClock(act, said.words, str(said.tone), run.due_at, run.started_at),
        badge=Mark(_("missed"), str(Tone.WARN)) if missed else None,
        kind="list",
        pk=run.pk,
    )
