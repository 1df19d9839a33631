"""The house: routes, dashboard, sign-in, commands."""

from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "config"
    label = "desk"
    verbose_name = "Desk"
