from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from config.casework.catalogue import sections


class IncidentsConfig(AppConfig):
    name = "incidents"
    verbose_name = _("Incidents")

    def ready(self) -> None:
        sections.announce(
            "incidents.runbook",
            "incidents.paging.runbook",
            "incidents.communications.runbook",
            "incidents.procedures.runbook",
            "incidents.reviews.runbook",
        )
