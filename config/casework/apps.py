"""What every desk shares; it knows none of them."""

from django.apps import AppConfig, apps
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from config.casework import clock, permissions
from config.casework.access import roles
from config.casework.catalogue import sections
from config.casework.work import discovery, schedules, sweeps


def _is_last(sender: AppConfig) -> bool:
    return sender is [app for app in apps.get_app_configs() if app.models_module is not None][-1]


def _sync_roles(sender: AppConfig, **_kwargs: object) -> None:
    """Django makes the permissions app by app; the groups can follow once the last one is through."""
    if _is_last(sender):
        roles.sync()


def _prepare_work(sender: AppConfig, using: str, **_kwargs: object) -> None:
    """The queue gets its schedule, the trail a server that counts on from its last seal; not in a half-way migration."""
    if not _is_last(sender):
        return
    tables = set(connections[using].introspection.table_names())
    if "django_q_schedule" in tables:
        schedules.ensure_schedules(clock.now())
    if {"casework_auditseal", "casework_auditentry"} <= tables:
        import_string("config.casework.audit.sealing.catch_up")()


class CaseworkConfig(AppConfig):
    name = "config.casework"
    label = "casework"
    verbose_name = _("Casework")

    def ready(self) -> None:
        permissions.declare()
        sections.announce("config.casework.catalogue.runbook")
        sweeps.register("leases", "config.casework.work.claims.revive", order=5)
        sweeps.register("deadlines", "config.casework.deadlines.services.sweep", order=10)
        sweeps.register("files", "config.casework.files.services.sweep", order=800)
        sweeps.register("file leftovers", "config.casework.files.services.sweep_orphans", order=810)
        sweeps.register("rate counters", "config.casework.front.limits.prune", order=820)
        sweeps.register("links", "config.casework.links.services.prune", order=830)
        sweeps.register("seals", "config.casework.audit.sealing.seal", order=900)
        sweeps.register("idempotency keys", "config.casework.api.services.forget_keys", order=940)
        sweeps.register("finished work", "config.casework.work.services.prune", order=950)
        discovery.load_tasks()
        post_migrate.connect(_sync_roles, dispatch_uid="casework.roles")
        post_migrate.connect(_prepare_work, dispatch_uid="casework.work")
