"""Makers and ways through a dispute for tests."""

from datetime import datetime, timedelta
from typing import Any

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.transitions import apply
from disputes.assessments.models import Assessment
from disputes.filing.services import file_by_link
from disputes.models import Dispute
from disputes.register.models import ReviewerAuthority
from disputes.review import services as review
from disputes.review.models import Check
from tests import factories
from tests.disputes.makers import assessment

STATEMENT = "I dictated my answers; my wrist was in plaster."


def reviewer(at: datetime, name: str = "Rita Reviewer", *, role: Role = Role.REVIEWER, email: str = "") -> User:
    """A person with recorded competence and authority."""
    person = factories.person(role, name=name, email=email)
    ReviewerAuthority.objects.create(
        person=person,
        competence="trained",
        authority="decides disputes",
        starts_at=at - timedelta(days=1),
        ends_at=at + timedelta(days=365),
    )
    return person


def contested(at: datetime, **fields: Any) -> Assessment:
    """An assessment of a candidate whom we can write to, shown to an employer."""
    employer = factories.organization("acme", privacy_contact="privacy@acme.example")
    values = {
        "email": "eva@mail.example",
        "organization": employer.key,
        "recipients": ("hiring@acme.example",),
        "assessed_by": "",
    } | fields
    return assessment(at, **values)


def filed(at: datetime, row: Assessment | None = None, **values: Any) -> Dispute:
    """A dispute that came by the link of the notice."""
    row = row or contested(at)
    sent = {"statement": STATEMENT, "points": ["label"], "circumstances": ["dictation"], "files": []} | values
    return file_by_link(row, sent, at=at, language="en-gb").dispute


def taken(dispute: Dispute, person: User, at: datetime) -> Dispute:
    return apply(dispute, "acknowledge", actor=person, at=at)


def reviewed(dispute: Dispute, person: User, at: datetime, *, counts: bool = True) -> Dispute:
    """Taken, impression noted, score seen, four checks ticked, each code answered."""
    dispute.refresh_from_db()
    taken(dispute, person, at)
    review.note_impression(dispute, impression="open", note="", actor=person, at=at)
    review.reveal(dispute, actor=person, at=at)
    for check in Check:
        review.tick(dispute, key=check.value, note="as it should be", actor=person, at=at)
    for code in dispute.contested.reason_codes:
        review.answer(
            dispute,
            code=code,
            counts=counts,
            circumstance="" if counts else "dictation",
            actor=person,
            at=at,
        )
    dispute.refresh_from_db()
    return dispute
