"""Customers on the pages of the desk: whom an incident hits, and the sheet of one customer."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.casework import clock
from config.casework.access.models import User
from config.casework.deadlines.models import Deadline
from config.casework.desk.acts import act_page
from config.casework.desk.base import acting_user
from config.casework.desk.clocks import spoken
from config.casework.desk.forms import ActForm
from incidents.choices import Clock
from incidents.customers import services
from incidents.customers.models import Affected
from incidents.customers.selectors import AFFECTED, UNTOLD, affected_with_contacts, customers_of, groups_of
from incidents.models import Incident

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin

NAME = "incidents.add_affected"


def affected_context(admin: "CaseAdmin", user: User, incident: Incident) -> dict[str, Any]:
    """The customers of an incident for its messages tab: not told yet first."""
    may_name = user.has_perm(NAME)
    clocks = notice_clocks(incident)
    sees_customers = user.has_perm("incidents.view_customer")
    return {
        "may_name": may_name,
        "affected_url": reverse(admin.url_name("affected"), args=[incident.pk]),
        "affected": [
            {
                "row": row,
                "clock": clocks.get(row.pk),
                "sheet_url": reverse("admin:incidents_customer_sheet", args=[row.organization_id])
                if sees_customers
                else "",
                "remove_url": reverse(admin.url_name("not_affected"), args=[incident.pk, row.pk]) if may_name else "",
            }
            for row in affected_with_contacts(incident)
        ],
    }


def notice_clocks(incident: Incident) -> dict[int, Any]:
    """The clock of each agreed notice in words, by the row it is about."""
    now = clock.now()
    rows = Deadline.objects.of(incident).filter(kind=Clock.NOTICE, cancelled_at=None)
    return {row.about_id: spoken(row, now, explained=False) for row in rows if row.about_id is not None}


def case_urls(admin: "CaseAdmin") -> list[Any]:
    def affected(request: HttpRequest, object_id: int) -> HttpResponse:
        return _name_affected(admin, request, admin.visible_case(request, object_id))

    def not_affected(request: HttpRequest, object_id: int, row_id: int) -> HttpResponse:
        return _not_affected(admin, request, admin.visible_case(request, object_id), row_id)

    def named(route: str, what: str, view: Any) -> Any:
        return path(route, admin.admin_site.admin_view(view), name=admin.url_name(what).removeprefix("admin:"))

    return [
        named("<int:object_id>/affected/", "affected", affected),
        named("<int:object_id>/affected/<int:row_id>/remove/", "not_affected", not_affected),
    ]


class AffectedForm(ActForm):
    """Whom an incident hits, by group or by name."""

    groups = forms.MultipleChoiceField(
        label=gettext_lazy("It hits"),
        help_text=gettext_lazy("Several may be ticked; each customer counts once."),
        widget=forms.CheckboxSelectMultiple,
    )


class ReasonForm(ActForm):
    reason = forms.CharField(label=gettext_lazy("Why"), max_length=300)


def _name_affected(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    user = _allowed(request, incident)
    offered = [
        (
            key,
            f"{label} ({customers_of(incident.system, [key]).count()})"
            if ":" not in key or not key.startswith("organization")
            else label,
        )
        for key, label in groups_of(incident.system, incident)
        if key not in {AFFECTED, UNTOLD}
    ]
    field = AffectedForm.base_fields["groups"]
    form_class = type(
        "NamedForm",
        (AffectedForm,),
        {
            "groups": forms.MultipleChoiceField(
                label=field.label, help_text=field.help_text, widget=forms.CheckboxSelectMultiple, choices=offered
            )
        },
    )

    def perform(form: Any) -> str:
        hit = customers_of(incident.system, form.cleaned_data["groups"])
        if not hit:
            raise ValidationError({"groups": _("No customer belongs to what you ticked.")})
        new = services.name_affected(incident, hit, actor=user, at=clock.now())
        return ngettext("%(count)d customer is on the list.", "%(count)d customers are on the list.", len(new)) % {
            "count": len(new)
        }

    return act_page(
        admin,
        request,
        form_class,
        perform,
        title=_("Name customers"),
        submit_label=_("Put them on the list"),
        back=admin.page_url(incident, "messages"),
        consequence=_("Nobody is told by this. Where a notice time is agreed, its clock starts now."),
        original=incident,
    )


def _not_affected(admin: "CaseAdmin", request: HttpRequest, incident: Incident, row_id: int) -> HttpResponse:
    user = _allowed(request, incident)
    row = Affected.objects.filter(incident=incident, pk=row_id).select_related("organization", "incident").first()
    if row is None:
        raise Http404("not on the list")

    def perform(form: ReasonForm) -> str:
        services.not_affected(row, actor=user, at=clock.now(), reason=form.cleaned_data["reason"])
        return _("%(name)s is off the list.") % {"name": row.organization.name}

    return act_page(
        admin,
        request,
        ReasonForm,
        perform,
        title=_("%(name)s is not affected") % {"name": row.organization.name},
        submit_label=_("Take off the list"),
        back=admin.page_url(incident, "messages"),
        consequence=_("The clock of the agreed notice ends. What was told stays in the log."),
        original=incident,
    )


def _allowed(request: HttpRequest, incident: Incident) -> User:
    user = acting_user(request)
    if not user.has_perm(NAME):
        raise PermissionDenied(f"{user} may not change {incident}.")
    return user
