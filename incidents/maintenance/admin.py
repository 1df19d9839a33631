"""Maintenance in the admin: what comes, what runs, and the acts on it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.choices import Tone
from config.casework.desk.acts import Act, act_page
from config.casework.desk.base import DeskAdmin, DeskTabularInline, ReadOnlyAdmin, acting_user
from config.casework.desk.display import NOTHING, badge
from config.casework.desk.filters import DateRangeFilter, PickFilter
from config.casework.desk.forms import ActForm, MomentInput
from config.casework.desk.navigation import Line, register_line
from config.casework.transitions import apply
from config.casework.words import duration_words
from incidents.maintenance import services
from incidents.maintenance.choices import Stage, WindowState
from incidents.maintenance.models import MaintenanceMessage, MaintenanceRule, MaintenanceWindow
from incidents.maintenance.transitions import CHANGE, MAINTENANCE

RUNBOOKS = "runbooks"
ADD = "incidents.add_maintenancewindow"


class EndForm(ActForm):
    ends_at = forms.DateTimeField(
        label=gettext_lazy("New end"), help_text=gettext_lazy("Your own time."), widget=MomentInput
    )


class WhyForm(ActForm):
    why = forms.CharField(label=gettext_lazy("Why"), max_length=300)


class SystemField(forms.ModelChoiceField[System]):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=System.objects.order_by("name"), label=gettext_lazy("System"), **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.name)


class ModeForm(ActForm):
    """Maintenance mode: which system, why, until when."""

    system = SystemField()
    why = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("It stands on the status page: no names, no providers."),
        max_length=300,
    )
    ends_at = forms.DateTimeField(
        label=gettext_lazy("Until"),
        help_text=gettext_lazy("Your own time, at most three days ahead. It ends by itself."),
        widget=MomentInput,
    )


class WindowForm(ActForm):
    """A single maintenance."""

    system = SystemField()
    title = forms.CharField(label=gettext_lazy("What is done"), max_length=120)
    starts_at = forms.DateTimeField(
        label=gettext_lazy("Begins"), help_text=gettext_lazy("Your own time."), widget=MomentInput
    )
    ends_at = forms.DateTimeField(
        label=gettext_lazy("Ends"), help_text=gettext_lazy("Your own time."), widget=MomentInput
    )
    why = forms.CharField(label=gettext_lazy("Reason"), required=False, max_length=300)


def _act(name: str, form: type[ActForm], said: Any) -> Act:
    """A step of the machine as an act on the page of a window."""
    step = MAINTENANCE.transitions[name]

    def perform(user: User, window: MaintenanceWindow, filled: ActForm) -> str:
        apply(window, name, actor=user, **filled.cleaned_data)
        return str(said)

    available: Callable[[Any], bool] = lambda window: window.state in step.sources  # noqa: E731
    return Act(name, step.label, CHANGE, perform, form, step.consequence, str(step.tone), available)


class MessageInline(DeskTabularInline):
    model = MaintenanceMessage
    fields = ("stage", "language", "subject", "recipient_count", "sent_at")
    verbose_name_plural = gettext_lazy("What was said")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AheadFilter(admin.SimpleListFilter):
    """What runs or comes, unless one asks for the past."""

    title = gettext_lazy("when")
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("past", _("over or cancelled")), ("all", _("all"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        ahead = [WindowState.PLANNED, WindowState.RUNNING]
        match self.value():
            case "past":
                return queryset.exclude(state__in=ahead).order_by("-starts_at", "-pk")
            case "all":
                return queryset
        return queryset.filter(state__in=ahead)


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(DeskAdmin):
    """Windows change by their acts only."""

    list_display = ("title", "system", "starts_at", "length", "state_badge", "notice_words")
    narrow_columns = ("title", "starts_at", "state_badge")
    list_filter = (AheadFilter, "kind", ("system", PickFilter), ("starts_at", DateRangeFilter))
    list_select_related = ("system", "rule")
    list_before_template = "incidents/maintenance_head.html"
    search_fields = ("title",)
    fields = ("title", "system", "kind", "state_badge", "starts_at", "ends_at", "why", "work_words", "notice_words", "begun_at", "finished_at", "opened_by")  # fmt: skip
    inlines = (MessageInline,)
    empty_title = gettext_lazy("No maintenance is planned")
    empty_why = gettext_lazy("Windows come from the rules of the runbooks. Plan a single one if you need it.")
    acts = (
        _act("begin", ActForm, gettext_lazy("It has begun.")),
        _act("finish", ActForm, gettext_lazy("It is finished.")),
        _act("extend", EndForm, gettext_lazy("It ends later.")),
        _act("cancel", WhyForm, gettext_lazy("It does not take place.")),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        mode = path("mode/", self.admin_site.admin_view(self.mode_view), name="incidents_maintenancewindow_mode")
        return [mode, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        user = self._may_add(request)

        def perform(form: WindowForm) -> str:
            given = form.cleaned_data
            window = services.plan(
                given["system"],
                title=given["title"],
                starts_at=given["starts_at"],
                ends_at=given["ends_at"],
                reason=given["why"],
                actor=user,
                at=clock.now(),
            )
            if window.notice_late:
                return _("It is planned. The usual lead has passed: customers are told at once.")
            return _("It is planned. Customers are told beforehand.")

        return self._asked(request, WindowForm, perform, title=_("Plan a maintenance"), submit=_("Plan it"))

    def mode_view(self, request: HttpRequest) -> HttpResponse:
        user = self._may_add(request)

        def perform(form: ModeForm) -> str:
            given = form.cleaned_data
            services.enter_mode(
                given["system"], reason=given["why"], ends_at=given["ends_at"], actor=user, at=clock.now()
            )
            return _("Maintenance mode is on. It ends by itself.")

        return self._asked(
            request,
            ModeForm,
            perform,
            title=_("Enter maintenance mode"),
            submit=_("Enter maintenance mode"),
            consequence=_(
                "From now on alerts of this system page nobody. What may lose data still does. No mail is sent."
            ),
            tone="warn",
        )

    def _may_add(self, request: HttpRequest) -> User:
        user = acting_user(request)
        if not user.has_perm(ADD):
            raise PermissionDenied(f"{user} may not plan maintenance.")
        return user

    def _asked(
        self,
        request: HttpRequest,
        form: type[Any],
        perform: Callable[[Any], str],
        *,
        title: str,
        submit: str,
        consequence: str = "",
        tone: str = "info",
    ) -> HttpResponse:
        def renamed(filled: Any) -> str:
            try:
                return perform(filled)
            except ValidationError as error:
                if hasattr(error, "error_dict") and "__all__" in error.error_dict:
                    raise ValidationError(error.messages) from None
                raise

        return act_page(
            self,
            request,
            form,
            renamed,
            title=title,
            submit_label=submit,
            back=reverse(self.url_name("changelist")),
            consequence=consequence,
            tone=tone,
        )

    @admin.display(description=gettext_lazy("lasts"))
    def length(self, obj: MaintenanceWindow) -> str:
        return duration_words(obj.ends_at - obj.starts_at)

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, obj: MaintenanceWindow) -> SafeString:
        state = WindowState(obj.state)
        return badge(state.label, state.tone)

    @admin.display(description=gettext_lazy("notice"))
    def notice_words(self, obj: MaintenanceWindow) -> SafeString:
        """When customers are told, and whether that was too late or did not happen."""
        if obj.notice_due_at is None or obj.state == WindowState.CANCELLED:
            return SafeString(NOTHING)
        told = any(message.stage == Stage.NOTICE for message in obj.messages.all())
        if told:
            return badge(_("told late"), Tone.WARN) if obj.notice_late else badge(_("told"), Tone.OK)
        if obj.notice_late or obj.state != WindowState.PLANNED:
            return badge(_("nobody was told"), Tone.DANGER)
        return badge(_("told in %(time)s") % {"time": duration_words(obj.notice_due_at - clock.now())}, Tone.NEUTRAL)

    @admin.display(description=gettext_lazy("work"))
    def work_words(self, obj: MaintenanceWindow) -> str:
        return ", ".join(obj.work) or NOTHING

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("messages")


@admin.register(MaintenanceRule)
class MaintenanceRuleAdmin(ReadOnlyAdmin):
    """Rules are kept in the runbook file."""

    list_display = ("title", "system", "recurrence", "at", "zone", "duration")
    list_select_related = ("system",)
    narrow_columns = ("title", "system", "recurrence")
    fields = ("title", "system", "recurrence", "at", "zone", "begins", "duration", "notice", "work", "templates")


register_line(
    RUNBOOKS,
    Line(
        gettext_lazy("Maintenance"),
        "admin:incidents_maintenancewindow_changelist",
        "incidents.view_maintenancewindow",
        "build",
        45,
    ),
)
