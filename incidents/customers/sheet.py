"""The sheet of one customer: what hits it, what it was told, whom to call. For whoever speaks for us."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.desk.clocks import spoken
from incidents.choices import OPEN_STATES, Clock
from incidents.clocks import effective_level
from incidents.customers.choices import Topic
from incidents.customers.models import Affected, Customer, CustomerContact, Notice
from incidents.customers.optouts import opted_out
from incidents.maintenance.choices import WindowState
from incidents.maintenance.models import MaintenanceWindow
from incidents.models import Incident

LOG_LENGTH = 60
MAINTENANCE_AHEAD = timedelta(days=31)


@dataclass(frozen=True)
class Hit:
    """One incident as it concerns one customer."""

    row: Affected
    level: Any = None
    clock: Any = None
    notices: list[Notice] = field(default_factory=list)


@dataclass(frozen=True)
class Sheet:
    """Everything the page draws; `now` not told yet first."""

    now: list[Hit]
    quarter: list[Hit]
    contacts: list[CustomerContact]
    log: list[Notice]
    windows: list[MaintenanceWindow]
    opted_out: frozenset[str]
    quarter_began: datetime

    @property
    def untold(self) -> int:
        return sum(hit.row.told_at is None for hit in self.now)


def sheet_of(customer: Customer, user: User, at: datetime) -> Sheet:
    """Collect the sheet; restricted incidents this person may not see are left out."""
    began = quarter_start(at)
    visible = Incident.objects.visible_to(user)
    rows: QuerySet[Affected] = (
        Affected.objects.filter(organization=customer, incident__in=visible)
        .select_related("incident__system", "incident__severity")
        .order_by("-incident__received_at")
    )
    current = list(rows.filter(incident__state__in=OPEN_STATES))
    past = list(rows.exclude(incident__state__in=OPEN_STATES).filter(incident__received_at__gte=began))
    log = list(
        Notice.objects.visible_to(user)
        .filter(organization=customer)
        .select_related("incident", "communication", "maintenance_message__window", "contact", "told_by")[:LOG_LENGTH]
    )
    contacts = list(CustomerContact.objects.filter(organization=customer, is_active=True).order_by("duty", "name"))
    systems = System.objects.filter(usages__organization=customer)
    windows = MaintenanceWindow.objects.filter(
        system__in=systems,
        state__in=[WindowState.PLANNED, WindowState.RUNNING],
        ends_at__gt=at,
        starts_at__lt=at + MAINTENANCE_AHEAD,
    )
    return Sheet(
        now=sorted(_hits(current, log, at), key=_urgency),
        quarter=_hits(past, log, at),
        contacts=contacts,
        log=log,
        windows=list(windows.select_related("system").order_by("starts_at")),
        opted_out=opted_out([contact.email for contact in contacts if contact.email], Topic.MAINTENANCE),
        quarter_began=began,
    )


def quarter_start(at: datetime) -> datetime:
    """The first instant of the quarter of a year, in the reader's zone."""
    local = timezone.localtime(at)
    first = local.replace(month=(local.month - 1) // 3 * 3 + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return first.astimezone(UTC)


def _hits(rows: list[Affected], log: list[Notice], at: datetime) -> list[Hit]:
    clocks = Deadline.objects.filter(
        kind=Clock.NOTICE, cancelled_at=None, about_id__in=[row.pk for row in rows], about_type__model="affected"
    )
    by_row = {deadline.about_id: spoken(deadline, at, explained=False) for deadline in clocks}
    return [
        Hit(
            row=row,
            level=effective_level(row.incident),
            clock=by_row.get(row.pk),
            notices=[notice for notice in log if notice.incident_id == row.incident_id],
        )
        for row in rows
    ]


def _urgency(hit: Hit) -> tuple[bool, bool, float]:
    """Not told yet first; of these the nearest agreed time."""
    due = hit.clock.due_at.timestamp() if hit.clock and hit.clock.due_at else 0.0
    return (hit.row.told_at is not None, not due, due or -hit.row.incident.received_at.timestamp())
