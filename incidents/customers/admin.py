"""Customers, their contacts, and the sheet of each."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.services import record
from config.casework.catalogue.choices import OrganizationKind
from config.casework.catalogue.fields import parse_duration
from config.casework.catalogue.models import Organization
from config.casework.choices import Tone
from config.casework.desk.base import DeskTabularInline, acting_user
from config.casework.desk.display import NOTHING, badge
from config.casework.desk.exchange import DeskImportExportAdmin
from config.casework.desk.filters import PickFilter
from config.casework.desk.navigation import PEOPLE, Line, register_line
from config.casework.desk.skin import SkinTextInput
from config.casework.desk.versioned import RecordedAdmin
from config.casework.transitions import Refused
from config.casework.words import duration_words
from incidents.choices import OPEN_STATES
from incidents.customers import services
from incidents.customers.choices import Duty
from incidents.customers.forms import CustomerForm
from incidents.customers.models import Affected, Customer, CustomerContact, Notice, Usage
from incidents.customers.sheet import sheet_of
from incidents.models import Incident


class UsageInline(DeskTabularInline):
    model = Usage
    fields = ("system", "regions", "features")
    formfield_overrides: ClassVar[Any] = {ArrayField: {"widget": SkinTextInput}}


class ContactInline(DeskTabularInline):
    model = CustomerContact
    fields = ("name", "duty", "email", "phone", "language", "is_active")


@admin.register(Customer)
class CustomerAdmin(RecordedAdmin):
    """The list leads to the sheets; contacts and uses are kept on the page of the customer."""

    form = CustomerForm
    list_display = ("customer_name", "told_badge", "hit_now", "reachable")
    list_display_links = None
    narrow_columns = ("customer_name", "told_badge", "hit_now")
    search_fields = ("name", "key")
    fields = ("name", "privacy_contact", "notice_times")
    readonly_fields = ("name",)
    inlines = (ContactInline, UsageInline)
    empty_title = gettext_lazy("There is no customer yet")
    empty_why = gettext_lazy("Customers are the organisations that are employers. Add one under Organisations.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        reach = Q(contacts__is_active=True, contacts__duty__in=[Duty.INCIDENTS, Duty.BOTH])
        is_hit, is_untold = self._hits(request)
        return (
            super()
            .get_queryset(request)
            .annotate(is_hit=is_hit, is_untold=is_untold, contact_count=Count("contacts", filter=reach, distinct=True))
        )

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """Not told yet first, then who is hit."""
        is_hit, is_untold = self._hits(request)
        return (is_untold.desc(), is_hit.desc(), "name")

    def _hits(self, request: HttpRequest) -> tuple[Exists, Exists]:
        visible = Incident.objects.visible_to(acting_user(request)).filter(state__in=OPEN_STATES)
        hit = Affected.objects.filter(organization=OuterRef("pk"), incident__in=visible)
        return Exists(hit), Exists(hit.filter(told_at=None))

    def get_urls(self) -> list[Any]:
        def named(route: str, view: Any, what: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"incidents_customer_{what}")

        return [
            named("<int:object_id>/sheet/", self.sheet_view, "sheet"),
            named("<int:object_id>/call/", self.call_view, "call"),
            named("<int:object_id>/came-back/<int:notice_id>/", self.came_back_view, "came_back"),
            *super().get_urls(),
        ]

    # --- the sheet -------------------------------------------------------------------------------------------------

    def sheet_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        customer, user = self._customer(request, object_id), acting_user(request)
        sheet = sheet_of(customer, user, clock.now())
        context = {
            **self.admin_site.each_context(request),
            "title": customer.name,
            "opts": self.opts,
            "original": customer,
            "customer": customer,
            "sheet": sheet,
            "agreed": [(name, duration_words(parse_duration(span))) for name, span in customer.notice_times.items()],
            "callable": [contact for contact in sheet.contacts if contact.phone],
            "may_call": user.has_perm("incidents.add_notice"),
            "may_write": user.has_perm("incidents.add_communication"),
            "call_url": reverse("admin:incidents_customer_call", args=[customer.pk]),
            "edit_url": reverse("admin:incidents_customer_change", args=[customer.pk]),
        }
        return TemplateResponse(request, "incidents/sheet.html", context)

    def call_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Log a call with one tap; the tap before it was the number."""
        customer, user = self._customer(request, object_id), acting_user(request)
        if request.method != "POST":
            raise Http404("calls are posted")
        if not user.has_perm("incidents.add_notice"):
            raise PermissionDenied(f"{user} may not log calls.")
        incident = Incident.objects.visible_to(user).filter(pk=_number(request, "incident")).first()
        if incident is None:
            raise Http404("no such incident")
        contact = CustomerContact.objects.filter(organization=customer, pk=_number(request, "contact")).first()
        try:
            services.log_call(
                incident,
                customer,
                contact=contact,
                result=request.POST.get("result", ""),
                note=request.POST.get("note", ""),
                actor=user,
                at=clock.now(),
            )
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, _("The call is in the log."))
        return HttpResponseRedirect(reverse("admin:incidents_customer_sheet", args=[customer.pk]))

    def came_back_view(self, request: HttpRequest, object_id: int, notice_id: int) -> HttpResponse:
        customer, user = self._customer(request, object_id), acting_user(request)
        notice = Notice.objects.visible_to(user).filter(organization=customer, pk=notice_id).first()
        if request.method != "POST" or notice is None:
            raise Http404("no such mail")
        if not user.has_perm("incidents.add_notice"):
            raise PermissionDenied(f"{user} may not change the log.")
        try:
            services.came_back(notice, actor=user, at=clock.now())
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.warning(request, _("Noted: it came back. Call them."))
        return HttpResponseRedirect(reverse("admin:incidents_customer_sheet", args=[customer.pk]))

    def _customer(self, request: HttpRequest, object_id: int) -> Customer:
        customer: Customer | None = self.get_object(request, str(object_id))
        if customer is None or not self.has_view_permission(request, customer):
            raise Http404("no such customer")
        return customer

    # --- columns ---------------------------------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("customer"))
    def customer_name(self, obj: Customer) -> SafeString:
        return format_html(
            '<a href="{}"><b>{}</b></a>', reverse("admin:incidents_customer_sheet", args=[obj.pk]), obj.name
        )

    @admin.display(description=gettext_lazy("told"))
    def told_badge(self, obj: Any) -> SafeString:
        if not obj.is_hit:
            return SafeString(NOTHING)
        return badge(_("not told yet"), Tone.DANGER) if obj.is_untold else badge(_("told"), Tone.OK)

    @admin.display(description=gettext_lazy("hit now"))
    def hit_now(self, obj: Any) -> SafeString:
        return badge(_("hit now"), Tone.WARN) if obj.is_hit else SafeString(NOTHING)

    @admin.display(description=gettext_lazy("contacts for incidents"))
    def reachable(self, obj: Any) -> SafeString:
        return SafeString(obj.contact_count) if obj.contact_count else badge(_("nobody named"), Tone.WARN)


@admin.register(CustomerContact)
class CustomerContactAdmin(DeskImportExportAdmin, RecordedAdmin):
    """All contacts in one list, with import and export; each stands on the page of its customer too."""

    list_display = ("name", "organization", "duty", "language", "phone", "is_active")
    list_filter = ("duty", "language", "is_active", ("organization", PickFilter))
    list_select_related = ("organization",)
    narrow_columns = ("name", "organization", "phone")
    search_fields = ("name", "email")
    fields = ("organization", "name", "duty", "email", "phone", "language", "is_active")
    export_fields = ("organization__key", "name", "duty", "email", "phone", "language", "is_active")
    import_fields = ("organization__key", "name", "duty", "email", "phone", "language", "is_active")

    def apply_row(self, row: Mapping[str, Any], *, actor: User) -> tuple[CustomerContact, bool]:
        """One contact; the customer and the address, else the name, say which."""
        organization = Organization.objects.filter(
            key=str(row.get("organization__key", "")).strip(), kind=OrganizationKind.TENANT
        ).first()
        if organization is None:
            raise ValidationError({"organization__key": _("There is no customer with this key.")})
        email, name = str(row.get("email") or "").strip().lower(), str(row.get("name") or "").strip()
        known = CustomerContact.objects.filter(organization=organization)
        found = known.filter(email=email).first() if email else known.filter(email="", name=name).first()
        contact = found or CustomerContact(organization=organization)
        contact.name, contact.email = name, email
        contact.duty = str(row.get("duty") or Duty.INCIDENTS)
        contact.phone, contact.language = str(row.get("phone") or "").strip(), str(row.get("language") or "en").strip()
        contact.is_active = str(row.get("is_active", "1")).strip().lower() not in {"0", "false", "no", ""}
        contact.full_clean()
        contact.save()
        verb = "changed" if found else "added"
        record(contact, f"customercontact.{verb}", actor=actor, at=clock.now(), fields=self.import_fields)
        return contact, found is None


def _number(request: HttpRequest, name: str) -> int:
    """The key that was posted; 0, which no row has, for rubbish."""
    text = request.POST.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 18 else 0


register_line(
    PEOPLE,
    Line(gettext_lazy("Customers"), "admin:incidents_customer_changelist", "incidents.view_customer", "apartment", 5),
)
register_line(
    PEOPLE,
    Line(
        gettext_lazy("Contacts"),
        "admin:incidents_customercontact_changelist",
        "incidents.view_customercontact",
        "contact_phone",
        6,
    ),
)
