"""What maintenance says about now and about what comes."""

from datetime import datetime

from django.db.models import QuerySet

from config.casework.catalogue.models import System
from incidents.maintenance.choices import WindowState
from incidents.maintenance.models import MaintenanceWindow

AHEAD = (WindowState.PLANNED, WindowState.RUNNING)


def in_maintenance(system: System, at: datetime) -> MaintenanceWindow | None:
    """The maintenance of a system that runs at `at`, also when no sweep has begun it yet; the one that ends last."""
    rows = MaintenanceWindow.objects.filter(system=system, state__in=AHEAD, starts_at__lte=at, ends_at__gt=at)
    return rows.order_by("-ends_at").first()


def windows_ahead(system: System, at: datetime) -> QuerySet[MaintenanceWindow]:
    """Windows that run or come, the next one first."""
    return MaintenanceWindow.objects.filter(system=system, state__in=AHEAD, ends_at__gt=at).order_by("starts_at")
