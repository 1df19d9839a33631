"""People named for the roles that sources name."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework.desk.filters import PickFilter
from config.casework.desk.navigation import Line, register_line
from config.casework.desk.versioned import VersionedAdmin
from incidents.contacts.models import RoleHolder
from incidents.contacts.selectors import known_roles
from incidents.runbooks.navigation import RUNBOOKS


class RoleHolderForm(forms.ModelForm[RoleHolder]):
    """Only roles that the system's runbook names can be held."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        system, role = self.cleaned_data.get("system"), self.cleaned_data.get("role")
        if system is not None and role and role.lower() not in known_roles(system):
            there = ", ".join(sorted(known_roles(system))) or _("none")
            self.add_error(
                "role", _("%(system)s names no such role. There: %(there)s.") % {"system": system, "there": there}
            )
        return cleaned


@admin.register(RoleHolder)
class RoleHolderAdmin(VersionedAdmin):
    form = RoleHolderForm
    list_display = ("role", "system", "person")
    list_filter = (("system", PickFilter),)
    list_select_related = ("system", "person")
    may_delete = True
    consequence = gettext_lazy(
        "This person is asked when a case comes to the role, whoever holds the desk role behind it."
    )
    empty_title = gettext_lazy("Nobody is named")
    empty_why = gettext_lazy("Each role falls to whoever holds the desk role that the runbook maps it to.")

    def label(self, obj: Any) -> str:
        return f"{obj.role} ({obj.system.name})"


register_line(
    RUNBOOKS,
    Line(
        gettext_lazy("Holders of roles"),
        "admin:incidents_roleholder_changelist",
        "incidents.view_roleholder",
        "badge",
        45,
    ),
)
