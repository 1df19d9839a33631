"""Severity, on-call, procedures, communications, reviews."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from config.casework.catalogue import sections
from config.casework.work import sweeps


class IncidentsConfig(AppConfig):
    name = "incidents"
    verbose_name = _("Incidents")

    def ready(self) -> None:
        """Models exist from here on: declare permissions, attach the state machines, listen to events."""
        sections.announce(
            "incidents.runbook",
            "incidents.references.runbook",
            "incidents.severity.runbook",
            "incidents.contacts.runbook",
            "incidents.oncall.runbook",
            "incidents.paging.runbook",
            "incidents.communications.runbook",
            "incidents.maintenance.runbook",
            "incidents.procedures.runbook",
            "incidents.continuity.runbook",
            "incidents.reviews.runbook",
            "incidents.capacity.runbook",
            "incidents.backups.runbook",
        )
        sweeps.register("release windows", "incidents.clocks.follow_release_windows", order=5)
        sweeps.register("lists that fall due", "incidents.procedures.schedule.sweep", order=20)
        sweeps.register("action items", "incidents.reviews.actions.chase", order=60)
        sweeps.register("reports", "incidents.figures.reports.queue_due", order=70)
        sweeps.register("mutes", "incidents.mutes.endings.sweep", order=20)
        sweeps.register("waking proof", "incidents.contact_methods.reminders.warn", order=200)
        sweeps.register("maintenance", "incidents.maintenance.services.sweep", order=4)
        sweeps.register("on-call record", "incidents.oncall.records.sweep", order=20)
        sweeps.register("on-call warnings", "incidents.oncall.handover.daily", order=200)
        import_module("incidents.permissions").declare()
        import_module("incidents.wording").declare()
        import_module("incidents.links.selectors")
        import_module("incidents.transitions")
        import_module("incidents.reviews.transitions")
        import_module("incidents.deployments.transitions")
        import_module("incidents.wiring").declare()
        import_module("incidents.maintenance.transitions")
        import_module("incidents.subscriptions").connect()
        import_module("incidents.dashboard").declare()
        import_module("incidents.procedures.dashboard").declare()
        import_module("incidents.storms.transitions")
        import_module("incidents.contact_methods.dashboard").declare()
        import_module("incidents.checks")
