"""Is the process alive, and is the desk ready to work?"""

import shutil
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from config.casework import clock
from config.casework.work import selectors, sweeps
from incidents.oncall.selectors import on_call_by_system

HEARTBEAT_LIMIT = timedelta(seconds=120)
QUEUE_LIMIT = timedelta(minutes=10)
SWEEP_LIMIT = timedelta(minutes=10)
LEAST_FREE = 200_000_000  # bytes
_migrated: dict[str, bool] = {}


@never_cache
def alive(_request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; touches nothing else."""
    return JsonResponse({"status": "ok"})


@never_cache
def ready(_request: HttpRequest) -> JsonResponse:
    """200 when database, migrations, worker, queue and disk are all right, else 503 with the reasons."""
    checks = readiness()
    healthy = all(check["ok"] for check in checks)
    return JsonResponse({"status": "ok" if healthy else "unready", "checks": checks}, status=200 if healthy else 503)


def readiness() -> list[dict[str, Any]]:
    """Each check with its name, whether it holds, and a sentence."""
    checks = [_disk(), *([_dead_man()] if settings.PRODUCTION else [])]
    try:
        connection.ensure_connection()
        return [_check("database", True, "answers"), _migrations(), *_workers(), _queue(), *_on_call(), *checks]
    except (DatabaseError, InterfaceError):
        connection.close()
        return [_check("database", False, "does not answer"), *checks]


def _check(name: str, ok: bool, detail: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail}


def _migrations() -> dict[str, Any]:
    if not _migrated.get("done"):
        executor = MigrationExecutor(connection)
        _migrated["done"] = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _check("migrations", _migrated["done"], "applied" if _migrated["done"] else "not all applied")


def _workers() -> list[dict[str, Any]]:
    """Whether the workers look, and whether everything they look at works: two things, cured in two ways."""
    ages = selectors.heartbeat_ages()
    age = ages.get("sweep")
    if age is None:
        return [_check("worker", False, "no heartbeat yet")]
    failing = [
        sweep.name
        for sweep in sweeps.all_sweeps()
        if ages.get(f"sweep:{sweep.name}", timedelta.max) - age > SWEEP_LIMIT
    ]
    return [
        _check("worker", age <= HEARTBEAT_LIMIT, f"last heartbeat {_seconds(age)} ago"),
        _check("sweeps", not failing, f"failing: {', '.join(failing)}" if failing else "all work"),
    ]


def _queue() -> dict[str, Any]:
    age = selectors.oldest_due_age(clock.now())
    if age is None:
        return _check("queue", True, "nothing is waiting")
    return _check("queue", age <= QUEUE_LIMIT, f"the oldest due work has waited {_seconds(age)}")


def _on_call() -> list[dict[str, Any]]:
    """A system whose rotations leave it with nobody to call; without rotations there is nothing to check."""
    if not _migrated.get("done"):
        return []
    held = on_call_by_system(clock.now())
    if not held:
        return []
    alone = sorted(name for name, people in held.items() if not people)
    return [_check("on_call", not alone, f"nobody is on call: {', '.join(alone)}" if alone else "somebody is on call")]


def _disk() -> dict[str, Any]:
    """Room in the data folder, for files, heads and the embedded database."""
    try:
        free = shutil.disk_usage(settings.DATA_DIR).free
    except OSError as error:
        return _check("disk", False, f"the data folder cannot be read ({error.__class__.__name__})")
    return _check("disk", free >= LEAST_FREE, f"{free // 1_000_000} MB free")


def _dead_man() -> dict[str, Any]:
    """Production needs somebody elsewhere who notices when the desk falls silent."""
    return _check(
        "dead_man", bool(settings.HEARTBEAT_URL), "set" if settings.HEARTBEAT_URL else "HEARTBEAT_URL is empty"
    )


def _seconds(age: timedelta) -> str:
    return f"{int(age.total_seconds())} s"
