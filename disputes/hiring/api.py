"""The hiring check by HTTP (scope disputes)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from config.casework import clock
from config.casework.api.base import answers
from config.casework.api.schemas import Input, Moment
from config.casework.api.security import caller
from disputes.assessments.api import DISPUTES, known
from disputes.hiring.choices import Door
from disputes.hiring.services import check_decision

router = Router(tags=["disputes"])


class CheckIn(Input):
    """A decision somebody is about to take; reasons come from a closed list."""

    assessment: Annotated[str, Field(max_length=200)]
    reasons: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=50)]
    decision: Literal["reject", "advance"] | None = None
    organization: Annotated[str, Field(max_length=60)] | None = None
    label_seen_at: Moment | None = None


class CheckOut(BaseModel):
    """Whether the decision stands, and why; `review_open_until` while a dispute is open."""

    allowed: bool
    why: str
    review_open_until: datetime | None = None


@router.post(
    "/check",
    auth=DISPUTES,
    response=answers({200: CheckOut}, 404),
    exclude_none=True,
    summary="Ask before deciding about an application",
)
def check(request: HttpRequest, payload: CheckIn) -> dict[str, Any]:
    """Authenticity alone never allows a rejection. No answer means: do not reject automatically."""
    system, slash, external_id = payload.assessment.partition("/")
    if not slash:
        raise Http404
    verdict = check_decision(
        known(system, external_id),
        payload.reasons,
        actor=caller(request),
        at=clock.now(),
        door=Door.API,
        decision=payload.decision or "",
        organization_key=payload.organization or "",
        label_seen_at=payload.label_seen_at,
    )
    return {"allowed": verdict.allowed, "why": verdict.why, "review_open_until": verdict.review_open_until}
