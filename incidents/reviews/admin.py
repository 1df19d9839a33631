"""Action items, contributing factors: lists, panels, what one may do to an item."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.desk.acts import Act
from config.casework.desk.base import DeskAdmin, acting_user
from config.casework.desk.display import badge, person_name
from config.casework.desk.exchange import DeskImportExportAdmin
from config.casework.desk.filters import PickFilter
from config.casework.desk.forms import ActForm
from config.casework.desk.inlines import CaseInline
from config.casework.transitions import apply
from incidents.filters import DueFilter, MineFilter
from incidents.imports import ACTION_COLUMNS, import_action_item
from incidents.models import ActionItem, ContributingFactor, Incident
from incidents.reviews.actions import add_action_item, change_action_item, due_words
from incidents.reviews.choices import ActionState
from incidents.reviews.services import add_factor
from incidents.reviews.transitions import ACTION_ITEM


class FactorInline(CaseInline):
    model = ContributingFactor
    tab = "review"
    label = gettext_lazy("Contributing factors")
    fields = ("kind", "text", "added_by")
    add_fields = ("kind", "text")
    add_permission = "incidents.add_contributingfactor"
    add_label = gettext_lazy("Add a factor")
    add_consequence = gettext_lazy("There is never a single cause. Name what the system allowed, not who did it.")
    empty_why = gettext_lazy("None is noted yet. There is never a single cause.")

    def get_rows(self, case: Any) -> Any:
        return super().get_rows(case).select_related("added_by")

    def add(self, case: Incident, *, actor: Any, at: datetime, **values: Any) -> ContributingFactor:
        return add_factor(case, actor=actor, at=at, **values)


class ActionItemInline(CaseInline):
    model = ActionItem
    machine = ACTION_ITEM
    tab = "review"
    label = gettext_lazy("Action items")
    fields = ("text", "kind", "owner", "due_on", "due", "outcome")
    add_fields = ("kind", "text", "owner", "due_on")
    add_permission = "incidents.add_actionitem"
    add_label = gettext_lazy("Add an action item")
    add_consequence = gettext_lazy("Its owner is reminded before the date, and those who answer for it after.")
    empty_why = gettext_lazy("Nothing to do afterwards was noted yet.")

    def get_rows(self, case: Any) -> Any:
        return super().get_rows(case).select_related("owner", "incident__system")

    def add(self, case: Incident, *, actor: Any, at: datetime, **values: Any) -> ActionItem:
        return add_action_item(case, actor=actor, at=at, **values)

    @admin.display(description=gettext_lazy("state"))
    def due(self, row: ActionItem) -> SafeString:
        return badge(*due_words(row, clock.now()))


class OutcomeForm(ActForm):
    outcome = forms.CharField(label=gettext_lazy("What came of it"), max_length=300, required=False)


class ReasonForm(ActForm):
    outcome = forms.CharField(label=gettext_lazy("Why it will not be done"), max_length=300)


def _step(name: str, done: Any) -> Any:
    def perform(user: User, item: ActionItem, form: Any) -> str:
        values = {"outcome": outcome} if (outcome := form.cleaned_data.get("outcome")) else {}
        apply(item, name, actor=user, **values)
        return str(done)

    return perform


ACTS = (
    Act(
        "finish",
        gettext_lazy("Done"),
        "incidents.change_actionitem",
        _step("finish", gettext_lazy("It is done.")),
        form=OutcomeForm,
        tone="ok",
        available=lambda row: row.state == ActionState.OPEN,
    ),
    Act(
        "drop",
        gettext_lazy("Drop"),
        "incidents.change_actionitem",
        _step("drop", gettext_lazy("It is dropped.")),
        form=ReasonForm,
        tone="warn",
        available=lambda row: row.state == ActionState.OPEN,
    ),
    Act(
        "reopen",
        gettext_lazy("Reopen"),
        "incidents.change_actionitem",
        _step("reopen", gettext_lazy("It is open again.")),
        consequence=gettext_lazy("Its owner is reminded again."),
        available=lambda row: row.state != ActionState.OPEN,
    ),
)


@admin.register(ActionItem)
class ActionItemAdmin(DeskImportExportAdmin, DeskAdmin):
    """The items of everybody, the nearest date first; one's own by a filter."""

    list_display = ("text", "case", "kind", "owner_name", "due_on", "due")
    narrow_columns = ("text", "owner_name", "due")
    list_filter = ("state", MineFilter, DueFilter, "kind", ("owner", PickFilter))
    list_select_related = ("owner", "incident__system")
    search_fields = ("text", "incident__reference")
    ordering = ("due_on", "pk")
    fields = ("incident", "kind", "text", "owner", "due_on", "state", "outcome", "finished_at")
    acts = ACTS
    export_fields = ACTION_COLUMNS
    export_paths = {"incident": "incident__reference", "owner": "owner__email"}
    import_fields = ACTION_COLUMNS
    empty_title = gettext_lazy("Nothing to do")
    empty_why = gettext_lazy("Every action item is settled, or none is yours.")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), *(("incident",) if obj is not None else ()))

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """A settled item is reopened first."""
        settled = isinstance(obj, ActionItem) and obj.state != ActionState.OPEN
        return not settled and super().has_change_permission(request, obj)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "owner":
            kwargs["queryset"] = User.objects.filter(is_staff=True, is_active=True).order_by("name", "email")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        user, now = acting_user(request), clock.now()
        values = {
            name: form.cleaned_data[name] for name in ("kind", "text", "owner", "due_on") if name in form.cleaned_data
        }
        if change:
            change_action_item(obj, actor=user, at=now, **values)
        else:
            made = add_action_item(form.cleaned_data["incident"], actor=user, at=now, **values)
            obj.pk, obj._state.adding = made.pk, False

    def apply_row(self, row: Mapping[str, Any], *, actor: User) -> tuple[models.Model, bool]:
        return import_action_item(row, actor=actor)

    def label(self, obj: Any) -> str:
        return _("action item %(number)s of %(reference)s") % {"number": obj.pk, "reference": obj.incident.reference}

    @admin.display(description=gettext_lazy("incident"))
    def case(self, obj: ActionItem) -> str:
        return obj.incident.reference

    @admin.display(description=gettext_lazy("owner"))
    def owner_name(self, obj: ActionItem) -> str:
        return person_name(obj.owner)

    @admin.display(description=gettext_lazy("state"))
    def due(self, obj: ActionItem) -> SafeString:
        return badge(*due_words(obj, clock.now()))
