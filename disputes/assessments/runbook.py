"""The section `assessments` of a runbook file: labels, reason codes in words, notes, reasons, thresholds."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

from config.casework.catalogue.fields import Duration, Key, Line, RunbookModel, Share
from config.casework.catalogue.sections import Context, Finding, Section, setting
from disputes.assessments.choices import Standing
from disputes.assessments.policy import COMPLETE, LEAST_ON_EACH_SIDE, RETENTION, SECTION
from disputes.hiring.choices import AUTHENTICITY

SIX_MONTHS = timedelta(days=184)
type Words = dict[Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")], Line]


class Label(RunbookModel):
    """A label as the scoring system writes it; the employer reads the same words. One not named here can be contested."""

    label: Line
    contestable: bool


class ReasonCode(RunbookModel):
    """A reason code, and what it means in words a candidate understands, by language."""

    key: Key
    words: Words


class HiringReason(RunbookModel):
    """A reason an employer may give; the list is closed."""

    key: Key
    name: Line


class Circumstance(RunbookModel):
    """Something about a candidate's situation that is no fault; asked for without a diagnosis or proof."""

    key: Key
    name: Words


class Innocent(RunbookModel):
    """How a circumstance can cause a reason code (SC-36)."""

    code: Key
    circumstance: Key
    how: Words


class Assessments(RunbookModel):
    """All about the assessments of a system."""

    notice_required: bool = True
    measured: Words = {}
    labels: list[Label] = []
    reason_codes: list[ReasonCode] = []
    employer_notes: dict[Key, Line] = {}
    hiring_reasons: list[HiringReason] = []
    circumstances: list[Circumstance] = []
    innocent: list[Innocent] = []
    completeness_at_least: Share = COMPLETE
    proxy_at_least: Annotated[int, Field(ge=5, le=10_000)] = LEAST_ON_EACH_SIDE
    retention: Annotated[Duration, Field(ge=SIX_MONTHS)] = RETENTION


def _check(part: Assessments, context: Context) -> Iterator[Finding]:
    for status in part.employer_notes:
        if status not in Standing.values:
            yield Finding(("employer_notes", status), f"is no standing; there are {', '.join(Standing.values)}")
    if part.hiring_reasons and AUTHENTICITY not in {reason.key for reason in part.hiring_reasons}:
        yield Finding(("hiring_reasons",), f"must name {AUTHENTICITY}, or the guard would never see it")
    codes = {code.key for code in part.reason_codes}
    circumstances = {entry.key for entry in part.circumstances}
    for index, entry in enumerate(part.innocent):
        if entry.code not in codes:
            yield Finding(("innocent", index, "code"), f"{entry.code!r} is not among reason_codes")
        if entry.circumstance not in circumstances:
            yield Finding(("innocent", index, "circumstance"), f"{entry.circumstance!r} is not among circumstances")
    yield from _twice(part)


def _twice(part: Assessments) -> Iterator[Finding]:
    """Entries of one name; keys are checked by the loader, labels and pairs are not."""
    seen: set[object] = set()
    for name, entries in (("labels", [entry.label.casefold() for entry in part.labels]),):
        for index, entry in enumerate(entries):
            if entry in seen:
                yield Finding((name, index), "stands twice")
            seen.add(entry)
    for index, pair in enumerate((entry.code, entry.circumstance) for entry in part.innocent):
        if pair in seen:
            yield Finding(("innocent", index), "stands twice")
        seen.add(pair)


ASSESSMENTS: Section[Assessments] = setting(SECTION, Assessments, order=60, check=_check)
