"""Django's flush, which would empty the audit trail: refused outside of tests, and quick in them."""

from typing import Any, Final

import pgtrigger
from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands.flush import Command as Flush
from django.db import connections, transaction

FILLED_BY_MIGRATE: Final = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}


class Command(Flush):
    """Empty all tables of a test database; the desk's own trail is append-only."""

    def handle(self, **options: Any) -> None:
        """Delete the rows of every table that has any, although triggers refuse it; what `migrate` wrote stays.

        Raises:
            CommandError: this is no test database.
        """
        if not settings.TESTING:
            raise CommandError("flush is refused: the audit trail is append-only", returncode=2)
        connection = connections[options["database"]]
        with pgtrigger.ignore(), transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            tables = set(connection.introspection.django_table_names(only_existing=True)) - FILLED_BY_MIGRATE
            looks = [f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables]  # noqa: S608 - our models' names
            cursor.execute(" UNION ALL ".join(looks))
            if deletions := [f"DELETE FROM {table}" for (table,) in cursor.fetchall()]:  # noqa: S608
                cursor.execute("; ".join(deletions))
