"""Begin reviews from what the desk knows already, and decide jointly."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

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
from config.casework.words import duration_words
from incidents.models import Incident
from incidents.reviews.choices import Factor, PostmortemState
from incidents.reviews.models import ContributingFactor, JointDecision, Postmortem
from incidents.transitions import JOINT_DECISION

GAP = "detection_gap"
MARK = "yes"
"""What a ticked field of a postmortem holds (INC-43)."""


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
                    {name: field.get(name, "") for name in ("key", "label", "help", "kind", "prefill")}
                    for field in schema
                ],
                "values": {field["key"]: known.get(field.get("prefill") or field["key"], "") for field in schema},
                "started_by": actor,
                "started_at": at,
            },
        )
        if created:
            record(incident, "postmortem.started", actor=actor, at=at, about=postmortem)
    return postmortem


def write_postmortem(
    postmortem: Postmortem,
    *,
    actor: User,
    at: datetime,
    values: Mapping[str, str],
    began_at: datetime | None = None,
) -> Postmortem:
    """Save fields of a draft.

    Args:
        began_at: aware instant when the trouble really began; the detection gap follows from it. None leaves it.
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
    if began_at is not None and began_at > postmortem.incident.received_at:
        raise ValidationError({"began_at": _("It began before the desk learnt of it, not after.")})
    with transaction.atomic():
        row = Postmortem.objects.select_for_update(of=("self",)).get(pk=postmortem.pk)
        if row.state != PostmortemState.DRAFT:
            raise Refused(_("It is published. Choose “Revise” to change it."))
        changed = sorted(name for name, value in values.items() if row.values.get(name, "") != value)
        row.values = {**row.values, **{name: str(value) for name, value in values.items()}}
        if began_at is not None and row.began_at != began_at:
            before, row.began_at = _gap_words(row), began_at
            changed.append("began_at")
            if row.values.get(GAP, "") in ("", before) and GAP in known:
                row.values = {**row.values, GAP: _gap_words(row)}
        if changed:
            row.version += 1
            row.save(update_fields=["values", "began_at", "version"])
            record(row.incident, "postmortem.written", actor=actor, at=at, about=row, fields=changed)
    postmortem.refresh_from_db()
    return postmortem


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


def add_factor(incident: Incident, *, actor: User, at: datetime, kind: Factor | str, text: str) -> ContributingFactor:
    """Note one of the things that made an incident possible, worse or longer.

    Raises:
        ValidationError: keyed by field.
        PermissionDenied: the actor may not work this incident.
    """
    require(actor, "incidents.add_contributingfactor", incident)
    factor = ContributingFactor(incident=incident, kind=kind, text=text.strip(), added_by=actor, added_at=at)
    factor.full_clean()
    with transaction.atomic():
        factor.save()
        record(incident, "factor.added", actor=actor, at=at, about=factor, detail={"kind": factor.kind})
    return factor


def _gap_words(postmortem: Postmortem) -> str:
    """The detection gap as the desk computes it; empty while the true start is unknown."""
    gap = postmortem.detection_gap
    if gap is None or postmortem.began_at is None:
        return ""
    began = f"{postmortem.began_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    known = f"{postmortem.incident.received_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return _("%(gap)s: it began at %(began)s, the desk knew at %(known)s.") % {
        "gap": duration_words(gap),
        "began": began,
        "known": known,
    }


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
        "phases": _phases(incident),
    }


def _phases(incident: Incident) -> str:
    """The turning points of an incident with their times, as JobSentinel's postmortem lists them (INC-42)."""
    points = [
        (_("Alert or report"), incident.received_at),
        (_("Responder paged"), incident.pages.order_by("paged_at").values_list("paged_at", flat=True).first()),
        (_("Acknowledged"), incident.acknowledged_at),
        (_("Stabilised"), incident.stabilized_at),
        (_("Impact over"), incident.impact_over_at),
        (_("Resolved"), incident.resolved_at),
    ]
    return "\n".join(f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC  {what}" for what, moment in points if moment)
