"""Tables of libraries that staff need; all their other admin pages are left out."""

from axes.models import AccessAttempt
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from config.casework.desk.base import DeskAdmin


@admin.register(AccessAttempt)
class AccessAttemptAdmin(DeskAdmin):
    """Sign-ins that failed; deleting a line lets the name in again."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    search_fields = ("username", "ip_address")
    ordering = ("-attempt_time",)
    fields = ("username", "ip_address", "failures_since_start", "attempt_time", "path_info")
    readonly_fields = fields
    may_delete = True
    empty_title = gettext_lazy("Nobody is locked out")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False
