"""Backups that are overdue."""

from datetime import datetime, timedelta

from incidents.continuity.models import BackupPolicy


def late_backups(at: datetime) -> list[tuple[BackupPolicy, timedelta]]:
    """Policies whose newest success is older than their schedule allows, with how late they are (INC-87, INC-90)."""
    rows = BackupPolicy.objects.filter(is_active=True, last_success_at__isnull=False).exclude(every="")
    found = [(row, row.late_by(at)) for row in rows.select_related("system")]
    return [(row, late) for row, late in found if late is not None]
