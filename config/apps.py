"""The house: routes, dashboard, sign-in, commands."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.contrib.staticfiles.apps import StaticFilesConfig

from config.casework import clock
from config.casework.events import PersonSignedIn, publish


def _signed_in(user: Any, **_kwargs: object) -> None:
    publish(PersonSignedIn(user, clock.now()))


class DeskConfig(AppConfig):
    name = "config"
    label = "desk"
    verbose_name = "Desk"

    def ready(self) -> None:
        user_logged_in.connect(_signed_in, dispatch_uid="desk.signed_in")
        import_module("config.checks")  # needs models; it registers its checks itself


class DeskStaticFilesConfig(StaticFilesConfig):
    """Static files without those that no page of ours names: the other viewer of API documentation is as large as the rest."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "redoc*"]
