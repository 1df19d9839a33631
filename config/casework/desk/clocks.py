"""Clocks in words, for lists and pages."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from config.casework.cases.models import Case
from config.casework.choices import Tone
from config.casework.deadlines.models import Deadline
from config.casework.words import clock_words

_acts: dict[str, Any] = {}


def name_clock(kind: str, act: Any) -> None:
    """Say what a kind of clock waits for, as a verb phrase ("acknowledge", "send the next update")."""
    _acts[kind] = act


def act_of(kind: str) -> str:
    return str(_acts.get(kind) or kind.replace("_", " "))


@dataclass(frozen=True)
class SpokenClock:
    """A clock as the pages draw it (desk/partials/clock.html) with the steps that explain its due date."""

    act: str
    words: str
    tone: str
    due_at: datetime | None
    started_at: datetime
    met_at: datetime | None = None
    steps: list[tuple[datetime | None, str]] = field(default_factory=list)


def spoken(deadline: Deadline, now: datetime, *, explained: bool = True) -> SpokenClock:
    """Words and tone of one clock, with the steps that explain its due date unless the caller has no room for them."""
    act = act_of(deadline.kind)
    if deadline.due_at is None:
        words, tone = _("%(act)s: no date yet") % {"act": act}, str(Tone.NEUTRAL)
    else:
        paused = "" if deadline.paused_at else None
        said = clock_words(
            act, deadline.due_at, deadline.met_at, deadline.started_at, paused, now, warn_at=deadline.warn_at
        )
        words, tone = said.words, said.tone
    said_clock = SpokenClock(act, words, tone, deadline.due_at, deadline.started_at, deadline.met_at)
    if explained:
        said_clock.steps.extend(
            (parse_datetime(step["at"]) if step.get("at") else None, str(step.get("rule", "")))
            for step in deadline.steps
        )
    return said_clock


def nearest_clocks(cases: Iterable[Case], now: datetime) -> dict[int, SpokenClock]:
    """The nearest open clock of each case of one model, by case id; one query for all."""
    rows = {case.pk: case for case in cases if case.next_due_at is not None}
    if not rows:
        return {}
    content_type = ContentType.objects.get_for_model(next(iter(rows.values())))
    nearest = Deadline.objects.open().filter(
        content_type=content_type, object_id__in=rows, due_at__isnull=False, paused_at=None
    )
    nearest = nearest.order_by("object_id", "due_at", "pk").distinct("object_id").defer("steps", "pauses")
    return {deadline.object_id: spoken(deadline, now, explained=False) for deadline in nearest}
