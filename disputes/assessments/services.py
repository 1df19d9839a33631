"""Take assessments in, say what their label is worth, and move their standing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max, Q
from django.utils.translation import gettext as _

from config.casework.access.actors import Actor, actor_user
from config.casework.access.models import User
from config.casework.access.services import operator_organization
from config.casework.audit.services import pseudonym, record
from config.casework.catalogue.models import Organization, System
from config.casework.events import publish
from config.casework.transitions import Refused
from disputes.assessments import notices
from disputes.assessments.choices import (
    IN_FORCE,
    OUTCOMES,
    Intake,
    ScoringPart,
    Standing,
    VersionKind,
    ViewChannel,
)
from disputes.assessments.events import StandingChanged
from disputes.assessments.models import (
    Assessment,
    AssessmentVersion,
    EmployerSwitch,
    LabelView,
    ScoringVersion,
)
from disputes.assessments.policy import policy_of
from disputes.assessments.snapshots import Snapshot


@dataclass(frozen=True)
class Put:
    """What a snapshot did: the assessment, whether it is new, and the row that keeps the snapshot."""

    assessment: Assessment
    created: bool
    version: AssessmentVersion
    added: bool


@dataclass(frozen=True)
class StandingView:
    """What an employer sees of an assessment (contract.md, `GET .../standing`)."""

    label: str | None
    status: str
    employer_note: str
    candidate_informed_at: datetime | None


def put_assessment(
    system: System, external_id: str, snapshot: Snapshot, *, actor: Actor, at: datetime, intake: Intake = Intake.API
) -> Put:
    """Keep a snapshot; it comes into force unless a newer one is there or a dispute holds the assessment.

    The same measurement again adds nothing. What a dispute froze is a row that no later snapshot touches; once disputed,
    only the decision changes the standing (DSP-05).

    Raises:
        ValidationError: keyed by field.
    """
    snapshot.check()
    organization = _organization(snapshot)
    with transaction.atomic():
        assessment, created = _row(system, external_id, snapshot, organization, at)
        _check_same_person(assessment, snapshot, organization)
        version, added = _keep(assessment, snapshot, intake=intake, at=at)
        newest = assessment.current is None or version.assessed_at >= assessment.current.assessed_at
        changed = added and newest and assessment.standing in (Standing.NOT_ASSESSED, Standing.FINAL)
        before = assessment.standing, assessment.label
        if changed:
            _bring_into_force(assessment, version)
            if before[0] != Standing.FINAL:
                assessment.standing, assessment.standing_at = Standing.FINAL, at
        _take_contact(assessment, snapshot)
        notices.follow(assessment, told_at=snapshot.informed_at, relabelled=changed and before[1] != version.label)
        assessment.save()
        notices.ask(assessment, at=at)
        if created or added:
            _log(assessment, "assessment.received", actor, at, number=version.number, intake=str(intake))
        if changed and before[0] != assessment.standing:
            publish(StandingChanged(assessment, before[0], assessment.standing, at))
    return Put(assessment, created, version, added)


def standing(assessment: Assessment, at: datetime) -> StandingView:
    """What an employer sees now. Reading it changes nothing; whoever shows the label records a view.

    A label that can be contested is hidden until its subject was told (SC-39), and from organisations whose switch is on.
    """
    status = Standing(assessment.standing)
    policy = policy_of(assessment.system)
    untold = (
        status == Standing.FINAL
        and assessment.contestable
        and assessment.candidate_informed_at is None
        and policy.notice_required
    )
    if untold or (status in IN_FORCE and is_hidden(assessment, at)):
        status = Standing.NOT_ASSESSED
    return StandingView(
        label=assessment.label if status in IN_FORCE else None,
        status=status.value,
        employer_note=policy.employer_note(status),
        candidate_informed_at=assessment.candidate_informed_at,
    )


def employer_previews(assessment: Assessment, *, rescored_label: str = "") -> dict[str, tuple[str | None, str]]:
    """The label and the note an employer would read in each standing, word for word, for pages that promise them."""
    policy = policy_of(assessment.system)
    labels = {Standing.RESCORED: rescored_label or None}
    return {
        status.value: (
            labels.get(status, assessment.label) if status in IN_FORCE else None,
            policy.employer_note(status),
        )
        for status in Standing
    }


def is_hidden(assessment: Assessment, at: datetime) -> bool:
    """Whether labels of this system are hidden from the organisation (SC-42)."""
    return (
        EmployerSwitch.objects.filter(organization_id=assessment.organization_id, lifted_at=None, hidden_at__lte=at)
        .filter(Q(until=None) | Q(until__gt=at))
        .filter(Q(system=None) | Q(system_id=assessment.system_id))
        .exists()
    )


def record_view(assessment: Assessment, *, channel: ViewChannel, viewer: str, at: datetime) -> None:
    """Note who was shown the label in force: they are told what becomes of it."""
    if assessment.current_id is None:
        return
    key = {"assessment": assessment, "version_id": assessment.current_id, "channel": channel, "viewer": viewer[:200]}
    seen = LabelView.objects.filter(**key).update(last_at=at, times=F("times") + 1)
    if not seen:
        row = LabelView(**key, organization_id=assessment.organization_id, first_at=at, last_at=at)
        LabelView.objects.bulk_create([row], ignore_conflicts=True)


def mark_under_review(
    assessment: Assessment, *, actor: Actor, at: datetime, review_open_until: datetime | None = None
) -> Assessment:
    """Put an assessment under review: from now on no label, score or reason is shown (DSP-05, DSP-06).

    Twice is as good as once; a decided one comes back for its appeal.

    Args:
        review_open_until: by when the dispute is decided, aware; the hiring check names it.
    Raises:
        Refused: nothing was assessed yet.
    """
    with transaction.atomic():
        row = _locked(assessment)
        if row.current_id is None:
            raise Refused(_("Nothing was assessed yet, so there is nothing to dispute."))
        row.review_open_until = review_open_until
        if row.candidate_informed_at is None:
            notices.follow(row, told_at=at, relabelled=False)  # whoever disputes a label knows of it
        _move(row, Standing.UNDER_REVIEW, actor=actor, at=at)
    assessment.refresh_from_db()
    return assessment


def set_outcome(
    assessment: Assessment, outcome: Standing, *, actor: Actor, at: datetime, version: AssessmentVersion | None = None
) -> Assessment:
    """End a review: the label is removed, confirmed, scored again or withdrawn undecided (DSP-11).

    Args:
        version: the snapshot that counts from now on; a re-score demands the re-scored one.
    Raises:
        Refused: it is not under review, or the outcome does not fit.
    """
    if outcome not in OUTCOMES:
        raise Refused(_("“%(outcome)s” is no outcome of a review.") % {"outcome": outcome})
    if version is not None and version.assessment_id != assessment.pk:
        raise Refused(_("This snapshot belongs to another assessment."))
    if outcome == Standing.RESCORED and (version is None or version.kind != VersionKind.RESCORE):
        raise Refused(_("“Scored again” needs the re-scored snapshot."))
    with transaction.atomic():
        row = _locked(assessment)
        if row.standing != Standing.UNDER_REVIEW:
            raise Refused(_("It is not under review."))
        row.review_open_until = None
        if version is not None:
            _bring_into_force(row, version)
            notices.follow(row, told_at=at, relabelled=False)  # the letter of the decision tells them
        _move(row, Standing(outcome), actor=actor, at=at)
    assessment.refresh_from_db()
    return assessment


def end_review(assessment: Assessment, *, actor: Actor, at: datetime) -> Assessment:
    """The candidate no longer contests it: the label stands as it did before the dispute.

    Raises:
        Refused: it is not under review.
    """
    with transaction.atomic():
        row = _locked(assessment)
        if row.standing != Standing.UNDER_REVIEW:
            raise Refused(_("It is not under review."))
        row.review_open_until = None
        _move(row, Standing.FINAL, actor=actor, at=at)
    assessment.refresh_from_db()
    return assessment


def add_rescore(
    assessment: Assessment, snapshot: Snapshot, *, answers: AssessmentVersion, fault: str, actor: Actor, at: datetime
) -> AssessmentVersion:
    """Keep the result of a re-score beside the first one; it counts once a decision says so (DSP-07, SC-21).

    Args:
        answers: the snapshot that was scored again.
        fault: key of the recorded pipeline fault.
    Raises:
        Refused: no pipeline fault is recorded.
        ValidationError: the result cannot be kept; keyed by field.
    """
    if not fault.strip():
        raise Refused(_("Scoring again needs a recorded fault of the data pipeline."))
    snapshot.check()
    with transaction.atomic():
        row = _locked(assessment)
        _check_same_person(row, snapshot, None)
        version, added = _keep(
            row,
            snapshot,
            intake=Intake.RESCORE,
            at=at,
            kind=VersionKind.RESCORE,
            supersedes=answers,
            fault=fault.strip(),
            requested_by=actor_user(actor),
        )
        if added:
            _log(row, "assessment.rescored", actor, at, number=version.number, fault=fault)
    return version


# --- steps of the above --------------------------------------------------------------------------------------------


def _organization(snapshot: Snapshot) -> Organization | None:
    if not snapshot.organization:
        return None
    found = Organization.objects.filter(key=snapshot.organization).first()
    if found is None:
        raise ValidationError({"organization": _("There is no such organisation.")})
    return found


def _row(
    system: System, external_id: str, snapshot: Snapshot, organization: Organization | None, at: datetime
) -> tuple[Assessment, bool]:
    """The locked row; of parallel first calls one makes it."""
    _row_made, created = Assessment.objects.get_or_create(
        system=system,
        external_id=external_id,
        defaults={
            "organization": organization or operator_organization(),
            "candidate_ref": snapshot.candidate_ref,
            "assessed_at": snapshot.assessed_at,
            "received_at": at,
            "standing_at": at,
        },
    )
    locked = Assessment.objects.select_for_update(of=("self",)).select_related("system", "current")
    return locked.get(system=system, external_id=external_id), created


def _locked(assessment: Assessment) -> Assessment:
    rows = Assessment.objects.select_for_update(of=("self",)).select_related("system", "current")
    locked: Assessment = rows.get(pk=assessment.pk)
    return locked


def _check_same_person(assessment: Assessment, snapshot: Snapshot, organization: Organization | None) -> None:
    errors = {}
    if assessment.candidate_ref and assessment.candidate_ref != snapshot.candidate_ref:
        errors["candidate_ref"] = _("This assessment belongs to another candidate.")
    if organization is not None and assessment.organization_id != organization.pk:
        errors["organization"] = _("This assessment belongs to another organisation.")
    if errors:
        raise ValidationError(errors)


def _keep(
    assessment: Assessment, snapshot: Snapshot, *, intake: Intake, at: datetime, **kind: Any
) -> tuple[AssessmentVersion, bool]:
    """The row that holds a measurement, made unless it exists; `assessment` is locked."""
    digest = snapshot.digest
    known = assessment.versions.filter(digest=digest, kind=kind.get("kind", VersionKind.ORIGINAL)).first()
    if known is not None:
        return known, False
    last = assessment.versions.aggregate(last=Max("number"))["last"] or 0
    version = AssessmentVersion.objects.create(
        assessment=assessment,
        number=last + 1,
        intake=intake,
        label=snapshot.label,
        confidence=snapshot.confidence,
        reason_codes=list(snapshot.reason_codes),
        telemetry=dict(snapshot.telemetry),
        model_version=snapshot.model_version,
        rules_version=snapshot.rules_version,
        assessed_at=snapshot.assessed_at,
        assessed_by=snapshot.assessed_by,
        assessor=User.objects.filter(email=snapshot.assessed_by.strip().lower()).first()
        if snapshot.assessed_by
        else None,
        received_at=at,
        extra=dict(snapshot.extra),
        digest=digest,
        **kind,
    )
    _note_version(assessment.system, ScoringPart.MODEL, snapshot.model_version, snapshot.assessed_at)
    _note_version(assessment.system, ScoringPart.RULES, snapshot.rules_version, snapshot.assessed_at)
    return version, True


def _note_version(system: System, part: ScoringPart, key: str, seen_at: datetime) -> None:
    """A version nobody registered is kept as seen, from its first use on."""
    row = ScoringVersion(system=system, part=part, key=key, active_from=seen_at, declared=False)
    ScoringVersion.objects.bulk_create([row], ignore_conflicts=True)
    ScoringVersion.objects.filter(system=system, part=part, key=key, declared=False, active_from__gt=seen_at).update(
        active_from=seen_at
    )


def _bring_into_force(assessment: Assessment, version: AssessmentVersion) -> None:
    assessment.current = version
    assessment.label = version.label
    assessment.model_version = version.model_version
    assessment.rules_version = version.rules_version
    assessment.assessed_at = version.assessed_at
    assessment.contestable = policy_of(assessment.system).is_contestable(version.label)


def _take_contact(assessment: Assessment, snapshot: Snapshot) -> None:
    """What a later call leaves out stays as it was."""
    if snapshot.email is not None and snapshot.email.strip().lower() != assessment.candidate_email:
        assessment.candidate_email = snapshot.email.strip().lower()
        notices.new_address(assessment)
    if snapshot.locale is not None:
        assessment.candidate_locale = snapshot.locale
    if snapshot.recipients is not None:
        assessment.recipients = list(snapshot.recipients)
    if snapshot.decision_due_at is not None:
        assessment.decision_due_at = snapshot.decision_due_at
    assessment.job_ref = snapshot.job_ref or assessment.job_ref


def _move(row: Assessment, after: Standing, *, actor: Actor, at: datetime) -> None:
    before = row.standing
    if before != after:
        row.standing, row.standing_at = after, at
    row.save()
    if before != after:
        _log(row, f"assessment.{after.value}", actor, at, standing=[before, after.value])
        publish(StandingChanged(row, before, after.value, at))


def _log(assessment: Assessment, action: str, actor: Actor, at: datetime, **detail: Any) -> None:
    record(assessment, action, actor=actor, at=at, detail=detail, subject=pseudonym(subject_of(assessment)))


def subject_of(assessment: Assessment) -> str:
    """The strong identifier by which the trail knows the candidate: the address, else the system's own id."""
    return (assessment.candidate_email or f"{assessment.system.key}:{assessment.candidate_ref}")[:254]
