"""The base of all public forms: no script, no account, limits, and one answer for known and unknown alike.

A form's view subclasses `PublicFormView` and says what `accept` does. Rules it must keep: `accept` stores what was sent
and enqueues; whatever depends on whether we know the person happens in a job, so that neither words nor time tell.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import translation
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.generic import View

from config.casework import clock
from config.casework.callers import client_network
from config.casework.front.drafts import BadDraft, Draft
from config.casework.front.forms import DRAFT, PublicForm
from config.casework.front.limits import Limit, Rate, hit_all

QUARTER_HOUR = timedelta(minutes=15)
FRONT_CSP: dict[str, Any] = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}


@dataclass(frozen=True)
class Answer:
    """What the page says after a form was sent. Words may be lazy translations."""

    heading: Any
    paragraphs: tuple[Any, ...] = ()
    next_steps: tuple[Any, ...] = ()
    reference: str = ""

    def with_reference(self, reference: str) -> "Answer":
        return replace(self, reference=reference)


def harden[R: HttpResponseBase](response: R) -> R:
    """Keep a public page out of caches and without scripts."""
    response.headers["Cache-Control"] = "no-store"
    setattr(response, "_csp_config", FRONT_CSP)  # noqa: B010 - Django's own hook, not in its stubs
    return response


class PublicFormView(View):
    """One public form, on one page or in steps.

    Attributes:
        name: short name; limits are counted and drafts sealed by it.
        steps: the forms in order; usually one.
        titles: the heading of each step.
        address_rates: posts allowed from one address (IPv6: one /64 network).
        form_rates: posts allowed from everybody together; generous, for it stops everybody.
        answer: what the page says after sending, the same for known and unknown.
    """

    http_method_names = ["get", "post", "head", "options"]
    name: ClassVar[str]
    steps: ClassVar[tuple[type[PublicForm], ...]]
    titles: ClassVar[tuple[Any, ...]]
    submit_label: ClassVar[Any]
    answer: ClassVar[Answer]
    intro: ClassVar[Any] = ""
    what_next: ClassVar[Any] = ""
    template_name: ClassVar[str] = "front/public_form.html"
    address_rates: ClassVar[tuple[Rate, ...]] = (Rate(20, QUARTER_HOUR),)
    form_rates: ClassVar[tuple[Rate, ...]] = (Rate(2000, QUARTER_HOUR),)

    def accept(self, values: dict[str, Any]) -> Answer | None:
        """Store what was sent and enqueue the work; return another answer only when it tells nothing about a person."""
        raise NotImplementedError

    def initial(self, step: int) -> dict[str, Any]:
        """Values a step starts with."""
        return {}

    def make_form(self, step: int, **options: Any) -> PublicForm:
        """The form of a step; override where it depends on the address."""
        return self.steps[step](initial=self.initial(step), **options)

    def further_context(self) -> dict[str, Any]:
        """What the template of a form needs beyond the common."""
        return {}

    def invalid(self, form: PublicForm) -> None:
        """A form that has errors is about to be shown again; files are lost with it unless somebody keeps them here."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with translation.override(self._language(request)):
            request.LANGUAGE_CODE = translation.get_language() or settings.LANGUAGE_CODE
            response = harden(super().dispatch(request, *args, **kwargs))
            response.headers["Content-Language"] = translation.get_language() or settings.LANGUAGE_CODE
        return response

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._start()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            draft = Draft.read(self.name, request.POST.get(DRAFT, ""), at=clock.now())
            step = min(len(draft.pages), len(self.steps) - 1)
            limit = self._count()
            if not limit.allowed:
                return self._slow_down(step, draft, limit)
            if "back" in request.POST and step:
                return self._page(step - 1, self.make_form(step - 1, data=draft.last()), draft.without_last())
            return self._take(step, draft)
        except BadDraft:
            return self._start(notice=_("This page was open for too long. Please start again."))

    def _start(self, notice: str = "") -> HttpResponse:
        return self._page(0, self.make_form(0), Draft(self.name), notice=notice)

    def _take(self, step: int, draft: Draft) -> HttpResponse:
        form = self.make_form(step, data=self.request.POST, files=self.request.FILES)
        if form.is_trapped:
            return self._answered(self.answer)
        if not form.is_valid():
            self.invalid(form)
            return self._page(step, form, draft)
        if step + 1 < len(self.steps):
            following = draft.with_page(self.request.POST, at=clock.now())
            return self._page(step + 1, self.make_form(step + 1), following)
        return self._answered(self.accept(draft.values(self.steps) | form.values) or self.answer)

    def _page(self, step: int, form: PublicForm, draft: Draft, *, notice: str = "", status: int = 200) -> HttpResponse:
        last = step + 1 == len(self.steps)
        form.carry(draft.sealed())
        context = {
            "form": form,
            "title": self.titles[step],
            "intro": notice or (self.intro if step == 0 else ""),
            "what_next": self.what_next if last else "",
            "submit_label": self.submit_label if last else _("Continue"),
            "step": _("Step %(number)d of %(all)d") % {"number": step + 1, "all": len(self.steps)}
            if len(self.steps) > 1
            else "",
            "draft": draft.sealed(),
            "languages": self._languages(),
            **self.further_context(),
        }
        return render(self.request, self.template_name, context, status=status)

    def _answered(self, answer: Answer) -> HttpResponse:
        context = {
            "heading": answer.heading,
            "paragraphs": answer.paragraphs,
            "next_steps": answer.next_steps,
            "reference": answer.reference,
        }
        return render(self.request, "front/message.html", context)

    def _slow_down(self, step: int, draft: Draft, limit: Limit) -> HttpResponse:
        """The same page with all that was typed, and how long to wait."""
        minutes = -(-limit.retry_after // 60)
        form = self.make_form(step, data=self.request.POST)
        form.refuse(
            ngettext(
                "We got many forms from your network in a short time. Wait %(n)d minute, then send it again. What you typed is still here.",
                "We got many forms from your network in a short time. Wait %(n)d minutes, then send it again. What you typed is still here.",
                minutes,
            )
            % {"n": minutes}
        )
        response = self._page(step, form, draft, status=429)
        response.headers["Retry-After"] = str(limit.retry_after)
        return response

    def _count(self) -> Limit:
        now = clock.now()
        mine = hit_all(f"form:{self.name}:{client_network(self.request)}", self.address_rates, at=now)
        # What one address sends beyond its own limit must not use up everybody's.
        return hit_all(f"form:{self.name}", self.form_rates, at=now) if mine.allowed else mine

    def _language(self, request: HttpRequest) -> str:
        known = dict(settings.LANGUAGES)
        asked = request.GET.get("language", "")
        return asked if asked in known else (translation.get_language() or settings.LANGUAGE_CODE)

    def _languages(self) -> list[dict[str, Any]]:
        """The languages to choose from; the choice stays in the address, so it needs neither cookie nor script."""
        current = translation.get_language()
        choices = []
        for code, _label in settings.LANGUAGES:
            query = self.request.GET.copy()
            query["language"] = code
            label = translation.get_language_info(code)["name_local"]
            choices.append({"code": code, "label": label, "url": f"?{query.urlencode()}", "current": code == current})
        return choices


def limited(name: str, *rates: Rate) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Limit the posts of any other public view by address; too many answer 429 with Retry-After."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method == "POST":
                limit = hit_all(f"view:{name}:{client_network(request)}", rates, at=clock.now())
                if not limit.allowed:
                    response = render(request, "429.html", status=429)
                    response.headers["Retry-After"] = str(limit.retry_after)
                    return response
            return view(request, *args, **kwargs)

        return guarded

    return decorate
