"""What the runbook file says about a system's assessments, with the defaults that hold where it says nothing.

Every default is on the candidate's side: a label nobody described can be contested, and its subject must be told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from config.casework.catalogue.fields import parse_duration
from config.casework.catalogue.models import System
from disputes.assessments.choices import Standing

SECTION = "assessments"
HIRING_REASONS = (
    "authenticity",
    "skills",
    "experience",
    "qualification",
    "language",
    "interview",
    "availability",
    "salary",
    "location",
    "work_permit",
    "references",
    "position_filled",
    "other",
)
LEAST_ON_EACH_SIDE = 20
COMPLETE = 0.95
RETENTION = timedelta(days=365)


@dataclass(frozen=True)
class Policy:
    """The section `assessments` of one system's runbook file."""

    data: Mapping[str, Any]

    @property
    def notice_required(self) -> bool:
        """Whether a contestable label is hidden until its subject was told (SC-39); on unless switched off."""
        return bool(self.data.get("notice_required", True))

    @property
    def measured(self) -> str:
        """What is measured, in the present language."""
        return in_language(self.data.get("measured", {})) or _("how the answers of an interview were given")

    @property
    def completeness_at_least(self) -> float:
        """Share of telemetry below which the desk hints at a pipeline fault (DSP-03)."""
        return float(self.data.get("completeness_at_least", COMPLETE))

    @property
    def proxy_at_least(self) -> int:
        """How many candidates each side of the proxy watch needs (SC-42)."""
        return int(self.data.get("proxy_at_least", LEAST_ON_EACH_SIDE))

    @property
    def retention(self) -> timedelta:
        """How long an assessment is kept after it was made, unless a dispute holds it."""
        return parse_duration(self.data["retention"]) if "retention" in self.data else RETENTION

    @property
    def hiring_reasons(self) -> tuple[str, ...]:
        """The closed list of reasons an employer may give."""
        named = tuple(reason["key"] for reason in self.data.get("hiring_reasons", ()))
        return named or HIRING_REASONS

    @property
    def circumstances(self) -> dict[str, str]:
        """Innocent circumstances a candidate may name, in the present language, by key."""
        return {entry["key"]: in_language(entry["name"]) for entry in self.data.get("circumstances", ())}

    def is_contestable(self, label: str) -> bool:
        for entry in self.data.get("labels", ()):
            if entry["label"].casefold() == label.casefold():
                return bool(entry["contestable"])
        return True

    def reason_words(self, code: str) -> str:
        """A reason code in plain words of the present language."""
        for entry in self.data.get("reason_codes", ()):
            if entry["key"] == code:
                return in_language(entry["words"])
        return _("Nothing is recorded about what “%(code)s” means.") % {"code": code}

    def explanations(self, code: str) -> dict[str, str]:
        """How each innocent circumstance can cause a reason code, by the circumstance's key (SC-36)."""
        return {
            entry["circumstance"]: in_language(entry["how"])
            for entry in self.data.get("innocent", ())
            if entry["code"] == code
        }

    def employer_note(self, status: str) -> str:
        """What the employer reads beside the label, or instead of it; the same words for everybody."""
        notes: Mapping[str, str] = self.data.get("employer_notes", {})
        return notes.get(status) or NOTES[Standing(status)]


NOTES: dict[Standing, str] = {
    Standing.NOT_ASSESSED: "No label is shown.",
    Standing.FINAL: "This label is a signal, not a finding. Nobody may be rejected on it alone; the candidate can dispute it.",
    Standing.UNDER_REVIEW: "Under review: no label is shown until a person has decided. This says nothing about the candidate.",
    Standing.LABEL_REMOVED: "No label: a person reviewed the assessment and removed the label.",
    Standing.LABEL_CONFIRMED: "A person reviewed this label and confirmed it. Nobody may be rejected on it alone.",
    Standing.RESCORED: "Assessed again after a technical fault. Nobody may be rejected on a label alone.",
    Standing.WITHDRAWN_UNDECIDED: "No label: it was withdrawn because we did not decide in time. This says nothing about the candidate.",
}


def policy_of(system: System) -> Policy:
    """The rules of a system's assessments."""
    return Policy(system.setting(SECTION, {}))


def in_language(words: Mapping[str, str]) -> str:
    """The words in the present language, else in English, else in whichever there is."""
    language = (get_language() or "en").partition("-")[0]
    return words.get(language) or words.get("en") or next(iter(words.values()), "")
