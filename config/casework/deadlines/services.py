"""Start, meet, pause and move clocks. The queue's nearest clock follows in the same transaction."""

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import Q

from config.casework import calendars
from config.casework.cases.models import Case
from config.casework.catalogue.models import Calendar
from config.casework.deadlines.models import OPEN, Deadline
from config.casework.events import DeadlineBreached, DeadlineWarned, publish

WARN_FRACTION = 0.8
SWEEP_BATCH = 500


@transaction.atomic
def start(
    case: Case,
    kind: str,
    *,
    at: datetime,
    span: str = "",
    due_at: datetime | None = None,
    calendar: Calendar | None = None,
    about: models.Model | None = None,
    steps: list[dict[str, str]] | None = None,
    warn: float = WARN_FRACTION,
) -> Deadline:
    """Start a clock on a case, or move the open one of the same kind.

    Args:
        at: aware instant from which it runs.
        span: promise such as "PT15M", "P1D" or "1BD" (business days); or give `due_at`.
        due_at: aware instant of the end, when no span leads to it; neither: the clock waits for a date.
        calendar: open hours it runs by; none means round the clock.
        steps: sentences that explain a `due_at` set directly.
    Raises:
        ValueError: the span cannot be read.
    """
    deadline = _find(case, kind, about) or Deadline(
        content_type=ContentType.objects.get_for_model(case), object_id=case.pk, kind=kind, about=about, started_at=at
    )
    deadline.started_at = at
    deadline.calendar = calendar
    deadline.span = span
    _set_due(deadline, due_at=due_at, steps=steps or [], warn=warn)
    deadline.save()
    refresh_nearest(case)
    return deadline


@transaction.atomic
def recompute(
    case: Case,
    kind: str,
    *,
    span: str,
    calendar: Calendar | None,
    about: models.Model | None = None,
    due_at: datetime | None = None,
    steps: list[dict[str, str]] | None = None,
    warn: float = WARN_FRACTION,
) -> Deadline | None:
    """Give an open clock another promise, counted from its own start with its pauses carried over (INC-28).

    A mark that was set before the new promise ran out no longer counts, so that the clock may warn and breach anew.

    Args:
        span, due_at, steps, warn: as for `start`.
    """
    deadline = _find(case, kind, about)
    if deadline is None:
        return None
    deadline.span, deadline.calendar = span, calendar
    _set_due(deadline, due_at=due_at, steps=steps or [], warn=warn)
    if deadline.warned_at is not None and (deadline.warn_at is None or deadline.warned_at < deadline.warn_at):
        deadline.warned_at = None
    if deadline.breached_at is not None and (deadline.due_at is None or deadline.breached_at <= deadline.due_at):
        deadline.breached_at = None
    deadline.save()
    refresh_nearest(case)
    return deadline


@transaction.atomic
def meet(case: Case, kind: str, *, at: datetime, about: models.Model | None = None) -> Deadline | None:
    """Record that a clock's demand was fulfilled at `at` (true time, may lie in the past)."""
    deadline = _find(case, kind, about)
    if deadline is not None:
        deadline.met_at = at
        deadline.save(update_fields=["met_at"])
        refresh_nearest(case)
    return deadline


@transaction.atomic
def miss(deadline: Deadline, *, at: datetime) -> None:
    """Mark a clock that was met too late before any sweep saw it run out; its listeners hear of it as from the sweep."""
    _mark([deadline], "breached_at", at)


@transaction.atomic
def forgive(deadline: Deadline) -> None:
    """Take back the mark of a miss: what was demanded turned out to have happened in time."""
    deadline.breached_at = None
    deadline.save(update_fields=["breached_at"])


@transaction.atomic
def unmeet(deadline: Deadline) -> None:
    """Open a met clock again: what met it turned out not to have happened (a bounced notice, a lapsed acknowledgement)."""
    deadline.met_at = None
    deadline.save(update_fields=["met_at"])
    refresh_nearest(cast("Case", deadline.case))


@transaction.atomic
def cancel(case: Case, *, at: datetime, kinds: Iterable[str] | None = None, about: models.Model | None = None) -> int:
    """End open clocks that no longer matter; all kinds when none is named."""
    rows = Deadline.objects.open().of(case)
    if kinds is not None:
        rows = rows.filter(kind__in=list(kinds))
    if about is not None:
        rows = rows.filter(about_type=ContentType.objects.get_for_model(about), about_id=about.pk)
    count = rows.update(cancelled_at=at)
    refresh_nearest(case)
    return count


@transaction.atomic
def pause(case: Case, *, at: datetime, kinds: Iterable[str]) -> None:
    """Stop clocks from running; a paused clock neither warns nor breaches."""
    Deadline.objects.open().of(case).filter(kind__in=list(kinds), paused_at=None).update(paused_at=at)
    refresh_nearest(case)


@transaction.atomic
def resume(case: Case, *, at: datetime, kinds: Iterable[str]) -> None:
    """Let paused clocks run on; the paused time is added to the due date."""
    for deadline in (
        Deadline.objects.open().of(case).filter(kind__in=list(kinds), paused_at__isnull=False).select_for_update()
    ):
        deadline.pauses = [*deadline.pauses, [deadline.paused_at.isoformat(), at.isoformat()]]  # type: ignore[union-attr]
        deadline.paused_at = None
        _set_due(deadline, due_at=None if deadline.span else deadline.due_at, steps=deadline.steps)
        deadline.save()
    refresh_nearest(case)


def refresh_nearest(case: Case) -> None:
    """Mirror the nearest open clock onto the case row, for queues sorted by an index."""
    nearest = (
        Deadline.objects.open()
        .of(case)
        .filter(due_at__isnull=False, paused_at=None)
        .order_by("due_at")
        .values_list("due_at", "kind")
        .first()
    )
    case.next_due_at, case.next_due_kind = nearest or (None, "")
    type(case)._default_manager.filter(pk=case.pk).update(
        next_due_at=case.next_due_at, next_due_kind=case.next_due_kind
    )


def sweep(at: datetime, *, case: Case | None = None) -> int:
    """Warn and breach every clock that is due, oldest first, each in a transaction of its own batch.

    Safe in parallel: rows are claimed with SKIP LOCKED, and the mark is set in the same transaction as its effects.

    Args:
        case: only the clocks of this one.
    Returns:
        how many clocks fired.
    """
    of = Q() if case is None else Q(content_type=ContentType.objects.get_for_model(case), object_id=case.pk)
    return _fire(of & Q(warn_at__lte=at, warned_at=None), "warned_at", "warn_at", at) + _fire(
        of & Q(due_at__lt=at, breached_at=None), "breached_at", "due_at", at
    )


def _fire(condition: Q, stamp: str, order: str, at: datetime) -> int:
    """Fire all clocks of one mark; one whose listeners fail is left for the next pass and does not hold up the others."""
    fired, failed, errors = 0, set[int](), list[Exception]()
    while True:
        with transaction.atomic():
            rows = Deadline.objects.filter(OPEN, condition, paused_at=None).exclude(pk__in=failed).order_by(order)
            batch = list(rows.select_for_update(skip_locked=True, of=("self",))[:SWEEP_BATCH])
            try:
                with transaction.atomic():
                    _mark(batch, stamp, at)
            except Exception:  # somebody's listener failed: find out whose, and let the others pass
                for deadline in batch:
                    try:
                        with transaction.atomic():
                            _mark([deadline], stamp, at)
                    except Exception as error:
                        failed.add(deadline.pk)
                        errors.append(error)
        fired += len(batch)
        if len(batch) < SWEEP_BATCH:
            break
    if errors:
        raise ExceptionGroup(f"{len(errors)} clocks could not fire", errors)
    return fired


def _mark(batch: list[Deadline], stamp: str, at: datetime) -> None:
    Deadline.objects.filter(pk__in=[deadline.pk for deadline in batch]).update(**{stamp: at})
    for deadline in batch:
        setattr(deadline, stamp, at)
        publish(DeadlineWarned(deadline, at) if stamp == "warned_at" else DeadlineBreached(deadline, at))


def _find(case: Case, kind: str, about: models.Model | None) -> Deadline | None:
    rows = Deadline.objects.open().of(case).filter(kind=kind)
    if about is None:
        rows = rows.filter(about_id=None)
    else:
        rows = rows.filter(about_type=ContentType.objects.get_for_model(about), about_id=about.pk)
    return rows.select_for_update(of=("self",)).first()


def _set_due(
    deadline: Deadline, *, due_at: datetime | None, steps: list[dict[str, str]], warn: float = WARN_FRACTION
) -> None:
    """Compute due date, warning mark and explanation from span, calendar and pauses, or take `due_at` as given."""
    calendar = deadline.calendar.business() if deadline.calendar else calendars.ROUND_THE_CLOCK
    if deadline.span:
        span = calendars.parse_span(deadline.span)
        pauses = [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in deadline.pauses]
        due = calendars.shift_for_pauses(deadline.started_at, span, pauses, calendar)
        deadline.due_at = due.at
        deadline.steps = [{"rule": step.rule, "at": step.at.isoformat()} for step in due.steps]
        deadline.warn_at = calendars.fraction_point(deadline.started_at, span, warn, calendar, pauses=pauses)
    else:
        deadline.due_at, deadline.steps = due_at, steps
        deadline.warn_at = deadline.started_at + (due_at - deadline.started_at) * warn if due_at else None
