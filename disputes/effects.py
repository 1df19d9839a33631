"""What follows from the steps of a dispute, in the same transaction: standing, clocks, letters, what must be put right."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from config.casework.access.actors import actor_user
from config.casework.approvals.services import current_approval
from config.casework.audit.services import record
from config.casework.deadlines import services as deadlines
from config.casework.events import publish
from config.casework.transitions import Step
from disputes import clocks
from disputes.assessments.choices import Standing
from disputes.assessments.services import end_review, mark_under_review, set_outcome
from disputes.choices import IN_FAVOUR, Clock, Outcome
from disputes.decisions import independence
from disputes.decisions.models import Decision, Reversal, ReversalState
from disputes.events import RehearsalPassed
from disputes.filing.models import CircumstanceReport
from disputes.letters import services as letters
from disputes.letters.models import LetterKind
from disputes.models import Dispute
from disputes.rescoring.models import RescoreState
from disputes.review.models import CodeAnswer, Impression, Review

JOINT_DECISION = "dispute_decision"


def taken(step: Step[Dispute]) -> None:
    dispute, person = step.obj, actor_user(step.actor)
    if person is None:
        return
    _keep(dispute, owner=person)
    clocks.met(dispute, Clock.ACKNOWLEDGE, at=step.at)
    Review.objects.get_or_create(
        dispute=dispute,
        reviewer=person,
        stage=independence.stage_of(dispute),
        defaults={"started_at": step.at, "last_seen_at": step.at},
    )
    letters.to_candidate(dispute, LetterKind.TAKEN, at=step.at, once=f"{independence.stage_of(dispute)}")


def handed_back(step: Step[Dispute]) -> None:
    _keep(step.obj, acknowledged_by=None, owner=None)


def decided(step: Step[Dispute]) -> None:
    """The decision takes effect: what the employer sees, the clocks, the letters, what must be put right."""
    dispute, person = step.obj, actor_user(step.actor)
    if person is None:
        return
    stage = independence.stage_of(dispute)
    review = Review.objects.filter(dispute=dispute, reviewer=person, stage=stage).first()
    changed = review is not None and _changed_after_score(review, dispute.outcome)
    values = {
        "outcome": dispute.outcome,
        "reasons": dispute.reasons,
        "decided_by": person,
        "effective_at": step.at,
        "excluded_ids": dispute.excluded_ids,
        "changed_after_score": changed,
        "seconds": review.seconds if review else 0,
    }
    Decision.objects.update_or_create(
        dispute=dispute,
        stage=stage,
        replaced_at=None,
        defaults=values,
        create_defaults={**values, "proposed_at": step.at},
    )
    rescore = (
        dispute.assessment.rescores.filter(state=RescoreState.DONE, fault__dispute=dispute).order_by("-pk").first()
    )
    version = rescore.version if rescore is not None and dispute.outcome == Outcome.RESCORED else None
    set_outcome(dispute.assessment, Standing(dispute.outcome), actor=person, at=step.at, version=version)
    if stage == "review":
        _keep(dispute, appeal_until=step.at + clocks.APPEAL_PERIOD)
    for kind in (Clock.ACKNOWLEDGE, Clock.DECIDE):
        clocks.met(dispute, kind, at=step.at)
    letters.to_everybody(dispute, LetterKind.OUTCOME, at=step.at, once=stage)
    note_reversals(dispute, at=step.at)
    if dispute.is_rehearsal:
        record(dispute, "rehearsal.passed", actor=person, at=step.at)
        publish(RehearsalPassed(dispute, person, step.at))


def appealed(step: Step[Dispute]) -> None:
    """The first decision is kept as it was; the dispute begins anew with somebody else."""
    dispute = step.obj
    approval = current_approval(dispute, JOINT_DECISION)
    if approval is not None:
        approval.withdrawn_at = step.at
        approval.save(update_fields=["withdrawn_at"])
    _keep(
        dispute,
        outcome="",
        reasons="",
        decided_at=None,
        decided_by=None,
        acknowledged_at=None,
        acknowledged_by=None,
        owner=None,
    )
    independence.refresh(dispute)
    _keep(dispute, times_out_at=clocks.begin(dispute, at=step.at))
    mark_under_review(dispute.assessment, actor=step.actor, at=step.at, review_open_until=dispute.times_out_at)
    letters.to_everybody(dispute, LetterKind.APPEAL, at=step.at)


def timed_out(step: Step[Dispute]) -> None:
    """Nobody decided in time: the label goes, everybody who saw it is told, and it stays our fault (SC-41)."""
    dispute = step.obj
    set_outcome(dispute.assessment, Standing.WITHDRAWN_UNDECIDED, actor=None, at=step.at)
    deadlines.cancel(dispute, at=step.at, kinds=[Clock.ACKNOWLEDGE, Clock.DECIDE])
    deadlines.start(dispute, Clock.ACCOUNT, at=step.at, span=clocks.ACCOUNT_WITHIN, calendar=dispute.system.calendar)
    letters.to_everybody(dispute, LetterKind.UNDECIDED, at=step.at)
    note_reversals(dispute, at=step.at)


def given_up(step: Step[Dispute]) -> None:
    dispute = step.obj
    end_review(dispute.assessment, actor=None, at=step.at)
    deadlines.cancel(dispute, at=step.at)
    forget_circumstances(dispute)
    letters.to_everybody(dispute, LetterKind.ENDED, at=step.at)


def accounted(step: Step[Dispute]) -> None:
    clocks.met(step.obj, Clock.ACCOUNT, at=step.at)


def closed(step: Step[Dispute]) -> None:
    deadlines.cancel(step.obj, at=step.at)
    forget_circumstances(step.obj)


def reversal_settled(step: Step[Reversal]) -> None:
    dispute = step.obj.dispute
    if not dispute.reversals.filter(state=ReversalState.OPEN).exists():
        clocks.met(dispute, Clock.REVERSE, at=step.at)


def note_reversals(dispute: Dispute, *, at: datetime) -> int:
    """What the label may have caused, to be put right: the employer's decision, and what recipients keep."""
    if dispute.outcome not in IN_FAVOUR:
        return 0
    wanted = [
        _("Recipient %(number)d removes the label from what they keep") % {"number": number}
        for number in range(1, len(letters.recipients(dispute)) + 1)
    ]
    if dispute.touches_hiring:
        wanted.insert(0, _("The employer looks at the application again without the label"))
    known = set(dispute.reversals.values_list("what", flat=True))
    rows = [Reversal(dispute=dispute, what=what, noted_at=at) for what in wanted if what not in known]
    Reversal.objects.bulk_create(rows)
    if rows:
        deadlines.start(dispute, Clock.REVERSE, at=at, span=clocks.REVERSE_WITHIN, calendar=dispute.system.calendar)
    return len(rows)


def forget_circumstances(dispute: Dispute) -> int:
    """Delete what the candidate said of circumstances; figures keep that a code did not count, never why."""
    CodeAnswer.objects.filter(review__dispute=dispute).update(circumstance="", note="")
    return CircumstanceReport.objects.filter(filing__dispute=dispute).delete()[0]


def _changed_after_score(review: Review, outcome: str) -> bool:
    """Whether the reviewer decided against their own first impression, formed before they saw the score."""
    if review.impression == Impression.CONVINCING:
        return outcome == Outcome.LABEL_CONFIRMED
    return review.impression == Impression.DOUBTFUL and outcome != Outcome.LABEL_CONFIRMED


def _keep(dispute: Dispute, **values: Any) -> None:
    """Set further columns of the row being stepped."""
    for name, value in values.items():
        setattr(dispute, name, value)
    Dispute.objects.filter(pk=dispute.pk).update(**values)
