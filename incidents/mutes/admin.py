"""Mutes in the admin: made with a reason, listed, ended early."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.choices import Tone
from config.casework.desk.acts import Act, act_page
from config.casework.desk.base import LabelledChoiceField, ReadOnlyAdmin, acting_user
from config.casework.desk.display import badge, person_name
from config.casework.desk.forms import ActForm, MomentInput
from incidents.clocks import effective_level
from incidents.models import Incident, Mute
from incidents.mutes import endings, services
from incidents.mutes.choices import MuteOf, MuteUntil
from incidents.severity.models import Severity


class MuteForm(ActForm):
    system = LabelledChoiceField(label=gettext_lazy("System"), queryset=System.objects.order_by("name"))
    of = forms.ChoiceField(label=gettext_lazy("Silence"), choices=MuteOf.choices)
    value = forms.CharField(
        label=gettext_lazy("Which"),
        max_length=200,
        help_text=gettext_lazy("The alert's name, its fingerprint, or the number of the group."),
    )
    severity = LabelledChoiceField(
        label=gettext_lazy("Gravest severity it hides"),
        queryset=Severity.objects.select_related("system").order_by("system__name", "rank", "key"),
        help_text=gettext_lazy("Anything graver still opens a case and pages. So does lost data."),
    )
    until = forms.ChoiceField(label=gettext_lazy("How long"), choices=MuteUntil.choices)
    ends_at = forms.DateTimeField(
        label=gettext_lazy("Until"),
        help_text=gettext_lazy("Your own time, within 30 days. Only when you name a moment."),
        required=False,
        widget=MomentInput,
    )
    reason = forms.CharField(label=gettext_lazy("Why"), max_length=300)


def _end(actor: User, row: Mute, _form: ActForm) -> str:
    ended = endings.close(row, actor=actor, at=clock.now())
    return _("It is over. What still fires has its case now.") if ended else _("It was over already.")


@admin.register(Mute)
class MuteAdmin(ReadOnlyAdmin):
    list_display = ("what", "system", "severity", "ends_at", "state_badge", "reason")
    list_filter = ("of",)
    list_select_related = ("system", "severity__system", "made_by")
    narrow_columns = ("what", "ends_at", "state_badge")
    fields = ("what", "system", "severity", "reason", "who", "starts_at", "ends_at", "state_badge", "hidden")
    empty_title = gettext_lazy("Nothing is muted")
    empty_why = gettext_lazy("A mute keeps an alert from opening cases for a while. It ends by itself.")
    acts = (
        Act(
            "end",
            gettext_lazy("End it now"),
            "incidents.change_mute",
            _end,
            consequence=gettext_lazy("What still fires opens its case at once."),
            available=lambda row: row.ended_at is None,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return acting_user(request).has_perm("incidents.add_mute")

    @admin.display(description=gettext_lazy("silences"))
    def what(self, obj: Mute) -> str:
        return f"{obj.get_of_display()}: {obj.value}"

    @admin.display(description=gettext_lazy("by"))
    def who(self, obj: Mute) -> str:
        return person_name(obj.made_by)

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, obj: Mute) -> SafeString:
        if obj.ended_at is not None or obj.ends_at <= clock.now():
            return badge(_("over"), Tone.NEUTRAL)
        return badge(_("silent"), Tone.WARN)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        user = acting_user(request)

        def perform(form: MuteForm) -> str:
            values = form.cleaned_data
            services.mute(
                values["system"],
                of=MuteOf(values["of"]),
                value=values["value"],
                severity=values["severity"],
                until=MuteUntil(values["until"]),
                reason=values["reason"],
                ends_at=values["ends_at"],
                actor=user,
                at=clock.now(),
            )
            return _("It is silent. It ends by itself.")

        label = _("Mute an alert")
        return act_page(
            self,
            request,
            MuteForm,
            perform,
            title=label,
            submit_label=label,
            back=reverse(self.url_name("changelist")),
            initial=_initial(request.GET.get("incident", ""), user),
            tone=Tone.WARN,
        )


def _initial(incident: str, user: User) -> dict[str, Any]:
    """What is known when one comes from a case: its system, its group of alerts, its severity."""
    if not incident.isdecimal():
        return {}
    case = Incident.objects.visible_to(user).filter(pk=int(incident)).select_related("system", "severity").first()
    if case is None:
        return {}
    level = effective_level(case)
    known: dict[str, Any] = {"system": case.system_id, "severity": level.pk if level else None}
    if case.alert_group_id is not None:
        known |= {"of": MuteOf.GROUP, "value": str(case.alert_group_id)}
    return known
