"""What one does from the page of a case: take a step, add a row, note, share, open a new one."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.casework import clock
from config.casework.access.models import User
from config.casework.access.services import share as share_case
from config.casework.cases import redaction
from config.casework.cases.services import add_note
from config.casework.desk.acts import act_page
from config.casework.desk.base import LabelledChoiceField, acting_user
from config.casework.desk.forms import ActForm, FilesForm, NoteForm, RedactFileForm, RedactForm, model_fields
from config.casework.desk.inlines import CaseInline
from config.casework.desk.steps import Stand, step_page
from config.casework.files import services as files
from config.casework.files.models import StoredFile

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin


def step(admin: "CaseAdmin", request: HttpRequest, case: Any, name: str) -> HttpResponse:
    return step_page(admin, request, Stand(case, admin.machine, admin.page_url(case)), name)


def child_step(
    admin: "CaseAdmin", request: HttpRequest, case: Any, child: str, child_id: int, name: str
) -> HttpResponse:
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
    form_class = _asking(
        panel.model, panel.add_fields, panel.add_optional, lambda column: admin.picker(request, case, column)
    )

    def perform(form: ActForm) -> str:
        panel.add(case, actor=user, at=clock.now(), **form.cleaned_data)
        return _("%(row)s: added.") % {"row": case}

    label = panel.add_label or _("Add")
    back = admin.page_url(case, panel.tab_key)
    return act_page(
        admin,
        request,
        form_class,
        perform,
        title=label,
        submit_label=label,
        back=back,
        consequence=panel.add_consequence,
        original=case,
    )


def note(admin: "CaseAdmin", request: HttpRequest, case: Any) -> HttpResponse:
    user = acting_user(request)
    if not user.has_perm("casework.add_note"):
        raise PermissionDenied(f"{user} may not write on {case}.")

    def perform(form: NoteForm) -> str:
        add_note(case, actor=user, at=form.cleaned_data["at"] or clock.now(), text=form.cleaned_data["text"])
        return _("The note stands in the timeline.")

    return act_page(
        admin,
        request,
        NoteForm,
        perform,
        title=_("Add a note"),
        submit_label=_("Add the note"),
        back=admin.page_url(case),
        original=case,
    )


def share(admin: "CaseAdmin", request: HttpRequest, case: Any) -> HttpResponse:
    user = acting_user(request)
    if not case.restricted or not admin.has_change_permission(request, case):
        raise PermissionDenied(f"{case} cannot be shared by {user}.")

    class ShareForm(ActForm):
        person = LabelledChoiceField(
            label=_("Person"),
            queryset=User.objects.filter(is_staff=True, is_active=True).order_by("name"),
            help_text=_("They can see the case, not more."),
        )

    def perform(form: ShareForm) -> str:
        person = form.cleaned_data["person"]
        share_case(case, person, actor=user, at=clock.now())
        return _("%(name)s can see %(case)s now.") % {"name": person.get_full_name(), "case": case}

    consequence = _("Only its owner and people it is shared with can see this case.")
    title = _("Share with…")
    return act_page(
        admin,
        request,
        ShareForm,
        perform,
        title=title,
        submit_label=_("Share"),
        back=admin.page_url(case),
        consequence=consequence,
        original=case,
    )


def add_files(admin: "CaseAdmin", request: HttpRequest, case: Any) -> HttpResponse:
    user = acting_user(request)
    if not user.has_perm("casework.add_storedfile"):
        raise PermissionDenied(f"{user} may not add files to {case}.")

    def perform(form: FilesForm) -> str:
        uploads = form.cleaned_data["uploads"]
        with transaction.atomic():
            for upload in uploads:
                files.store(case, upload, name=upload.name, actor=user, at=clock.now())
        return ngettext(
            "%(count)d file is kept with the case.", "%(count)d files are kept with the case.", len(uploads)
        ) % {"count": len(uploads)}

    label, back = _("Add files"), admin.page_url(case, "files")
    consequence = _("Files are stored encrypted. Opening one is written into the trail.")
    return act_page(
        admin,
        request,
        FilesForm,
        perform,
        title=label,
        submit_label=label,
        back=back,
        consequence=consequence,
        original=case,
    )


def redact_file(admin: "CaseAdmin", request: HttpRequest, case: Any, file_id: int) -> HttpResponse:
    user = acting_user(request)
    stored = StoredFile.objects.of(case).readable().filter(pk=file_id).first()
    if stored is None:
        raise Http404("no such file")
    if not user.has_perm(redaction.PERMISSION):
        raise PermissionDenied(f"{user} may not remove files of {case}.")

    def perform(form: RedactFileForm) -> str:
        redaction.redact(case, stored, actor=user, at=clock.now(), reason=form.cleaned_data["reason"])
        return _("The file is gone. The trail keeps who removed it, when and why.")

    label, back = _("Remove the file"), admin.page_url(case, "files")
    consequence = _("“%(name)s” can never be read again, from no copy and no backup.") % {"name": stored.name}
    return act_page(
        admin,
        request,
        RedactFileForm,
        perform,
        title=label,
        submit_label=label,
        back=back,
        consequence=consequence,
        tone="danger",
        original=case,
    )


def redact(admin: "CaseAdmin", request: HttpRequest, case: Any) -> HttpResponse:
    user = acting_user(request)
    if not user.has_perm(redaction.PERMISSION):
        raise PermissionDenied(f"{user} may not remove passages of {case}.")

    def perform(form: RedactForm) -> str:
        done = redaction.redact(
            case, form.cleaned_data["passage"], actor=user, at=clock.now(), reason=form.cleaned_data["reason"]
        )
        if not done.total:
            raise ValidationError({"passage": _("These words stand nowhere in this case.")})
        said = ngettext("Removed from %(count)d row.", "Removed from %(count)d rows.", done.total) % {
            "count": done.total
        }
        if done.unread_files:
            left = ngettext("%(count)d file was not searched.", "%(count)d files were not searched.", done.unread_files)
            said = f"{said} {left % {'count': done.unread_files}}"
        return said

    label, back = _("Remove a passage"), admin.page_url(case)
    consequence = _("The words are replaced everywhere the desk holds them for this case. This cannot be taken back.")
    return act_page(
        admin,
        request,
        RedactForm,
        perform,
        title=label,
        submit_label=label,
        back=back,
        consequence=consequence,
        tone="danger",
        original=case,
    )


def open_new(admin: "CaseAdmin", request: HttpRequest) -> HttpResponse:
    if not admin.has_add_permission(request):
        raise PermissionDenied
    form_class = _asking(
        admin.model, admin.add_fields, admin.add_optional, lambda column: admin.picker(request, None, column)
    )
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
