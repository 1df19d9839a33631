"""Time-out in the candidate's favour, the flood of filings, and the switch of CEO and CTO over it (SC-41)."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.approvals.services import request_approval
from config.casework.audit.services import record
from config.casework.deadlines.models import Deadline
from config.casework.events import ApprovalGranted, DeadlineBreached
from config.casework.transitions import Refused, apply
from config.casework.work.services import enqueue
from disputes.choices import IN_REVIEW, PROMISED, DisputeState, Outcome
from disputes.effects import forget_circumstances
from disputes.events import DisputeFiled
from disputes.models import Dispute
from disputes.undecided.models import TimeoutSwitch
from incidents.choices import Source
from incidents.models import Incident
from incidents.services import find_unresolved, open_incident
from integrations.messages.choices import Purpose
from integrations.messages.services import queue_mail

LEAD = "disputes.lead_dispute"
APPROVAL = "dispute_timeout"
FLOOD = 50
FLOOD_WITHIN = timedelta(hours=24)
FLOOD_KEY = "dispute-flood"
STEPS = (Role.CTO, Role.CEO)
NEXT_AFTER = timedelta(minutes=1)
BATCH = 200


def sweep(at: datetime) -> int:
    """Withdraw the labels that nobody decided about in time; returns how many."""
    if switch_in_force(at) is not None:
        return 0
    due = Dispute.objects.filter(state__in=IN_REVIEW, times_out_at__lte=at).order_by("times_out_at")
    done = 0
    for dispute in due[:BATCH]:
        try:
            apply(dispute, "time_out", actor=None, at=at, outcome=Outcome.WITHDRAWN_UNDECIDED)
            done += 1
        except Refused:  # decided in this very moment
            continue
    return done


def sweep_settled(at: datetime) -> int:
    """Delete what was said of circumstances once no appeal is possible any more; returns how many disputes."""
    over = Dispute.objects.filter(
        state__in=(DisputeState.DECIDED, DisputeState.WITHDRAWN_UNDECIDED, DisputeState.CLOSED),
        filings__circumstances__isnull=False,
    ).distinct()
    done = 0
    for dispute in over[:BATCH]:
        last = dispute.appeal_until or dispute.undecided_at or dispute.closed_at
        if dispute.state == DisputeState.DECIDED and dispute.appealed_at is not None:
            last = dispute.decided_at
        if last is not None and last <= at:
            with transaction.atomic():
                forget_circumstances(dispute)
                record(dispute, "circumstances.deleted", actor=None, at=at)
            done += 1
    return done


def switch_in_force(at: datetime) -> TimeoutSwitch | None:
    """The switch that holds now: signed by both, and its date not over."""
    return TimeoutSwitch.objects.filter(holds_from__lte=at, until__gt=at).first()


def ask_for_switch(incident: Incident, *, reason: str, until: datetime, actor: User, at: datetime) -> TimeoutSwitch:
    """Ask CEO and CTO to hold the time-out until a date; labels in review stay hidden all the while.

    Raises:
        ValidationError: keyed by field.
        PermissionDenied: the actor may not.
    """
    require(actor, LEAD)
    if not reason.strip():
        raise ValidationError({"reason": _("Say why.")})
    with transaction.atomic():
        switch = TimeoutSwitch(incident=incident, reason=reason.strip(), asked_by=actor, asked_at=at, until=until)
        switch.full_clean(exclude={"approval"})
        switch.save()
        switch.approval = request_approval(
            incident, APPROVAL, roles=[Role.CEO, Role.CTO], at=at, binding=f"{switch.pk}:{until.isoformat()}"[:64]
        )
        switch.save(update_fields=["approval"])
        record(incident, "timeout_switch.asked", actor=actor, at=at, about=switch, detail={"until": until.isoformat()})
    return switch


def granted(event: ApprovalGranted) -> None:
    """Both have signed: the switch holds from now on."""
    if event.approval.purpose == APPROVAL:
        for switch in TimeoutSwitch.objects.filter(approval=event.approval, holds_from=None):
            TimeoutSwitch.objects.filter(pk=switch.pk).update(holds_from=event.at)
            record(switch.incident, "timeout_switch.holds", actor=None, at=event.at, about=switch)


def filed(event: DisputeFiled) -> None:
    """Open one incident when far more is filed than people can review."""
    recent = Dispute.objects.filter(
        system=event.dispute.system, is_rehearsal=False, received_at__gt=event.at - FLOOD_WITHIN
    ).count()
    if recent < FLOOD or find_unresolved(Source.MANUAL, FLOOD_KEY) is not None:
        return
    try:
        with transaction.atomic():
            open_incident(
                event.dispute.system,
                title=_("A flood of disputes: %(count)d within a day") % {"count": recent},
                actor=None,
                at=event.at,
                source_key=FLOOD_KEY,
                impacts_hiring=True,
                description=_("Labels are withdrawn when nobody decides in time. CEO and CTO together may hold that until a date."),
            )  # fmt: skip
    except IntegrityError:
        return


def clock_ran_out(event: DeadlineBreached) -> None:
    """A promise to a candidate was missed: the CTO is told, a minute later the CEO (DSP-15)."""
    dispute = event.deadline.case
    if not isinstance(dispute, Dispute) or event.deadline.kind not in PROMISED:
        return
    record(
        dispute, "clock.missed", actor=None, at=event.at, about=event.deadline, detail={"clock": event.deadline.kind}
    )
    _enqueue(event.deadline, 0, event.at)


def escalate(deadline_id: int, *, order: int, at: datetime) -> None:
    """Tell the holders of the next role about a missed clock, unless it was met meanwhile."""
    deadline = Deadline.objects.get(pk=deadline_id)
    dispute = deadline.case
    if not isinstance(dispute, Dispute) or not deadline.is_open or order >= len(STEPS):
        return
    role = STEPS[order]
    people = list(User.objects.filter(groups__name=role.value, is_active=True, is_staff=True))
    for person in people:
        queue_mail(
            to=person.email,
            name=person.get_full_name(),
            subject=_("[Late] %(dispute)s: %(clock)s") % {"dispute": dispute.reference, "clock": deadline.kind},
            text=_("A promise to a candidate was missed. If nobody decides, the label is withdrawn on its own.\n\n%(dispute)s") % {"dispute": dispute.reference},
            key=f"dispute-escalation:{deadline.pk}:{order}:{person.pk}",
            purpose=Purpose.ESCALATION,
            at=at,
            case=dispute,
            person=person,
        )  # fmt: skip
    record(
        dispute,
        "dispute.escalated",
        actor=None,
        at=at,
        detail={"to": role.value, "clock": deadline.kind, "people": len(people)},
    )
    if order + 1 < len(STEPS):
        _enqueue(deadline, order + 1, at + (NEXT_AFTER if people else timedelta()))


def _enqueue(deadline: Deadline, order: int, at: datetime) -> None:
    stamp = deadline.breached_at.isoformat() if deadline.breached_at else ""
    enqueue(
        "disputes.escalate",
        key=f"dispute-escalate:{deadline.pk}:{order}:{stamp}",
        at=at,
        deadline=deadline.pk,
        order=order,
    )
