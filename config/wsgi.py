"""WSGI entry point for the web server; in production it refuses to start with what the checks refuse."""

import os

from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
import_string("config.checks.refuse_to_start")()  # by name: it needs the apps loaded
