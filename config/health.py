"""Is the process alive, and is the desk ready to work?"""

from datetime import timedelta
from typing import Any

from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from config.casework.work.models import Heartbeat

HEARTBEAT_LIMIT = timedelta(seconds=120)
_migrated: dict[str, bool] = {}


@never_cache
def alive(_request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; touches nothing else."""
    return JsonResponse({"status": "ok"})


@never_cache
def ready(_request: HttpRequest) -> JsonResponse:
    """200 when database, migrations and worker heartbeat are all right, else 503 with the reasons."""
    checks = readiness()
    healthy = all(check["ok"] for check in checks)
    return JsonResponse({"status": "ok" if healthy else "unready", "checks": checks}, status=200 if healthy else 503)


def readiness() -> list[dict[str, Any]]:
    """Each check with its name, whether it holds, and a sentence."""
    try:
        connection.ensure_connection()
        checks = [{"name": "database", "ok": True, "detail": "answers"}, _migrations(), _worker()]
    except (DatabaseError, OperationalError):
        connection.close()
        checks = [{"name": "database", "ok": False, "detail": "does not answer"}]
    return checks


def _migrations() -> dict[str, Any]:
    if not _migrated.get("done"):
        executor = MigrationExecutor(connection)
        _migrated["done"] = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return {"name": "migrations", "ok": _migrated["done"], "detail": "applied" if _migrated["done"] else "not all applied"}


def _worker() -> dict[str, Any]:
    beat = Heartbeat.objects.filter(name="sweep").values_list("beat_at", flat=True).first()
    if beat is None:
        return {"name": "worker", "ok": False, "detail": "no heartbeat yet"}
    age = timezone.now() - beat
    return {"name": "worker", "ok": age <= HEARTBEAT_LIMIT, "detail": f"last heartbeat {int(age.total_seconds())} s ago"}
