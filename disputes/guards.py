"""Why a step on a dispute is refused, in words; None when it is not."""

from django.utils.translation import gettext as _

from config.casework import clock
from config.casework.access.actors import actor_user
from config.casework.access.models import User
from config.casework.transitions import Step
from disputes.choices import DECISIONS, Outcome
from disputes.decisions import independence
from disputes.decisions.models import Decision, ReversalState
from disputes.letters.selectors import untold
from disputes.models import Dispute
from disputes.register.services import may_review
from disputes.rescoring.models import RescoreState
from disputes.review import selectors as reviews


def by_the_desk_alone(step: Step[Dispute]) -> str | None:
    return None if step.actor is None else _("The desk takes this step itself.")


def by_a_reviewer(step: Step[Dispute]) -> str | None:
    """A person with recorded competence and authority, and no part in the assessment (DSP-10, AI Act Article 26(2))."""
    person = actor_user(step.actor)
    if person is None:
        return _("A person takes this step, never the desk itself.")
    return fit(step.obj, person)


def fit(dispute: Dispute, person: User) -> str | None:
    refusal = independence.why_not(dispute, person)
    if refusal:
        return refusal
    if not may_review(person, clock.now(), dispute.system):
        return _("The register holds no competence and authority of yours that is valid now. A lead can add it.")
    return None


def nobody_else_has_it(step: Step[Dispute]) -> str | None:
    holder = step.obj.acknowledged_by_id
    if holder is None:
        return None
    if holder == getattr(step.actor, "pk", None):
        return _("You review it already.")
    return _("Somebody else reviews it already. Ask them to hand it over.")


def is_theirs(step: Step[Dispute]) -> str | None:
    if step.actor is not None and step.obj.acknowledged_by_id != getattr(step.actor, "pk", None):
        return _("You do not review it.")
    return None


def says_why_undecided(step: Step[Dispute]) -> str | None:
    if step.obj.outcome == Outcome.WITHDRAWN_UNDECIDED and not step.obj.fault_account:
        return _("Say first why it stayed undecided, and what we change.")
    return None


def is_reviewed(step: Step[Dispute]) -> str | None:
    """Impression, four checks, an answer for each code, everybody heard: of the person who decides."""
    person = actor_user(step.actor)
    missing = reviews.missing(step.obj, person) if person is not None else []
    return " ".join(str(sentence) for sentence in missing) or None


def outcome_fits(step: Step[Dispute]) -> str | None:
    """The outcome follows from what was found: nothing left to stand on removes the label (SC-36)."""
    dispute, outcome = step.obj, step.obj.outcome
    if outcome not in DECISIONS:
        return _("Choose one of: label removed, label stays, scored anew.")
    done = dispute.assessment.rescores.filter(state=RescoreState.DONE, fault__dispute=dispute).exists()
    if outcome == Outcome.RESCORED and not done:
        return _("There is no new score. It needs a recorded fault of the pipeline first.")
    if dispute.assessment.rescores.filter(state=RescoreState.ASKED).exists():
        return _("A new score is under way. Wait for it, or for its failure.")
    person = actor_user(step.actor)
    if outcome == Outcome.LABEL_CONFIRMED and person is not None and reviews.nothing_left(dispute, person):
        return _("No reason code counts any more, so the label cannot stay.")
    return None


def is_jointly_decided(step: Step[Dispute]) -> str | None:
    """Where a hiring outcome is touched, CEO and CTO have signed exactly this decision (INC-05, DSP-15)."""
    dispute = step.obj
    if not dispute.touches_hiring:
        return None
    decision = Decision.objects.filter(
        dispute=dispute, stage=independence.stage_of(dispute), replaced_at=None, effective_at__isnull=False
    ).first()
    if decision is None or (decision.outcome, decision.reasons) != (dispute.outcome, dispute.reasons):
        return _("A hiring outcome is touched, so CEO and CTO must sign first. Propose it under Decision.")
    return None


def appeal_is_open(step: Step[Dispute]) -> str | None:
    dispute = step.obj
    if step.before.get("appealed_at") is not None:
        return _("An appeal is possible once; this was the decision on it.")
    if dispute.appeal_until is None or step.at > dispute.appeal_until:
        return _("The time for an appeal is over.")
    return None


def appeal_is_over(step: Step[Dispute]) -> str | None:
    dispute = step.obj
    may_appeal = dispute.outcome == Outcome.LABEL_CONFIRMED and dispute.appealed_at is None
    if may_appeal and dispute.appeal_until is not None and step.at < dispute.appeal_until:
        return _("The candidate may still appeal.")
    return None


def all_is_put_right(step: Step[Dispute]) -> str | None:
    if step.obj.reversals.filter(state=ReversalState.OPEN).exists():
        return _("A consequence of the label is not put right yet. See Decision.")
    return None


def everybody_was_told(step: Step[Dispute]) -> str | None:
    if untold(step.obj):
        return _("Somebody was not told yet. See Letters.")
    return None
