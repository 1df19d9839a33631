"""The acts of a review: impression, score, checks, answers, second looks, hearings."""

from typing import Any

from django import forms
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.desk.base import LabelledChoiceField
from config.casework.desk.forms import ActForm, MomentInput
from disputes.assessments.policy import policy_of
from disputes.deeds import Deed, register
from disputes.filing.models import CircumstanceReport
from disputes.filing.selectors import circumstance_words
from disputes.models import Dispute
from disputes.register.models import ReviewerAuthority
from disputes.review import services
from disputes.review.models import Check, Impression, SecondLook
from disputes.status.models import Hearing
from disputes.status.services import appoint, note_hearing

REVIEW = "disputes.review_dispute"
LINES = {"rows": 4}


class ImpressionForm(ActForm):
    impression = forms.ChoiceField(
        label=gettext_lazy("What do you think after reading the account?"),
        choices=Impression.choices,
        widget=forms.RadioSelect,
    )
    note = forms.CharField(
        label=gettext_lazy("Why"), required=False, max_length=5_000, widget=forms.Textarea(attrs=LINES)
    )


class NoteForm(ActForm):
    note = forms.CharField(label=gettext_lazy("What you found"), max_length=5_000, widget=forms.Textarea(attrs=LINES))


class HearingForm(ActForm):
    record = forms.CharField(
        label=gettext_lazy("What was said"), max_length=10_000, widget=forms.Textarea(attrs={"rows": 8})
    )


class AppointForm(ActForm):
    appointed_for = forms.DateTimeField(label=gettext_lazy("Call at"), widget=MomentInput)


class OpinionForm(ActForm):
    opinion = forms.ChoiceField(
        label=gettext_lazy("Your opinion"), choices=Impression.choices, widget=forms.RadioSelect
    )
    note = forms.CharField(label=gettext_lazy("Why"), max_length=5_000, widget=forms.Textarea(attrs=LINES))


def second_look_form(dispute: Dispute, _row: int, user: User) -> type[ActForm]:
    able = ReviewerAuthority.objects.valid(clock.now(), dispute.system).values("person")
    people = User.objects.filter(pk__in=able, is_active=True).exclude(pk__in=[user.pk, *dispute.excluded_ids])

    class SecondLookForm(ActForm):
        of = LabelledChoiceField(label=_("Whom"), queryset=people.order_by("name"))
        question = forms.CharField(label=_("Your question"), max_length=5_000, widget=forms.Textarea(attrs=LINES))

    return SecondLookForm


def code_form(dispute: Dispute, row: int, _user: User) -> type[ActForm]:
    """The circumstances the candidate named stand first; why a code does not count is for the reviewer's eyes alone."""
    code = code_at(dispute, row)
    words = circumstance_words(dispute.system)
    named = list(CircumstanceReport.objects.filter(filing__dispute=dispute).values_list("kind", flat=True).distinct())
    keys = list(dict.fromkeys([*named, *policy_of(dispute.system).explanations(code), *words]))
    choices = [("", _("none")), *((key, words.get(key, key)) for key in keys)]

    class CodeForm(ActForm):
        counts = forms.ChoiceField(
            label=_("Does “%(code)s” still count?") % {"code": code},
            choices=[("yes", _("Yes, nothing explains it")), ("no", _("No, it is fully explained"))],
            widget=forms.RadioSelect,
        )
        circumstance = forms.ChoiceField(label=_("What explains it"), choices=choices, required=False)
        note = forms.CharField(label=_("How"), required=False, max_length=5_000, widget=forms.Textarea(attrs=LINES))

    return CodeForm


def code_at(dispute: Dispute, row: int) -> str:
    codes = dispute.contested.reason_codes
    if row >= len(codes):
        raise Http404("no such code")
    return str(codes[row])


def _impression(user: User, dispute: Dispute, _row: int, form: Any) -> str:
    services.note_impression(dispute, actor=user, at=clock.now(), **form.cleaned_data)
    return _("Your first impression is noted.")


def _reveal(user: User, dispute: Dispute, _row: int, _form: Any) -> str:
    services.reveal(dispute, actor=user, at=clock.now())
    return _("You see label, score and reasons now.")


def _tick(user: User, dispute: Dispute, row: int, form: Any) -> str:
    keys = list(Check)
    if row >= len(keys):
        raise Http404("no such check")
    services.tick(dispute, key=keys[row], note=form.cleaned_data["note"], actor=user, at=clock.now())
    return _("Ticked.")


def _answer(user: User, dispute: Dispute, row: int, form: Any) -> str:
    values = form.cleaned_data
    services.answer(
        dispute,
        code=code_at(dispute, row),
        counts=values["counts"] == "yes",
        circumstance=values["circumstance"],
        note=values["note"],
        actor=user,
        at=clock.now(),
    )
    return _("Answered.")


def _ask_second(user: User, dispute: Dispute, _row: int, form: Any) -> str:
    services.ask_second_look(dispute, actor=user, at=clock.now(), **form.cleaned_data)
    return _("Asked.")


def _opinion(user: User, dispute: Dispute, row: int, form: Any) -> str:
    look = SecondLook.objects.filter(dispute=dispute, pk=row).first()
    if look is None:
        raise Http404("no such question")
    services.give_opinion(look, actor=user, at=clock.now(), **form.cleaned_data)
    return _("Your opinion stands with the case.")


def _hearing(dispute: Dispute, row: int) -> Hearing:
    hearing = Hearing.objects.filter(dispute=dispute, pk=row).first()
    if hearing is None:
        raise Http404("no such hearing")
    return hearing


def _appoint(user: User, dispute: Dispute, row: int, form: Any) -> str:
    appoint(_hearing(dispute, row), call_at=form.cleaned_data["appointed_for"], actor=user, at=clock.now())
    return _("The candidate is told.")


def _heard(user: User, dispute: Dispute, row: int, form: Any) -> str:
    note_hearing(_hearing(dispute, row), text=form.cleaned_data["record"], actor=user, at=clock.now())
    return _("What was said stands with the case.")


def declare() -> None:
    register(
        "impression",
        Deed(
            gettext_lazy("Note my first impression"),
            REVIEW,
            _impression,
            lambda _d, _r, _u: ImpressionForm,
            consequence=gettext_lazy("Said once, before you see any score. It is compared with your decision, never held against you."),
        ),
    )  # fmt: skip
    register("reveal", Deed(gettext_lazy("Show me the score"), REVIEW, _reveal))
    register("check", Deed(gettext_lazy("Tick the check"), REVIEW, _tick, lambda _d, _r, _u: NoteForm))
    register(
        "code",
        Deed(
            gettext_lazy("Answer for the reason code"),
            REVIEW,
            _answer,
            code_form,
            consequence=gettext_lazy("A code that is fully explained does not count. If none is left, the label is removed."),
        ),
    )  # fmt: skip
    register("second-look", Deed(gettext_lazy("Ask for a second look"), REVIEW, _ask_second, second_look_form))
    register("opinion", Deed(gettext_lazy("Give my opinion"), REVIEW, _opinion, lambda _d, _r, _u: OpinionForm))
    register("appoint", Deed(gettext_lazy("Appoint the call"), REVIEW, _appoint, lambda _d, _r, _u: AppointForm))
    register("heard", Deed(gettext_lazy("Note what was said"), REVIEW, _heard, lambda _d, _r, _u: HearingForm))
