"""The words of each letter, in the reader's language. Employers and recipients read nothing about why (rules: "Disputes")."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from config.casework.words import moment
from disputes.assessments.policy import policy_of
from disputes.choices import Outcome
from disputes.letters.models import Audience, LetterKind
from disputes.models import Dispute

ZONE = "Europe/Berlin"


@dataclass(frozen=True)
class Letter:
    """A letter as it leaves."""

    subject: str
    text: str
    html: str


def letter(
    dispute: Dispute, kind: LetterKind, audience: Audience, *, link: str = "", when: datetime | None = None
) -> Letter:
    """A letter about a dispute.

    Args:
        link: the candidate's own status page.
        when: the moment the letter is about, such as an appointment.
    """
    language = dispute.language if audience == Audience.CANDIDATE else settings.LANGUAGE_CODE
    with translation.override(language):
        if audience == Audience.CANDIDATE:
            headline, paragraphs = _to_candidate(dispute, kind, when)
            why = _("You get this mail because you contested an assessment.")
        else:
            headline, paragraphs = _to_employer(dispute, kind, audience)
            why = _("You get this mail because this assessment was shown to you.")
        return drawn(
            f"{headline} ({dispute.reference})",
            headline,
            paragraphs,
            why=why,
            link={"url": link, "label": _("See how it stands, add something, be heard, or appeal")} if link else None,
        )


def confirmation(link: str) -> Letter:
    """The one mail that asks to confirm a form; the same whether we know the reference or not."""
    headline = _("Please confirm that you contest an assessment")
    paragraphs = [
        _("Somebody, we think you, sent us the form to contest an assessment with this address."),
        _(
            "Open the link and press the button. Then we begin. Without it nothing happens, and after 30 days we forget the form."
        ),
        _("If it was not you, you need do nothing."),
    ]
    return drawn(
        headline, headline, paragraphs, why=_("You get this mail because this address was typed into our form."),
        link={"url": link, "label": _("Confirm it")},
    )  # fmt: skip


def nothing_found() -> Letter:
    """The neutral answer to a reference and an address that do not belong together."""
    headline = _("We found no assessment for your form")
    paragraphs = [
        _("The reference and the address you gave do not belong together in our books, so we could not begin."),
        _(
            "The reference stands in the mail that told you about the assessment. It is easiest to open the link in that mail: then nothing has to be typed."
        ),
        _("You can also reply to this mail. A person answers."),
    ]
    return drawn(headline, headline, paragraphs, why=_("You get this mail because you sent and confirmed our form."))


def drawn(
    subject: str, headline: str, paragraphs: list[str], *, why: str, link: dict[str, str] | None = None
) -> Letter:
    context = {"headline": headline, "paragraphs": paragraphs, "why": why, "link": link}
    return Letter(subject, render_to_string("mail/base.txt", context), render_to_string("mail/base.html", context))


def _to_candidate(dispute: Dispute, kind: LetterKind, when: datetime | None) -> tuple[str, list[str]]:
    until = moment(dispute.times_out_at, ZONE) if dispute.times_out_at else ""
    match kind:
        case LetterKind.ACCEPTED:
            return _("A person looks at your assessment again"), [
                _("We have your account. From now on the employer sees no label, no score and no reason, only that a review is under way."),
                _("A person takes it within one business day and decides within five. If nobody has decided by %(until)s, the label is withdrawn for good.") % {"until": until},
                _("Contesting it is never a mark against you, and nobody may be rejected on this label alone."),
            ]  # fmt: skip
        case LetterKind.JOINED:
            return _("We added this to your dispute"), [
                _(
                    "You had contested this assessment before, so what you sent now stands beside it. The time until the decision stays the same."
                ),
            ]
        case LetterKind.TAKEN:
            return _("A person has taken your dispute"), [
                _("They read your account first, before they see any score. They had no part in the assessment."),
            ]
        case LetterKind.CALL:
            return _("Your call with us"), [
                _("We call you on %(when)s.") % {"when": moment(when, ZONE) if when else ""},
                _("If that does not suit you, say so on your page."),
            ]
        case LetterKind.APPEAL:
            return _("We have your appeal"), [
                _("Another person decides now. Until then the employer sees no label again."),
            ]
        case LetterKind.ENDED:
            return _("You ended your dispute"), [
                _("As you wished, we stopped. The assessment stands as it was before. You can contest it again."),
            ]
        case LetterKind.UNDECIDED:
            return _("The label is withdrawn: we did not decide in time"), [
                _(
                    "We promised a decision and did not keep that promise. That is our fault, and it does not fall on you: the label is withdrawn for good, and everybody who saw it is told."
                ),
            ]
        case _:
            return _outcome(dispute)


def _outcome(dispute: Dispute) -> tuple[str, list[str]]:
    headlines = {
        Outcome.LABEL_REMOVED: _("The label is removed"),
        Outcome.LABEL_CONFIRMED: _("The label stays"),
        Outcome.RESCORED: _("Your assessment was scored anew"),
    }
    told = _("The employer and everybody else who got the label are told, without any reason.")
    appeal = _("If you see it differently, you can appeal once, until %(until)s. Another person decides then.") % {
        "until": moment(dispute.appeal_until, ZONE) if dispute.appeal_until else ""
    }
    court = _("You may also complain to the data protection authority of your country, and you can go to court.")
    paragraphs = [_("A person decided: “%(reasons)s”") % {"reasons": dispute.reasons}, told]
    if dispute.outcome == Outcome.LABEL_CONFIRMED:
        paragraphs.append(_("Nobody may be rejected on this label alone."))
    paragraphs.append(appeal if dispute.appealed_at is None else _("This was the decision on your appeal."))
    return headlines.get(Outcome(dispute.outcome), _("Your dispute")), [*paragraphs, court]


def _to_employer(dispute: Dispute, kind: LetterKind, audience: Audience) -> tuple[str, list[str]]:
    """Neutral: which assessment, and the very note that stands beside it; never label, score, reason or circumstance."""
    which = _("It is about the assessment %(id)s.") % {"id": dispute.assessment.external_id}
    policy = policy_of(dispute.system)
    if kind in (LetterKind.OUTCOME, LetterKind.UNDECIDED):
        note = policy.employer_note(dispute.outcome)
        headline = _("A review has ended")
        remove = dispute.outcome != Outcome.LABEL_CONFIRMED
    elif kind == LetterKind.ENDED:
        return _("A review has ended"), [which, _("It ended without a decision. The assessment stands as before.")]
    else:
        note, headline, remove = policy.employer_note("under_review"), _("An assessment is under review"), False
    paragraphs = [which, note]
    if remove:
        paragraphs.append(
            _("Please remove the label from everything you keep, and look again at what you decided with it in sight.")
        )
    return headline, paragraphs
