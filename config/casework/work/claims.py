"""Who works on which row: claim, finish, give back. A row is never worked on by two at once.

A claim is committed before the work starts, so a worker that dies has used up an attempt. While a handler runs its
transaction holds the row lock, so a slow handler whose lease ran out is not mistaken for a dead one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from django.db import connection, transaction
from django.db.models import F, Func, QuerySet
from django.db.models.functions import Now

from config import traceparent
from config.casework import backoff, clock
from config.casework.work.choices import JobState
from config.casework.work.failures import Permanent, Retry, whereabouts, words
from config.casework.work.models import Job
from config.casework.work.registry import Handler, Work, handlers

MOST_DEATHS = 3
IDLE_LIMIT = "120000"  # ms; a worker whose machine vanished must not hold its row for hours
LONGEST_ERROR = 500
LONGEST_REASON = 60
EXPIRED_BATCH = 200

log = structlog.get_logger("desk.work")


class Outcome(StrEnum):
    """What became of one attempt."""

    DONE = "done"
    RETRIED = "retried"
    PARKED = "parked"
    LOST = "lost"  # somebody else has the row by now


class RealTime(Func):
    """The database's real clock, also inside a transaction."""

    template = "clock_timestamp()"
    output_field = Now().output_field


# A row whose worker died before is claimed alone: what kills workers must not take its innocent neighbours along.
# The claim's commit need not reach the disk by itself: it outlives every worker, and when the whole server crashes the
# work is redone either way.
CLAIM = """
WITH asynchronous AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), due AS MATERIALIZED (
    SELECT id, next_at, deaths FROM casework_job
    WHERE state = 'due' AND kind = %(kind)s AND next_at <= %(now)s
    ORDER BY next_at, id LIMIT %(batch)s FOR UPDATE SKIP LOCKED
), placed AS (
    SELECT id, deaths, row_number() OVER queue AS place, first_value(deaths) OVER queue AS first_deaths
    FROM due, asynchronous WINDOW queue AS (ORDER BY next_at, id)
)
UPDATE casework_job AS job
SET state = 'running', attempts = job.attempts + 1, lease_until = statement_timestamp() + placed.place * %(lease)s
FROM placed
WHERE job.id = placed.id AND (placed.place = 1 OR (placed.first_deaths = 0 AND placed.deaths = 0))
RETURNING job.*
"""
# Waits: another worker's claim may have locked the row in passing, before it saw that it is ours.
HOLD = """
SELECT set_config('idle_in_transaction_session_timeout', %s, true) FROM (
    SELECT 1 FROM casework_job WHERE id = %s AND state = 'running' AND attempts = %s AND lease_until = %s
    FOR UPDATE
) AS held
"""
DONE = """
UPDATE casework_job SET state = 'done', lease_until = NULL, finished_at = %s, last_error = ''
WHERE id = %s AND state = 'running'
"""


def claim(handler: Handler, now: datetime) -> list[Job]:
    """Take the longest due rows of a kind and commit that they are taken, the first one first.

    Args:
        now: rows due at this moment count; aware.
    """
    with transaction.atomic(durable=True):
        values = {"kind": handler.kind, "now": now, "batch": handler.batch, "lease": handler.lease}
        jobs = list(Job.objects.raw(CLAIM, values))
    return sorted(jobs, key=lambda job: (job.next_at, job.pk))


def perform(handler: Handler, job: Job) -> Outcome:
    """Do the work of one claimed row; its effects and "done" are committed together, or neither is."""
    trace = traceparent.parse(job.trace_id)
    with traceparent.activate(trace.child() if trace else traceparent.new()):
        try:
            with transaction.atomic(durable=True):
                if not _hold(job):
                    return Outcome.LOST
                handler.work(job)
                with connection.cursor() as cursor:
                    cursor.execute(DONE, [clock.now(), job.pk])
            return Outcome.DONE
        except Exception as error:  # whatever a handler raises is an outcome of the work, never the end of the worker
            return _fail(handler, job, error)


def release(jobs: Sequence[Job]) -> int:
    """Give claimed rows back that were not started; the attempt does not count."""
    for job in jobs:
        _mine(job).update(state=JobState.DUE, lease_until=None, attempts=F("attempts") - 1)
    return len(jobs)


def revive(at: datetime) -> int:
    """Make rows due again whose worker died; the third death parks the row as "worker_died"."""
    count = 0
    while True:
        with transaction.atomic():
            expired = Job.objects.filter(state=JobState.RUNNING, lease_until__lt=RealTime())
            jobs = list(expired.order_by("lease_until").select_for_update(skip_locked=True)[:EXPIRED_BATCH])
            for job in jobs:
                _bury(job, at)
        count += len(jobs)
        if len(jobs) < EXPIRED_BATCH:
            return count


def _bury(job: Job, at: datetime) -> None:
    """Count a death; runs under the row lock."""
    job.deaths += 1
    log.warning("worker_died", kind=job.kind, job=job.pk, deaths=job.deaths)
    if job.deaths >= MOST_DEATHS:
        _park(job, "worker_died", f"the worker died {job.deaths} times")
    else:
        _mine(job).update(state=JobState.DUE, lease_until=None, next_at=at, deaths=job.deaths)


def _fail(handler: Handler, job: Job, error: Exception) -> Outcome:
    """Record a failed attempt: wait and try again, or park."""
    why = words(error)
    if isinstance(error, Permanent):
        reason, again = str(error) or "permanent", False
    else:
        reason, again = "attempts_exhausted", job.attempts < handler.max_attempts
    foreseen = isinstance(error, Retry | Permanent)
    # The text of a foreign exception may hold addresses: the log gets its class and where it arose, never the text.
    log.warning(
        "work_failed",
        kind=job.kind,
        job=job.pk,
        attempt=job.attempts,
        error=why,
        trace=None if foreseen else whereabouts(error),
    )
    with transaction.atomic():
        if not again:
            return Outcome.PARKED if _park(job, reason, why) else Outcome.LOST
        after = error.after if isinstance(error, Retry) else None
        wait: timedelta = backoff.delay(job.attempts, base=handler.base, cap=handler.cap, retry_after=after)
        changed = _mine(job).update(state=JobState.DUE, lease_until=None, next_at=clock.now() + wait, last_error=why)
        return Outcome.RETRIED if changed else Outcome.LOST


def _park(job: Job, reason: str, why: str) -> bool:
    """Set a row aside for a person, and let its kind react in the same transaction. False: it is not ours any more."""
    parked = _mine(job).update(
        state=JobState.PARKED,
        lease_until=None,
        deaths=job.deaths,
        parked_reason=reason[:LONGEST_REASON],
        last_error=why[:LONGEST_ERROR],
    )
    if not parked:
        return False
    log.error("work_parked", kind=job.kind, job=job.pk, reason=reason)
    handler = handlers().get(job.kind)
    if handler is not None and handler.parked is not None:
        _tell(handler.parked, job)
    return True


def _tell(parked: Work, job: Job) -> None:
    """Let the kind react to a parked row; when that fails, the row is parked all the same."""
    job.refresh_from_db()
    try:
        with transaction.atomic():
            parked(job)
    except Exception as error:
        log.error(
            "parked_reaction_failed", kind=job.kind, job=job.pk, error=type(error).__name__, trace=whereabouts(error)
        )


def _mine(job: Job) -> QuerySet[Job]:
    """The row as long as this very claim holds it."""
    return Job.objects.filter(pk=job.pk, state=JobState.RUNNING, attempts=job.attempts, lease_until=job.lease_until)


def _hold(job: Job) -> bool:
    """Lock the row for the length of the transaction; False when the claim was lost."""
    with connection.cursor() as cursor:
        cursor.execute(HOLD, [IDLE_LIMIT, job.pk, job.attempts, job.lease_until])
        return cursor.fetchone() is not None
