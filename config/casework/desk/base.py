"""The base of every admin page: who sees what, what a list may cost, and what nobody may do by accident."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.options import ActionLocation
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.desk.acts import Act, act_page
from config.casework.desk.history import entries_about
from config.casework.desk.paging import BoundedPaginator, DeskChangeList
from config.casework.desk.scope import scoped
from config.casework.desk.skin import SkinAdmin, SkinStackedInline, SkinTabularInline
from config.casework.transitions import Machine

NARROW_COLUMNS = 3
INDENTATION = re.compile(rb"\n\s+")


class LabelledChoiceField(forms.ModelChoiceField[Any]):
    """Shows rows in words a person recognises."""

    def label_from_instance(self, obj: models.Model) -> str:
        return label_of(obj)


class DeskAdmin(SkinAdmin[Any]):
    """Lists and pages of one model.

    A person needs the model permission and, where rows are scoped, must see the row. Nothing can be deleted unless the
    class says so. Lists count to 10,000, show 100 rows and no facets; keys to other rows are pickers.

    Attributes:
        may_delete: whether the delete permission counts at all.
        narrow_columns: the columns that stay on a phone; the first three by default.
        empty_title, empty_why: what an empty list says.
        consequence: one sentence above the form for a new row.
        acts: what one can do to a row, as buttons on its page.
    """

    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    list_per_page = 100
    list_max_show_all = 100
    paginator = BoundedPaginator
    sortable_by: ClassVar[Any] = ()
    list_filter_submit = True
    list_disable_select_all = True
    save_as = False
    view_on_site = False
    may_delete: ClassVar[bool] = False
    narrow_columns: ClassVar[tuple[str, ...]] = ()
    empty_title: Any = ""
    empty_why: Any = ""
    consequence: Any = ""
    acts: ClassVar[tuple[Act, ...]] = ()
    change_form_template: ClassVar[Any] = "desk/admin/change_form.html"
    object_history_template = "desk/admin/object_history.html"

    # --- who sees what ---------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return scoped(super().get_queryset(request), acting_user(request))

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return super().has_view_permission(request, obj) and self._sees(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._sees(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.may_delete and super().has_delete_permission(request, obj) and self._sees(request, obj)

    def has_pick_permission(self, request: HttpRequest) -> bool:
        """Whether the person may choose one of these rows in a picker."""
        return self.has_view_permission(request)

    def _sees(self, request: HttpRequest, obj: models.Model | None) -> bool:
        """Whether the row is in the person's scope; looked up once a request."""
        if obj is None or obj.pk is None:
            return True
        seen: dict[tuple[type[models.Model], Any], bool] = request.__dict__.setdefault("_desk_seen", {})
        key = (type(obj), obj.pk)
        if key not in seen:
            seen[key] = scoped(type(obj)._default_manager.all(), acting_user(request)).filter(pk=obj.pk).exists()
        return seen[key]

    # --- lists -----------------------------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Any]:
        return DeskChangeList

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Look up at once what the columns of these rows need."""

    def get_narrow_columns(self, columns: Sequence[str]) -> frozenset[str]:
        named = [column for column in columns if column != "action_checkbox"]
        return frozenset(self.narrow_columns or named[:NARROW_COLUMNS])

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse):
            response.add_post_render_callback(_without_indentation)
        return response

    def get_actions(self, request: HttpRequest, action_location: Any = ActionLocation.CHANGE_LIST) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request, action_location)
        if not self.may_delete:
            actions.pop("delete_selected", None)
        return actions

    @admin.display(description="")
    def action_checkbox(self, obj: models.Model) -> SafeString:
        return format_html(
            '<input type="checkbox" name="_selected_action" value="{}" class="action-select" aria-label="{}">',
            obj.pk,
            obj,
        )

    # --- forms -----------------------------------------------------------------------------------------------------

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Every key to a model that can be searched is a picker, never a list of all rows."""
        registry = self.admin_site._registry
        pickers = [
            field.name
            for field in (*self.opts.fields, *self.opts.many_to_many)
            if field.is_relation and field.related_model in registry and registry[field.related_model].search_fields
        ]
        return tuple({*super().get_autocomplete_fields(request), *pickers})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **{"form_class": LabelledChoiceField, **kwargs})

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Without the small buttons that change or delete the other row: it has its own page."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Columns that steps of a machine own are never changed by hand."""
        return tuple(dict.fromkeys((*super().get_readonly_fields(request, obj), *sorted(owned_columns(self.model)))))

    def choices_for(self, request: HttpRequest, obj: models.Model | None, name: str) -> models.QuerySet[Any] | None:
        """The few rows a step on `obj` offers for a key; None leaves the picker over all of them."""
        return None

    def picker(self, request: HttpRequest, obj: models.Model | None, column: Any) -> forms.Field | None:
        """The form field of a key on the page of a single act."""
        few = self.choices_for(request, obj, column.name)
        field: forms.Field | None
        if few is not None:
            field = column.formfield(form_class=LabelledChoiceField, queryset=few)
        else:
            field = self.formfield_for_foreignkey(column, request)
        return field

    def label(self, obj: Any) -> str:
        """What a picker shows for a row."""
        return str(obj)

    # --- acts on one row ---------------------------------------------------------------------------------------------

    def url_name(self, what: str) -> str:
        return f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{what}"

    def page_url(self, obj: Any) -> str:
        return reverse(self.url_name("change"), args=[obj.pk])

    def get_urls(self) -> list[Any]:
        if not self.acts:
            return super().get_urls()
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        return [
            path("<int:object_id>/act/<slug:name>/", self.admin_site.admin_view(self.act_view), name=name),
            *super().get_urls(),
        ]

    def act_view(self, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
        obj = self.get_object(request, str(object_id))
        act = next((act for act in self.acts if act.name == name), None)
        if obj is None or act is None or not self.has_view_permission(request, obj):
            raise Http404(f"no act {name}")
        user = acting_user(request)
        if not user.has_perm(act.permission):
            raise PermissionDenied(f"{user} may not do this on {obj}.")
        missing = [] if act.available(obj) else [{"text": _("This does not fit any more: somebody was faster.")}]
        if missing and request.method == "POST":
            raise Http404(f"{name} does not fit")
        return act_page(
            self,
            request,
            act.form,
            lambda form: act.perform(user, obj, form),
            title=act.label,
            submit_label=act.label,
            back=self.page_url(obj),
            initial=act.initial(obj),
            consequence=act.consequence,
            tone=act.tone,
            original=obj,
            extra={"missing": missing},
        )

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        obj = kwargs.get("obj")
        if obj is not None:
            user = acting_user(request)
            context["acts"] = [
                {"label": act.label, "tone": act.tone, "url": reverse(self.url_name("act"), args=[obj.pk, act.name])}
                for act in self.acts
                if user.has_perm(act.permission) and act.available(obj)
            ]
            context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)

    # --- history: our trail, not the admin's log, which would copy what people wrote ------------------------------------

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        obj = self.get_object(request, object_id)
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        if not (self.has_view_permission(request, obj) and acting_user(request).has_perm("casework.view_auditentry")):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("History of %(row)s") % {"row": obj},
            "opts": self.opts,
            "original": obj,
            "entries": entries_about(obj),
        }
        return TemplateResponse(request, self.object_history_template or "", context)


class ReadOnlyAdmin(DeskAdmin):
    """Rows that nobody enters or changes by hand, whatever their permissions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class DeskTabularInline(SkinTabularInline[Any, Any]):
    """Child rows that are entered by hand in a table."""

    extra = 0
    can_delete = False


class DeskStackedInline(SkinStackedInline[Any, Any]):
    """Child rows that are entered by hand, one under the other."""

    extra = 0
    can_delete = False


def owned_columns(model: type[models.Model]) -> frozenset[str]:
    """The columns that only steps of the model's machine may set: its state, its stamps, and what steps demand."""
    machine: Machine[Any] | None = getattr(model, "MACHINE", None)
    if machine is None:
        return frozenset()
    owned = {machine.field}
    for transition in machine.transitions.values():
        owned |= {*transition.fields, *transition.optional, *transition.stamps, *transition.actor_stamps}
    return frozenset(owned)


def _without_indentation(response: HttpResponse) -> None:
    """The skin indents its markup by a fifth of the page; a list has no text in which spaces count."""
    response.content = INDENTATION.sub(b"\n", response.content)


def acting_user(request: HttpRequest) -> User:
    """The person of the request.

    Raises:
        PermissionDenied: nobody is signed in.
    """
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def label_of(obj: models.Model) -> str:
    """A row in words: as its admin class says it, else its own text."""
    registered = admin.site._registry.get(type(obj))
    return registered.label(obj) if isinstance(registered, DeskAdmin) else str(obj)
