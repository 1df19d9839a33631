"""The public pages to contest an assessment (DSP-01): the form, by link or by reference, and the click that confirms."""

from typing import Any, ClassVar, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from config.casework import clock
from config.casework.front.forms import PublicForm
from config.casework.front.limits import Rate
from config.casework.front.views import QUARTER_HOUR, Answer, PublicFormView, limited
from config.casework.links.services import LinkExpired, LinkUnknown, look
from config.casework.links.views import link_page
from disputes.assessments.models import Assessment
from disputes.assessments.notices import PURPOSE, language_of
from disputes.filing import selectors, services
from disputes.filing.forms import KEPT, DisputeForm, ReferenceForm
from disputes.filing.models import Filing
from disputes.letters.services import status_link

NEXT = gettext_lazy(
    "At once the employer sees no label any more. A person takes your case within one business day and decides within five, sooner when the employer decides sooner.\n\n"
    "If nobody has decided two business days after that, the label is withdrawn for good. You get a link to follow it, to add something, and to be heard in writing or by a call.\n\n"
    "You can appeal once; another person decides then."
)


class ReferenceView(PublicFormView):
    """Without the link: reference and address, confirmed by mail. The answer is the same whether we know them or not."""

    name = "dispute"
    steps: ClassVar[tuple[type[DisputeForm], ...]] = (ReferenceForm,)
    titles: ClassVar[tuple[Any, ...]] = (gettext_lazy("Contest an assessment"),)
    submit_label = gettext_lazy("Contest it")
    what_next = NEXT
    template_name = "disputes/new.html"
    address_rates = (Rate(20, QUARTER_HOUR),)
    answer = Answer(
        gettext_lazy("Please look into your mailbox"),
        (
            gettext_lazy("We sent a mail to the address you typed. Open its link and press the button: then we begin."),
            gettext_lazy(
                "If no mail comes within a few minutes, look among the unwanted ones, or send the form again."
            ),
        ),
        (
            gettext_lazy("You confirm the form by the link in the mail."),
            gettext_lazy(
                "We look for the assessment. If the reference and the address do not fit, we tell you by mail."
            ),
            gettext_lazy("The employer sees no label any more, and a person reviews it."),
        ),
    )

    assessment: Assessment | None = None
    draft: Filing | None = None
    kept_token = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST":
            self._find_draft(request.POST.get(KEPT, ""))
        return super().dispatch(request, *args, **kwargs)

    def make_form(self, step: int, **options: Any) -> PublicForm:
        system = self.assessment.system if self.assessment is not None else selectors.assessing_system()
        kept = len(services.kept_names(self.draft))
        form = self.steps[step](
            circumstances=services.circumstances_of(system), kept=kept, initial=self.initial(step), **options
        )
        form.carry_kept(self.kept_token)
        return form

    def invalid(self, form: PublicForm) -> None:
        """Keep the files, so that nobody has to choose them again."""
        uploads = form.cleaned_data.get("files") or []
        if uploads:
            self.draft, self.kept_token = services.keep_files(uploads, self.draft, at=clock.now())
        if isinstance(form, DisputeForm):
            form.carry_kept(self.kept_token)

    def further_context(self) -> dict[str, Any]:
        return {
            "views": selectors.employer_views(self.assessment, at=clock.now()),
            "kept_names": services.kept_names(self.draft),
        }

    def accept(self, values: dict[str, Any]) -> Answer | None:
        services.file_by_mail(values, at=clock.now(), language=self.spoken(), draft=self.draft)
        return None

    def spoken(self) -> str:
        return translation.get_language() or "en-gb"

    def _find_draft(self, token: str) -> None:
        try:
            self.draft = cast("Filing", look(token, services.KEEP_PURPOSE, clock.now()).object) if token else None
            self.kept_token = token if self.draft is not None else ""
        except (LinkUnknown, LinkExpired):
            self.draft = None


class LinkView(ReferenceView):
    """By the signed link of the notice: nothing has to be typed, and it is accepted at once."""

    name = "dispute-link"
    steps = (DisputeForm,)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.assessment = cast("Assessment", look(kwargs["token"], PURPOSE, clock.now()).object)
        return super().dispatch(request, *args, **kwargs)

    def accept(self, values: dict[str, Any]) -> Answer | None:
        assessment = cast("Assessment", self.assessment)
        now = clock.now()
        taken = services.file_by_link(assessment, values, at=now, language=self.spoken(), draft=self.draft)
        dispute = taken.dispute
        heading = _("We have it") if taken.opened else _("We added it to your dispute")
        self.status_url = status_link(dispute, at=now)
        paragraphs = (
            _("From now on the employer sees no label, no score and no reason."),
            _("A mail with a link to your own page is on its way. You can open that page here as well."),
        )
        return Answer(heading, paragraphs, reference=dispute.reference)

    def _answered(self, answer: Answer) -> HttpResponse:
        context = {"heading": answer.heading, "paragraphs": answer.paragraphs, "next_steps": answer.next_steps}
        url = getattr(self, "status_url", "")
        link = {"url": url, "label": _("Open your page")} if url else None
        return render(self.request, "front/message.html", {**context, "reference": answer.reference, "link": link})

    def _language(self, request: HttpRequest) -> str:
        """As chosen on the page, else the language in which the notice was written."""
        if request.GET.get("language") or self.assessment is None or not self.assessment.candidate_locale:
            return super()._language(request)
        return language_of(self.assessment)


new_by_link = link_page(LinkView.as_view())


@link_page
@limited("dispute-confirm", Rate(20, QUARTER_HOUR))
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Behind the link of the confirmation mail: opening it changes nothing, the button confirms."""
    filing = cast("Filing", look(token, services.CONFIRM_PURPOSE, clock.now()).object)
    with translation.override(filing.language):
        if request.method == "POST":
            services.confirm(filing, at=clock.now())
            context: dict[str, Any] = {
                "heading": _("Thank you, it is confirmed"),
                "paragraphs": [
                    _("It counts from the moment you sent the form."),
                    _("Within minutes you get a mail: the link to your own page, or word that the reference and the address do not fit."),
                ],
            }  # fmt: skip
            return render(request, "front/message.html", context)
        return render(
            request, "disputes/confirm.html", {"filing": filing, "action": reverse("dispute-confirm", args=[token])}
        )
