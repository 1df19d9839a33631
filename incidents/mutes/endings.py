"""What happens when a mute is over: whatever still fires opens its case at once."""

from datetime import datetime

from django.db import transaction

from config.casework.access.models import User
from incidents import alerts
from incidents.mutes.models import Mute
from incidents.mutes.services import end
from incidents.severity.models import Severity
from integrations.signals.choices import AlertStatus
from integrations.signals.events import AlertsReceived
from integrations.signals.models import Alert, AlertGroup


def sweep(at: datetime) -> int:
    """End the mutes whose time is over; returns how many."""
    rows = Mute.objects.filter(ended_at=None, ends_at__lte=at).order_by("ends_at", "pk")
    return sum(close(row, actor=None, at=at) for row in rows)


def close(row: Mute, *, actor: User | None, at: datetime) -> bool:
    """End one mute and open what it hid and still fires; False when somebody was faster."""
    with transaction.atomic():
        if not end(row, actor=actor, at=at):
            return False
        for group in row.groups.select_for_update(of=("self",)).order_by("pk"):
            _hear(group, at)
    return True


def _hear(group: AlertGroup, at: datetime) -> None:
    """Tell the desk of a group's firing alerts as if they had come now."""
    firing = tuple(Alert.objects.filter(group=group, status=AlertStatus.FIRING).select_related("monitor"))
    if not firing or group.system is None:
        return
    ranks = dict(Severity.objects.filter(system=group.system).values_list("key", "rank"))
    gravest = min(firing, key=lambda alert: ranks.get(alert.severity_hint, 99))
    alerts.received(
        AlertsReceived(
            group=group,
            new=firing,
            repeated=(),
            resolved=(),
            severity=gravest.severity_hint,
            monitor=gravest.monitor,
            data_loss=any(alert.data_loss for alert in firing),
            truncated=0,
            at=at,
        )
    )
