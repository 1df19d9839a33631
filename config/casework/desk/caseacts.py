"""What one does from the page of a case: take a step, add a row, note, share, open a new one."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from config.casework import clock
from config.casework.access.models import User
from config.casework.access.services import share as share_case
from config.casework.cases.services import add_note
from config.casework.desk.acts import act_page
from config.casework.desk.base import LabelledChoiceField, acting_user
from config.casework.desk.forms import ActForm, NoteForm, model_fields
from config.casework.desk.inlines import CaseInline
from config.casework.desk.steps import Stand, step_page

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin


def step(admin: "CaseAdmin", request: HttpRequest, case: Any, name: str) -> HttpResponse:
    return step_page(admin, request, Stand(case, admin.machine, admin.page_url(case)), name)


def child_step(admin: "CaseAdmin", request: HttpRequest, case: Any, child: str, child_id: int, name: str) -> HttpResponse:
    panel = panel_named(admin, request, child)
    row = panel.get_rows(case).filter(pk=child_id).first()
    if row is None or panel.machine is None:
        raise Http404("no such row")
    return step_page(admin, request, Stand(row, panel.machine, admin.page_url(case, panel.tab_key)), name)


def child_add(admin: "CaseAdmin", request: HttpRequest, case: Any, child: str) -> HttpResponse:
    panel = panel_named(admin, request, child)
    user = acting_user(request)
    if not panel.may_add(user):
        raise PermissionDenied(f"{user} may not add to {case}.")
    form_class = _asking(panel.model, panel.add_fields, panel.add_optional, lambda column: admin.picker(request, case, column))

    def perform(form: ActForm) -> str:
        panel.add(case, actor=user, at=clock.now(), **form.cleaned_data)
        return _("%(row)s: added.") % {"row": case}

    label = panel.add_label or _("Add")
    back = admin.page_url(case, panel.tab_key)
    return act_page(admin, request, form_class, perform, title=label, submit_label=label, back=back, consequence=panel.add_consequence, original=case)


def note(admin: "CaseAdmin", request: HttpRequest, case: Any) -> HttpResponse:
    user = acting_user(request)
    if not user.has_perm("casework.add_note"):
        raise PermissionDenied(f"{user} may not write on {case}.")

    def perform(form: NoteForm) -> str:
        add_note(case, actor=user, at=form.cleaned_data["at"] or clock.now(), text=form.cleaned_data["text"])
        return _("The note stands in the timeline.")

    return act_page(admin, request, NoteForm, perform, title=_("Add a note"), submit_label=_("Add the note"), back=admin.page_url(case), original=case)


def share(admin: "CaseAdmin", request: HttpRequest, case: Any) -> HttpResponse:
    user = acting_user(request)
    if not case.restricted or not admin.has_change_permission(request, case):
        raise PermissionDenied(f"{case} cannot be shared by {user}.")

    class ShareForm(ActForm):
        person = LabelledChoiceField(
            label=_("Person"), queryset=User.objects.filter(is_staff=True, is_active=True).order_by("name"), help_text=_("They can see the case, not more.")
        )

    def perform(form: ShareForm) -> str:
        person = form.cleaned_data["person"]
        share_case(case, person, actor=user, at=clock.now())
        return _("%(name)s can see %(case)s now.") % {"name": person.get_full_name(), "case": case}

    consequence = _("Only its owner and people it is shared with can see this case.")
    title = _("Share with…")
    return act_page(admin, request, ShareForm, perform, title=title, submit_label=_("Share"), back=admin.page_url(case), consequence=consequence, original=case)


def open_new(admin: "CaseAdmin", request: HttpRequest) -> HttpResponse:
    if not admin.has_add_permission(request):
        raise PermissionDenied
    form_class = _asking(admin.model, admin.add_fields, admin.add_optional, lambda column: admin.picker(request, None, column))
    opened: list[Any] = []

    def perform(form: ActForm) -> str:
        opened.append(admin.open_case(actor=acting_user(request), at=clock.now(), **form.cleaned_data))
        return _("%(case)s is open.") % {"case": opened[0]}

    label = _("Open a new %(kind)s") % {"kind": admin.opts.verbose_name}
    back = reverse(admin.url_name("changelist"))
    initial = {name: value for name, value in request.GET.items() if name in admin.add_fields}
    return act_page(
        admin,
        request,
        form_class,
        perform,
        title=label,
        submit_label=label,
        back=back,
        goes_to=lambda: admin.page_url(opened[0]),
        initial=initial,
        consequence=admin.consequence,
    )


def panel_named(admin: "CaseAdmin", request: HttpRequest, key: str) -> CaseInline:
    """The panel of this name, when the person may see its rows.

    Raises:
        Http404: there is none.
    """
    for panel in (panel_class() for panel_class in admin.panels):
        if panel.key == key and panel.may_view(acting_user(request)):
            return panel
    raise Http404(f"no rows {key}")


def _asking(model: Any, names: Any, optional: Any, pick: Any) -> type[ActForm]:
    demanded = [name for name in names if name not in optional]
    fields: dict[str, forms.Field] = model_fields(model, names, demanded=demanded, pick=pick)
    for name, field in fields.items():
        default = model._meta.get_field(name)
        if default.has_default():
            field.initial = default.get_default()
    return type("AskForm", (ActForm,), fields)
