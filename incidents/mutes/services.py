"""Mute alerts for a while, end it early, and decide what a mute hides."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from config.casework import calendars
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.catalogue.models import System
from incidents.mutes.choices import MuteOf, MuteUntil
from incidents.mutes.models import Mute
from incidents.severity.models import Severity
from incidents.severity.selectors import untriaged_level
from integrations.signals.events import AlertsReceived
from integrations.signals.models import Alert, AlertGroup

MORNING = time(8)  # in the system's zone
LONGEST = timedelta(days=30)


def mute(
    system: System,
    *,
    of: MuteOf,
    value: str,
    severity: Severity,
    until: MuteUntil,
    reason: str,
    actor: User,
    at: datetime,
    ends_at: datetime | None = None,
) -> Mute:
    """Let an alert or a group open no case for a while.

    Args:
        value: the alert's name, its fingerprint, or the number of the alert group.
        severity: the gravest level it hides; anything graver still opens a case.
        ends_at: aware; demanded with `MuteUntil.DATE`, at most 30 days ahead.
    Raises:
        ValidationError: keyed by field; also when it is muted already.
        PermissionDenied: the actor may not.
    """
    require(actor, "incidents.add_mute")
    value, reason = value.strip(), reason.strip()
    _refuse_unfit(system, of, value, severity, reason)
    row = Mute(
        system=system, of=of, value=value, severity=severity, reason=reason, starts_at=at,
        ends_at=_end(system, until, at, ends_at), made_by=actor,
    )  # fmt: skip
    row.full_clean()
    with transaction.atomic():
        System.objects.select_for_update(of=("self",)).get(pk=system.pk)
        if Mute.objects.in_force(at).filter(system=system, of=of, value=value).exists():
            raise ValidationError({"value": _("It is muted already. End that mute first.")})
        row.save()
        record(
            row,
            "mute.made",
            actor=actor,
            at=at,
            detail={"of": of, "severity": severity.key, "until": row.ends_at.isoformat()},
        )
    return row


def end(row: Mute, *, actor: User | None, at: datetime) -> bool:
    """End a mute, early by a person or on time by the sweep; False when it was over already.

    Raises:
        PermissionDenied: the actor may not.
    """
    require(actor, "incidents.change_mute")
    with transaction.atomic():
        ended = Mute.objects.filter(pk=row.pk, ended_at=None).update(ended_at=min(at, row.ends_at), ended_by=actor)
        if ended:
            record(row, "mute.ended", actor=actor, at=at)
    row.refresh_from_db()
    return bool(ended)


def hides(event: AlertsReceived, system: System) -> bool:
    """Whether everything that fires in a message is muted; counted on the mutes.

    One alert that is not, a graver one, or a word that data may be lost, and nothing is hidden.
    """
    mutes = list(Mute.objects.in_force(event.at).filter(system=system).select_related("severity"))
    if not mutes or event.data_loss or not event.firing:
        return False
    ranks = dict(Severity.objects.filter(system=system).values_list("key", "rank"))
    untriaged = untriaged_level(system)
    used: set[int] = set()
    for alert in event.firing:
        rank = ranks.get(alert.severity_hint, untriaged.rank if untriaged else 0)
        fits = [row.pk for row in mutes if _names(row, alert, event.group) and rank >= row.severity.rank]
        if not fits:
            return False
        used.update(fits)
    for row in mutes:
        if row.pk in used:
            row.groups.add(event.group)
    if event.new:
        Mute.objects.filter(pk__in=used).update(hidden=F("hidden") + 1)
    return True


def _names(row: Mute, alert: Alert, group: AlertGroup) -> bool:
    if row.of == MuteOf.GROUP:
        return row.value == str(group.pk)
    return row.value == (alert.name if row.of == MuteOf.ALERT else alert.fingerprint)


def _refuse_unfit(system: System, of: MuteOf, value: str, severity: Severity, reason: str) -> None:
    errors = {}
    if not reason:
        errors["reason"] = _("Say why. Others will read it at night.")
    if not value:
        errors["value"] = _("Name what is to be silent.")
    elif of == MuteOf.GROUP and not (
        value.isdecimal() and AlertGroup.objects.filter(pk=int(value), system=system).exists()
    ):
        errors["value"] = _("This system has no alert group of this number.")
    if severity.system_id != system.pk:
        errors["severity"] = _("%(severity)s is not a severity of %(system)s.") % {
            "severity": severity,
            "system": system,
        }
    if errors:
        raise ValidationError(errors)


def _end(system: System, until: MuteUntil, at: datetime, ends_at: datetime | None) -> datetime:
    if until == MuteUntil.HOUR:
        return at + timedelta(hours=1)
    if until == MuteUntil.MORNING:
        local = at.astimezone(ZoneInfo(system.zone))
        day = local.date() + timedelta(days=local.time() >= MORNING)
        return calendars.localise(day, MORNING, system.zone)
    if ends_at is None:
        raise ValidationError({"ends_at": _("Name the moment it ends.")})
    if not at < ends_at <= at + LONGEST:
        raise ValidationError({"ends_at": _("It must end after now, and within 30 days.")})
    return ends_at
