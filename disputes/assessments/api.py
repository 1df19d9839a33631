"""Assessments by HTTP (scope disputes): put a snapshot, ask what its label is worth."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router
from ninja.responses import Status
from pydantic import BaseModel, Field

from config.casework import clock
from config.casework.access.actors import actor_label
from config.casework.access.choices import Scope
from config.casework.api.base import answers
from config.casework.api.errors import Invalid
from config.casework.api.schemas import Input, Moment, PlannedMoment, is_fit
from config.casework.api.security import Bearer, caller
from config.casework.catalogue.models import System
from disputes.assessments import notices
from disputes.assessments.choices import ViewChannel
from disputes.assessments.models import Assessment
from disputes.assessments.selectors import find_assessment
from disputes.assessments.services import put_assessment, record_view, standing
from disputes.assessments.snapshots import Snapshot

router = Router(tags=["disputes"])
DISPUTES = Bearer(Scope.DISPUTES)
LONGEST_ID = 120

Text200 = Annotated[str, Field(max_length=200)]
Count = Annotated[int, Field(ge=0, le=10**12)]


class Telemetry(Input):
    """How much of what should have been recorded was; `gaps` as the sender describes them."""

    expected: Count | None = None
    received: Count | None = None
    gaps: Annotated[list[Any], Field(max_length=2000)] = []


class Candidate(Input):
    """Where, and in which language, the candidate is told."""

    email: Annotated[str, Field(max_length=254)] | None = None
    locale: Annotated[str, Field(max_length=35)] | None = None


class SnapshotIn(Input):
    """One result of a scoring system; further fields are kept."""

    candidate_ref: Annotated[str, Field(min_length=1, max_length=200)]
    label: Annotated[str, Field(min_length=1, max_length=120)]
    confidence: Annotated[float, Field(ge=0, le=1)]
    reason_codes: Annotated[list[Annotated[str, Field(min_length=1, max_length=80)]], Field(max_length=100)] = []
    telemetry: Telemetry = Telemetry()
    model_version: Annotated[str, Field(min_length=1, max_length=80)]
    rules_version: Annotated[str, Field(min_length=1, max_length=80)]
    assessed_at: Moment
    assessed_by: Text200 | None = None
    organization: Annotated[str, Field(max_length=60)] | None = None
    job: Annotated[str, Field(max_length=120)] | None = None
    recipients: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=200)] | None = (
        None
    )
    candidate: Candidate | None = None
    candidate_informed_at: Moment | None = None
    decision_due_at: PlannedMoment | None = None

    def snapshot(self) -> Snapshot:
        candidate = self.candidate or Candidate()
        return Snapshot(
            candidate_ref=self.candidate_ref,
            label=self.label,
            confidence=self.confidence,
            reason_codes=tuple(self.reason_codes),
            telemetry=self.telemetry.model_dump(mode="json", exclude_none=True),
            model_version=self.model_version,
            rules_version=self.rules_version,
            assessed_at=self.assessed_at,
            assessed_by=self.assessed_by or "",
            organization=self.organization or "",
            job_ref=self.job or "",
            recipients=None if self.recipients is None else tuple(self.recipients),
            email=candidate.email,
            locale=candidate.locale,
            informed_at=self.candidate_informed_at,
            decision_due_at=self.decision_due_at,
            extra=self.model_extra or {},
        )


class PutOut(BaseModel):
    """What became of a snapshot; `dispute_url` opens the dispute form without typing."""

    system: str
    external_id: str
    version: int
    status: str
    candidate_informed_at: datetime | None
    dispute_url: str


class StandingOut(BaseModel):
    """What an employer may be shown. `auto_reject_allowed` is never true."""

    label: str | None
    status: str
    employer_note: str
    auto_reject_allowed: bool
    candidate_informed_at: datetime | None


class Viewer(BaseModel):
    """Who will look at the answer, as the platform names them; they are told what becomes of the label."""

    viewer: str = Field(default="", max_length=200)


@router.put(
    "/{system}/{external_id}",
    auth=DISPUTES,
    response=answers({200: PutOut, 201: PutOut}, 404),
    summary="Put an assessment",
)
def put(request: HttpRequest, system: str, external_id: str, payload: SnapshotIn) -> Status[Mapping[str, Any]]:
    """Keep a snapshot: 201 for a new assessment, 200 for one that is known. The same measurement again adds nothing."""
    assessed_by = System.objects.filter(key=system).first() if len(system) <= 40 and is_fit(system) else None
    if assessed_by is None:
        raise Http404
    if len(external_id) > LONGEST_ID or not is_fit(external_id):
        raise Invalid(external_id=_("This has at most 120 characters."))
    now = clock.now()
    done = put_assessment(assessed_by, external_id, payload.snapshot(), actor=caller(request), at=now)
    answer = {
        "system": system,
        "external_id": external_id,
        "version": done.version.number,
        "status": standing(done.assessment, now).status,
        "candidate_informed_at": done.assessment.candidate_informed_at,
        "dispute_url": notices.dispute_url(done.assessment, at=now),
    }
    return Status(201 if done.created else 200, answer)


@router.get(
    "/{system}/{external_id}/standing",
    auth=DISPUTES,
    response=answers({200: StandingOut}, 404),
    summary="What a label is worth",
)
def read_standing(
    request: HttpRequest, system: str, external_id: str, viewer: Annotated[Viewer, Query()]
) -> dict[str, Any]:
    """The label as long as it is in force and its subject was told; else the neutral note. No answer means: show no label."""
    assessment, now = known(system, external_id), clock.now()
    view = standing(assessment, now)
    if view.label is not None:
        who = viewer.viewer or actor_label(caller(request))
        record_view(assessment, channel=ViewChannel.STANDING, viewer=who, at=now)
    return {
        "label": view.label,
        "status": view.status,
        "employer_note": view.employer_note,
        "auto_reject_allowed": False,
        "candidate_informed_at": view.candidate_informed_at,
    }


def known(system: str, external_id: str) -> Assessment:
    """The assessment with this name.

    Raises:
        Http404: there is none.
    """
    fits = len(external_id) <= LONGEST_ID and is_fit(external_id) and is_fit(system)
    assessment = find_assessment(system, external_id) if fits else None
    if assessment is None:
        raise Http404
    return assessment
