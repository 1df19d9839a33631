"""The house: routes, dashboard, sign-in, commands."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.signals import user_logged_in

from config.casework import clock
from config.casework.events import PersonSignedIn, publish

UNUSED_FILES = "redoc*"  # the other viewer of the API's documentation; it is as large as all the rest


def _signed_in(user: Any, **_kwargs: object) -> None:
    publish(PersonSignedIn(user, clock.now()))


class DeskConfig(AppConfig):
    name = "config"
    label = "desk"
    verbose_name = "Desk"

    def ready(self) -> None:
        user_logged_in.connect(_signed_in, dispatch_uid="desk.signed_in")
        static = apps.get_app_config("staticfiles")
        static.ignore_patterns = [*static.ignore_patterns, UNUSED_FILES]  # type: ignore[attr-defined]
        import_module("config.checks")  # needs models; it registers its checks itself
