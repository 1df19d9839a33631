"""Deciding, signing, faults, new scores, letters told by hand."""

from typing import Any

from django import forms
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.desk.forms import ActForm
from disputes.choices import DECISIONS
from disputes.decisions import services
from disputes.deeds import Deed, register
from disputes.letters.models import Letter
from disputes.letters.services import told_by_hand
from disputes.models import Dispute
from disputes.rescoring import services as rescoring
from disputes.rescoring.models import FaultKind, PipelineFault
from disputes.review.selectors import missing

REVIEW, SIGN, LEAD = "disputes.review_dispute", "disputes.decide_dispute", "disputes.lead_dispute"


class DecisionForm(ActForm):
    outcome = forms.ChoiceField(
        label=gettext_lazy("What becomes of the label?"),
        choices=[(outcome.value, outcome.label) for outcome in DECISIONS],
        widget=forms.RadioSelect,
    )
    reasons = forms.CharField(
        label=gettext_lazy("Reasons, in words for the candidate"),
        help_text=gettext_lazy("The candidate reads this word for word; the employer never does. No codes, no blame."),
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 6}),
    )


class SignForm(ActForm):
    comment = forms.CharField(
        label=gettext_lazy("Note"), required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 3})
    )


class FaultForm(ActForm):
    kind = forms.ChoiceField(label=gettext_lazy("What is it?"), choices=FaultKind.choices)
    detail = forms.CharField(
        label=gettext_lazy("What is wrong, and how you know"),
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class MassForm(ActForm):
    expected = forms.IntegerField(widget=forms.HiddenInput)


def _decide(user: User, dispute: Dispute, _row: int, form: Any) -> str:
    decided = services.decide(dispute, actor=user, at=clock.now(), **form.cleaned_data)
    if decided.outcome:
        return _("Decided. Everybody is told.")
    return _("Proposed. It takes effect when CEO and CTO have signed.")


def _sign(user: User, dispute: Dispute, _row: int, form: Any) -> str:
    services.sign_decision(dispute, actor=user, at=clock.now(), comment=form.cleaned_data["comment"])
    return _("Signed.")


def _fault(user: User, dispute: Dispute, _row: int, form: Any) -> str:
    rescoring.record_fault(dispute, actor=user, at=clock.now(), **form.cleaned_data)
    return _("The fault is recorded.")


def _rescore(user: User, dispute: Dispute, _row: int, _form: Any) -> str:
    rescoring.ask(dispute, actor=user, at=clock.now())
    return _("The scoring service is asked. Both results are kept.")


def _fault_of(dispute: Dispute, row: int) -> PipelineFault:
    fault = (
        PipelineFault.objects.select_related("dispute__contested", "incident").filter(dispute=dispute, pk=row).first()
    )
    if fault is None:
        raise Http404("no such fault")
    return fault


def _counts(dispute: Dispute, row: int, _user: User) -> dict[str, Any]:
    found = rescoring.pattern(_fault_of(dispute, row))
    return {
        "counts": [
            {"number": len(found.affected), "label": _("assessments may be touched")},
            {"number": found.same_version, "label": _("under the same versions")},
            {"number": found.same_gap, "label": _("with the same gap")},
            {"number": found.in_dispute, "label": _("of them in review")},
        ]
    }


def _expected(dispute: Dispute, row: int, _user: User) -> dict[str, Any]:
    return {"expected": len(rescoring.pattern(_fault_of(dispute, row)).affected)}


def _incident(user: User, dispute: Dispute, row: int, _form: Any) -> str:
    incident = rescoring.open_pattern_incident(_fault_of(dispute, row), actor=user, at=clock.now())
    return _("%(incident)s is open, with the list.") % {"incident": incident}


def _all(user: User, dispute: Dispute, row: int, form: Any) -> str:
    count = rescoring.ask_all(
        _fault_of(dispute, row), expected=form.cleaned_data["expected"], actor=user, at=clock.now()
    )
    return _("%(count)d new scores are asked for.") % {"count": count}


def _told(user: User, dispute: Dispute, row: int, _form: Any) -> str:
    letter = Letter.objects.filter(dispute=dispute, pk=row).first()
    if letter is None:
        raise Http404("no such letter")
    told_by_hand(letter, actor=user, at=clock.now())
    return _("Noted.")


def _lacking(dispute: Dispute, _row: int, user: User) -> dict[str, Any]:
    return {"missing": [{"text": text} for text in missing(dispute, user)]}


def declare() -> None:
    register(
        "decide",
        Deed(
            gettext_lazy("Decide"),
            REVIEW,
            _decide,
            lambda _d, _r, _u: DecisionForm,
            tab="decision",
            consequence=gettext_lazy("Candidate, employer and everybody who got the label are told. Where a hiring outcome is touched, CEO and CTO sign first."),
            tone="warn",
            shows=_lacking,
        ),
    )  # fmt: skip
    register("sign", Deed(gettext_lazy("Sign the decision"), SIGN, _sign, lambda _d, _r, _u: SignForm, tab="decision"))
    register(
        "fault", Deed(gettext_lazy("Record a fault of the pipeline"), REVIEW, _fault, lambda _d, _r, _u: FaultForm)
    )
    register(
        "rescore",
        Deed(
            gettext_lazy("Score anew"),
            REVIEW,
            _rescore,
            consequence=gettext_lazy("Whoever asks for a new score does not decide. The first result stays beside the new one."),
            tone="warn",
        ),
    )  # fmt: skip
    register("pattern", Deed(gettext_lazy("Open an incident"), "incidents.add_incident", _incident, shows=_counts))
    register(
        "mass",
        Deed(
            gettext_lazy("Score all of them anew"),
            LEAD,
            _all,
            lambda _d, _r, _u: MassForm,
            initial=_expected,
            shows=_counts,
            tone="warn",
            consequence=gettext_lazy("Each result stands beside the first one and counts only when a person says so."),
        ),
    )
    register("told", Deed(gettext_lazy("I told them"), "disputes.change_letter", _told, tab="letters"))
