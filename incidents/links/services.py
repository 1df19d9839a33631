"""Link incidents, merge a duplicate into another one, and split it off again."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction
from django.utils.translation import gettext as _

from config.casework.access.actors import Actor, actor_user
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.deadlines import services as deadlines
from config.casework.deadlines.models import Deadline
from config.casework.events import publish
from config.casework.transitions import Refused
from incidents.choices import OPEN_STATES, UNRESOLVED, Clock
from incidents.clocks import effective_level
from incidents.events import IncidentReopened
from incidents.links.models import Link, Merge
from incidents.models import Incident

CHANGE = "incidents.change_incident"


def link(incident: Incident, other: Incident, *, actor: Actor, at: datetime, note: str = "") -> Link:
    """Say that two incidents belong together; it shows on both, and is said once.

    Raises:
        ValidationError: an incident is not linked to itself, or the note is too long.
        PermissionDenied: the actor may not work one of the two.
    """
    for each in (incident, other):
        require(actor, CHANGE, each)
    if incident.pk == other.pk:
        raise ValidationError({"other": _("Choose another incident.")})
    older, newer = sorted((incident, other), key=lambda row: row.pk)
    made = Link(incident=older, other=newer, note=note.strip(), linked_by=actor_user(actor), linked_at=at)
    made.clean_fields()
    with transaction.atomic():
        kept, created = Link.objects.get_or_create(
            incident=older,
            other=newer,
            defaults={"note": made.note, "linked_by": made.linked_by, "linked_at": at},
        )
        if created:
            for one, two in ((older, newer), (newer, older)):
                record(one, "incident.linked", actor=actor, at=at, detail={"to": two.reference})
    return kept


def unlink(pair: Link, *, actor: Actor, at: datetime) -> None:
    """Take a link away; twice does no harm.

    Raises:
        PermissionDenied: the actor may not work one of the two.
    """
    for each in (pair.incident, pair.other):
        require(actor, CHANGE, each)
    with transaction.atomic():
        removed, _rows = Link.objects.filter(pk=pair.pk).delete()
        if removed:
            for one, two in ((pair.incident, pair.other), (pair.other, pair.incident)):
                record(one, "incident.unlinked", actor=actor, at=at, detail={"to": two.reference})


def merge(duplicate: Incident, into: Incident, *, actor: Actor, at: datetime, reason: str) -> Merge:
    """Make one incident a duplicate of another: its clocks stop, its alerts and notes count there, its state stays.

    It is resolved and closed together with the other one. A measure in force keeps its clock: it must still be taken
    back. `split` undoes all of it.

    Raises:
        Refused: they cannot be merged; the sentence says why.
        ValidationError: no reason was given.
        PermissionDenied: the actor may not work one of the two.
    """
    for each in (duplicate, into):
        require(actor, CHANGE, each)
    if not reason.strip():
        raise ValidationError({"reason": _("Say why they are the same.")})
    with transaction.atomic():
        first, second = _locked(duplicate, into)
        if (refusal := why_not(first, second)) is not None:
            raise Refused(refusal)
        running = Deadline.objects.open().of(first).filter(paused_at=None).exclude(kind=Clock.REVERT)
        kinds = sorted(set(running.values_list("kind", flat=True)))
        made = Merge(
            duplicate=first,
            into=second,
            reason=reason.strip(),
            paused=kinds,
            merged_by=actor_user(actor),
            merged_at=at,
        )
        made.full_clean()
        made.save()
        Incident.objects.filter(pk=first.pk).update(duplicate_of=second, version=first.version + 1)
        deadlines.pause(first, at=at, kinds=kinds)
        record(first, "incident.merged", actor=actor, at=at, detail={"into": second.reference})
        record(second, "incident.merged_in", actor=actor, at=at, detail={"from": first.reference})
    for each in (duplicate, into):
        each.refresh_from_db()
    return made


def why_not(duplicate: Incident, into: Incident) -> str | None:
    """Why one incident cannot become a duplicate of the other: never across systems, never swallowing what is graver."""
    words = {"this": duplicate.reference, "other": into.reference}
    if duplicate.pk == into.pk:
        return _("Choose another incident.")
    if duplicate.system_id != into.system_id:
        return _("%(other)s is about another system. Link the two instead.") % words
    if duplicate.organization_id != into.organization_id:
        return _("%(other)s belongs to another organisation. Link the two instead.") % words
    if duplicate.duplicate_of_id is not None:
        return _("%(this)s is a duplicate already. Split it off first.") % words
    if into.duplicate_of_id is not None:
        return _("%(other)s is a duplicate itself. Merge into the one it belongs to.") % words
    if Incident.objects.filter(duplicate_of=duplicate).exists():
        return _("%(this)s has duplicates of its own. Merge the other way round.") % words
    if duplicate.state not in OPEN_STATES or into.state not in UNRESOLVED:
        return _("Only an open incident is merged, and only into one that is not resolved yet.")
    graver, level = effective_level(duplicate), effective_level(into)
    if graver is not None and level is not None and graver.rank < level.rank:
        return _("%(this)s is graver than %(other)s. Merge the other way round, or raise that one first.") % words
    if duplicate.data_loss_risk and not into.data_loss_risk:
        return _("Data may be lost in %(this)s, which %(other)s does not say. Merge the other way round.") % words
    return None


def split(duplicate: Incident, *, actor: Actor, at: datetime, reason: str = "") -> Incident:
    """Let a duplicate be an incident of its own again: its clocks run on, and whoever is on call is paged if nobody has it.

    Raises:
        Refused: it is no duplicate.
        PermissionDenied: the actor may not work it.
    """
    require(actor, CHANGE, duplicate)
    with transaction.atomic():
        row = Incident.objects.select_for_update(of=("self",)).select_related("system", "severity").get(pk=duplicate.pk)
        done = Merge.objects.select_for_update(of=("self",)).filter(duplicate=row, split_at=None).first()
        if done is None or row.duplicate_of is None:
            raise Refused(_("It is no duplicate."))
        survivor = row.duplicate_of
        done.split_by, done.split_at = actor_user(actor), at
        done.save(update_fields=["split_by", "split_at"])
        Incident.objects.filter(pk=row.pk).update(duplicate_of=None, version=row.version + 1)
        deadlines.resume(row, at=at, kinds=done.paused)
        record(row, "incident.split", actor=actor, at=at, detail={"from": survivor.reference})
        record(survivor, "incident.split_off", actor=actor, at=at, detail={"incident": row.reference})
        duplicate.refresh_from_db()
        if duplicate.state in UNRESOLVED and duplicate.acknowledged_at is None:
            publish(IncidentReopened(duplicate, at))
    return duplicate


def _locked(duplicate: Incident, into: Incident) -> tuple[Incident, Incident]:
    """Both rows, locked in one order, so that two who merge crosswise do not wait for each other for ever."""
    rows = Incident.objects.select_for_update(of=("self",), nowait=True).select_related("system", "severity")
    try:
        with transaction.atomic():
            found = {row.pk: row for row in rows.filter(pk__in=[duplicate.pk, into.pk]).order_by("pk")}
    except OperationalError as error:
        raise Refused(_("Somebody is changing one of the two. Look again, then repeat it.")) from error
    return found[duplicate.pk], found[into.pk]
