"""An explanation drafted from the frozen snapshot, in plain words (GDPR Article 15(1)(h), AI Act Article 86); a person reads it before it leaves."""

from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.casework.words import moment
from disputes.assessments.models import AssessmentVersion
from disputes.assessments.policy import policy_of
from disputes.assessments.selectors import viewers
from disputes.models import Dispute

ZONE = "Europe/Berlin"


def draft(version: AssessmentVersion, *, language: str, at: datetime) -> str:
    """The explanation of one result, each part under its heading."""
    with translation.override(language):
        parts = [
            (_("What was measured"), _measured(version)),
            (_("What counted, and how much"), _counted(version)),
            (_("What would have changed the result"), _otherwise(version)),
            (_("Which version"), _version(version)),
            (_("Who saw it"), _seen(version)),
            (_("What people did"), _people(version)),
            (_("What you can do"), _ways()),
        ]
        return "\n\n".join(f"{heading}\n{text}" for heading, text in parts)


def _measured(version: AssessmentVersion) -> str:
    policy = policy_of(version.assessment.system)
    text = _("On %(when)s a computer looked at %(measured)s and set the label “%(label)s”.") % {
        "when": moment(version.assessed_at, ZONE),
        "measured": policy.measured,
        "label": version.label,
    }
    share = version.completeness
    if share is None:
        return text
    return f"{text} " + _("%(percent)d %% of what should have been recorded had arrived.") % {
        "percent": round(share * 100)
    }


def _counted(version: AssessmentVersion) -> str:
    policy = policy_of(version.assessment.system)
    weights = version.extra.get("weights", {}) if isinstance(version.extra, dict) else {}
    lines = []
    for code in version.reason_codes:
        weight = weights.get(code)
        share = (
            _(" It made up %(percent)d %% of the result.") % {"percent": round(weight * 100)}
            if isinstance(weight, int | float)
            else ""
        )
        lines.append(f"- {policy.reason_words(code)}{share}")
    lines.append(
        _("The system was %(percent)d %% sure. That is its own estimate and no proof.")
        % {"percent": round(version.confidence * 100)}
    )
    if not weights:
        lines.append(_("It does not tell how much each reason counted."))
    return "\n".join(lines)


def _otherwise(version: AssessmentVersion) -> str:
    count = len(version.reason_codes)
    if not count:
        return _("The system gave no reason. Without a reason a label does not stand when you contest it.")
    return ngettext(
        "There was one reason. Had it not appeared, no label would have been set. A circumstance that explains it, such as dictation, makes it not count.",
        "There were %(count)d reasons. With fewer of them the label might not have been set; with none of them it would not. A circumstance that explains one, such as dictation, makes it not count.",
        count,
    ) % {"count": count}


def _version(version: AssessmentVersion) -> str:
    return _("Model %(model)s with rules %(rules)s, the ones in use at that moment.") % {
        "model": version.model_version,
        "rules": version.rules_version,
    }


def _seen(version: AssessmentVersion) -> str:
    assessment = version.assessment
    count = viewers(assessment).count()
    who = assessment.organization.name
    if not count:
        return _("We know of nobody who was shown the label. It was made for %(who)s.") % {"who": who}
    return ngettext(
        "%(who)s, and there one reader that we know of.", "%(who)s, and there %(count)d readers that we know of.", count
    ) % {"who": who, "count": count}


def _people(version: AssessmentVersion) -> str:
    first = (
        _("A person had a part in the assessment.")
        if version.assessed_by
        else _("The label was set by the computer alone.")
    )
    dispute = Dispute.objects.filter(contested=version).order_by("-pk").first()
    if dispute is None:
        return f"{first} " + _("No person has reviewed it, because nobody contested it.")
    if dispute.decided_at is None:
        return f"{first} " + _("You contested it, and a person reviews it.")
    return f"{first} " + _("You contested it. A person who had no part in it reviewed and decided it.")


def _ways() -> str:
    return _(
        "You can contest the label at no cost, by the link in our mail. You can complain to the data protection authority of your country, and you can go to court. Nobody may be rejected on this label alone."
    )
