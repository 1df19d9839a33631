"""What a candidate is shown before they send: word for word what the employer sees, now and then."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from config.casework.catalogue.models import System
from disputes.assessments.choices import Standing
from disputes.assessments.models import Assessment
from disputes.assessments.policy import SECTION, policy_of
from disputes.assessments.services import employer_previews, standing
from disputes.choices import Circumstance


@dataclass(frozen=True)
class EmployerView:
    """One moment: what the employer reads then."""

    when: str
    label: str
    note: str


def employer_views(assessment: Assessment | None, *, at: datetime) -> list[EmployerView]:
    """What the employer sees now, during the review and after each outcome.

    Without an assessment (nothing may be told to a stranger) the label is not named.
    """
    moments: list[tuple[str, str]] = [
        (Standing.UNDER_REVIEW, _("During the review")),
        (Standing.LABEL_REMOVED, _("If the label is removed")),
        (Standing.LABEL_CONFIRMED, _("If the label stays")),
        (Standing.RESCORED, _("If it is scored anew")),
        (Standing.WITHDRAWN_UNDECIDED, _("If we do not decide in time")),
    ]
    if assessment is None:
        policy = policy_of(system) if (system := assessing_system()) is not None else None
        shown = [(Standing.FINAL, _("Now")), *moments] if policy else []
        named = (Standing.FINAL, Standing.LABEL_CONFIRMED)
        return [
            EmployerView(when, _("the label") if key in named else "", policy.employer_note(key) if policy else "")
            for key, when in shown
        ]
    now, texts = standing(assessment, at), employer_previews(assessment)
    first = EmployerView(_("Now"), now.label or "", now.employer_note)
    return [first, *(EmployerView(when, *_words(key, texts[key])) for key, when in moments)]


def assessing_system() -> System | None:
    """The system whose words stand on the page of those who came without a link."""
    return (
        System.objects.filter(settings__has_key=SECTION).order_by("pk").first() or System.objects.order_by("pk").first()
    )


def circumstance_words(system: System) -> dict[str, Any]:
    """Circumstances by key, as the runbook file names them, else ours."""
    return {**{str(key): label for key, label in Circumstance.choices}, **policy_of(system).circumstances}


def _words(key: str, preview: tuple[str | None, str]) -> tuple[str, str]:
    label, note = preview
    return ("" if key == Standing.RESCORED else label or "", note)
