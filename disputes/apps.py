"""A human really reviews the machine: assessments, their labels, disputes."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DisputesConfig(AppConfig):
    name = "disputes"
    verbose_name = _("Disputes")

    def ready(self) -> None:
        """Models exist from here on."""
        import_module("disputes.assessments.wiring").connect()
        import_module("disputes.wiring").connect()
