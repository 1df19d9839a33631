"""While a system is maintained its alerts page nobody, and the clocks of what they open stand still (INC-27, INC-80).

Only alerts are held back: what a person reports pages as ever, and so does whatever may lose data. What recovered within
the maintenance waits for the next opening; what still fires at its end is paged from the first step.
"""

from datetime import datetime

from config.casework import calendars
from config.casework.deadlines import services as deadlines
from config.casework.deadlines.models import Deadline
from incidents.choices import Clock, Source
from incidents.maintenance.choices import WindowState
from incidents.maintenance.models import MaintenanceWindow
from incidents.maintenance.selectors import in_maintenance
from incidents.models import Incident
from integrations.signals.choices import AlertStatus
from integrations.signals.models import Alert

HELD_CLOCKS = (Clock.ACKNOWLEDGE, Clock.MITIGATE, Clock.UPDATE)


def held_until(incident: Incident, at: datetime) -> datetime | None:
    """Until when nobody is paged for an incident because of maintenance; None when it is to be paged now."""
    if incident.source != Source.ALERT or incident.data_loss_risk:
        return None
    window = in_maintenance(incident.system, at)
    if window is not None:
        return window.ends_at
    if not _began_in_maintenance(incident) or _still_fires(incident):
        return None
    opening = calendars.next_open(at, incident.system.calendar.business()) if incident.system.calendar else at
    return opening if opening > at else None


def hold_clocks(incident: Incident, *, at: datetime) -> bool:
    """Let the clocks of an incident that nobody is paged for stand still; returns whether they do."""
    if held_until(incident, at) is None:
        return False
    deadlines.pause(incident, at=at, kinds=HELD_CLOCKS)
    return True


def let_clocks_run(incident: Incident, *, at: datetime) -> bool:
    """Let clocks that maintenance held run on from here; returns whether there were any."""
    if not Deadline.objects.open().of(incident).filter(kind__in=HELD_CLOCKS, paused_at__isnull=False).exists():
        return False
    deadlines.resume(incident, at=at, kinds=HELD_CLOCKS)
    return True


def _began_in_maintenance(incident: Incident) -> bool:
    return MaintenanceWindow.objects.filter(
        system=incident.system_id,
        state__in=[WindowState.RUNNING, WindowState.COMPLETED],
        starts_at__lte=incident.received_at,
        ends_at__gt=incident.received_at,
    ).exists()


def _still_fires(incident: Incident) -> bool:
    """A trouble without a group of alerts cannot recover by itself, so it counts as firing."""
    if incident.alert_group_id is None:
        return True
    return Alert.objects.filter(group=incident.alert_group_id, status=AlertStatus.FIRING).exists()
