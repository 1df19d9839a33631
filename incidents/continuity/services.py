"""Switch fallbacks; record that a backup succeeded."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.actors import Actor, actor_user
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.events import publish
from config.casework.transitions import Refused
from incidents.continuity.models import BackupPolicy, Fallback
from incidents.events import FallbackSwitched


def switch_fallback(fallback: Fallback, *, on: bool, actor: Actor, at: datetime, reason: str) -> Fallback:
    """Switch a manual fallback on or off.

    Raises:
        ValidationError: no reason.
        Refused: it stands so already.
        PermissionDenied: the actor may not switch it.
    """
    require(actor, "incidents.change_fallback")
    if not reason.strip():
        raise ValidationError({"reason": _("Say why.")})
    with transaction.atomic():
        row = Fallback.objects.select_for_update(of=("self",)).get(pk=fallback.pk)
        if not row.is_active:
            raise Refused(_("This fallback is out of use."))
        if row.is_on == on:
            raise Refused(_("It is on already.") if on else _("It is off already."))
        row.is_on, row.since, row.switched_by, row.reason = on, at, actor_user(actor), reason.strip()
        row.clean_fields(exclude={"system", "procedure", "switched_by"})
        row.save(update_fields=["is_on", "since", "switched_by", "reason"])
        record(row, "fallback.switched_on" if on else "fallback.switched_off", actor=actor, at=at)
        publish(FallbackSwitched(row, at))
    fallback.refresh_from_db()
    return fallback


def record_backup(policy: BackupPolicy, *, actor: Actor, at: datetime, succeeded_at: datetime) -> BackupPolicy:
    """Record the newest success of a backup; an older one than is known changes nothing.

    Args:
        succeeded_at: aware instant, not after `at`.
    Raises:
        ValidationError: it lies in the future.
        PermissionDenied: the actor may not record it.
    """
    require(actor, "incidents.change_backuppolicy")
    if succeeded_at > at:
        raise ValidationError({"succeeded_at": _("This time lies in the future.")})
    with transaction.atomic():
        row = BackupPolicy.objects.select_for_update(of=("self",)).get(pk=policy.pk)
        if row.last_success_at is None or succeeded_at > row.last_success_at:
            row.last_success_at = succeeded_at
            row.save(update_fields=["last_success_at"])
            record(row, "backup.succeeded", actor=actor, at=succeeded_at)
    policy.refresh_from_db()
    return policy
