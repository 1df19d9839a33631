"""Django's flush, which would empty the audit trail: refused outside of tests."""

from typing import Any

import pgtrigger
from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands.flush import Command as Flush


class Command(Flush):
    """Empty all tables of a test database; the desk's own trail is append-only."""

    def handle(self, **options: Any) -> None:
        """Empty the tables although their triggers refuse it.

        Raises:
            CommandError: this is no test database.
        """
        if not settings.TESTING:
            raise CommandError("flush is refused: the audit trail is append-only", returncode=2)
        guards = [
            f"{model._meta.label}:{trigger.name}" for model, trigger in pgtrigger.registered() if _guards(trigger)
        ]
        with pgtrigger.ignore(*guards):
            super().handle(**options)


def _guards(trigger: pgtrigger.Trigger) -> bool:
    return "TRUNCATE" in str(trigger.operation)
