"""Score anew, only with a recorded fault of the pipeline, by the scoring service; one case or all that share the fault."""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from config.casework import crypto, outbound
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.catalogue.models import System
from config.casework.transitions import Refused
from config.casework.work.failures import Permanent, Retry
from config.casework.work.services import enqueue
from disputes.assessments.models import Assessment, AssessmentVersion
from disputes.assessments.selectors import similar
from disputes.assessments.services import add_rescore
from disputes.assessments.snapshots import Snapshot
from disputes.choices import IN_REVIEW
from disputes.decisions import independence
from disputes.models import Dispute
from disputes.rescoring.models import FaultKind, PipelineFault, Rescore, RescoreState, ScoringService
from disputes.review.selectors import same_gap
from incidents.models import Incident
from incidents.services import open_incident

REVIEW, LEAD = "disputes.review_dispute", "disputes.lead_dispute"
PURPOSE = "scoring-service"
MASS_MOST = 5_000


@dataclass(frozen=True)
class Pattern:
    """Assessments that a fault may have touched as well, and what a mass re-score would do."""

    same_version: int
    same_gap: int
    affected: list[Assessment]
    in_dispute: int
    under_way: int


def record_fault(dispute: Dispute, *, kind: str, detail: str, actor: User, at: datetime) -> PipelineFault:
    """Record what is wrong with the pipeline; the base of every new score (DSP-07).

    Raises:
        Refused: the telemetry is whole, so nothing is missing.
        ValidationError: keyed by field.
    """
    require(actor, REVIEW, dispute)
    if dispute.state not in IN_REVIEW:
        raise Refused(_("It is not under review."))
    telemetry = dispute.contested.telemetry
    gaps = telemetry.get("gaps") or []
    share = dispute.contested.completeness
    if kind == FaultKind.GAP and not gaps and (share is not None and share >= 1):
        raise Refused(_("The telemetry is whole: nothing is missing that a new score could add."))
    fault = PipelineFault(
        dispute=dispute,
        kind=kind,
        detail=detail.strip(),
        gap_key=hashlib.sha256(json.dumps(gaps[:1], sort_keys=True).encode()).hexdigest()[:32] if gaps else "",
        recorded_by=actor,
        recorded_at=at,
    )
    fault.full_clean()
    with transaction.atomic():
        fault.save()
        record(dispute, "fault.recorded", actor=actor, at=at, about=fault, detail={"kind": kind})
    return fault


def ask(dispute: Dispute, *, actor: User, at: datetime) -> Rescore:
    """Have the contested assessment scored anew; whoever asks does not decide afterwards.

    Raises:
        Refused: no fault is recorded, no scoring service is set, or one is under way.
    """
    require(actor, REVIEW, dispute)
    fault = dispute.faults.order_by("-pk").first()
    if fault is None:
        raise Refused(_("Scoring anew needs a recorded fault of the pipeline. Record it under Review first."))
    if dispute.state not in IN_REVIEW:
        raise Refused(_("It is not under review."))
    _service(dispute.system)
    with transaction.atomic():
        rescore = _ask(fault, dispute.assessment, actor=actor, at=at)
        if rescore is None:
            raise Refused(_("A new score is under way already."))
        record(dispute, "rescore.asked", actor=actor, at=at, about=rescore)
        independence.refresh(dispute)
        if dispute.acknowledged_by_id == actor.pk:
            Dispute.objects.filter(pk=dispute.pk).update(acknowledged_by=None, owner=None)
    dispute.refresh_from_db()
    return rescore


def pattern(fault: PipelineFault) -> Pattern:
    """What else the fault may have touched: the preview of an incident and of a mass re-score (DSP-17)."""
    dispute = fault.dispute
    by_version = similar(dispute.contested)
    by_gap = same_gap(dispute)
    rows = _affected(fault, by_version, by_gap)
    affected = list(rows.order_by("-assessed_at")[:MASS_MOST])
    keys = [row.pk for row in affected]
    return Pattern(
        same_version=by_version.count(),
        same_gap=by_gap.count(),
        affected=affected,
        in_dispute=Dispute.objects.filter(assessment__in=keys, state__in=IN_REVIEW).count(),
        under_way=Rescore.objects.filter(assessment__in=keys, state=RescoreState.ASKED).count(),
    )


def open_pattern_incident(fault: PipelineFault, *, actor: User, at: datetime) -> Incident:
    """Open an incident with the list of all assessments that the fault may have touched; once for each fault.

    Raises:
        PermissionDenied: the actor may not open incidents.
    """
    if fault.incident is not None:
        return fault.incident
    found = pattern(fault)
    names = "\n".join(row.external_id for row in found.affected)
    with transaction.atomic():
        incident = open_incident(
            fault.dispute.system,
            title=_("Scores may be wrong: %(kind)s") % {"kind": fault.get_kind_display()},
            actor=actor,
            at=at,
            scope=_("%(count)d assessments") % {"count": len(found.affected)},
            description=_("Found by %(dispute)s. Assessments that may be touched:") % {"dispute": fault.dispute} + f"\n{names}"[:19_000],
            impacts_hiring=True,
        )  # fmt: skip
        PipelineFault.objects.filter(pk=fault.pk).update(incident=incident)
        record(
            fault.dispute, "fault.incident_opened", actor=actor, at=at, about=fault, detail={"incident": str(incident)}
        )
    fault.refresh_from_db()
    return incident


def ask_all(fault: PipelineFault, *, expected: int, actor: User, at: datetime) -> int:
    """Have all assessments of the pattern scored anew; results stand beside the first ones and wait for a person.

    Args:
        expected: the count the preview showed; another one asks again.
    Raises:
        Refused: the count has changed since, or no scoring service is set.
        PermissionDenied: the actor may not.
    """
    require(actor, LEAD, fault.dispute)
    _service(fault.dispute.system)
    found = pattern(fault)
    if len(found.affected) != expected:
        raise Refused(_("There are %(count)d now. Look at the preview again.") % {"count": len(found.affected)})
    asked = 0
    with transaction.atomic():
        for assessment in found.affected:
            asked += _ask(fault, assessment, actor=actor, at=at) is not None
        record(fault.dispute, "rescore.asked_for_all", actor=actor, at=at, about=fault, detail={"count": asked})
    return asked


def call(rescore_id: int, *, at: datetime) -> None:
    """Ask the scoring service for one new score and keep it beside the first.

    Raises:
        Retry: the service was not reached or is busy.
        Permanent: it refuses, or what it says is no score.
    """
    rescore = Rescore.objects.select_for_update(of=("self",)).select_related("assessment__system").get(pk=rescore_id)
    if rescore.state != RescoreState.ASKED:
        return
    assessment = rescore.assessment
    answers = assessment.current
    if answers is None:
        raise Permanent("the assessment has no result")
    answer = _answer(rescore, answers, at)
    try:
        snapshot = _snapshot(json.loads(answer.body), assessment, at)
        version = add_rescore(
            assessment, snapshot, answers=answers, fault=f"fault-{rescore.fault_id}", actor=rescore.asked_by, at=at
        )
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise Permanent("what the scoring service answered is no score") from error
    rescore.state, rescore.version, rescore.answered_at = RescoreState.DONE, version, at
    rescore.save(update_fields=["state", "version", "answered_at"])
    record(rescore.fault.dispute, "rescore.done", actor=None, at=at, about=rescore)


def _answer(rescore: Rescore, answers: AssessmentVersion, at: datetime) -> outbound.Answer:
    """What the scoring service says; the same key each time, so that asking twice is asking once."""
    service = ScoringService.objects.filter(system=rescore.assessment.system_id, is_active=True).first()
    if service is None:
        raise Permanent("no scoring service is set any more")
    body = json.dumps(
        {
            "assessment": rescore.assessment.external_id,
            "model_version": answers.model_version,
            "rules_version": answers.rules_version,
            "fault": rescore.fault.kind,
        }
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": rescore.key,
        **_signature(service, rescore.key, body, at),
    }
    try:
        answer = outbound.client().request("POST", service.url, headers=headers, body=body)
    except outbound.OutboundError as error:
        if isinstance(error, outbound.OutboundRefused) or getattr(error, "permanent", False):
            raise Permanent("the scoring service cannot be called") from error
        raise Retry("the scoring service was not reached") from error
    if answer.status >= 500 or answer.status == 429:
        raise Retry(f"the scoring service answered {answer.status}")
    if not answer.ok:
        raise Permanent(f"the scoring service answered {answer.status}")
    return answer


def mark_failed(rescore_id: int, reason: str, *, at: datetime) -> None:
    """After the last attempt the page says so; the parked job stands in the attention list."""
    rescore = Rescore.objects.select_related("fault__dispute").get(pk=rescore_id)
    changed = Rescore.objects.filter(pk=rescore_id, state=RescoreState.ASKED).update(
        state=RescoreState.FAILED, failure=reason[:200], answered_at=at
    )
    if changed:
        record(rescore.fault.dispute, "rescore.failed", actor=None, at=at, about=rescore)


def set_secret(service: ScoringService, *, actor: User, at: datetime) -> str:
    """Make a new shared secret and return it this once."""
    require(actor, "disputes.change_scoringservice")
    secret = secrets.token_urlsafe(32)
    service.secret = crypto.encrypt(PURPOSE, secret.encode())
    service.save(update_fields=["secret"])
    record(service, "scoring_service.secret_set", actor=actor, at=at)
    return secret


def _affected(
    fault: PipelineFault, by_version: QuerySet[Assessment], by_gap: QuerySet[Assessment]
) -> QuerySet[Assessment]:
    return by_version if fault.kind == FaultKind.VERSION else by_gap


def _ask(fault: PipelineFault, assessment: Assessment, *, actor: User, at: datetime) -> Rescore | None:
    try:
        with transaction.atomic():
            rescore = Rescore.objects.create(
                fault=fault, assessment=assessment, key=f"rescore-{fault.pk}-{assessment.pk}-{assessment.rescores.count()}", asked_by=actor, asked_at=at
            )  # fmt: skip
    except IntegrityError:
        return None
    enqueue("disputes.rescore", key=f"rescore:{rescore.pk}", at=at, rescore=rescore.pk)
    return rescore


def _service(system: System) -> ScoringService:
    service = ScoringService.objects.filter(system=system, is_active=True).first()
    if service is None:
        raise Refused(_("No scoring service is set for %(system)s. A lead can add it.") % {"system": system.name})
    return service


def _signature(service: ScoringService, key: str, body: bytes, at: datetime) -> dict[str, str]:
    """Standard Webhooks headers over id, time and body."""
    if not service.secret:
        return {}
    secret = crypto.decrypt(PURPOSE, bytes(service.secret))
    stamp = str(int(at.timestamp()))
    signed = hmac.new(secret, f"{key}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": key,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(signed).decode("ascii"),
    }


def _snapshot(told: dict[str, Any], assessment: Assessment, at: datetime) -> Snapshot:
    """What the service answered as a snapshot; it names the version it used, which need not be today's."""
    assessed_at = parse_datetime(str(told.get("assessed_at", ""))) or at
    return Snapshot(
        candidate_ref=assessment.candidate_ref,
        label=str(told["label"]),
        confidence=float(told["confidence"]),
        reason_codes=tuple(str(code) for code in told.get("reason_codes", [])),
        telemetry=dict(told.get("telemetry", {})),
        model_version=str(told["model_version"]),
        rules_version=str(told["rules_version"]),
        assessed_at=assessed_at,
    )
