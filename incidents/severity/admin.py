"""Severity levels in the admin: a level belongs to its system, and a borrowed one is changed at its owner."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from config.casework.desk.filters import PickFilter
from config.casework.desk.navigation import Line, register_line
from config.casework.desk.versioned import VersionedAdmin
from incidents.paging.admin import POLICY
from incidents.paging.policies import as_lines
from incidents.runbooks.navigation import RUNBOOKS
from incidents.severity.models import Severity
from incidents.severity.selectors import lender
from incidents.severity.services import follow_lender


@admin.register(Severity)
class SeverityAdmin(VersionedAdmin):
    list_display = ("key", "system", "name", "acknowledge", "clock", "paging")
    list_filter = (("system", PickFilter),)
    list_select_related = ("system",)
    search_fields = ("key", "name")
    exclude = ("paging", "paging_steps", "paging_repeat", "paging_every", "paging_lasts", "breach_steps")
    readonly_fields = ("paging_words",)
    acts = (POLICY,)

    @admin.display(description=gettext_lazy("paging policy"))
    def paging_words(self, obj: Severity) -> str:
        return "; ".join([str(obj.get_paging_display()), *as_lines(obj).splitlines()]) if obj.pk else ""

    def label(self, obj: Any) -> str:
        return f"{obj.key} {obj.name} ({obj.system.name})"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or lender(obj.system) is None)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), *(("system", "key") if obj else ()))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        follow_lender(obj.system)


register_line(
    RUNBOOKS,
    Line(gettext_lazy("Severities"), "admin:incidents_severity_changelist", "incidents.view_severity", "speed", 30),
)
