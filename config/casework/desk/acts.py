"""One act on its own page: ask, refuse in words, do, go back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from config.casework.access.models import User
from config.casework.desk.forms import ActForm
from config.casework.transitions import Refused

if TYPE_CHECKING:
    from config.casework.desk.base import DeskAdmin

ACT_TEMPLATE = "desk/admin/act.html"


@dataclass(frozen=True)
class Secret:
    """Something that is shown once and never again."""

    title: Any
    sentence: Any
    value: str


@dataclass(frozen=True)
class Act:
    """Something one can do to a row, offered on its page and asked for on a page of its own.

    Attributes:
        permission: "app.codename" a person needs.
        perform: does it for (person, row, form) and returns the sentence that says so, or what is shown once.
        form: what it asks; a bare confirmation when left out.
        available: whether it makes sense for the row.
        initial: what its form starts with.
    """

    name: str
    label: Any
    permission: str
    perform: Callable[[User, Any, Any], "str | Secret"]
    form: type[ActForm] = ActForm
    consequence: Any = ""
    tone: str = "info"
    available: Callable[[Any], bool] = lambda _row: True
    initial: Callable[[Any], Mapping[str, Any]] = lambda _row: {}


def act_page[F: ActForm](
    admin: "DeskAdmin",
    request: HttpRequest,
    form_class: type[F],
    perform: Callable[[F], str | Secret],
    *,
    title: Any,
    submit_label: Any,
    back: str,
    goes_to: Callable[[], str] | None = None,
    initial: Mapping[str, Any] | None = None,
    consequence: Any = "",
    tone: str = "info",
    original: Any = None,
    extra: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Ask for what one act needs, and do it. A GET changes nothing; a refusal keeps what was typed.

    Args:
        perform: does the act and returns the sentence that says so, or what is shown once; its errors go to the fields they name.
        back: where "Cancel" leads, and where one comes to afterwards unless `goes_to` says otherwise.
    """
    form = (
        form_class(request.POST, request.FILES) if request.method == "POST" else form_class(initial=dict(initial or {}))
    )
    if request.method == "POST" and form.is_valid():
        done = _performed(form, perform)
        if isinstance(done, Secret):
            return draw_act(
                admin,
                request,
                form,
                title=title,
                submit_label=submit_label,
                back=back,
                original=original,
                extra={"shown_once": done},
            )
        if done is not None:
            if done:
                messages.success(request, done)
            return HttpResponseRedirect(goes_to() if goes_to else back)
    return draw_act(
        admin,
        request,
        form,
        title=title,
        submit_label=submit_label,
        back=back,
        consequence=consequence,
        tone=tone,
        original=original,
        extra=extra,
    )


def draw_act(
    admin: "DeskAdmin",
    request: HttpRequest,
    form: forms.Form,
    *,
    title: Any,
    submit_label: Any,
    back: str,
    consequence: Any = "",
    tone: str = "info",
    original: Any = None,
    extra: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The page of one act (desk/partials/transition_form.html inside the admin's frame)."""
    context = {
        **admin.admin_site.each_context(request),
        "title": title,
        "opts": admin.opts,
        "original": original,
        "form": form,
        "act_media": form.media,
        "consequence": consequence,
        "tone": tone,
        "submit_label": submit_label,
        "cancel_url": back,
        **(extra or {}),
    }
    return TemplateResponse(request, ACT_TEMPLATE, context)


def _performed[F: ActForm](form: F, perform: Callable[[F], str | Secret]) -> str | Secret | None:
    try:
        return perform(form)
    except ValidationError as error:
        form.take_errors(error)
    except Refused as error:
        form.add_error(None, str(error))
    return None
