"""Decide, alone or jointly; escalate; note and settle what must be put right."""

import hashlib
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.approvals.models import Approval, Deputy
from config.casework.approvals.services import current_approval, request_approval, sign
from config.casework.audit.services import record
from config.casework.deadlines import services as deadlines
from config.casework.events import ApprovalGranted
from config.casework.transitions import Refused, Step, apply
from disputes import guards
from disputes.choices import DECISIONS, IN_REVIEW, Clock
from disputes.clocks import REVERSE_WITHIN
from disputes.decisions import independence
from disputes.decisions.models import Decision, Reversal
from disputes.effects import JOINT_DECISION
from disputes.hiring.models import HiringDecision
from disputes.models import Dispute

REVIEW, SIGN = "disputes.review_dispute", "disputes.decide_dispute"
SIGNERS = (Role.CEO, Role.CTO)


def decide(dispute: Dispute, *, outcome: str, reasons: str, actor: User, at: datetime) -> Dispute:
    """Decide; where a hiring outcome is touched, propose and wait for CEO and CTO (DSP-15).

    Raises:
        Refused: not independent, not competent, not reviewed yet, or the outcome does not follow.
        ValidationError: keyed by field.
        PermissionDenied: the actor decides no disputes.
    """
    dispute.refresh_from_db()
    if not dispute.touches_hiring and HiringDecision.objects.filter(assessment=dispute.assessment_id).exists():
        Dispute.objects.filter(pk=dispute.pk).update(touches_hiring=True)
        dispute.refresh_from_db()
    independence.refresh(dispute)
    reasons = reasons.strip()
    try:
        if dispute.touches_hiring:
            return _propose(dispute, outcome=outcome, reasons=reasons, actor=actor, at=at)
        return apply(dispute, "decide", actor=actor, at=at, outcome=outcome, reasons=reasons)
    except Refused:
        record(
            dispute, "decision.refused", actor=actor, at=at, detail={"outcome": outcome if outcome in DECISIONS else ""}
        )
        raise


def sign_decision(dispute: Dispute, *, actor: User, at: datetime, comment: str = "") -> Approval:
    """Give one's word to the proposed decision; with the second it takes effect.

    Raises:
        Refused: nothing is proposed, or this person's word does not count.
    """
    require(actor, "disputes.view_dispute", dispute)
    approval = current_approval(dispute, JOINT_DECISION)
    if approval is None:
        raise Refused(_("Nothing is proposed yet."))
    return sign(approval, actor=actor, at=at, comment=comment)


def granted(event: ApprovalGranted) -> None:
    """Both have signed: the proposed decision takes effect."""
    approval = event.approval
    dispute = approval.case
    if approval.purpose != JOINT_DECISION or not isinstance(dispute, Dispute):
        return
    decision = _proposed(dispute)
    if decision is None or _binding(decision.outcome, decision.reasons) != approval.binding:
        raise Refused(_("What was to be approved has changed; the question is asked anew."))
    Decision.objects.filter(pk=decision.pk).update(effective_at=event.at)
    apply(dispute, "decide", actor=decision.decided_by, at=event.at, outcome=decision.outcome, reasons=decision.reasons)


def note_consequence(dispute: Dispute, *, what: str, actor: User, at: datetime) -> Reversal:
    """Note something that the label caused and that must be put right."""
    require(actor, "disputes.change_dispute", dispute)
    with transaction.atomic():
        reversal = Reversal(dispute=dispute, what=what.strip(), noted_at=at)
        reversal.full_clean()
        reversal.save()
        deadlines.start(dispute, Clock.REVERSE, at=at, span=REVERSE_WITHIN, calendar=dispute.system.calendar)
        record(dispute, "reversal.noted", actor=actor, at=at, about=reversal)
    return reversal


def signers_missing(dispute: Dispute, *, at: datetime) -> list[Role]:
    """Roles for which nobody independent could sign a joint decision now: a failure of readiness."""
    return [role for role, people in _signers(at).items() if not people - set(dispute.excluded_ids)]


def undecidable(*, at: datetime) -> list[str]:
    """References of disputes in review that need a joint decision for which a deputy is missing."""
    rows = Dispute.objects.filter(state__in=IN_REVIEW, touches_hiring=True)
    waiting = list(rows.values_list("reference", "excluded_ids"))
    if not waiting:
        return []
    signers = _signers(at)
    return [
        reference for reference, excluded in waiting if any(not people - set(excluded) for people in signers.values())
    ]


def _signers(at: datetime) -> dict[Role, set[int]]:
    """Who may sign for each role now: its holders and their deputies; three questions at most."""
    held = User.objects.filter(groups__name__in=SIGNERS, is_active=True).values_list("groups__name", "pk")
    deputies = Deputy.objects.filter(role__in=SIGNERS, starts_at__lte=at, ends_at__gt=at, person__is_active=True)
    people: dict[Role, set[int]] = {role: set() for role in SIGNERS}
    for role, person in (*held, *deputies.values_list("role", "person_id")):
        people[Role(role)].add(person)
    return people


def _propose(dispute: Dispute, *, outcome: str, reasons: str, actor: User, at: datetime) -> Dispute:
    require(actor, REVIEW, dispute)
    if outcome not in DECISIONS:
        raise ValidationError({"outcome": _("Choose one of: label removed, label stays, scored anew.")})
    if not reasons:
        raise ValidationError({"reasons": _("This is needed.")})
    dispute.outcome, dispute.reasons = outcome, reasons
    values: dict[str, Any] = {"outcome": outcome, "reasons": reasons}
    step = Step(obj=dispute, name="decide", actor=actor, at=at, values=values, before={})
    for guard in (guards.by_a_reviewer, guards.is_reviewed, guards.outcome_fits):
        refusal = guard(step)
        if refusal:
            dispute.refresh_from_db()
            raise Refused(refusal)
    dispute.refresh_from_db()
    if _has_left_review(dispute):
        raise Refused(_("It is decided already."))
    with transaction.atomic():
        stage = independence.stage_of(dispute)
        Decision.objects.filter(dispute=dispute, stage=stage, replaced_at=None).update(replaced_at=at)
        decision = Decision(
            dispute=dispute,
            stage=stage,
            outcome=outcome,
            reasons=reasons,
            decided_by=actor,
            proposed_at=at,
            excluded_ids=dispute.excluded_ids,
        )
        decision.full_clean()
        decision.save()
        excluded = User.objects.filter(pk__in=dispute.excluded_ids)
        request_approval(
            dispute, JOINT_DECISION, roles=SIGNERS, at=at, binding=_binding(outcome, reasons), excluded=excluded
        )
        record(dispute, "decision.proposed", actor=actor, at=at, about=decision, detail={"outcome": outcome})
    return dispute


def _has_left_review(dispute: Dispute) -> bool:
    return dispute.state not in dispute.MACHINE.transitions["decide"].sources


def _proposed(dispute: Dispute) -> Decision | None:
    stage = independence.stage_of(dispute)
    return Decision.objects.filter(dispute=dispute, stage=stage, replaced_at=None).order_by("-pk").first()


def _binding(outcome: str, reasons: str) -> str:
    return hashlib.sha256(f"{outcome}\0{reasons}".encode()).hexdigest()
