"""What lists and backups put into "What I should do next"."""

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
from incidents.continuity.models import BackupPolicy
from incidents.procedures.models import Run
from incidents.procedures.runs import CHANGE
from incidents.procedures.selectors import MISSED_FOR

AHEAD = timedelta(hours=24)  # how long before its end a list shows here; all of them stand under "Today's lists"
RECORD_BACKUP = "incidents.change_backuppolicy"


def declare() -> None:
    register_next(next_lists)
    register_next(late_backups)


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


def late_backups(user: User, now: datetime) -> list[NextItem]:
    """Backups whose newest success is older than their schedule allows (INC-87, INC-90)."""
    if not user.has_perm(RECORD_BACKUP):
        return []
    rows = BackupPolicy.objects.filter(is_active=True, last_success_at__isnull=False).exclude(every="")
    items = []
    for row in rows.select_related("system"):
        late = row.late_by(now)
        if late is None or row.last_success_at is None:
            continue
        due_at = now - late
        said = clock_words(_("back up"), due_at, None, row.last_success_at, None, now)
        items.append(
            NextItem(
                what=_("Find out why there is no backup"),
                reference=row.system.name,
                title=row.name,
                url=reverse("admin:incidents_backuppolicy_change", args=[row.pk]),
                due_at=due_at,
                clock=SpokenClock(_("back up"), said.words, str(said.tone), due_at, row.last_success_at),
                badge=Mark(_("backup"), str(Tone.DANGER)),
                kind="backup",
                pk=row.pk,
            )
        )
    return items
