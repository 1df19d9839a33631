"""Commands to look up and copy, and switches for what is yet to come."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.desk.acts import Act
from config.casework.desk.base import ReadOnlyAdmin
from config.casework.desk.display import badge, choice_badge, person_name
from config.casework.desk.filters import PickFilter
from config.casework.desk.forms import ActForm
from config.casework.desk.navigation import Line, register_line
from config.casework.desk.versioned import VersionedAdmin
from incidents.references import services
from incidents.references.models import CommandReference, FeatureSwitch
from incidents.references.selectors import fits_engine
from incidents.runbooks.navigation import RUNBOOKS


class ReviewedFilter(admin.SimpleListFilter):
    """Commands nobody has stood by yet."""

    title = gettext_lazy("review")
    parameter_name = "reviewed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", gettext_lazy("not reviewed")), ("yes", gettext_lazy("reviewed"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() in {"no", "yes"}:
            return queryset.filter(reviewed_at__isnull=self.value() == "no")
        return queryset


def _review(user: User, row: CommandReference, form: ActForm) -> str:
    services.review(row, actor=user, at=clock.now(), seen=row.command)
    return _("Your review is kept.")


@admin.register(CommandReference)
class CommandReferenceAdmin(VersionedAdmin):
    list_display = ("purpose", "system", "command_copy", "judgement_words", "review")
    list_filter = (("system", PickFilter), "judgement", ReviewedFilter)
    list_select_related = ("system", "reviewed_by")
    search_fields = ("purpose", "command", "key")
    search_help_text = gettext_lazy("Words of the purpose or of the command")
    narrow_columns = ("purpose", "command_copy", "judgement_words")
    fields = ("system", "key", "purpose", "command", "variant", "judgement", "warning", "source")
    consequence = gettext_lazy("The desk never runs a command. People copy it.")
    acts = (
        Act(
            name="review",
            label=gettext_lazy("I have reviewed it"),
            permission="incidents.change_commandreference",
            perform=_review,
            consequence=gettext_lazy(
                "You stand by this command and its warning. A change of its text takes the review back."
            ),
            available=lambda row: row.reviewed_at is None,
        ),
    )

    class Media:
        js = ("desk/copy.js",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), *(("system", "key") if obj else ()))

    @admin.display(description=gettext_lazy("command"))
    def command_copy(self, obj: CommandReference) -> SafeString:
        return format_html(
            '<span class="command"><code>{}</code><button class="button button--quiet" type="button" data-copy="{}">{}</button></span>',
            obj.command,
            obj.command,
            _("Copy"),
        )

    @admin.display(description=gettext_lazy("judgement"))
    def judgement_words(self, obj: CommandReference) -> SafeString:
        said = choice_badge(obj, "judgement")
        if not fits_engine(obj):
            said = format_html("{} {}", said, badge(_("not for this engine"), "neutral"))
        return format_html('{}<small class="command__warning">{}</small>', said, obj.warning) if obj.warning else said

    @admin.display(description=gettext_lazy("reviewed"))
    def review(self, obj: CommandReference) -> SafeString:
        if obj.reviewed_at is None:
            return badge(_("not reviewed"), "warn")
        return badge(person_name(obj.reviewed_by), "ok")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if "command" in form.changed_data:
            obj.reviewed_by, obj.reviewed_at = None, None
        super().save_model(request, obj, form, change)


def _turn(on: bool) -> Any:
    def perform(user: User, row: FeatureSwitch, form: ActForm) -> str:
        services.switch(row, on=on, actor=user, at=clock.now())
        return _("It is on.") if on else _("It is off.")

    return perform


@admin.register(FeatureSwitch)
class FeatureSwitchAdmin(ReadOnlyAdmin, VersionedAdmin):
    list_display = ("name", "system", "description", "standing")
    list_filter = (("system", PickFilter), "is_on")
    list_select_related = ("system",)
    search_fields = ("name", "key")
    fields = ("system", "key", "name", "description", "source", "standing")
    readonly_fields = ("standing",)
    empty_title = gettext_lazy("Nothing to switch")
    empty_why = gettext_lazy("No runbook names behaviours that are yet to come.")
    acts = (
        Act(
            name="on",
            label=gettext_lazy("Switch it on"),
            permission="incidents.change_featureswitch",
            perform=_turn(True),
            consequence=gettext_lazy("The behaviour described here begins with the next event."),
            available=lambda row: not row.is_on,
        ),
        Act(
            name="off",
            label=gettext_lazy("Switch it off"),
            permission="incidents.change_featureswitch",
            perform=_turn(False),
            available=lambda row: row.is_on,
        ),
    )

    @admin.display(description=gettext_lazy("state"))
    def standing(self, obj: FeatureSwitch) -> SafeString:
        return badge(_("on"), "ok") if obj.is_on else badge(_("off"), "neutral")


for title, name, icon, order in (
    (gettext_lazy("Commands"), "commandreference", "terminal", 60),
    (gettext_lazy("Switches"), "featureswitch", "toggle_on", 70),
):
    register_line(RUNBOOKS, Line(title, f"admin:incidents_{name}_changelist", f"incidents.view_{name}", icon, order))
