"""Begin reviews from what the desk knows already, and decide jointly."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.approvals.models import Approval
from config.casework.approvals.services import request_approval, sign
from config.casework.audit.services import record
from config.casework.cases.timeline import timeline
from config.casework.transitions import Refused
from incidents.models import Incident
from incidents.reviews.choices import ActionKind, PostmortemState
from incidents.reviews.models import ActionItem, JointDecision, Postmortem
from incidents.transitions import JOINT_DECISION


def start_postmortem(incident: Incident, *, actor: User, at: datetime) -> Postmortem:
    """Begin the review of an incident in the fields of its system's runbook, filled in from the record (INC-41).

    The one already begun is returned instead of a second.

    Raises:
        Refused: the runbook of this system names no fields.
        PermissionDenied: the actor may not work this incident.
    """
    require(actor, "incidents.add_postmortem", incident)
    try:
        return incident.postmortem
    except ObjectDoesNotExist:
        pass
    schema = incident.system.setting("postmortem", [])
    if not schema:
        raise Refused(_("The runbook of this system names no postmortem fields. Add the section “postmortem”."))
    with transaction.atomic():
        known = _prefilled(incident)
        postmortem, created = Postmortem.objects.get_or_create(
            incident=incident,
            defaults={
                "schema": [
                    {"key": field["key"], "label": field["label"], "help": field.get("help", "")} for field in schema
                ],
                "values": {field["key"]: known.get(field.get("prefill") or field["key"], "") for field in schema},
                "started_by": actor,
                "started_at": at,
            },
        )
        if created:
            record(incident, "postmortem.started", actor=actor, at=at, about=postmortem)
    return postmortem


def write_postmortem(postmortem: Postmortem, *, actor: User, at: datetime, values: Mapping[str, str]) -> Postmortem:
    """Save fields of a draft.

    Raises:
        ValidationError: a field the schema does not know.
        Refused: it is published; revise it first.
        PermissionDenied: the actor may not work this incident.
    """
    require(actor, "incidents.change_postmortem", postmortem.incident)
    known = {field["key"] for field in postmortem.schema}
    unknown = sorted(values.keys() - known)
    if unknown:
        raise ValidationError({name: _("The postmortem has no such field.") for name in unknown})
    with transaction.atomic():
        row = Postmortem.objects.select_for_update(of=("self",)).get(pk=postmortem.pk)
        if row.state != PostmortemState.DRAFT:
            raise Refused(_("It is published. Choose “Revise” to change it."))
        changed = sorted(name for name, value in values.items() if row.values.get(name, "") != value)
        if changed:
            row.values = {**row.values, **{name: str(value) for name, value in values.items()}}
            row.version += 1
            row.save(update_fields=["values", "version"])
            record(row.incident, "postmortem.written", actor=actor, at=at, about=row, fields=changed)
    postmortem.refresh_from_db()
    return postmortem


def add_action_item(
    incident: Incident, *, actor: User, at: datetime, kind: ActionKind, text: str, owner: User, due_on: date
) -> ActionItem:
    """Note something to be done, with who and until when (INC-44).

    Raises:
        ValidationError: keyed by field.
        PermissionDenied: the actor may not work this incident.
    """
    require(actor, "incidents.add_actionitem", incident)
    item = ActionItem(incident=incident, kind=kind, text=text, owner=owner, due_on=due_on)
    item.full_clean()
    with transaction.atomic():
        item.save()
        record(
            incident,
            "action_item.added",
            actor=actor,
            at=at,
            about=item,
            detail={"kind": kind, "owner": str(owner), "due_on": due_on.isoformat()},
        )
    return item


def decide(
    incident: Incident, *, actor: User, at: datetime, mitigation_path: str, stakeholder_updates: str, comment: str = ""
) -> Approval:
    """Write or confirm the joint decision and sign it; changed words void the other signature (INC-05).

    Raises:
        ValidationError: an empty part.
        Refused: nothing was asked, signed before, or not one of the roles.
        PermissionDenied: the actor may not decide.
    """
    require(actor, "incidents.decide_incident", incident)
    path, updates = mitigation_path.strip(), stakeholder_updates.strip()
    errors = {
        name: _("This is needed.")
        for name, value in (("mitigation_path", path), ("stakeholder_updates", updates))
        if not value
    }
    if errors:
        raise ValidationError(errors)
    with transaction.atomic():
        decision = JointDecision.objects.select_for_update(of=("self",)).filter(incident=incident).first()
        if decision is None:
            raise Refused(_("No joint decision was asked for."))
        if (decision.mitigation_path, decision.stakeholder_updates) != (path, updates):
            if decision.approval.granted_at:
                raise Refused(_("The decision is signed by both and stands."))
            binding = hashlib.sha256(f"{path}\n\0{updates}".encode()).hexdigest()
            decision.approval = request_approval(
                incident, JOINT_DECISION, roles=[Role.CEO, Role.CTO], at=at, binding=binding
            )
            decision.mitigation_path, decision.stakeholder_updates = path, updates
            decision.save()
        return sign(decision.approval, actor=actor, at=at, comment=comment)


def _prefilled(incident: Incident) -> dict[str, str]:
    """What the record already answers, by the name a runbook uses for it."""
    entries = reversed(timeline(incident))
    lines = [f"{entry.at:%Y-%m-%d %H:%M} UTC  {entry.what}" for entry in entries]
    owner = incident.owner.get_full_name() if incident.owner else ""
    level = incident.severity
    minutes = int(
        (
            (incident.impact_over_at or incident.resolved_at or incident.received_at) - incident.received_at
        ).total_seconds()
        // 60
    )
    return {
        "incident_id": incident.reference,
        "reference": incident.reference,
        "title": incident.title,
        "date": f"{incident.received_at:%Y-%m-%d}",
        "duration": str(minutes),
        "severity": level.key if level else "",
        "timeline": "\n".join(lines),
        "root_cause": incident.cause,
        "cause": incident.cause,
        "resolution": incident.fix_reference,
        "customer_impact": incident.scope,
        "impact": incident.scope,
        "owner": owner,
    }
