"""The guard: nobody is rejected on authenticity alone (DSP-08, GDPR Article 22)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.actors import Actor
from config.casework.audit.services import pseudonym, record
from config.casework.transitions import Refused
from config.casework.work.services import enqueue
from disputes.assessments.choices import IN_FORCE, Standing
from disputes.assessments.models import Assessment, LabelView
from disputes.assessments.policy import policy_of
from disputes.assessments.services import standing, subject_of
from disputes.hiring.choices import AUTHENTICITY, EMPTY_WORDS, Decision, Door, Why
from disputes.hiring.models import HiringDecision, RefusedAttempt

WATCH = "hiring.watch"


@dataclass(frozen=True)
class Verdict:
    """The guard's answer; `why` is a sentence, `code` the same for machines."""

    allowed: bool
    code: Why
    why: str
    review_open_until: datetime | None = None


def judge(assessment: Assessment, reasons: Iterable[str], *, at: datetime, decision: str = "") -> Verdict:
    """Say whether a decision stands on these reasons. Changes nothing.

    Args:
        decision: "reject" or "advance"; empty counts as a rejection.
    Raises:
        ValidationError: no reason, or one that is not on the closed list; each is named.
    """
    named = check_reasons(assessment, reasons)
    open_until = assessment.review_open_until if assessment.standing == Standing.UNDER_REVIEW else None
    if decision == Decision.ADVANCE:
        return Verdict(True, Why.NO_REJECTION, _("Nobody is rejected by this decision."), open_until)
    grounds = [reason for reason in named if reason not in EMPTY_WORDS]
    status = Standing(standing(assessment, at).status)
    counts = status in IN_FORCE
    if AUTHENTICITY not in named:
        return Verdict(True, Why.OTHER_GROUNDS, _("The decision does not rest on authenticity."), open_until)
    silent = "" if counts else _("Authenticity counts as no reason: the label is %(state)s.") % {"state": status.label}
    if grounds:
        why = _("The decision stands on: %(grounds)s.") % {"grounds": ", ".join(grounds)}
        return Verdict(True, Why.OTHER_GROUNDS, " ".join(filter(None, (why, silent))), open_until)
    refusal = _("Nobody is rejected on authenticity alone. Name what else the decision rests on.")
    if not counts:
        return Verdict(False, Why.NO_REASON_NOW, f"{silent} {refusal}", open_until)
    if len(named) > 1:
        why = _("“other” does not stand beside authenticity.")
        return Verdict(False, Why.ONLY_OTHER, f"{why} {refusal}", open_until)
    return Verdict(False, Why.AUTHENTICITY_ALONE, refusal, open_until)


def check_decision(
    assessment: Assessment,
    reasons: Iterable[str],
    *,
    actor: Actor,
    at: datetime,
    door: Door,
    decision: str = "",
    organization_key: str = "",
    label_seen_at: datetime | None = None,
) -> Verdict:
    """Judge a decision, keep it when it stands and was named, and log it when it is refused.

    Args:
        decision: "reject" or "advance"; empty asks only, and nothing but a refusal is kept.
        organization_key: who decides; must be the employer the assessment belongs to.
        label_seen_at: when the deciding people saw the label, aware.
    Raises:
        ValidationError: keyed by field.
    """
    _check_organization(assessment, organization_key)
    named = check_reasons(assessment, reasons)
    verdict = judge(assessment, named, at=at, decision=decision)
    with transaction.atomic():
        if not verdict.allowed:
            log_refusal(assessment, named, verdict.code, actor=actor, at=at, door=door)
        elif decision:
            _keep(assessment, named, Decision(decision), actor=actor, at=at, door=door, label_seen_at=label_seen_at)
    return verdict


def record_decision(
    assessment: Assessment,
    decision: Decision,
    reasons: Iterable[str],
    *,
    actor: Actor,
    at: datetime,
    door: Door,
    label_seen_at: datetime | None = None,
) -> HiringDecision:
    """Keep what an employer decided (imports and the desk).

    Raises:
        Refused: the guard does not let it through.
        ValidationError: keyed by field.
    """
    named = check_reasons(assessment, reasons)
    verdict = judge(assessment, named, at=at, decision=decision)
    if not verdict.allowed:
        raise Refused(verdict.why)
    return _keep(assessment, named, decision, actor=actor, at=at, door=door, label_seen_at=label_seen_at)


def check_reasons(assessment: Assessment, reasons: Iterable[str]) -> list[str]:
    """The reasons, each once and in their order.

    Raises:
        ValidationError: none, or not on the closed list of the runbook file; keyed "reasons" or "reasons[0]".
    """
    named = list(dict.fromkeys(reasons))
    if not named:
        raise ValidationError({"reasons": _("Name at least one reason.")})
    known = policy_of(assessment.system).hiring_reasons
    unknown = {
        f"reasons[{place}]": _("There is no such reason: %(reason)s. There are: %(known)s.")
        % {"reason": reason[:80], "known": ", ".join(known)}
        for place, reason in enumerate(named)
        if reason not in known
    }
    if unknown:
        raise ValidationError(unknown)
    return named


def log_refusal(
    assessment: Assessment, reasons: list[str], why: Why, *, actor: Actor, at: datetime, door: Door
) -> RefusedAttempt:
    """Keep that a rejection was not let through; the weekly figure counts these."""
    attempt = RefusedAttempt.objects.create(
        assessment=assessment,
        organization_id=assessment.organization_id,
        job_ref=assessment.job_ref,
        reasons=reasons,
        why=why,
        door=door,
        at=at,
    )
    detail = {"why": why.value, "door": door.value}
    subject = pseudonym(subject_of(assessment))
    record(assessment, "hiring.refused", actor=actor, at=at, about=attempt, detail=detail, subject=subject)
    return attempt


def _check_organization(assessment: Assessment, key: str) -> None:
    if key and assessment.organization.key != key:
        raise ValidationError({"organization": _("This assessment belongs to another organisation.")})


def _keep(
    assessment: Assessment,
    reasons: list[str],
    decision: Decision,
    *,
    actor: Actor,
    at: datetime,
    door: Door,
    label_seen_at: datetime | None,
) -> HiringDecision:
    with transaction.atomic():
        Assessment.objects.select_for_update(of=("self",)).get(pk=assessment.pk)
        row = HiringDecision.objects.filter(assessment=assessment).first() or HiringDecision(assessment=assessment)
        row.organization_id = assessment.organization_id
        row.job_ref = assessment.job_ref
        row.decision, row.reasons, row.door, row.decided_at = decision, reasons, door, at
        row.label_seen_at = label_seen_at or row.label_seen_at or _first_seen(assessment)
        row.contestable = assessment.contestable
        row.full_clean()
        row.save()
        detail = {"decision": decision.value, "reasons": reasons, "door": door.value}
        subject = pseudonym(subject_of(assessment))
        record(assessment, "hiring.decided", actor=actor, at=at, about=row, detail=detail, subject=subject)
        key = f"{WATCH}:{row.pk}:{int(at.timestamp())}"
        enqueue(WATCH, key=key, at=at, organization=row.organization_id, system=assessment.system_id)
    return row


def _first_seen(assessment: Assessment) -> datetime | None:
    return (
        LabelView.objects.filter(assessment=assessment).order_by("first_at").values_list("first_at", flat=True).first()
    )
