"""The tabs of a dispute: the review in its reading order, the decision, what the employer sees, the letters."""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.urls import reverse

from config.casework import clock
from config.casework.access.models import User
from config.casework.approvals.services import current_approval
from config.casework.desk.base import acting_user
from config.casework.desk.display import person_name
from disputes.choices import IN_REVIEW, Outcome
from disputes.decisions import independence
from disputes.decisions.services import signers_missing
from disputes.effects import JOINT_DECISION
from disputes.filing import selectors as filings
from disputes.filing.models import CircumstanceReport
from disputes.guards import fit
from disputes.letters.selectors import unreachable
from disputes.models import Dispute
from disputes.rescoring.models import FaultKind, RescoreState
from disputes.review import selectors, services
from disputes.review.drawing import line
from disputes.review.models import Check

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin


def deed_url(admin: "CaseAdmin", dispute: Dispute, name: str, row: int | None = None) -> str:
    if row is None:
        return reverse(admin.url_name("do"), args=[dispute.pk, name])
    return reverse(admin.url_name("do_row"), args=[dispute.pk, name, row])


def review_tab(admin: "CaseAdmin", request: HttpRequest, dispute: Dispute) -> dict[str, Any]:
    """The account first; label, score and reasons only after the first impression."""
    user = acting_user(request)
    mine = selectors.review_of(dispute, user) if dispute.acknowledged_by_id == user.pk else None
    at_work = mine is not None and dispute.state in IN_REVIEW
    shown = selectors.may_see_score(dispute, user)
    services.seen(dispute, actor=user, what="score" if shown else "account", at=clock.now())
    reported = _reported(dispute, user)
    context: dict[str, Any] = {
        "filings": dispute.filings.order_by("filed_at", "pk"),
        "circumstances": [str(filings.circumstance_words(dispute.system).get(key, key)) for key in sorted(reported)],
        "sees_circumstances": _may_see_circumstances(dispute, user),
        "hearings": list(dispute.hearings.all()),
        "review": mine,
        "at_work": at_work,
        "shown": shown,
        "why_not": fit(dispute, user) or "" if dispute.state in IN_REVIEW else "",
        "second_looks": list(dispute.second_looks.select_related("asked_by", "asked_of")),
        "user_pk": user.pk,
        "do": deed_url(admin, dispute, "NAME").removesuffix("NAME/"),
        "minutes": mine.seconds // 60 if mine else 0,
    }
    return context | (_evidence(admin, dispute, mine, reported, at_work=at_work) if shown else {})


def _evidence(admin: "CaseAdmin", dispute: Dispute, mine: Any, reported: set[str], *, at_work: bool) -> dict[str, Any]:
    contested = dispute.contested
    done = {check.key: check for check in mine.checks.all()} if mine else {}
    count, cases = selectors.similar_cases(dispute)
    rows = selectors.code_rows(dispute, mine, reported, filings.circumstance_words(dispute.system))
    return {
        "contested": contested,
        "percent": round(contested.confidence * 100),
        "line": line(contested.telemetry),
        "incomplete": selectors.telemetry_is_incomplete(contested),
        "versions": selectors.versions(dispute),
        "codes": [(row, deed_url(admin, dispute, "code", row.number) if at_work else "") for row in rows],
        "checks": {
            check.value: {
                "label": check.label,
                "done": done.get(check.value),
                "url": deed_url(admin, dispute, "check", number) if at_work else "",
            }
            for number, check in enumerate(Check)
        },
        "similar_count": count,
        "similar": [(case, admin.page_url(case)) for case in cases],
        "faults": [
            (
                fault,
                deed_url(admin, dispute, "pattern", fault.pk),
                deed_url(admin, dispute, "mass", fault.pk),
                FaultKind(fault.kind).label,
            )
            for fault in dispute.faults.select_related("recorded_by", "incident")
        ],
        "rescores": dispute.assessment.rescores.select_related("version", "fault").filter(fault__dispute=dispute),
        "done_state": RescoreState.DONE,
    }


def decision_tab(admin: "CaseAdmin", request: HttpRequest, dispute: Dispute) -> dict[str, Any]:
    """What was decided, who must sign, what must be put right."""
    user = acting_user(request)
    approval = current_approval(dispute, JOINT_DECISION)
    excluded = User.objects.filter(pk__in=dispute.excluded_ids)
    why = independence.reasons(dispute)
    in_review = dispute.state in IN_REVIEW
    return {
        "decisions": list(dispute.decisions.select_related("decided_by").order_by("-proposed_at")),
        "approval": approval,
        "signatures": [
            (person_name(row.person), row.get_role_display(), row.at)
            for row in approval.signatures.select_related("person")
        ]
        if approval
        else [],
        "sign_url": deed_url(admin, dispute, "sign")
        if approval and not approval.granted_at and in_review and user.has_perm("disputes.decide_dispute")
        else "",
        "decide_url": deed_url(admin, dispute, "decide")
        if in_review and user.has_perm("disputes.review_dispute")
        else "",
        "lacking": selectors.missing(dispute, user) if dispute.acknowledged_by_id == user.pk and in_review else [],
        "excluded": [
            (person_name(person), independence.words_for_others(why.get(person.pk, ""))) for person in excluded
        ],
        "signers_missing": [str(role.label) for role in signers_missing(dispute, at=clock.now())]
        if dispute.touches_hiring and in_review
        else [],
        "outcome": Outcome(dispute.outcome) if dispute.outcome else None,
    }


def employer_tab(_admin: "CaseAdmin", _request: HttpRequest, dispute: Dispute) -> dict[str, Any]:
    """Word for word what the employer sees (DSP-06)."""
    return {"views": filings.employer_views(dispute.assessment, at=clock.now())}


def letters_tab(admin: "CaseAdmin", request: HttpRequest, dispute: Dispute) -> dict[str, Any]:
    """Every letter and how it fared; who could not be reached is told by hand."""
    may = acting_user(request).has_perm("disputes.change_letter")
    waiting = unreachable(dispute)
    rows = dispute.letters.select_related("message").order_by("-written_at", "-pk")
    return {
        "letters": [
            (letter, deed_url(admin, dispute, "told", letter.pk) if may and letter.pk in waiting else "")
            for letter in rows
        ]
    }


def _may_see_circumstances(dispute: Dispute, user: User) -> bool:
    """Special-category data: only who reviews this dispute now, and may."""
    return dispute.acknowledged_by_id == user.pk and not fit(dispute, user)


def _reported(dispute: Dispute, user: User) -> set[str]:
    if not _may_see_circumstances(dispute, user):
        return set()
    return set(CircumstanceReport.objects.filter(filing__dispute=dispute).values_list("kind", flat=True))
