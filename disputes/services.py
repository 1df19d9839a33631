"""Open a dispute, or join the one there is: from then on no label is shown (DSP-01, DSP-05, DSP-18)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from config import traceparent
from config.casework.access.actors import Actor
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.cases.references import public_reference
from config.casework.catalogue.models import System
from config.casework.events import publish
from config.casework.files.models import StoredFile
from config.casework.transitions import Refused
from disputes import clocks
from disputes.assessments.choices import Standing
from disputes.assessments.models import Assessment
from disputes.assessments.services import mark_under_review, put_assessment
from disputes.assessments.snapshots import Snapshot
from disputes.choices import OPEN_STATES
from disputes.decisions import independence
from disputes.events import DisputeFiled
from disputes.filing.choices import FilingState, Way
from disputes.filing.models import Filing
from disputes.hiring.models import HiringDecision
from disputes.letters import services as letters
from disputes.letters.models import LetterKind
from disputes.models import Dispute
from incidents.procedures.models import Procedure, Run
from incidents.procedures.services import start_run

LEAD = "disputes.lead_dispute"
PLAYBOOK_MONITOR = "dispute-filed"
ATTEMPTS = 5
LABEL_GONE = (Standing.LABEL_REMOVED, Standing.WITHDRAWN_UNDECIDED, Standing.LABEL_CONFIRMED)


@dataclass(frozen=True)
class Taken:
    """What became of a filing: its dispute, and whether that was opened for it."""

    dispute: Dispute
    opened: bool


def take_filing(filing: Filing, *, at: datetime, actor: Actor = None, is_rehearsal: bool = False) -> Taken:
    """Accept a filing whose sender is known to be the candidate: open a dispute, or join the open one.

    Twenty parallel filings get one dispute: the partial unique constraint decides, not the look before it.

    Raises:
        Refused: nothing was assessed yet.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _take(filing, at=at, actor=actor, is_rehearsal=is_rehearsal)
        except IntegrityError:  # somebody was faster, or the random reference exists
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def find_open(assessment: Assessment) -> Dispute | None:
    return Dispute.objects.filter(assessment=assessment, state__in=OPEN_STATES).first()


def rehearse(system: System, *, actor: Actor, at: datetime) -> Dispute:
    """Open a marked rehearsal on a made-up assessment; its letters are written and none is sent (DSP-09).

    Raises:
        PermissionDenied: the actor may not rehearse.
    """
    require(actor, LEAD)
    snapshot = Snapshot(
        candidate_ref="rehearsal",
        label="heavy assistance suspected",
        confidence=0.87,
        reason_codes=("paste_burst", "typing_rhythm"),
        telemetry={"expected": 1200, "received": 1104, "gaps": [{"from": 300, "to": 396}]},
        model_version="rehearsal",
        rules_version="rehearsal",
        assessed_at=at,
        email="rehearsal@example.invalid",
        locale="en",
        informed_at=at,
    )
    with transaction.atomic():
        put = put_assessment(system, f"rehearsal-{uuid4().hex[:12]}", snapshot, actor=actor, at=at)
        filing = Filing.objects.create(
            assessment=put.assessment,
            state=FilingState.CONFIRMED,
            way=Way.STAFF,
            email=snapshot.email or "",
            points=["label"],
            statement=_("Rehearsal: I dictated all my answers, because my wrist was in plaster."),
            filed_at=at,
            confirmed_at=at,
        )
        return take_filing(filing, at=at, actor=actor, is_rehearsal=True).dispute


def _take(filing: Filing, *, at: datetime, actor: Actor, is_rehearsal: bool) -> Taken:
    assessment = (
        Assessment.objects.select_for_update(of=("self",))
        .select_related("system__calendar", "organization", "current")
        .get(pk=filing.assessment_id)
    )
    dispute = find_open(assessment) or _settled(assessment)
    opened = dispute is None
    if dispute is None:
        dispute = _open(assessment, filing, at=at, actor=actor, is_rehearsal=is_rehearsal)
    filing.dispute, filing.assessment = dispute, assessment
    filing.state = FilingState.ACCEPTED if opened else FilingState.JOINED
    filing.save()
    _take_files(filing, dispute)
    if opened:
        letters.to_everybody(dispute, LetterKind.ACCEPTED, at=at)
    else:
        record(dispute, "dispute.joined", actor=actor, at=at, about=filing)
        letters.to_candidate(dispute, LetterKind.JOINED, at=at, once=str(filing.pk))
    return Taken(dispute, opened)


def _settled(assessment: Assessment) -> Dispute | None:
    """The dispute that ended for good: the label is gone, or was confirmed and the way of appeal used or let pass."""
    if assessment.standing not in LABEL_GONE:
        return None
    return Dispute.objects.filter(assessment=assessment).exclude(outcome="").order_by("-pk").first()


def _open(assessment: Assessment, filing: Filing, *, at: datetime, actor: Actor, is_rehearsal: bool) -> Dispute:
    current = assessment.current
    if current is None:
        raise Refused(_("Nothing was assessed yet, so there is nothing to dispute."))
    trace = traceparent.current()
    dispute = Dispute.objects.create(
        reference=public_reference(Dispute.PREFIX, at),
        system=assessment.system,
        organization=assessment.organization,
        title=_("Assessment %(id)s contested") % {"id": assessment.external_id},
        assessment=assessment,
        contested=current,
        candidate_email=filing.email or assessment.candidate_email,
        language=filing.language,
        touches_hiring=HiringDecision.objects.filter(assessment=assessment).exists(),
        decision_due_at=assessment.decision_due_at,
        received_at=filing.filed_at,
        trace_id=trace.trace_id if trace else "",
        is_rehearsal=is_rehearsal,
    )
    independence.refresh(dispute)
    dispute.times_out_at = clocks.begin(dispute, at=at)
    dispute.playbook_run = _playbook(dispute, at=at)
    dispute.save(update_fields=["times_out_at", "playbook_run"])
    record(dispute, "dispute.accepted", actor=actor, at=at, detail={"way": filing.way, "rehearsal": is_rehearsal})
    mark_under_review(assessment, actor=None, at=at, review_open_until=dispute.times_out_at)
    publish(DisputeFiled(dispute, at))
    return dispute


def _playbook(dispute: Dispute, *, at: datetime) -> Run | None:
    """Attach the playbook that the runbook file ties to filed disputes (INC-50)."""
    procedures = Procedure.objects.filter(system=dispute.system, is_active=True)
    found = next((row for row in procedures if any(str(key).endswith(PLAYBOOK_MONITOR) for key in row.monitors)), None)
    return start_run(found, actor=None, at=at) if found else None


def _take_files(filing: Filing, dispute: Dispute) -> None:
    """Files that came with the form belong to the dispute from now on."""
    of_filing = StoredFile.objects.filter(content_type=ContentType.objects.get_for_model(filing), object_id=filing.pk)
    of_filing.update(
        content_type=ContentType.objects.get_for_model(dispute), object_id=dispute.pk, retention_until=None
    )
