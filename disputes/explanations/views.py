"""The public page to ask for an explanation, behind the link of the notice or of the status page."""

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from config.casework import clock
from config.casework.front.forms import PublicForm
from config.casework.front.views import Answer, PublicFormView
from config.casework.links.services import LinkUnknown, look
from config.casework.links.views import link_page
from disputes.assessments.models import Assessment
from disputes.assessments.notices import PURPOSE, language_of
from disputes.explanations.services import ask
from disputes.letters.services import STATUS_PURPOSE
from disputes.models import Dispute


class ExplanationForm(PublicForm):
    question = forms.CharField(
        label=_("Is there something you want to know in particular?"),
        required=False,
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class ExplanationView(PublicFormView):
    name = "dispute-explanation"
    steps: ClassVar[tuple[type[PublicForm], ...]] = (ExplanationForm,)
    titles: ClassVar[tuple[Any, ...]] = (_("Ask for an explanation"),)
    intro = _(
        "You are told in plain words what was measured, which reasons counted and how much, what would have changed the result, which version it was, who saw it, and what people did."
    )
    submit_label = _("Ask for it")
    what_next = _("A person reads the explanation before it leaves. You have it by mail within one month.")
    answer = Answer(
        _("We explain it to you"),
        (_("A person reads the explanation before it leaves. You have it by mail within one month."),),
    )

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.assessment, self.email, self.mother = _assessment(kwargs["token"])
        return super().dispatch(request, *args, **kwargs)

    def accept(self, values: dict[str, Any]) -> Answer | None:
        language = translation.get_language() or self.mother
        explanation = ask(
            self.assessment, question=values["question"], email=self.email, language=language, at=clock.now()
        )
        return self.answer.with_reference(explanation.reference)

    def _language(self, request: HttpRequest) -> str:
        return super()._language(request) if request.GET.get("language") else self.mother


def _assessment(token: str) -> tuple[Assessment, str, str]:
    """The assessment behind a link, the address and the language of its candidate."""
    try:
        found = look(token, PURPOSE, clock.now()).object
    except LinkUnknown:
        found = look(token, STATUS_PURPOSE, clock.now()).object
    if isinstance(found, Dispute):
        return found.assessment, found.candidate_email, found.language
    if not isinstance(found, Assessment):
        raise LinkUnknown
    return found, found.candidate_email, language_of(found)


explain = link_page(ExplanationView.as_view())
