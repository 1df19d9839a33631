"""What the database lets web and workers do: use every table, but never change the append-only ones."""

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper

from config.postgres import APPLICATION


def grant_application_role(connection: BaseDatabaseWrapper) -> None:
    """Let the role of web and workers use every table, but never change the append-only ones.

    Run as the owner after each migrate. Models with `append_only = True` are those of the trail.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        schema = cursor.fetchone()[0]
        for kind, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE, SELECT, UPDATE")):
            cursor.execute(f"GRANT {rights} ON ALL {kind} IN SCHEMA {schema} TO {APPLICATION}")
            cursor.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {rights} ON {kind} TO {APPLICATION}")
        cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO {APPLICATION}")
        for table in append_only_tables():
            name = connection.ops.quote_name(table)
            cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {name} FROM {APPLICATION}")


def append_only_tables() -> list[str]:
    """List the tables whose rows are only ever added."""
    return sorted({model._meta.db_table for model in apps.get_models() if getattr(model, "append_only", False)})


def create_application_role(connection: BaseDatabaseWrapper) -> None:
    """Create the role of web and workers on a server that is not ours; the owner's connection steps into it.

    Raises:
        django.db.ProgrammingError: the server does not let us create roles.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = %s", [APPLICATION]
        )
        found = cursor.fetchone()
        if found is None:
            cursor.execute(f"CREATE ROLE {APPLICATION} NOLOGIN")
        if found is None or not found[0]:
            cursor.execute(f"GRANT {APPLICATION} TO CURRENT_USER")
