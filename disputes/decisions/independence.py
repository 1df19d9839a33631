"""Whose decision would not be independent (DSP-10): one rule for buttons, API, imports, approvals and the database."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from config.casework.access.models import User
from disputes.decisions.models import Decision, ReportingLine
from disputes.models import Dispute
from disputes.rescoring.models import Rescore

ASSESSED, RESCORED, DECIDED, LINE = "assessed", "rescored", "decided", "line"


def why_not(dispute: Dispute, person: User) -> str:
    """Why this person may not decide, in words for them; empty when they may."""
    return words(reasons(dispute).get(person.pk, ""))


def words(reason: str) -> str:
    """A reason in words."""
    return {
        ASSESSED: _("You assessed or labelled this candidate, so somebody else must decide."),
        RESCORED: _("You asked for the new score, so somebody else must decide."),
        DECIDED: _("You decided it before, so somebody else must decide the appeal."),
        LINE: _("Somebody of your reporting line had a part in the assessment, so somebody else must decide."),
    }.get(reason, "")


def words_for_others(reason: str) -> str:
    """A reason in words about somebody."""
    return {
        ASSESSED: _("assessed or labelled it"),
        RESCORED: _("asked for the new score"),
        DECIDED: _("decided it before"),
        LINE: _("of the same reporting line"),
    }.get(reason, "")


def reasons(dispute: Dispute) -> dict[int, str]:
    """The people whose decision would not count, each with the gravest reason."""
    found: dict[int, str] = {}
    assessors = set(dispute.assessment.versions.exclude(assessor=None).values_list("assessor_id", flat=True))
    rescorers = set(Rescore.objects.filter(assessment=dispute.assessment_id).values_list("asked_by_id", flat=True))
    rescorers |= set(dispute.assessment.versions.exclude(requested_by=None).values_list("requested_by_id", flat=True))
    deciders = set(
        Decision.objects.filter(dispute=dispute, effective_at__isnull=False)
        .exclude(stage=stage_of(dispute))
        .values_list("decided_by_id", flat=True)
    )
    for people, reason in (
        (line_of(assessors | rescorers), LINE),
        (deciders, DECIDED),
        (rescorers, RESCORED),
        (assessors, ASSESSED),
    ):
        found.update(dict.fromkeys(people, reason))
    return found


def line_of(people: Iterable[int]) -> set[int]:
    """Everybody above and below these people, as far as it is recorded."""
    above = dict(ReportingLine.objects.values_list("person_id", "superior_id"))
    below: dict[int, set[int]] = {}
    for person, boss in above.items():
        below.setdefault(boss, set()).add(person)
    line: set[int] = set()
    for start in people:
        superior = above.get(start)
        while superior is not None and superior not in line:
            line.add(superior)
            superior = above.get(superior)
        waiting = list(below.get(start, ()))
        while waiting:
            person = waiting.pop()
            if person not in line:
                line.add(person)
                waiting.extend(below.get(person, ()))
    return line


def refresh(dispute: Dispute) -> list[int]:
    """Keep the excluded people on the dispute, where the database holds deciders against them."""
    excluded = sorted(reasons(dispute))
    if excluded != dispute.excluded_ids:
        dispute.excluded_ids = excluded
        type(dispute).objects.filter(pk=dispute.pk).update(excluded_ids=excluded)
    return excluded


def stage_of(dispute: Dispute) -> str:
    return "appeal" if dispute.appealed_at else "review"
