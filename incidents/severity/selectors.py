from datetime import datetime

from config.casework.catalogue.models import System
from incidents.severity.models import ReleaseWindow, Severity


def untriaged_level(system: System) -> Severity | None:
    """The level whose clocks and paging hold until somebody judged the severity (INC-99)."""
    return Severity.objects.filter(system=system, is_untriaged=True).select_related("system__calendar").first()


def next_release(system: System, at: datetime) -> ReleaseWindow | None:
    """The release window that ends next after `at`."""
    return ReleaseWindow.objects.filter(system=system, ends_at__gt=at).order_by("ends_at").first()
