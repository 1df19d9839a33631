"""Who stands in for whom, and what was asked of several people."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework.access.choices import Role
from config.casework.approvals.models import Approval, Deputy, Signature
from config.casework.choices import Tone
from config.casework.desk.base import DeskTabularInline, ReadOnlyAdmin
from config.casework.desk.display import badge, person_name
from config.casework.desk.filters import DateRangeFilter
from config.casework.desk.versioned import RecordedAdmin


@admin.register(Deputy)
class DeputyAdmin(RecordedAdmin):
    list_display = ("role", "name", "starts_at", "ends_at")
    list_select_related = ("person",)
    list_filter = ("role",)
    fields = ("role", "person", "starts_at", "ends_at")
    ordering = ("-ends_at",)
    may_delete = True

    @admin.display(description=gettext_lazy("person"))
    def name(self, obj: Deputy) -> str:
        return person_name(obj.person)


class SignatureInline(DeskTabularInline):
    model = Signature
    fields = ("signer", "role", "as_deputy", "at", "comment")
    readonly_fields = ("signer",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("person"))
    def signer(self, obj: Signature) -> str:
        return person_name(obj.person)


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """Signatures are given on the case, where one sees what one signs."""

    list_display = ("purpose", "case", "role_names", "state_badge", "requested_at")
    list_filter = (("requested_at", DateRangeFilter),)
    fields = ("purpose", "case", "role_names", "state_badge", "requested_at", "granted_at", "withdrawn_at")
    narrow_columns = ("purpose", "case", "state_badge")
    ordering = ("-pk",)
    inlines = (SignatureInline,)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("case")

    @admin.display(description=gettext_lazy("signed by"))
    def role_names(self, obj: Approval) -> str:
        return ", ".join(str(Role(role).label) for role in obj.roles if role in Role.values)

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, obj: Approval) -> SafeString:
        if obj.withdrawn_at:
            return badge(_("withdrawn"), Tone.NEUTRAL)
        return badge(_("granted"), Tone.OK) if obj.granted_at else badge(_("waits for signatures"), Tone.WARN)
