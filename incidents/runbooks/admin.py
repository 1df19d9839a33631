"""The runbooks: one page for each system, with its versions, its drift and its file."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.casework import clock
from config.casework.catalogue.loader import RunbookRefused, export
from config.casework.desk.acts import act_page
from config.casework.desk.base import ReadOnlyAdmin, acting_user
from config.casework.desk.display import badge
from config.casework.desk.forms import ActForm
from config.casework.desk.navigation import Line, register_line
from config.casework.desk.versioned import versions_page
from incidents.contacts.selectors import contact_book, gaps, matrix, person_for
from incidents.contacts.services import fill_contact
from incidents.models import Runbook
from incidents.references.selectors import components
from incidents.runbooks.navigation import RUNBOOKS
from incidents.runbooks.selectors import drift_of, file_of, versions_behind
from incidents.severity.models import Severity
from incidents.severity.selectors import lender


class ContactForm(ActForm):
    """How a contact is reached."""

    value = forms.CharField(
        label=gettext_lazy("How it is reached"),
        help_text=gettext_lazy("An address, a number, a channel or a link. Empty: it is missing."),
        required=False,
        max_length=300,
    )


@admin.register(Runbook)
class RunbookAdmin(ReadOnlyAdmin):
    list_display = ("name", "version", "scheme", "standing")
    search_fields = ("name", "key")
    narrow_columns = ("name", "scheme", "standing")

    def label(self, obj: Any) -> str:
        return str(obj.name)

    @admin.display(description=gettext_lazy("severity scheme"))
    def scheme(self, obj: Runbook) -> str:
        keys = ", ".join(Severity.objects.filter(system=obj.pk).order_by("rank", "key").values_list("key", flat=True))
        borrowed = lender(obj)
        return _("%(levels)s (borrowed from %(lender)s)") % {"levels": keys, "lender": borrowed} if borrowed else keys

    @admin.display(description=gettext_lazy("contacts"))
    def standing(self, obj: Runbook) -> SafeString:
        missing = len(gaps(obj, clock.now()))
        if not missing:
            return badge(_("complete"), "ok")
        return badge(ngettext("%(count)d is missing", "%(count)d are missing", missing) % {"count": missing}, "warn")

    def get_urls(self) -> list[Any]:
        def named(route: str, view: Any, what: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"incidents_runbook_{what}")

        return [
            named("<int:object_id>/versions/", self.versions_view, "versions"),
            named("<int:object_id>/drift/", self.drift_view, "drift"),
            named("<int:object_id>/export/", self.export_view, "export"),
            named("<int:object_id>/contact/<slug:key>/", self.contact_view, "contact"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        runbook = self._seen(request, object_id)
        if request.method == "POST":
            raise PermissionDenied  # nothing is changed here
        may_fill = acting_user(request).has_perm("casework.change_system")
        context = {
            **self._frame(request, runbook, runbook.name),
            "scheme": self.scheme(runbook),
            "levels": Severity.objects.filter(system=runbook.pk),
            "gaps": gaps(runbook, clock.now()),
            "book": [
                (line, reverse(self.url_name("contact"), args=[runbook.pk, line.key]) if may_fill else "")
                for line in contact_book(runbook)
            ],
            "links": runbook.links,
            "roles": [(name, person_for(runbook, name)) for name in runbook.setting("roles", {})],
            "matrix": matrix(runbook),
            "components": components(runbook),
            "counts": self._counts(runbook),
            "settings_rows": [("archive_after", runbook.setting("capacity", {}).get("archive_after"))],
        }
        return TemplateResponse(request, "incidents/runbook.html", context)

    def versions_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        runbook = self._seen(request, object_id)
        return versions_page(self, request, runbook, versions_behind(runbook))

    def drift_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Where the database differs from the shipped file; a file that cannot be read says why."""
        runbook = self._seen(request, object_id)
        context = self._frame(request, runbook, _("%(name)s: file and database") % {"name": runbook.name})
        file = file_of(runbook)
        context |= {"file": file.name if file.is_file() else "", "sections": [], "problems": []}
        try:
            context["sections"] = drift_of(runbook, clock.now()) if file.is_file() else []
        except RunbookRefused as refusal:
            context["problems"] = [f"{found.line}: {found.key}: {found.message}" for found in refusal.problems]
        return TemplateResponse(request, "incidents/drift.html", context)

    def export_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The runbook as a file that loads to the same rows."""
        runbook = self._seen(request, object_id)
        answer = HttpResponse(export(runbook), content_type="application/yaml; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{runbook.key}.yaml"'
        return answer

    def contact_view(self, request: HttpRequest, object_id: int, key: str) -> HttpResponse:
        runbook, user = self._seen(request, object_id), acting_user(request)
        if not user.has_perm("casework.change_system"):
            raise PermissionDenied(f"{user} may not change {runbook}.")
        contact = next((line for line in contact_book(runbook) if line.key == key), None)
        if contact is None:
            raise Http404(f"no contact {key}")

        def perform(form: ContactForm) -> str:
            fill_contact(runbook, key, value=form.cleaned_data["value"], actor=user, at=clock.now())
            return _("%(name)s is written down.") % {"name": contact.name}

        return act_page(
            self,
            request,
            ContactForm,
            perform,
            title=contact.name,
            submit_label=_("Keep this"),
            back=self.page_url(runbook),
            initial={"value": contact.value},
            original=runbook,
        )

    def _seen(self, request: HttpRequest, object_id: int | str) -> Runbook:
        runbook = self.get_object(request, str(object_id))
        if not isinstance(runbook, Runbook):
            raise Http404("no such runbook")
        if not self.has_view_permission(request, runbook):
            raise PermissionDenied
        return runbook

    def _frame(self, request: HttpRequest, runbook: Runbook, title: str) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "original": runbook,
            "runbook": runbook,
            "back": self.page_url(runbook),
            "pages": [
                (label, reverse(self.url_name(what), args=[runbook.pk]))
                for label, what in (
                    (_("Versions"), "versions"),
                    (_("File and database"), "drift"),
                    (_("Export"), "export"),
                )
            ],
        }

    def _counts(self, runbook: Runbook) -> list[tuple[str, int, str]]:
        """What belongs to the system, with the list it stands in."""
        rows = (
            (_("procedures"), runbook.procedures.filter(is_active=True), "procedure"),
            (_("texts"), runbook.templates.filter(is_current=True), "messagetemplate"),
            (_("commands"), runbook.commands.all(), "commandreference"),
            (_("switches"), runbook.features.all(), "featureswitch"),
            (_("capacity limits"), runbook.capacity_limits.all(), "capacitylimit"),
        )
        return [
            (label, found.count(), f"{reverse(f'admin:incidents_{name}_changelist')}?system__id__exact={runbook.pk}")
            for label, found, name in rows
        ]


register_line(
    RUNBOOKS,
    Line(gettext_lazy("Runbooks"), "admin:incidents_runbook_changelist", "incidents.view_runbook", "menu_book", 5),
)
