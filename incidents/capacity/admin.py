"""Limits of the operated systems, with the newest reading of each."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.desk.acts import Act
from config.casework.desk.display import NOTHING, badge, person_name
from config.casework.desk.filters import PickFilter
from config.casework.desk.forms import ActForm, MomentInput
from config.casework.desk.navigation import Line, register_line
from config.casework.desk.versioned import VersionedAdmin
from incidents.capacity import services
from incidents.capacity.models import CapacityLimit
from incidents.capacity.selectors import guidance, newest, plain
from incidents.runbooks.navigation import RUNBOOKS

SHOWN = 50


class ReadingForm(ActForm):
    """One reading by a person."""

    value = forms.DecimalField(label=gettext_lazy("Reading"), min_value=Decimal(0), max_digits=14, decimal_places=3)
    at = forms.DateTimeField(
        label=gettext_lazy("When it was read"),
        help_text=gettext_lazy("Your own time. Leave it empty for now."),
        required=False,
        widget=MomentInput,
    )


def _read(user: User, row: CapacityLimit, form: ReadingForm) -> str:
    at = form.cleaned_data["at"] or clock.now()
    reading = services.record_reading(row, value=form.cleaned_data["value"], actor=user, at=at)
    standing = row.standing(reading.value)
    open_case = services.case_of(row)
    if open_case is not None:
        return _("Kept: %(standing)s. The case %(reference)s is about it.") % {
            "standing": standing.label,
            "reference": open_case.reference,
        }
    return _("Kept: %(standing)s.") % {"standing": standing.label}


@admin.register(CapacityLimit)
class CapacityLimitAdmin(VersionedAdmin):
    list_display = ("name", "system", "limit_words", "warn_words", "newest_reading", "standing")
    list_filter = (("system", PickFilter),)
    list_select_related = ("system",)
    search_fields = ("name", "key", "metric")
    narrow_columns = ("name", "newest_reading", "standing")
    fields = ("system", "key", "name", "unit", "limit", "warn_share", "metric", "severity_key", "source")
    change_form_template = "incidents/capacity.html"
    acts = (
        Act(
            name="reading",
            label=gettext_lazy("Enter a reading"),
            permission="incidents.add_capacityreading",
            perform=_read,
            form=ReadingForm,
            consequence=gettext_lazy("From the warning value on a case is opened, or joined. Nobody is paged."),
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), *(("system", "key") if obj else ()))

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        readings = newest(rows)
        for row in rows:
            row.desk_reading = readings.get(row.pk)

    @admin.display(description=gettext_lazy("limit"))
    def limit_words(self, obj: CapacityLimit) -> str:
        return f"{plain(obj.limit)} {obj.unit}"

    @admin.display(description=gettext_lazy("warns from"))
    def warn_words(self, obj: CapacityLimit) -> str:
        return plain(obj.warn_value)

    @admin.display(description=gettext_lazy("newest reading"))
    def newest_reading(self, obj: Any) -> SafeString:
        reading = getattr(obj, "desk_reading", None)
        if reading is None:
            return SafeString(NOTHING)
        share = int(reading.value * 100 / obj.limit)
        return format_html("{} ({}\N{NARROW NO-BREAK SPACE}%)", plain(reading.value), share)

    @admin.display(description=gettext_lazy("state"))
    def standing(self, obj: Any) -> SafeString:
        reading = getattr(obj, "desk_reading", None)
        standing = obj.standing(reading.value if reading else None)
        return badge(standing.label, standing.tone)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        obj = kwargs.get("obj")
        if obj is not None:
            context["guidance"] = guidance(obj.system)
            context["readings"] = [
                (
                    row,
                    plain(row.value),
                    obj.standing(row.value),
                    person_name(row.recorded_by) if row.recorded_by else "",
                )
                for row in obj.readings.select_related("recorded_by")[:SHOWN]
            ]
        return super().render_change_form(request, context, *args, **kwargs)


register_line(
    RUNBOOKS,
    Line(
        gettext_lazy("Capacity"),
        "admin:incidents_capacitylimit_changelist",
        "incidents.view_capacitylimit",
        "speed",
        80,
    ),
)
