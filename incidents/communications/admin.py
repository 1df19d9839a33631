"""Texts and their versions: a change is a new version that a second person approves."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.desk.acts import Act
from config.casework.desk.base import DeskAdmin, acting_user
from config.casework.desk.display import badge, person_name
from config.casework.desk.filters import PickFilter
from config.casework.desk.forms import ActForm
from config.casework.desk.navigation import Line, register_line
from config.casework.desk.skin import SkinTextarea
from incidents.communications import versions
from incidents.communications.models import WAITING, MessageTemplate

RUNBOOKS = "runbooks"


class SlotsField(forms.CharField):
    """Slots as lines of "name | label | hint"; a person never sees the stored form."""

    widget = SkinTextarea

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return "\n".join(
                " | ".join(part for part in (slot["key"], slot.get("label", ""), slot.get("hint") or "") if part)
                for slot in value
            )
        return value

    def to_python(self, value: Any) -> Any:
        slots = []
        for number, line in enumerate(str(value or "").splitlines(), start=1):
            if not line.strip():
                continue
            key, label, hint = ([part.strip() for part in line.split("|", 2)] + ["", ""])[:3]
            if not key.isidentifier() or key != key.lower():
                raise ValidationError(
                    _("Line %(number)d: write name | label | hint; a name has small letters, digits and _.")
                    % {"number": number}
                )
            slots.append({"key": key, "label": label or key.replace("_", " ").capitalize(), "hint": hint or None})
        return slots

    def validate(self, value: Any) -> None:
        """Nothing is demanded: a text may have no slots of its own."""

    def run_validators(self, value: Any) -> None:
        """The value is a list, not a text."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or []))
        except ValidationError:
            return True


class TextForm(forms.ModelForm[MessageTemplate]):
    """The wording of a text; what the service refuses stands at its field."""

    slots = SlotsField(
        label=gettext_lazy("Slots"),
        required=False,
        help_text=gettext_lazy(
            "What people fill in, one a line: name | label | hint. The desk fills {system}, {next_update} and, inside, "
            "{reference}, {severity}, {impact}, {mitigation}, {owner}, {channel}."
        ),
        widget=SkinTextarea(attrs={"rows": 4}),
    )

    class Meta:
        model = MessageTemplate
        fields = ("system", "key", "language", "audience", "title", "subject", "body", "slots", "claims_data_safety")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            values = {name: cleaned[name] for name in versions.TEXT_FIELDS if name in cleaned}
            system = cleaned.get("system") or self.instance.system
            try:
                versions.check_text(MessageTemplate(system=system, key="check", **values))
            except ValidationError as error:
                for name, errors in error.error_dict.items():
                    self.add_error(name if name in self.fields else None, errors)
            if self.instance.pk and not self.changed_data:
                self.add_error(None, _("Nothing was changed, so there is no new version."))
        return cleaned


class CommentForm(ActForm):
    comment = forms.CharField(label=gettext_lazy("Remark"), required=False, max_length=5_000)


def _approve(user: User, row: MessageTemplate, form: CommentForm) -> str:
    versions.approve(row, actor=user, at=clock.now(), comment=form.cleaned_data["comment"])
    return _("Version %(version)d is in use.") % {"version": row.version}


def _decline(user: User, row: MessageTemplate, form: ActForm) -> str:
    versions.decline(row, actor=user, at=clock.now())
    return _("Version %(version)d is not used.") % {"version": row.version}


class StandingFilter(admin.SimpleListFilter):
    title = gettext_lazy("standing")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("current", _("in use")), ("waiting", _("waits for approval")), ("old", _("no longer in use"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "current":
                return queryset.filter(is_current=True)
            case "waiting":
                return queryset.filter(WAITING)
            case "old":
                return queryset.filter(is_current=False).exclude(WAITING)
        return queryset


@admin.register(MessageTemplate)
class MessageTemplateAdmin(DeskAdmin):
    form = TextForm
    list_display = ("heading", "system", "audience", "language", "version", "standing_badge")
    list_display_links = ("heading",)
    narrow_columns = ("heading", "version", "standing_badge")
    list_filter = (StandingFilter, "audience", "language", ("system", PickFilter))
    list_select_related = ("system",)
    search_fields = ("key", "title", "subject")
    consequence = gettext_lazy("Nobody uses it until a second person has approved it.")
    acts = (
        Act(
            "approve",
            gettext_lazy("Approve"),
            "incidents.change_messagetemplate",
            _approve,
            form=CommentForm,
            consequence=gettext_lazy("From now on this wording is used. The one before is kept."),
            tone="warn",
            available=lambda row: bool(row.is_waiting),
        ),
        Act(
            "decline",
            gettext_lazy("Do not use it"),
            "incidents.change_messagetemplate",
            _decline,
            consequence=gettext_lazy("The wording is kept as not approved. The version in use stays in use."),
            available=lambda row: bool(row.is_waiting),
        ),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        names = ["system", "key", "language", "audience", "title", "subject", "body", "slots", "claims_data_safety"]
        return [*names, "standing_words", *(["in_use"] if obj.is_waiting else [])] if obj else names

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("system", "key", "language", "standing_words", "in_use") if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Old versions are a record; the one in use and the one that waits lead to a new one."""
        over = obj is not None and not (obj.is_current or obj.is_waiting)
        return not over and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        values = {name: getattr(obj, name) for name in versions.TEXT_FIELDS}
        kept = versions.propose(
            obj.system, key=obj.key, language=obj.language, actor=acting_user(request), at=clock.now(), **values
        )
        obj.pk, obj.version = kept.pk, kept.version
        obj.refresh_from_db()

    @admin.display(description=gettext_lazy("text"))
    def heading(self, obj: MessageTemplate) -> str:
        return obj.title or obj.key

    @admin.display(description=gettext_lazy("standing"))
    def standing_badge(self, obj: MessageTemplate) -> SafeString:
        return badge(obj.standing.label, obj.standing.tone)

    @admin.display(description=gettext_lazy("standing"))
    def standing_words(self, obj: MessageTemplate) -> SafeString:
        who = obj.approved_by or obj.proposed_by
        name = person_name(who) if who else _("the runbook file")
        said = _("Version %(version)d, approved by %(who)s") if obj.approved_at else _("Version %(version)d, written by %(who)s")  # fmt: skip
        return format_html("{} {}", self.standing_badge(obj), said % {"version": obj.version, "who": name})

    @admin.display(description=gettext_lazy("in use now"))
    def in_use(self, obj: MessageTemplate) -> SafeString:
        """The wording that this one would replace, to compare."""
        current = MessageTemplate.objects.filter(
            system=obj.system, key=obj.key, language=obj.language, is_current=True
        ).first()
        if current is None:
            return SafeString(_("Nothing yet: this is the first version."))
        return format_html('<strong>{}</strong><div class="message-preview">{}</div>', current.subject, current.body)


register_line(
    RUNBOOKS,
    Line(
        gettext_lazy("Texts"),
        "admin:incidents_messagetemplate_changelist",
        "incidents.view_messagetemplate",
        "mail",
        20,
    ),
)
