"""Systems, organisations and calendars. A system's own facts come from its runbook file."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from config.casework.catalogue.models import Calendar, Organization, System
from config.casework.desk.versioned import RecordedAdmin, VersionedAdmin


@admin.register(Organization)
class OrganizationAdmin(RecordedAdmin):
    list_display = ("name", "key", "kind", "privacy_role", "privacy_contact")
    list_filter = ("kind", "privacy_role")
    search_fields = ("name", "key")
    fields = ("name", "key", "privacy_role", "privacy_contact", "phone_contacts")  # notice times: incidents

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("key",) if obj else ()


@admin.register(System)
class SystemAdmin(VersionedAdmin):
    """Read mostly: the runbook file is the truth, and the next load writes it again."""

    list_display = ("name", "key", "version", "calendar", "zone")
    list_select_related = ("calendar",)
    search_fields = ("name", "key")
    fields = ("name", "key", "public_name", "description", "version", "zone", "calendar", "job_labels", "links")
    readonly_fields = ("name", "key", "version", "zone", "calendar", "job_labels", "links")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Calendar)
class CalendarAdmin(VersionedAdmin):
    list_display = ("name", "key", "zone", "holidays")
    search_fields = ("name", "key")
    fields = ("name", "key", "zone", "hours", "holidays", "closed_days")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("key",) if obj else ()
