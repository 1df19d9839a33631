from datetime import datetime

from config.casework.catalogue.models import System
from incidents.severity.models import ReleaseWindow, Severity


def untriaged_level(system: System) -> Severity | None:
    """The level whose clocks and paging hold until somebody judged the severity (INC-99)."""
    return Severity.objects.filter(system=system, is_untriaged=True).select_related("system__calendar").first()


def next_release(system: System, at: datetime) -> ReleaseWindow | None:
    """The release window that ends next after `at`."""
    return ReleaseWindow.objects.filter(system=system, ends_at__gt=at).order_by("ends_at").first()


def level_for_alert(system: System, label: str) -> Severity | None:
    """The level an alert's label means: a level of the system by name, else critical is the first, warning the third."""
    levels = list(Severity.objects.filter(system=system).select_related("system__calendar").order_by("rank", "key"))
    for level in levels:
        if level.key.casefold() == label.casefold():
            return level
    place = {"critical": 0, "warning": 2}.get(label.casefold())
    return None if place is None or not levels else levels[min(place, len(levels) - 1)]
