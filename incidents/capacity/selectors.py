"""How near each limit is."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from config.casework.catalogue.models import System
from incidents.capacity.models import CapacityLimit, CapacityReading


def newest(limits: Iterable[CapacityLimit]) -> dict[int, CapacityReading]:
    """The newest reading of each limit by its id; one query for all."""
    rows = CapacityReading.objects.filter(limit__in=[limit.pk for limit in limits])
    return {row.limit_id: row for row in rows.order_by("limit_id", "-taken_at", "-pk").distinct("limit_id")}


def limits_of_metric(system: System, metric: str) -> list[CapacityLimit]:
    """The limits for which a sample of this metric is a reading."""
    return list(CapacityLimit.objects.filter(system=system, metric=metric)) if metric else []


def guidance(system: System) -> list[dict[str, Any]]:
    """What the runbook advises when it gets tight, and what saves cost (INC-85, INC-86)."""
    rows: list[dict[str, Any]] = system.setting("capacity", {}).get("guidance", [])
    return rows


def plain(number: Decimal) -> str:
    """A number without idle zeros: 8000, 3.2."""
    return f"{number.normalize():f}"
