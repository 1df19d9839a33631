"""The incident desk in the admin: display data; each act calls a service."""

from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.desk.casepage import Tab
from config.casework.desk.cases import CaseAdmin
from config.casework.desk.display import Mark, person_name
from config.casework.desk.exchange import DeskImportExportAdmin
from config.casework.desk.filters import PickFilter
from config.casework.desk.inlines import CaseInline
from config.casework.desk.navigation import MACHINE_ROOM, PEOPLE, WORK, Line, register_line
from config.casework.desk.versioned import VersionedAdmin
from incidents.backups import admin as backups
from incidents.clocks import effective_level
from incidents.communications import admin as communications_admin
from incidents.communications import desk as communications
from incidents.contact_methods import admin as contact_methods
from incidents.contacts import desk as contacts
from incidents.continuity import admin as continuity
from incidents.customers import admin as customers_admin
from incidents.deployments import admin as deployments
from incidents.figures import desk as figures
from incidents.filters import WaitFilter
from incidents.imports import INCIDENT_COLUMNS, INCIDENT_FACTS, import_incident
from incidents.links import desk as links
from incidents.maintenance import admin as maintenance_admin
from incidents.models import (
    Communication,
    Escalation,
    Incident,
    Mitigation,
    Notice,
    OnCallRole,
    Page,
    Procedure,
    ReleaseWindow,
    Severity,
    StormMember,
)
from incidents.mutes import admin as mutes
from incidents.oncall import desk as oncall
from incidents.paging import admin as paging
from incidents.paging import desk as paging_desk
from incidents.procedures import admin as runs
from incidents.procedures import desk as procedures
from incidents.reviews import desk as reviews
from incidents.reviews.admin import ActionItemAdmin, ActionItemInline, FactorInline
from incidents.runbooks.navigation import RUNBOOKS
from incidents.services import apply_mitigation, open_incident
from incidents.severity.phases import spoken_phases
from incidents.storms.transitions import MEMBER
from incidents.transitions import MITIGATION

__all__ = [
    "ActionItemAdmin",
    "IncidentAdmin",
    "backups",
    "communications_admin",
    "contact_methods",
    "continuity",
    "customers_admin",
    "deployments",
    "maintenance_admin",
    "mutes",
    "paging",
    "runs",
]  # imported to be registered

PEOPLE_SHOWN = 200


class MitigationInline(CaseInline):
    model = Mitigation
    machine = MITIGATION
    tab = "overview"
    label = gettext_lazy("Measures")
    fields = ("text", "status", "applied_at", "expires_at", "effect")
    add_fields = ("text", "temporary", "expires_at", "effect")
    add_optional = ("temporary", "expires_at", "effect")
    add_permission = "incidents.add_mitigation"
    add_label = gettext_lazy("Record a measure")
    add_consequence = gettext_lazy("A temporary measure needs an end; its clock reminds us to take it back.")
    empty_why = gettext_lazy("No measure was taken yet.")

    def add(self, case: Incident, *, actor: Any, at: datetime, **values: Any) -> Mitigation:
        return apply_mitigation(case, actor=actor, at=at, **values)


class PageInline(CaseInline):
    model = Page
    tab = "paging"
    label = gettext_lazy("Pages")
    fields = ("paged_at", "person", "target", "reason", "state", "skipped_because")
    empty_why = gettext_lazy("Nobody was paged: this severity does not page, or it is not its turn yet.")

    def get_rows(self, case: Any) -> Any:
        return super().get_rows(case).select_related("person")


class StormMemberInline(CaseInline):
    model = StormMember
    fk_name = "incident"
    machine = MEMBER
    tab = "storm"
    label = gettext_lazy("Members of the storm")
    fields = ("joined_at", "title", "severity", "state", "resolved_at", "taken_as")
    empty_why = gettext_lazy("Nothing joined yet.")

    def get_rows(self, case: Any) -> Any:
        return super().get_rows(case).select_related("severity__system", "taken_as", "incident")


class EscalationInline(CaseInline):
    model = Escalation
    tab = "paging"
    label = gettext_lazy("Escalations")
    fields = ("escalated_at", "person", "target", "deadline_words")
    empty_why = gettext_lazy("No promise was missed.")

    def get_rows(self, case: Any) -> Any:
        return super().get_rows(case).select_related("person", "deadline")

    @admin.display(description=gettext_lazy("because of"))
    def deadline_words(self, row: Escalation) -> str:
        return _("the clock “%(kind)s” ran out") % {"kind": row.deadline.kind}


class CommunicationInline(CaseInline):
    model = Communication
    tab = "messages"
    label = gettext_lazy("Who was told what")
    fields = ("sent_at", "audience", "subject", "recipient_count", "sent_by")
    empty_why = gettext_lazy("Nobody was told yet. Closing needs a message, or the reason why nobody needed one.")

    def get_rows(self, case: Any) -> Any:
        return super().get_rows(case).select_related("sent_by")


class NoticeInline(CaseInline):
    """Each person who was told, by which channel, with which result; calls too."""

    model = Notice
    tab = "messages"
    label = gettext_lazy("Person by person")
    fields = ("at", "customer", "name", "channel", "result", "told_by")
    empty_why = gettext_lazy("Nobody was written to or called yet.")

    def get_rows(self, case: Any) -> Any:
        return super().get_rows(case).select_related("organization", "told_by")[:PEOPLE_SHOWN]

    @admin.display(description=gettext_lazy("customer"))
    def customer(self, row: Notice) -> str:
        return row.organization.name if row.organization else ""


@admin.register(Incident)
class IncidentAdmin(DeskImportExportAdmin, CaseAdmin):
    facts = (
        "system", "organization", "source", "received_at", "scope", "description", "data_loss_risk", "impacts_hiring", "acknowledged_at",
        "acknowledged_by", "impact_over_at", "resolved_at", "breach_aware_at", "authority_notified_at", "cause", "fix_reference", "recurrence_of",
    )  # fmt: skip
    edit_fields = (
        "title",
        "description",
        "owner",
        "comms_lead",
        "scope",
        "data_loss_risk",
        "impacts_hiring",
        "cause",
        "fix_reference",
        "restricted",
    )
    edit_anyway = ("cause", "fix_reference")
    add_fields = ("system", "title", "description", "severity", "impacts_hiring", "data_loss_risk")
    add_optional = ("description", "severity", "impacts_hiring", "data_loss_risk")
    consequence = gettext_lazy(
        "The clocks start now. Severity may wait for triage: until then the clocks of the level for unjudged incidents hold."
    )
    panels = (
        MitigationInline,
        StormMemberInline,
        PageInline,
        EscalationInline,
        CommunicationInline,
        NoticeInline,
        FactorInline,
        ActionItemInline,
    )
    tabs = (
        Tab("playbook", gettext_lazy("Playbook"), "incidents/playbook.html", procedures.tab, "incidents.view_run"),
        Tab(
            "messages",
            gettext_lazy("Messages"),
            "incidents/messages.html",
            communications.tab,
            "incidents.view_communication",
        ),
        Tab(
            "contacts",
            gettext_lazy("Contacts"),
            "incidents/contacts.html",
            contacts.tab,
            "incidents.view_runbook",
        ),
        Tab(
            "storm",
            gettext_lazy("Storm"),
            permission="incidents.view_stormmember",
            concerns=lambda incident: incident.is_storm,
        ),
        Tab("paging", gettext_lazy("Paging"), "incidents/paging.html", paging_desk.tab, "incidents.view_page"),
        Tab("related", gettext_lazy("Related"), "incidents/related.html", links.tab, "incidents.view_incident"),
        Tab("review", gettext_lazy("Review"), "incidents/review.html", reviews.tab, "incidents.view_postmortem"),
    )
    bulk_steps = ("acknowledge",)
    export_fields = (*INCIDENT_COLUMNS, *INCIDENT_FACTS)
    export_paths = {
        "system": "system__key",
        "severity": "severity__key",
        "organization": "organization__key",
        "owner": "owner__email",
    }
    import_fields = (*INCIDENT_COLUMNS, *INCIDENT_FACTS)
    list_select_related = ("owner", "severity", "system")
    list_filter = (*CaseAdmin.list_filter, WaitFilter, ("severity", PickFilter), "source")

    def severity(self, obj: Incident) -> Mark | None:
        level = obj.severity
        return Mark(level.key, str(level.tone)) if level else Mark(_("not judged"), "danger")

    def choices_for(self, request: HttpRequest, obj: Any, name: str) -> Any:
        """Systems, the levels of the incident's system, and the people of the desk are few enough to choose from."""
        if name == "system":
            return System.objects.order_by("name")
        if name == "severity":
            levels = Severity.objects.select_related("system").order_by("system__name", "rank", "key")
            return levels.filter(system=obj.system_id) if obj else levels
        if name in {"owner", "comms_lead"}:
            return User.objects.filter(is_staff=True, is_active=True).order_by("name", "email")
        return super().choices_for(request, obj, name)

    def open_case(self, *, actor: User, at: datetime, **values: Any) -> Incident:
        return open_incident(values.pop("system"), actor=actor, at=at, **values)

    def people(self, obj: Incident) -> list[tuple[str, str]]:
        return [(_("Leads"), person_name(obj.owner)), (_("Speaks for us"), person_name(obj.comms_lead))]

    def extra_context(self, request: HttpRequest, obj: Incident, tab: str) -> dict[str, Any]:
        level = effective_level(obj)
        return links.while_triaging(self, request, obj, tab) | {
            "banner": links.banner(obj) or reviews.banner(obj),
            "level": level,
            "incident_urls": self.page_url(obj),
            "phases": spoken_phases(obj, level, clock.now()) if tab == "overview" else [],
        }

    def get_urls(self) -> list[Any]:
        return [
            *contacts.urls(self),
            *figures.urls(self),
            *procedures.urls(self),
            *communications.urls(self),
            *links.urls(self),
            *reviews.urls(self),
            *super().get_urls(),
        ]

    def apply_row(self, row: Mapping[str, Any], *, actor: User) -> tuple[Incident, bool]:
        return import_incident(row, actor=actor)


@admin.register(ReleaseWindow)
class ReleaseWindowAdmin(VersionedAdmin):
    list_display = ("name", "system", "starts_at", "ends_at")
    list_select_related = ("system",)


@admin.register(OnCallRole)
class OnCallRoleAdmin(VersionedAdmin):
    list_display = ("part", "system", "held_by", "person")
    list_select_related = ("system", "person")


@admin.register(Procedure)
class ProcedureAdmin(VersionedAdmin):
    list_display = ("title", "kind", "system", "version", "is_active")
    list_filter = ("kind", ("system", PickFilter))
    list_select_related = ("system",)
    search_fields = ("title", "key")


oncall.declare_navigation()
for room in ("runbooks", "contacts", "severity", "references", "capacity"):
    import_module(f"incidents.{room}.admin")
register_line(
    WORK,
    Line(
        gettext_lazy("Incidents"),
        "admin:incidents_incident_changelist",
        "incidents.view_incident",
        "emergency_home",
        10,
    ),
)
register_line(
    WORK,
    Line(
        gettext_lazy("Action items"),
        "admin:incidents_actionitem_changelist",
        "incidents.view_actionitem",
        "task_alt",
        40,
    ),
)
register_line(
    WORK,
    Line(
        gettext_lazy("Page log"), "admin:incidents_page_changelist", "incidents.view_page", "notifications_active", 50
    ),
)
register_line(
    WORK,
    Line(gettext_lazy("Mutes"), "admin:incidents_mute_changelist", "incidents.view_mute", "notifications_off", 60),
)
register_line(
    PEOPLE,
    Line(
        gettext_lazy("Contact methods"),
        "admin:incidents_contactmethod_changelist",
        "incidents.view_contactmethod",
        "phonelink_ring",
        15,
    ),
)
register_line(
    RUNBOOKS,
    Line(
        gettext_lazy("Procedures"), "admin:incidents_procedure_changelist", "incidents.view_procedure", "checklist", 10
    ),
)
register_line(
    RUNBOOKS,
    Line(gettext_lazy("Severities"), "admin:incidents_severity_changelist", "incidents.view_severity", "speed", 30),
)
register_line(
    RUNBOOKS,
    Line(
        gettext_lazy("On-call roles"),
        "admin:incidents_oncallrole_changelist",
        "incidents.view_oncallrole",
        "support_agent",
        40,
    ),
)
register_line(
    RUNBOOKS,
    Line(
        gettext_lazy("Release windows"),
        "admin:incidents_releasewindow_changelist",
        "incidents.view_releasewindow",
        "event",
        50,
    ),
)
register_line(
    WORK,
    Line(gettext_lazy("Figures"), "admin:incidents_incident_figures", "incidents.view_incident", "bar_chart", 60),
)
register_line(
    MACHINE_ROOM,
    Line(gettext_lazy("Backups"), "admin:incidents_backuprun_changelist", "incidents.view_backuprun", "cloud_done", 60),
)
register_line(
    MACHINE_ROOM,
    Line(
        gettext_lazy("Backups proven"),
        "admin:incidents_backupverification_changelist",
        "incidents.view_backupverification",
        "verified",
        70,
    ),
)
