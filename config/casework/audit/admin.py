"""The trail and the row history: to be read, by nobody to be changed."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from pghistory.admin import EventsAdmin

from config.casework.audit.models import AuditEntry, AuditSeal
from config.casework.cases.timeline import wording
from config.casework.desk.base import ReadOnlyAdmin, acting_user
from config.casework.desk.filters import DateRangeFilter, PickFilter
from config.casework.desk.scope import hidden_references


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Each line once and for ever; superadmins read it like everybody else."""

    list_display = ("at", "who", "what", "case_reference", "object_type", "field_names")
    list_select_related = ("actor",)
    list_filter = (("at", DateRangeFilter), ("actor", PickFilter))
    narrow_columns = ("at", "who", "what")
    search_fields = ("case_reference", "action")
    ordering = ("-pk",)
    fields = (
        "at",
        "happened_at",
        "who",
        "action",
        "object_type",
        "object_id",
        "case_reference",
        "subject",
        "field_names",
        "detail",
        "trace_id",
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """What happened in a restricted case is for those who may see the case."""
        rows = super().get_queryset(request)
        hidden = hidden_references(acting_user(request))
        return rows if hidden is None else rows.exclude(case_reference__in=hidden)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """An exact reference; else the beginning of an action."""
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(models.Q(case_reference=term.upper()) | models.Q(action__startswith=term.lower())), False

    @admin.display(description=gettext_lazy("who"))
    def who(self, obj: AuditEntry) -> str:
        return obj.actor.get_full_name() if obj.actor else obj.actor_label

    @admin.display(description=gettext_lazy("what"))
    def what(self, obj: AuditEntry) -> str:
        return wording(obj)

    @admin.display(description=gettext_lazy("fields"))
    def field_names(self, obj: AuditEntry) -> str:
        return ", ".join(obj.fields)


@admin.register(AuditSeal)
class AuditSealAdmin(ReadOnlyAdmin):
    list_display = ("number", "at", "entry_count", "short_mac")
    ordering = ("-number",)
    fields = ("number", "at", "from_xid", "to_xid", "entry_count", "previous", "mac")

    @admin.display(description=gettext_lazy("entries"))
    def entry_count(self, obj: AuditSeal) -> int:
        return len(obj.entry_ids)

    @admin.display(description=gettext_lazy("seal"))
    def short_mac(self, obj: AuditSeal) -> str:
        return f"{obj.mac[:16]}…"


class RowHistoryAdmin(EventsAdmin, ReadOnlyAdmin):
    """What the database itself saw of changed rows."""
