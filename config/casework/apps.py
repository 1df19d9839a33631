"""What every desk shares; it knows none of them."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from config.casework import permissions
from config.casework.access import roles
from config.casework.catalogue import sections


def _sync_roles(sender: AppConfig, **_kwargs: object) -> None:
    """Django makes the permissions app by app; the groups can follow once the last one is through."""
    if sender is [app for app in apps.get_app_configs() if app.models_module is not None][-1]:
        roles.sync()


class CaseworkConfig(AppConfig):
    name = "config.casework"
    label = "casework"
    verbose_name = _("Casework")

    def ready(self) -> None:
        permissions.declare()
        sections.announce("config.casework.catalogue.runbook")
        post_migrate.connect(_sync_roles, dispatch_uid="casework.roles")
