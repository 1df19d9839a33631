"""What one does from the page of a dispute beside the steps of its machine: each on a page of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path

from config.casework.access.models import User
from config.casework.desk.acts import Secret, act_page
from config.casework.desk.base import acting_user
from config.casework.desk.forms import ActForm
from disputes.models import Dispute

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin

type FormMaker = Callable[[Dispute, int, User], type[ActForm]]


def bare(_dispute: Dispute, _row: int, _user: User) -> type[ActForm]:
    return ActForm


@dataclass(frozen=True)
class Deed:
    """One act on a dispute.

    Attributes:
        perform: does it for (person, dispute, row, form) and returns the sentence that says so.
        form: makes the form it asks; `row` numbers what it is about, 0 when it is about the dispute.
        initial: what the form starts with.
        shows: what its page shows besides: `counts` (the preview) and `missing`.
    """

    label: Any
    permission: str
    perform: Callable[[User, Dispute, int, Any], str | Secret]
    form: FormMaker = bare
    tab: str = "review"
    consequence: Any = ""
    tone: str = "info"
    initial: Callable[[Dispute, int, User], dict[str, Any]] = lambda _dispute, _row, _user: {}
    shows: Callable[[Dispute, int, User], dict[str, Any]] = lambda _dispute, _row, _user: {}


_deeds: dict[str, Deed] = {}


def register(name: str, deed: Deed) -> Deed:
    _deeds[name] = deed
    return deed


def urls(admin: "CaseAdmin") -> list[Any]:
    """One address for all deeds, with and without a row."""
    name = admin.url_name("{}").removeprefix("admin:")

    def view(request: HttpRequest, object_id: int, deed: str, row: int = 0) -> HttpResponse:
        return page(admin, request, admin.visible_case(request, object_id), deed, row)

    wrapped = admin.admin_site.admin_view(view)
    return [
        path("<int:object_id>/do/<slug:deed>/", wrapped, name=name.format("do")),
        path("<int:object_id>/do/<slug:deed>/<int:row>/", wrapped, name=name.format("do_row")),
    ]


def page(admin: "CaseAdmin", request: HttpRequest, dispute: Any, name: str, row: int) -> HttpResponse:
    """Ask for what a deed needs and do it; a GET changes nothing."""
    deed = _deeds.get(name)
    if deed is None:
        raise Http404(f"no deed {name}")
    user = acting_user(request)
    if not user.has_perm(deed.permission):
        raise PermissionDenied(f"{user} may not do this on {dispute}.")
    form = deed.form(dispute, row, user)
    return act_page(
        admin,
        request,
        form,
        lambda filled: deed.perform(user, dispute, row, filled),
        title=deed.label,
        submit_label=deed.label,
        back=admin.page_url(dispute, deed.tab),
        initial=deed.initial(dispute, row, user),
        consequence=deed.consequence,
        tone=deed.tone,
        original=dispute,
        extra=deed.shows(dispute, row, user),
    )
