"""Keep readings; one at or above the warning share opens a case, or joins the one that is open (INC-84)."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework import clock
from config.casework.access.actors import Actor, actor_user
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.catalogue.fields import parse_duration
from incidents.capacity.choices import ReadingSource, Standing
from incidents.capacity.models import CapacityLimit, CapacityReading
from incidents.capacity.selectors import plain
from incidents.choices import Source
from incidents.models import Incident
from incidents.services import find_unresolved, open_or_join
from incidents.severity.choices import Paging
from incidents.severity.models import Severity

FUTURE_TOLERANCE = timedelta(minutes=5)
LARGEST = Decimal(10) ** 11
CROSSED = (Standing.WARNING, Standing.FULL)


@transaction.atomic
def record_reading(
    limit: CapacityLimit,
    *,
    value: Decimal,
    actor: Actor,
    at: datetime,
    source: ReadingSource = ReadingSource.PERSON,
) -> CapacityReading:
    """Keep a reading and act on what it means; one older than the newest is kept and means nothing any more.

    Args:
        value: in the limit's unit.
        at: when it was read, aware; not ahead.
    Raises:
        ValidationError: keyed by field.
        PermissionDenied: the actor may not enter readings.
    """
    require(actor, "incidents.add_capacityreading")
    now = clock.now()
    if not value.is_finite() or value < 0 or value >= LARGEST:
        raise ValidationError({"value": _("Write a number from 0 on.")})
    if at - now > FUTURE_TOLERANCE:
        raise ValidationError({"at": _("This time lies in the future.")})
    row = CapacityLimit.objects.select_for_update(of=("self",)).select_related("system__calendar").get(pk=limit.pk)
    before = row.readings.first()
    reading = CapacityReading.objects.create(
        limit=row,
        value=value.quantize(Decimal("0.001")),
        taken_at=at,
        source=source,
        recorded_by=actor_user(actor),
        recorded_at=now,
    )
    if before is None or at >= before.taken_at:
        _act(row, reading.value, before.value if before else None, actor=actor, at=at)
    return reading


def case_of(limit: CapacityLimit) -> Incident | None:
    """The unresolved case about this limit."""
    return find_unresolved(Source.ALERT, _key(limit))


def _act(limit: CapacityLimit, value: Decimal, before: Decimal | None, *, actor: Actor, at: datetime) -> None:
    standing, earlier = limit.standing(value), limit.standing(before)
    detail = {"limit": limit.key, "value": plain(value), "share": int(value * 100 / limit.limit)}
    if standing in CROSSED:
        incident, how = _open(limit, at=at)
        if how != "joined" or standing != earlier:
            record(incident, f"capacity.{standing.value}", actor=actor, at=at, detail=detail)
    elif earlier in CROSSED and (open_case := case_of(limit)) is not None:
        record(open_case, "capacity.room", actor=actor, at=at, detail=detail)


def _open(limit: CapacityLimit, *, at: datetime) -> tuple[Incident, str]:
    system = limit.system
    watch = parse_duration(system.setting("recurrence_watch", "PT24H"))
    level = Severity.objects.filter(system=system, key=limit.severity_key).select_related("system__calendar").first()
    return open_or_join(
        system,
        title=_("Capacity: %(limit)s near its limit") % {"limit": limit.name},
        at=at,
        source_key=_key(limit),
        watch_since=at - watch,
        severity=level,
        paging_override=Paging.NEVER,
    )


def _key(limit: CapacityLimit) -> str:
    return f"capacity:{limit.system_id}:{limit.key}"
