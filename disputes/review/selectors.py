"""What a review still lacks, and what the reviewer is shown."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from config.casework.access.models import User
from disputes.assessments.models import Assessment, AssessmentVersion, ScoringVersion
from disputes.assessments.policy import policy_of
from disputes.assessments.selectors import similar, version_at
from disputes.choices import IN_REVIEW
from disputes.decisions.independence import stage_of
from disputes.models import Dispute
from disputes.review.models import Check, CodeAnswer, Review


@dataclass(frozen=True)
class CodeRow:
    """A reason code with its meaning, how circumstances can cause it, and the reviewer's answer."""

    number: int
    code: str
    words: str
    explanations: list[tuple[str, str, bool]]
    answer: CodeAnswer | None


def review_of(dispute: Dispute, person: User) -> Review | None:
    """This person's review at the present stage."""
    return Review.objects.filter(dispute=dispute, reviewer=person, stage=stage_of(dispute)).first()


def may_see_score(dispute: Dispute, person: User) -> bool:
    """A reviewer sees the score after their first impression; others once the review is over (against automation bias)."""
    review = review_of(dispute, person)
    if review is not None and review.revealed_at is not None:
        return True
    return dispute.state not in IN_REVIEW


def missing(dispute: Dispute, person: User) -> list[str]:
    """What this person still has to do before they may decide, in sentences."""
    review = review_of(dispute, person)
    if review is None or dispute.acknowledged_by_id != person.pk:
        return [_("Take it first: only who reviews it decides.")]
    lacking = []
    if review.impression_at is None:
        lacking.append(_("Note your first impression of the account."))
    done = set(review.checks.values_list("key", flat=True))
    lacking += [_("Tick the check “%(check)s”.") % {"check": check.label} for check in Check if check.value not in done]
    answered = set(review.answers.values_list("code", flat=True))
    open_codes = [code for code in dispute.contested.reason_codes if code not in answered]
    if open_codes:
        lacking.append(
            _("Say for each reason code whether it still counts: %(codes)s.") % {"codes": ", ".join(open_codes)}
        )
    if dispute.hearings.filter(held_at=None, cancelled_at=None).exists():
        lacking.append(_("The candidate asked to be heard. Note what was said first."))
    return lacking


def nothing_left(dispute: Dispute, person: User) -> bool:
    """True when no reason code counts any more, so that the label must go (SC-36)."""
    review = review_of(dispute, person)
    if review is None:
        return False
    codes = set(dispute.contested.reason_codes)
    counting = set(review.answers.filter(counts=True).values_list("code", flat=True))
    return not (codes & counting)


def code_rows(dispute: Dispute, review: Review | None, reported: set[str], names: dict[str, Any]) -> list[CodeRow]:
    """Each reason code of the contested result; the candidate's own circumstances stand first and are marked."""
    policy = policy_of(dispute.system)
    answers = {answer.code: answer for answer in review.answers.all()} if review else {}
    rows = []
    for number, code in enumerate(dispute.contested.reason_codes):
        hows = policy.explanations(code)
        told = [(str(names.get(key, key)), how, key in reported) for key, how in hows.items()]
        told.sort(key=lambda entry: not entry[2])
        rows.append(CodeRow(number, code, policy.reason_words(code), told, answers.get(code)))
    return rows


def versions(dispute: Dispute) -> list[dict[str, Any]]:
    """Per part: the version active when it was assessed, the one now, and what changed in between (DSP-04)."""
    contested, system = dispute.contested, dispute.system
    rows = []
    for part, used in (("model", contested.model_version), ("rules", contested.rules_version)):
        now = ScoringVersion.objects.filter(system=system, part=part).order_by("-active_from", "-pk").first()
        then = version_at(system, part, contested.assessed_at)
        later = ScoringVersion.objects.filter(system=system, part=part, active_from__gt=contested.assessed_at)
        rows.append(
            {
                "part": part,
                "used": used,
                "then": then,
                "now": now,
                "differs": then is not None and then.key != used,
                "changes": list(later.order_by("active_from")),
            }
        )
    return rows


def telemetry_is_incomplete(version: AssessmentVersion) -> bool:
    share = version.completeness
    return share is None or share < policy_of(version.assessment.system).completeness_at_least


def similar_cases(dispute: Dispute, *, most: int = 10) -> tuple[int, list[Dispute]]:
    """How many assessments are in force under the same versions, and disputes about such."""
    count = similar(dispute.contested).count()
    rows = Dispute.objects.filter(
        contested__model_version=dispute.contested.model_version,
        contested__rules_version=dispute.contested.rules_version,
        system=dispute.system,
    ).exclude(pk=dispute.pk)
    return count, list(rows.order_by("-received_at")[:most])


def same_gap(dispute: Dispute) -> Any:
    """Other assessments whose result has a gap of telemetry that is described in the same words."""
    gaps = dispute.contested.telemetry.get("gaps") or []
    if not gaps:
        return Assessment.objects.none()
    rows = Assessment.objects.filter(system=dispute.system).exclude(pk=dispute.assessment_id)
    return rows.filter(current__telemetry__gaps__contains=gaps[:1])
