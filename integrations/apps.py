"""The outside world: signals in, messages out."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from config.casework.catalogue import sections
from config.casework.work import sweeps
from integrations import permissions


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        permissions.declare()
        sections.announce("integrations.signals.runbook")
        sweeps.register("raw alerts", "integrations.signals.services.prune", order=940)
        import_module("integrations.subscriptions").connect()
