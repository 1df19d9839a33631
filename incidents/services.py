"""Open incidents and work them: what is more than one step of the state machine."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from config import traceparent
from config.casework.access.actors import Actor, actor_user
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import operator_organization, require
from config.casework.approvals.models import Approval
from config.casework.approvals.services import current_approval, request_approval, withdraw
from config.casework.audit.services import record
from config.casework.cases.references import next_reference
from config.casework.catalogue.models import Organization, System
from config.casework.deadlines import services as deadlines
from config.casework.deadlines.models import Deadline
from config.casework.events import publish
from config.casework.transitions import Refused, apply
from incidents import clocks
from incidents.choices import SLA_CLOCKS, UNRESOLVED, Clock, IncidentState, Source
from incidents.events import AcknowledgementRecorded, IncidentOpened
from incidents.models import Incident, Mitigation
from incidents.oncall.choices import OnCallPart
from incidents.oncall.selectors import on_call
from incidents.procedures.models import Procedure
from incidents.procedures.runs import start_run
from incidents.reviews.models import JointDecision
from incidents.severity.models import Severity
from incidents.transitions import JOINT_DECISION
from integrations.signals.models import AlertGroup

ATTEMPTS_TO_OPEN = 3


def open_incident(
    system: System,
    *,
    title: str,
    actor: Actor,
    at: datetime,
    source: Source = Source.MANUAL,
    severity: Severity | None = None,
    description: str = "",
    scope: str = "",
    organization: Organization | None = None,
    source_key: str = "",
    monitor_key: str = "",
    playbook: Procedure | None = None,
    data_loss_risk: bool = False,
    impacts_hiring: bool = False,
    recurrence_of: Incident | None = None,
    alert_group: AlertGroup | None = None,
    paging_override: str = "",
    is_demo: bool = False,
) -> Incident:
    """Open an incident: reference, owner, clocks, paging. One by hand is as good as one by alert (INC-99).

    Args:
        actor: who reports it; None for the desk itself (alerts).
        at: when the desk learnt of it, aware.
        severity: a level of this system; without one the clocks of the system's untriaged level hold.
        source_key: what tells repeats; while one is unresolved a second is refused by the database.
    Raises:
        ValidationError: keyed by field.
        IntegrityError: an unresolved incident with this source key exists (callers that join catch it).
        PermissionDenied: the actor may not report incidents.
    """
    require(actor, "incidents.add_incident")
    if severity is not None and severity.system_id != system.pk:
        raise ValidationError(
            {"severity": _("%(severity)s is not a severity of %(system)s.") % {"severity": severity, "system": system}}
        )
    trace = traceparent.current()
    incident = Incident(
        reference="INC-",
        system=system,
        organization=organization or operator_organization(),
        title=title.strip(),
        severity=severity,
        source=source,
        source_key=source_key,
        monitor_key=monitor_key,
        scope=scope,
        description=description,
        data_loss_risk=data_loss_risk,
        impacts_hiring=impacts_hiring,
        owner=on_call(system, OnCallPart.PRIMARY, at, demo=is_demo),
        comms_lead=on_call(system, OnCallPart.SECONDARY, at, demo=is_demo),
        playbook=playbook,
        recurrence_of=recurrence_of,
        alert_group=alert_group,
        paging_override=paging_override,
        received_at=at,
        trace_id=trace.trace_id if trace else "",
        is_demo=is_demo,
    )
    incident.clean_fields(exclude={"reference"})
    with transaction.atomic():
        incident.reference = next_reference(Incident.PREFIX, at)
        incident.save(force_insert=True)
        record(
            incident,
            "incident.opened",
            actor=actor,
            at=at,
            detail={"source": source, "severity": severity.key if severity else None, "monitor": monitor_key},
        )
        clocks.start(incident, at=at)
        if playbook is not None:
            start_run(playbook, actor=None, at=at, incident=incident)
        if impacts_hiring:
            demand_joint_decision(incident, because="hiring", at=at)
        publish(IncidentOpened(incident, at))
    return incident


def acknowledge(incident: Incident, *, actor: Actor, at: datetime, provisional: bool = False) -> Incident:
    """Record that somebody has it. On a resolved incident it is a timeline entry and changes nothing (rules: alerts to cases).

    Args:
        provisional: given by a page's link without sign-in; lapses unless confirmed within 15 minutes.
    Raises:
        Refused: somebody else has it.
    """
    incident.refresh_from_db()
    if incident.state not in UNRESOLVED:
        record(incident, "incident.acknowledged_late", actor=actor, at=at)
        return incident
    if provisional and incident.acknowledgement_provisional:
        if incident.acknowledged_by_id != getattr(actor, "pk", None):
            raise Refused(
                _("%(who)s has it already.")
                % {"who": incident.acknowledged_by.get_full_name() if incident.acknowledged_by else _("the desk")}
            )
        return incident  # a double tap neither confirms nor gives more time
    return apply(incident, "acknowledge", actor=actor, at=at, acknowledgement_provisional=provisional)


def confirm_acknowledgements(person: User, *, at: datetime) -> int:
    """A sign-in proves that the person is awake: all their provisional acknowledgements become firm."""
    incidents = list(Incident.objects.filter(acknowledgement_provisional=True, acknowledged_by=person))
    for incident in incidents:
        confirm_acknowledgement(incident, actor=person, at=at)
    return len(incidents)


def confirm_acknowledgement(incident: Incident, *, actor: User, at: datetime) -> bool:
    """Make a provisional acknowledgement firm; False when it is not theirs or was firm already."""
    with transaction.atomic():
        changed = Incident.objects.filter(
            pk=incident.pk, acknowledgement_provisional=True, acknowledged_by=actor
        ).update(acknowledgement_provisional=False)
        if changed:
            deadlines.meet(incident, Clock.CONFIRM, at=at)
            record(incident, "incident.acknowledgement_confirmed", actor=actor, at=at)
            incident.refresh_from_db()
            publish(AcknowledgementRecorded(incident, actor, at))
    return bool(changed)


def apply_mitigation(
    incident: Incident,
    *,
    actor: Actor,
    text: str,
    at: datetime,
    temporary: bool = False,
    expires_at: datetime | None = None,
    effect: str = "",
) -> Mitigation:
    """Record a measure taken on an incident; a temporary one starts the clock for taking it back (INC-21).

    Args:
        at: when it was applied, aware.
        expires_at: aware instant after `at`; demanded of a temporary measure, refused for a lasting one.
    Raises:
        ValidationError: keyed by field.
        PermissionDenied: the actor may not change this incident.
    """
    require(actor, "incidents.change_incident", incident)
    if temporary and expires_at is None:
        raise ValidationError({"expires_at": _("A temporary measure needs an end.")})
    with transaction.atomic():
        mitigation = Mitigation(
            incident=incident,
            text=text,
            temporary=temporary,
            applied_at=at,
            expires_at=expires_at,
            effect=effect,
            applied_by=actor_user(actor),
        )
        mitigation.full_clean()
        mitigation.save()
        if expires_at is not None:
            deadlines.start(
                incident,
                Clock.REVERT,
                at=at,
                due_at=expires_at,
                about=mitigation,
                steps=[{"rule": "end of the measure", "at": expires_at.isoformat()}],
            )
        record(incident, "mitigation.applied", actor=actor, at=at, about=mitigation, detail={"temporary": temporary})
    return mitigation


def demand_joint_decision(incident: Incident, *, because: str, at: datetime) -> Approval:
    """Ask CEO and CTO for their joint decision; asked once (INC-05).

    Args:
        because: "acknowledge" or "mitigate" for a missed clock, "hiring" for touched hiring outcomes.
    """
    approval = request_approval(incident, JOINT_DECISION, roles=[Role.CEO, Role.CTO], at=at)
    JointDecision.objects.get_or_create(incident=incident, defaults={"approval": approval, "because": because})
    return approval


def drop_joint_decision(incident: Incident, *, at: datetime) -> bool:
    """Take back the question for a joint decision when nothing asks for it any more and nobody has signed.

    A missed clock or touched hiring outcomes keep it.
    """
    missed = Deadline.objects.of(incident).filter(kind__in=SLA_CLOCKS, breached_at__isnull=False, cancelled_at=None)
    approval = current_approval(incident, JOINT_DECISION)
    if approval is None or incident.impacts_hiring or missed.exists():
        return False
    withdrawn = withdraw(approval, at=at)
    if withdrawn:
        JointDecision.objects.filter(incident=incident, approval=approval).delete()
    return withdrawn


def find_unresolved(source: Source, source_key: str) -> Incident | None:
    """The one case that repeats of this trouble belong to."""
    return Incident.objects.filter(source=source, source_key=source_key, state__in=UNRESOLVED).first()


def find_recent_fix(source: Source, source_key: str, *, since: datetime) -> Incident | None:
    """The case of the same trouble that was resolved after `since` (the watch after a fix, INC-95).

    For a duplicate it is the one it was merged into, which may still be open.
    """
    found = (
        Incident.objects.filter(
            source=source, source_key=source_key, state=IncidentState.RESOLVED, resolved_at__gte=since
        )
        .select_related("duplicate_of")
        .order_by("-resolved_at")
        .first()
    )
    if found is None or found.duplicate_of is None:
        return found
    return None if found.duplicate_of.state == IncidentState.CLOSED else found.duplicate_of


def find_last(source: Source, source_key: str) -> Incident | None:
    return Incident.objects.filter(source=source, source_key=source_key).order_by("-received_at", "-pk").first()


def open_or_join(
    system: System, *, title: str, at: datetime, source_key: str, watch_since: datetime, **details: Any
) -> tuple[Incident, str]:
    """The case for a trouble: the unresolved one, the freshly fixed one reopened, or a new one.

    Twenty parallel callers get one case: the partial unique constraint decides, not the look-up before it.

    Returns:
        the incident, and "joined", "reopened" or "opened".
    """
    for attempt in range(1, ATTEMPTS_TO_OPEN + 1):
        incident = find_unresolved(Source.ALERT, source_key)
        if incident is not None:
            return incident, "joined"
        fixed = find_recent_fix(Source.ALERT, source_key, since=watch_since)
        if fixed is not None and fixed.state in UNRESOLVED:
            return fixed, "joined"
        try:
            with transaction.atomic():
                if fixed is not None:
                    return apply(fixed, "reopen", actor=None, at=at), "reopened"
                earlier = find_last(Source.ALERT, source_key)
                return open_incident(
                    system,
                    title=title,
                    actor=None,
                    at=at,
                    source=Source.ALERT,
                    source_key=source_key,
                    recurrence_of=earlier,
                    **details,
                ), "opened"
        except (IntegrityError, Refused):  # somebody was faster: opened, reopened or closed it between look and step
            if attempt == ATTEMPTS_TO_OPEN:
                raise
    raise AssertionError("unreachable")
