"""What the queue calls. A task carries nothing but "look": the rows know the rest, so losing or repeating one is harmless."""

import functools
import time
from collections.abc import Callable, Iterable

import structlog
import urllib3
from django.conf import settings
from django.db import connection

from config.casework import clock
from config.casework.work import selectors, services
from config.casework.work.failures import whereabouts
from config.casework.work.registry import handlers
from config.casework.work.schedules import ensure_schedules

LOOK_SECONDS = 20.0  # then others get the worker; what is left is asked for again
SWEEP_SECONDS = 25.0  # the queue kills a task after 60
HEARTBEAT_TIMEOUT = 10.0

log = structlog.get_logger("desk.work")

BEAT = """
INSERT INTO casework_heartbeat (name, beat_at) SELECT unnest(%s::text[]), clock_timestamp()
ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at
"""


def contained[**P](task: Callable[P, None]) -> Callable[P, None]:
    """Log what a task raises instead of raising it: the queue would keep the text, which may hold personal data."""

    @functools.wraps(task)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            task(*args, **kwargs)
        except Exception as error:
            log.error("task_failed", task=task.__name__, error=type(error).__name__, trace=whereabouts(error))

    return run


@contained
def look(kind: str) -> None:
    """Do what is due of one kind, for a while; call for help when there is a lot."""
    handler = handlers().get(kind)
    if handler is None:
        log.error("unknown_work", kind=kind)
        return
    deadline = time.monotonic() + LOOK_SECONDS
    if services.run_batch(handler, deadline=deadline) < handler.batch:
        return
    if selectors.is_due(kind, clock.now()):
        services.ask(kind)
    services.run_kind(handler, deadline=deadline)
    if time.monotonic() > deadline:
        services.ask(kind)


@contained
def beat() -> None:
    """The first look after a cluster has started: its own scheduler waits half a minute."""
    ensure_schedules(clock.now())
    look_at_everything()


@contained
def sweep() -> None:
    """Every minute: run all sweeps, do what is due."""
    look_at_everything()


def look_at_everything() -> None:
    """Run all sweeps, work for a while on what is due, hand the rest to other tasks; then, and only then, beat.

    The heartbeat says that the workers look. A sweep that fails has no heartbeat of its own any more and silences the
    call to the dead-man service, but does not have the workers restarted: that would not cure it.
    """
    deadline = time.monotonic() + SWEEP_SECONDS
    _done, results = services.run_sweeps(clock.now())
    services.run_due(deadline=deadline)
    for kind in selectors.due_kinds(clock.now()):
        if kind in handlers():
            services.ask(kind)
    write_heartbeats(["sweep", *(f"sweep:{name}" for name, error in results.items() if error is None)])
    if not any(results.values()):
        call_dead_man_service()


def write_heartbeats(names: Iterable[str]) -> None:
    """Note that these parts have finished a round now, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(BEAT, [list(names)])


def call_dead_man_service() -> None:
    """Tell the service elsewhere, which raises the alarm when we fall silent. Its trouble is logged and not ours."""
    url: str = settings.HEARTBEAT_URL
    if not url:
        return
    timeout = urllib3.Timeout(total=HEARTBEAT_TIMEOUT)
    try:
        with urllib3.PoolManager(retries=False, timeout=timeout) as pool:
            answer = pool.request("GET", url, redirect=False, preload_content=False)
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        log.warning("heartbeat_call_failed", error=type(error).__name__)  # never the address: it is a secret
        return
    if answer.status >= 400:
        log.warning("heartbeat_call_failed", status=answer.status)
