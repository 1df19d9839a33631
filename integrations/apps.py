from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from config.casework.catalogue import sections
from integrations import permissions


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        permissions.declare()
        sections.announce("integrations.signals.runbook")
