"""Judge commands and turn switches; nothing here runs anything."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.actors import Actor, actor_user
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.transitions import Refused
from incidents.references.models import CommandReference, FeatureSwitch


@transaction.atomic
def review(command: CommandReference, *, actor: Actor, at: datetime, seen: str | None = None) -> CommandReference:
    """Record that a person read a command and stands by it (OPS-10).

    Args:
        seen: the text that the person saw; another one by now is refused.
    Raises:
        Refused: the command was changed since.
        PermissionDenied: the actor may not change commands.
    """
    require(actor, "incidents.change_commandreference")
    row = CommandReference.objects.select_for_update().get(pk=command.pk)
    if seen is not None and seen != row.command:
        raise Refused(_("The command was changed since you read it. Read it again."))
    row.reviewed_by, row.reviewed_at = actor_user(actor), at
    row.save(update_fields=["reviewed_by", "reviewed_at"])
    record(row, "command.reviewed", actor=actor, at=at)
    return row


@transaction.atomic
def switch(feature: FeatureSwitch, *, on: bool, actor: Actor, at: datetime) -> FeatureSwitch:
    """Turn a future behaviour on or off; turning it to where it is changes nothing.

    Raises:
        PermissionDenied: the actor may not change switches.
    """
    require(actor, "incidents.change_featureswitch")
    row = FeatureSwitch.objects.select_for_update().get(pk=feature.pk)
    if row.is_on != on:
        row.is_on = on
        row.save(update_fields=["is_on"])
        record(row, "feature.switched", actor=actor, at=at, fields=["is_on"], detail={"on": on})
    return row
