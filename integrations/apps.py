from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from config.casework.catalogue import sections


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        sections.announce("integrations.signals.runbook")
