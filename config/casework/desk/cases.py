"""The queue and the page of a case, the same on every desk."""

import re
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import ActionLocation
from django.contrib.admin.utils import unquote
from django.db import models
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.cases.changes import change_case
from config.casework.cases.models import Case
from config.casework.desk import caseacts, casepage
from config.casework.desk.base import DeskAdmin, acting_user, owned_columns
from config.casework.desk.clocks import SpokenClock, nearest_clocks
from config.casework.desk.display import NOTHING, Mark, badge, choice_badge, person_name
from config.casework.desk.filters import DateRangeFilter, PickFilter, QueueFilter
from config.casework.desk.inlines import CaseInline
from config.casework.desk.steps import take_for_each
from config.casework.transitions import Machine
from config.casework.words import duration_words

REFERENCE = re.compile(r"^[A-Z]{2,5}-\d{4}-[0-9A-Z]+$")


class CaseAdmin(DeskAdmin):
    """Queue and page of one kind of case.

    The queue shows open cases, the nearest clock first. The page draws its buttons from the model's machine; columns a
    step owns are facts, the rest is changed under "Edit" through a service.

    Attributes:
        facts: columns or methods shown on the first tab; what a step owns belongs here.
        edit_fields: columns that may be changed by hand; a column some step sets is left out unless `edit_anyway` names it.
        add_fields, add_optional: what the form for a new case asks; `open_case` opens it. Empty: none by hand.
        panels: `CaseInline` classes, each a tab or, with tab "overview", part of the first one.
        tabs: further `casepage.Tab`s.
        bulk_steps: names of steps that are offered for several rows at once.
    """

    facts: ClassVar[tuple[str, ...]] = ("system", "organization", "received_at")
    edit_fields: ClassVar[tuple[str, ...]] = ("title", "owner")
    edit_anyway: ClassVar[tuple[str, ...]] = ()
    add_fields: ClassVar[tuple[str, ...]] = ()
    add_optional: ClassVar[tuple[str, ...]] = ()
    panels: ClassVar[tuple[type[CaseInline], ...]] = ()
    tabs: ClassVar[tuple[casepage.Tab, ...]] = ()
    bulk_steps: ClassVar[tuple[str, ...]] = ()

    list_display: Any = ("headline", "state_badge", "clock_words", "owner_name", "age")
    list_display_links = None
    list_select_related: ClassVar[Any] = ("owner",)
    narrow_columns = ("headline", "state_badge", "clock_words")
    list_filter: ClassVar[Any] = (
        QueueFilter,
        ("owner", PickFilter),
        ("system", PickFilter),
        ("organization", PickFilter),
        ("received_at", DateRangeFilter),
    )
    list_before_template = "desk/admin/queues.html"
    search_fields: ClassVar[Any] = ("reference", "title")
    search_help_text = gettext_lazy("A reference, or words of the title")
    ordering: ClassVar[Any] = (F("next_due_at").asc(nulls_last=True), "pk")
    change_form_template = "desk/admin/case_edit.html"
    form = casepage.EditForm
    empty_title = gettext_lazy("Nothing is open here")
    empty_why = gettext_lazy("Every case of this queue is settled. Closed ones are under “All”.")

    @property
    def machine(self) -> Machine[Any]:
        machine: Machine[Any] = self.model.MACHINE
        return machine

    # --- hooks -----------------------------------------------------------------------------------------------------

    def severity(self, obj: Any) -> Mark | None:
        """What stands before the state, if this kind of case has a gravity."""
        return None

    def open_case(self, *, actor: User, at: Any, **values: Any) -> Case:
        """Open a case from `add_fields` through the service of its desk."""
        raise NotImplementedError

    def people(self, obj: Any) -> list[tuple[str, str]]:
        """Who has to do with the case: heading and name."""
        return [(_("Owner"), person_name(obj.owner))]

    def extra_context(self, request: HttpRequest, obj: Any, tab: str) -> dict[str, Any]:
        """What further templates of a page need."""
        return {}

    # --- queue -----------------------------------------------------------------------------------------------------

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        now = clock.now()
        clocks = nearest_clocks(rows, now)
        for row in rows:
            row.desk_clock, row.desk_now = clocks.get(row.pk), now

    @admin.display(description=gettext_lazy("case"))
    def headline(self, obj: Any) -> SafeString:
        return format_html(
            '<a href="{}/change/"><b>{}</b> {}</a>', obj.pk, obj.reference, obj.title
        )  # relative: a hundred rows count

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, obj: Any) -> SafeString:
        state = choice_badge(obj, self.machine.field)
        severity = self.severity(obj)
        return state if severity is None else format_html("{} {}", badge(*severity), state)

    @admin.display(description=gettext_lazy("nearest clock"))
    def clock_words(self, obj: Any) -> SafeString:
        said: SpokenClock | None = getattr(obj, "desk_clock", None)
        if said is None:
            return SafeString(NOTHING)
        return format_html('<span class="clock clock--{}">{}</span>', said.tone, said.words)

    @admin.display(description=gettext_lazy("owner"))
    def owner_name(self, obj: Any) -> str:
        return person_name(obj.owner)

    @admin.display(description=gettext_lazy("age"))
    def age(self, obj: Any) -> str:
        return duration_words((getattr(obj, "desk_now", None) or clock.now()) - obj.received_at)

    def get_ordering(self, request: HttpRequest) -> Any:
        """Open cases by their nearest clock; the rest, and pickers, the newest first: an index gives either order."""
        by_clock = QueueFilter.asked(request) in QueueFilter.OPEN and "term" not in request.GET
        return self.ordering if by_clock else ("-received_at", "-pk")

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """An exact reference first; else all words in the title, by the trigram index."""
        term = search_term.strip()
        if REFERENCE.match(term.upper()):
            return queryset.filter(reference=term.upper()), False
        for word in term.split():
            queryset = queryset.filter(title__icontains=word)
        return queryset, False

    def get_actions(self, request: HttpRequest, action_location: Any = ActionLocation.CHANGE_LIST) -> dict[str, Any]:
        actions = super().get_actions(request, action_location)
        if action_location != ActionLocation.CHANGE_LIST:
            return actions
        user = acting_user(request)
        for name in self.bulk_steps:
            transition = self.machine.transitions[name]
            if user.has_perm(transition.permission):
                key = f"step_{name}"
                actions[key] = (_bulk_step(name), key, transition.label)
        return actions

    def label(self, obj: Any) -> str:
        return f"{obj.reference} {obj.title}"

    # --- page ------------------------------------------------------------------------------------------------------

    def page_url(self, obj: Any, tab: str = "") -> str:
        url = reverse(self.url_name("change"), args=[obj.pk])
        return f"{url}?tab={tab}" if tab else url

    def get_urls(self) -> list[Any]:
        def named(route: str, view: Any, what: str) -> Any:
            return path(
                route, self.admin_site.admin_view(view), name=f"{self.opts.app_label}_{self.opts.model_name}_{what}"
            )

        return [
            named("<int:object_id>/step/<slug:name>/", self.step_view, "step"),
            named("<int:object_id>/<slug:child>/add/", self.child_add_view, "child_add"),
            named("<int:object_id>/<slug:child>/<int:child_id>/step/<slug:name>/", self.child_step_view, "child_step"),
            named("<int:object_id>/note/", self.note_view, "note"),
            named("<int:object_id>/share/", self.share_view, "share"),
            named("<int:object_id>/redact/", self.redact_view, "redact"),
            named("<int:object_id>/files/", self.files_view, "files"),
            named("<int:object_id>/files/<int:file_id>/redact/", self.redact_file_view, "redact_file"),
            *super().get_urls(),
        ]

    def step_view(self, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
        return caseacts.step(self, request, self.visible_case(request, object_id), name)

    def child_step_view(
        self, request: HttpRequest, object_id: int, child: str, child_id: int, name: str
    ) -> HttpResponse:
        return caseacts.child_step(self, request, self.visible_case(request, object_id), child, child_id, name)

    def child_add_view(self, request: HttpRequest, object_id: int, child: str) -> HttpResponse:
        return caseacts.child_add(self, request, self.visible_case(request, object_id), child)

    def note_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return caseacts.note(self, request, self.visible_case(request, object_id))

    def share_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return caseacts.share(self, request, self.visible_case(request, object_id))

    def redact_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return caseacts.redact(self, request, self.visible_case(request, object_id))

    def files_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return caseacts.add_files(self, request, self.visible_case(request, object_id))

    def redact_file_view(self, request: HttpRequest, object_id: int, file_id: int) -> HttpResponse:
        return caseacts.redact_file(self, request, self.visible_case(request, object_id), file_id)

    def visible_case(self, request: HttpRequest, object_id: int | str) -> Any:
        """The case, when the person may see it.

        Raises:
            Http404: there is no such case for this person; whether it exists is not told.
        """
        obj = self.get_object(request, unquote(str(object_id)))
        if obj is None or not self.has_view_permission(request, obj):
            raise Http404("no such case")
        return obj

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row with its people and places in one query, read once a request."""
        kept: dict[str, Any] = request.__dict__.setdefault("_desk_cases", {})
        key = f"{self.opts.label}:{object_id}"
        if key not in kept:
            try:
                kept[key] = (
                    self.get_queryset(request).select_related(*self.page_select_related()).filter(pk=object_id).first()
                )
            except (ValueError, TypeError):
                kept[key] = None
            if kept[key] is not None:  # it came out of the scoped query
                request.__dict__.setdefault("_desk_seen", {})[(type(kept[key]), kept[key].pk)] = True
        return kept[key]

    def page_select_related(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.opts.fields if field.is_relation)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        obj = self.visible_case(request, object_id)
        tab = request.GET.get("tab", casepage.OVERVIEW)
        if request.method == "POST" or tab == casepage.EDIT:
            if request.method == "POST" and not self.has_change_permission(request, obj):
                raise Http404("nothing to change here")
            edit = {
                **casepage.frame(self, request, obj, casepage.EDIT),
                "show_save_and_continue": False,
                "show_save_and_add_another": False,
            }
            return super().change_view(request, object_id, form_url, {**edit, **(extra_context or {})})
        context = {
            **self.admin_site.each_context(request),
            **casepage.page(self, request, obj, tab),
            **(extra_context or {}),
        }
        return TemplateResponse(request, context["template"], context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return caseacts.open_new(self, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(self.add_fields) and super().has_add_permission(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        owned = owned_columns(self.model)
        return [name for name in self.edit_fields if name in self.edit_anyway or name not in owned]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return tuple(self.readonly_fields)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        values = {name: form.cleaned_data[name] for name in form.changed_data if name in form.cleaned_data}
        change_case(obj, actor=acting_user(request), at=clock.now(), seen_version=form.seen_version, **values)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return HttpResponseRedirect(self.page_url(obj))


def _bulk_step(name: str) -> Any:
    def act(model_admin: CaseAdmin, request: HttpRequest, queryset: models.QuerySet[Any]) -> HttpResponse | None:
        return take_for_each(model_admin, request, queryset, model_admin.machine, name)

    return act
