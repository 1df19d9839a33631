"""The desk's settings with the migration linter, which is no part of the desk (used by .ci/run alone)."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter"]
