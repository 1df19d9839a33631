"""What the page of a case shows: the head that stays in view, tabs, facts, clocks, people, timeline."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from config.casework import clock
from config.casework.access.models import User
from config.casework.cases.redaction import PERMISSION
from config.casework.cases.timeline import timeline
from config.casework.deadlines.selectors import clocks as clocks_of
from config.casework.desk.base import acting_user
from config.casework.desk.clocks import SpokenClock, spoken
from config.casework.desk.display import NOTHING, facts, person_name
from config.casework.desk.forms import NoteForm
from config.casework.desk.history import entries_about, row_changes
from config.casework.desk.inlines import CaseInline
from config.casework.desk.steps import Button, Stand, buttons
from config.casework.files.models import StoredFile

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin

OVERVIEW, FILES, CLOCKS, HISTORY, EDIT = "overview", "files", "clocks", "history", "edit"
TIMELINE_LENGTH = 60
PAGE_TEMPLATE = "desk/admin/case.html"


@dataclass(frozen=True)
class Tab:
    """One tab of a case page.

    Attributes:
        template: drawn below the tabs.
        context: what the template needs: (admin, request, case) -> names.
        permission: "app.codename" a person needs to see it.
        concerns: whether it has anything to say about a case.
    """

    key: str
    label: Any
    template: str = ""
    context: Callable[[Any, HttpRequest, Any], dict[str, Any]] | None = None
    permission: str = ""
    concerns: Callable[[Any], bool] = lambda _case: True


class EditForm(forms.ModelForm[Any]):
    """Changes by hand; refused when somebody changed the case since the page was opened."""

    @property
    def seen_version(self) -> int | None:
        text = str(self.data.get("seen_version", ""))
        return int(text) if text.isdecimal() else None

    def clean(self) -> dict[str, Any] | None:
        if self.instance.pk and self.seen_version != self.instance.version:
            raise ValidationError(_("Somebody changed it since you opened it. Look again, then repeat your change."))
        return super().clean()


def frame(admin: "CaseAdmin", request: HttpRequest, case: Any, tab: str) -> dict[str, Any]:
    """Head and tabs, the same on every tab."""
    user = acting_user(request)
    spoken_clocks = [spoken(deadline, clock.now()) for deadline in clocks_of(case)]
    address = reverse(admin.url_name("step"), args=[case.pk, "NAME"]).replace("NAME", "{name}")
    primary, more = buttons(Stand(case, admin.machine, admin.page_url(case)), user, address)
    state = admin.machine.states(admin.machine.state(case))
    return {
        "title": case.reference,
        "opts": admin.opts,
        "original": case,
        "case": case,
        "reference": case.reference,
        "case_title": case.title,
        "state": {"label": state.label, "tone": str(getattr(state, "tone", "neutral"))},
        "severity": admin.severity(case),
        "system": case.system,
        "clock": _next(spoken_clocks, case),
        "owner": person_name(case.owner) if case.owner else "",
        "primary": primary,
        "more": [*more, *_further_buttons(admin, request, case, user)],
        "clocks": spoken_clocks,
        "now": clock.now(),
        "page_tabs": [
            (item.key, item.label, admin.page_url(case, item.key if item.key != OVERVIEW else ""))
            for item in _tabs(admin, request, user, case)
        ],
        "current_tab": tab,
    }


def page(admin: "CaseAdmin", request: HttpRequest, case: Any, key: str) -> dict[str, Any]:
    """Everything one tab draws.

    Raises:
        Http404: there is no such tab for this person.
    """
    user = acting_user(request)
    tab = next((item for item in _tabs(admin, request, user, case) if item.key == key), None)
    if tab is None:
        raise Http404(f"no tab {key}")
    context = {**frame(admin, request, case, key), "template": PAGE_TEMPLATE, "tab_template": tab.template}
    context["panels"] = [
        _panel(admin, request, case, user, panel) for panel in visible_panels(admin, user) if panel.tab_key == key
    ]
    if key == OVERVIEW:
        context |= _overview(admin, case, user)
    elif key == FILES:
        context |= _files(admin, case, user)
    elif key == HISTORY:
        context |= {"entries": entries_about(case), "changes": row_changes(case)}
    if tab.context is not None:
        context |= tab.context(admin, request, case)
    return context | admin.extra_context(request, case, key)


def visible_panels(admin: "CaseAdmin", user: User) -> list[CaseInline]:
    return [panel for panel in (panel_class() for panel_class in admin.panels) if panel.may_view(user)]


def _tabs(admin: "CaseAdmin", request: HttpRequest, user: User, case: Any) -> list[Tab]:
    tabs = [Tab(OVERVIEW, _("Overview"), "desk/admin/case_overview.html")]
    own = {item.key for item in admin.tabs} | {OVERVIEW}
    for panel in visible_panels(admin, user):
        if panel.tab_key not in own:
            own.add(panel.tab_key)
            tabs.append(Tab(panel.tab_key, panel.title))
    allowed = (item for item in admin.tabs if not item.permission or user.has_perm(item.permission))
    tabs += [item for item in allowed if item.concerns(case)]
    if user.has_perm("casework.view_storedfile"):
        tabs.append(Tab(FILES, _("Files"), "desk/admin/case_files.html"))
    tabs.append(Tab(CLOCKS, _("Clocks"), "desk/admin/case_clocks.html"))
    if user.has_perm("casework.view_auditentry"):
        tabs.append(Tab(HISTORY, _("History"), "desk/admin/case_history.html"))
    if admin.get_fields(request, case) and admin.has_change_permission(request, case):
        tabs.append(Tab(EDIT, _("Edit")))
    return tabs


def _overview(admin: "CaseAdmin", case: Any, user: User) -> dict[str, Any]:
    entries = timeline(case)
    return {
        "facts": [(label, value) for label, value in facts(case, admin.facts, admin) if value != NOTHING],
        "people": admin.people(case),
        "entries": entries[:TIMELINE_LENGTH],
        "older_entries": entries[TIMELINE_LENGTH:],
        "note_form": NoteForm() if user.has_perm("casework.add_note") else None,
        "note_url": reverse(admin.url_name("note"), args=[case.pk]),
    }


def _panel(admin: "CaseAdmin", request: HttpRequest, case: Any, user: User, panel: CaseInline) -> dict[str, Any]:
    address = (
        reverse(admin.url_name("child_step"), args=[case.pk, panel.key, 0, "NAME"])
        .replace("/0/", "/{pk}/")
        .replace("NAME", "{name}")
    )
    return {
        "panel": panel,
        "headings": panel.headings(),
        "rows": panel.child_rows(case, user, address, admin.page_url(case, panel.tab_key)),
        "add_url": reverse(admin.url_name("child_add"), args=[case.pk, panel.key]) if panel.may_add(user) else "",
    }


def _next(spoken_clocks: list[SpokenClock], case: Any) -> SpokenClock | None:
    """The clock that the queue sorts by: the nearest open one."""
    return next(
        (
            said
            for said in spoken_clocks
            if said.met_at is None and said.due_at is not None and said.due_at == case.next_due_at
        ),
        None,
    )


def _files(admin: "CaseAdmin", case: Any, user: User) -> dict[str, Any]:
    may_redact = user.has_perm(PERMISSION)
    stored = (
        StoredFile.objects.of(case)
        .filter(deleted_at=None)
        .select_related("uploaded_by")
        .order_by("-uploaded_at", "-pk")
    )
    return {
        "files": [
            (
                row,
                reverse(admin.url_name("redact_file"), args=[case.pk, row.pk])
                if may_redact and row.is_readable
                else "",
            )
            for row in stored
        ],
        "add_files_url": reverse(admin.url_name("files"), args=[case.pk])
        if user.has_perm("casework.add_storedfile")
        else "",
    }


def _further_buttons(admin: "CaseAdmin", request: HttpRequest, case: Any, user: User) -> list[Button]:
    """What one can do beside the steps of the machine."""
    further = []
    if case.restricted and admin.has_change_permission(request, case):
        further.append(Button(_("Share with…"), reverse(admin.url_name("share"), args=[case.pk])))
    if user.has_perm(PERMISSION):
        further.append(Button(_("Remove a passage…"), reverse(admin.url_name("redact"), args=[case.pk]), tone="danger"))
    return further
