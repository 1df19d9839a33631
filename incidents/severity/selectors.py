from datetime import datetime

from django.db.models import QuerySet

from config.casework.catalogue.models import System
from incidents.severity.models import ReleaseWindow, Severity

BORROWED_FROM = "severities_borrowed_from"


def untriaged_level(system: System) -> Severity | None:
    """The level whose clocks and paging hold until somebody judged the severity (INC-99)."""
    return Severity.objects.filter(system=system, is_untriaged=True).select_related("system__calendar").first()


def next_release(system: System, at: datetime) -> ReleaseWindow | None:
    """The release window that ends next after `at`."""
    return ReleaseWindow.objects.filter(system=system, ends_at__gt=at).order_by("ends_at").first()


def borrowers(lender: System) -> QuerySet[System]:
    """The systems that use the scheme of this one (INC-17)."""
    return System.objects.filter(**{f"settings__{BORROWED_FROM}": lender.key})


def lender(system: System) -> str | None:
    """The key of the system whose scheme this one borrows; None when it has its own."""
    key: str | None = system.setting(BORROWED_FROM)
    return key
