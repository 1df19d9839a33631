"""Backups and manual fallbacks in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.catalogue.fields import parse_duration
from config.casework.choices import Tone
from config.casework.desk.acts import Act
from config.casework.desk.base import ReadOnlyAdmin
from config.casework.desk.display import badge, person_name
from config.casework.desk.filters import PickFilter
from config.casework.desk.forms import ActForm, MomentInput
from config.casework.desk.navigation import MACHINE_ROOM, WORK, Line, register_line
from config.casework.words import duration_words
from incidents.continuity.models import BackupPolicy, Fallback
from incidents.continuity.services import record_backup, switch_fallback


class SuccessForm(ActForm):
    succeeded_at = forms.DateTimeField(
        label=gettext_lazy("When it succeeded"),
        help_text=gettext_lazy("Your own time. Leave it empty for now."),
        required=False,
        widget=MomentInput,
    )


class ReasonForm(ActForm):
    reason = forms.CharField(
        label=gettext_lazy("Why"), max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


def _succeeded(user: User, policy: Any, form: Any) -> str:
    now = clock.now()
    record_backup(policy, actor=user, at=now, succeeded_at=form.cleaned_data["succeeded_at"] or now)
    return _("Recorded.")


def _switch(on: bool) -> Any:
    def perform(user: User, fallback: Any, form: Any) -> str:
        switch_fallback(fallback, on=on, actor=user, at=clock.now(), reason=form.cleaned_data["reason"])
        return _("“%(title)s” is on.") % {"title": fallback} if on else _("“%(title)s” is off.") % {"title": fallback}

    return perform


@admin.register(BackupPolicy)
class BackupPolicyAdmin(ReadOnlyAdmin):
    list_display = ("name", "standing", "system", "how_often", "kept_for", "place")
    list_filter = (("system", PickFilter),)
    list_select_related = ("system",)
    empty_title = gettext_lazy("No backup is described yet")
    empty_why = gettext_lazy("Runbook files name them in their section “backups”.")
    acts = (
        Act(
            name="succeeded",
            label=gettext_lazy("A backup succeeded"),
            permission="incidents.change_backuppolicy",
            perform=_succeeded,
            form=SuccessForm,
        ),
    )

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).filter(is_active=True)

    @admin.display(description=gettext_lazy("newest success"))
    def standing(self, obj: BackupPolicy) -> SafeString:
        if not obj.every:
            return badge(_("in real time"), Tone.INFO)
        if obj.last_success_at is None:
            return badge(_("none recorded"), Tone.WARN)
        late = obj.late_by(clock.now())
        if late is not None:
            return badge(_("%(late)s late") % {"late": duration_words(late)}, Tone.DANGER)
        return badge(_("%(age)s ago") % {"age": duration_words(clock.now() - obj.last_success_at)}, Tone.OK)

    @admin.display(description=gettext_lazy("how often"))
    def how_often(self, obj: BackupPolicy) -> str:
        return (
            _("every %(span)s") % {"span": duration_words(parse_duration(obj.every))}
            if obj.every
            else _("in real time")
        )

    @admin.display(description=gettext_lazy("kept for"))
    def kept_for(self, obj: BackupPolicy) -> str:
        return duration_words(parse_duration(obj.keep)) if obj.keep else _("ever")


@admin.register(Fallback)
class FallbackAdmin(ReadOnlyAdmin):
    list_display = ("title", "standing", "system", "since", "who", "reason")
    list_filter = (("system", PickFilter),)
    list_select_related = ("system", "switched_by")
    empty_title = gettext_lazy("No manual fallback is described yet")
    empty_why = gettext_lazy("Runbook files name them in their section “fallbacks”.")
    acts = (
        Act(
            name="switch_on",
            label=gettext_lazy("Switch on"),
            permission="incidents.change_fallback",
            perform=_switch(True),
            form=ReasonForm,
            consequence=gettext_lazy("People go over to it by hand. It stays on until somebody switches it off."),
            tone="warn",
            available=lambda row: not row.is_on,
        ),
        Act(
            name="switch_off",
            label=gettext_lazy("Switch off"),
            permission="incidents.change_fallback",
            perform=_switch(False),
            form=ReasonForm,
            consequence=gettext_lazy("The usual way holds again."),
            available=lambda row: row.is_on,
        ),
    )

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).filter(is_active=True)

    @admin.display(description=gettext_lazy("stands"))
    def standing(self, obj: Fallback) -> SafeString:
        return badge(_("on"), Tone.WARN) if obj.is_on else badge(_("off"), Tone.NEUTRAL)

    @admin.display(description=gettext_lazy("by"))
    def who(self, obj: Fallback) -> str:
        return person_name(obj.switched_by) if obj.switched_by else ""


register_line(
    WORK,
    Line(gettext_lazy("Fallbacks"), "admin:incidents_fallback_changelist", "incidents.view_fallback", "alt_route", 36),
)
register_line(
    MACHINE_ROOM,
    Line(
        gettext_lazy("Backups of the systems"),
        "admin:incidents_backuppolicy_changelist",
        "incidents.view_backuppolicy",
        "backup",
        60,
    ),
)
