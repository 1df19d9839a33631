"""Ask for work, do what is due, and take parked work up again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from config import traceparent
from config.casework import clock
from config.casework.access.actors import Actor
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.transitions import StaleState
from config.casework.work import claims, selectors, sweeps
from config.casework.work.choices import JobState
from config.casework.work.failures import whereabouts
from config.casework.work.models import Job
from config.casework.work.registry import Handler, checked_arguments, checked_key, find, handlers

LOOK = "config.casework.work.tasks.look"
KEEP_DONE = timedelta(days=30)
PRUNE_BATCH = 5_000
MOST_ROUNDS = 10_000

_self_service: ContextVar[bool] = ContextVar("work_self_service", default=False)
log = structlog.get_logger("desk.work")

INSERT = """
INSERT INTO casework_job (kind, key, arguments, state, next_at, attempts, deaths, last_error, parked_reason, created_at, trace_id)
VALUES (%s, %s, %s::jsonb, 'due', %s, 0, 0, '', '', %s, %s) ON CONFLICT (key) DO NOTHING RETURNING id
"""


@contextmanager
def self_service() -> Iterator[None]:
    """Inside, work that is asked for makes no queue task: the caller does what is due itself."""
    token = _self_service.set(True)
    try:
        yield
    finally:
        _self_service.reset(token)


def enqueue(kind: str, *, key: str, at: datetime | None = None, **arguments: Any) -> Job:
    """Ask for a piece of work in the caller's transaction; it exists if and only if that commits.

    Args:
        key: the same key asks for the same work: the row that exists is returned, whatever its state. Done rows are
            kept for 30 days.
        at: aware instant from which it is due; at once when left out.
        arguments: ids and coded values only, never personal data.
    Raises:
        LookupError: nobody does this kind of work.
        ValueError: an argument or the key is more than an id or a code, `at` has no zone, or the key belongs to
            another kind.
    """
    find(kind)
    now = clock.now()
    due = at or now
    if timezone.is_naive(due):
        raise ValueError(f"{kind}: the time it is due needs a zone.")
    trace = traceparent.current()
    row = Job(
        kind=kind,
        key=checked_key(key),
        arguments=checked_arguments(arguments),
        next_at=due,
        created_at=now,
        trace_id=trace.header() if trace else "",
    )
    with transaction.atomic():
        created = _insert(row)
        if created and due <= now:
            ask(kind)
    if created:
        return row
    job = Job.objects.get(key=key)
    if job.kind != kind:
        raise ValueError(f"The key {key} belongs to work of kind {job.kind}, not {kind}.")
    return job


def ask(kind: str) -> None:
    """Have a worker look at what is due of a kind, once the present transaction commits.

    With the queue in PostgreSQL the task is part of the transaction; one per transaction and kind is enough.
    """
    if _self_service.get():
        return
    send = partial(async_task, LOOK, kind, task_name=f"look {kind}", save=False)
    if not connection.in_atomic_block:
        send()
    elif not _is_asked(kind):
        asked = _Asked(kind)
        if "orm" in settings.Q_CLUSTER:
            send()
        else:
            asked.then = send
        transaction.on_commit(asked, robust=True)


@dataclass
class _Asked:
    """A mark on the running transaction; Django drops it with the savepoint or transaction that is rolled back."""

    kind: str
    then: Any = None

    def __call__(self) -> None:
        if self.then is not None:
            self.then()


def _is_asked(kind: str) -> bool:
    hooks = [entry[1] for entry in connection.run_on_commit]
    return any(isinstance(hook, _Asked) and hook.kind == kind for hook in hooks)


def _insert(row: Job) -> bool:
    """Insert unless the key exists; True when it was new. Waits for another transaction that is inserting it."""
    arguments = Job._meta.get_field("arguments").get_db_prep_save(row.arguments, connection)
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [row.kind, row.key, arguments, row.next_at, row.created_at, row.trace_id])
        found = cursor.fetchone()
    if found is None:
        return False
    row.pk = found[0]
    row._state.adding, row._state.db = False, connection.alias
    return True


def run_batch(handler: Handler, *, deadline: float | None = None) -> int:
    """Claim one batch of a kind and do it; say how many rows were claimed.

    Args:
        deadline: reading of `time.monotonic`; rows not started by then are given back.
    """
    jobs = claims.claim(handler, clock.now())
    started = 0
    try:
        for job in jobs:
            if deadline is not None and started and time.monotonic() > deadline:
                break
            started += 1
            claims.perform(handler, job)
    finally:
        if started < len(jobs):
            claims.release(jobs[started:])
    return len(jobs)


def run_kind(handler: Handler, *, deadline: float | None = None) -> int:
    """Do all due work of one kind, until the deadline."""
    done = 0
    while claimed := run_batch(handler, deadline=deadline):
        done += claimed
        if deadline is not None and time.monotonic() > deadline:
            break
    return done


def run_due(*, deadline: float | None = None) -> int:
    """Do all due work, a batch of each kind in turn so that no kind starves the others, until the deadline."""
    done = 0
    while True:
        before = done
        waiting = [handlers()[kind] for kind in selectors.due_kinds(clock.now()) if kind in handlers()]
        while waiting:
            for handler in list(waiting):
                claimed = run_batch(handler, deadline=deadline)
                done += claimed
                if claimed == 0:
                    waiting.remove(handler)
                if deadline is not None and time.monotonic() > deadline:
                    return done
        if done == before:
            return done


def run_sweeps(at: datetime) -> tuple[int, dict[str, Exception | None]]:
    """Run every sweep once; one that fails does not keep the others from running.

    Returns:
        how much was done, and for each sweep its error or None.
    """
    done = 0
    results: dict[str, Exception | None] = {}
    for sweep in sweeps.all_sweeps():
        results[sweep.name] = None
        try:
            done += sweep.run(at)
        except Exception as error:  # the others must run
            log.error("sweep_failed", sweep=sweep.name, error=type(error).__name__, trace=whereabouts(error))
            results[sweep.name] = error
    return done, results


def tick(at: datetime) -> int:
    """Do everything that is due at a moment in this process, until nothing more is due; say how much that was.

    Args:
        at: aware; rows carry this time.
    Raises:
        ExceptionGroup: sweeps failed; everything else was done.
        RuntimeError: there is always something more to do.
    """
    total = 0
    with clock.at(at), self_service():
        for _round in range(MOST_ROUNDS):
            swept, results = run_sweeps(at)
            done = swept + run_due()
            errors = [error for error in results.values() if error is not None]
            if errors:
                raise ExceptionGroup("sweeps failed", errors)
            if not done:
                return total
            total += done
    raise RuntimeError(f"After {MOST_ROUNDS} rounds there is still something due at {at.isoformat()}.")


def prune(at: datetime) -> int:
    """Delete work that was done more than 30 days before `at`."""
    old = Job.objects.filter(state=JobState.DONE, finished_at__lt=at - KEEP_DONE).order_by("finished_at").values("pk")
    return Job.objects.filter(pk__in=old[:PRUNE_BATCH]).delete()[0]


@transaction.atomic
def retry_job(job: Job, *, actor: Actor, at: datetime) -> Job:
    """Make parked or cancelled work due again, with all its attempts.

    Raises:
        PermissionDenied: the actor may not.
        StaleState: it is neither parked nor cancelled any more.
    """
    require(actor, "casework.change_job", job)
    values = {
        "state": JobState.DUE,
        "next_at": at,
        "attempts": 0,
        "deaths": 0,
        "parked_reason": "",
        "finished_at": None,
    }
    if not Job.objects.filter(pk=job.pk, state__in=[JobState.PARKED, JobState.CANCELLED]).update(**values):
        raise StaleState(_("This work is neither parked nor cancelled any more. Look again."))
    record(job, "job.retried", actor=actor, at=at, detail={"kind": job.kind})
    ask(job.kind)
    job.refresh_from_db()
    return job


@transaction.atomic
def cancel_job(job: Job, *, actor: Actor, at: datetime) -> Job:
    """Give up work that waits or is parked.

    Raises:
        PermissionDenied: the actor may not.
        StaleState: it is running, done or cancelled.
    """
    require(actor, "casework.change_job", job)
    open_states = [JobState.DUE, JobState.PARKED]
    if not Job.objects.filter(pk=job.pk, state__in=open_states).update(state=JobState.CANCELLED, finished_at=at):
        raise StaleState(_("This work is running or finished already. Look again."))
    record(job, "job.cancelled", actor=actor, at=at, detail={"kind": job.kind})
    job.refresh_from_db()
    return job
