"""The role of web and workers: what the database itself refuses it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, ProgrammingError, connection, transaction
from pytest_django.fixtures import Settings

from config.casework.audit.models import AuditEntry
from config.grants import append_only_tables, create_application_role, grant_application_role
from config.postgres import APPLICATION


@pytest.fixture
def as_application(db: None) -> Iterator[None]:
    """Speak to the database as web and workers do."""
    create_application_role(connection)
    grant_application_role(connection)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {APPLICATION}")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


def run(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.usefixtures("as_application")
class TestApplicationRole:
    @pytest.mark.parametrize("table", append_only_tables())
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE {} SET id = id",
            "DELETE FROM {}",
            "TRUNCATE {}",
            "ALTER TABLE {} DISABLE TRIGGER ALL",
            "DROP TABLE {}",
        ],
    )
    def test_it_may_not_change_the_trail(self, table: str, statement: str) -> None:
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            run(statement.format(table))

    def test_it_may_not_switch_the_triggers_off(self) -> None:
        with pytest.raises(ProgrammingError, match="permission denied"):
            run("SET session_replication_role = replica")

    @pytest.mark.parametrize("table", append_only_tables())
    def test_it_may_read_the_trail(self, table: str) -> None:
        run(f"SELECT count(*) FROM {table}")

    def test_it_may_change_every_other_table(self) -> None:
        for table in sorted(set(connection.introspection.table_names()) - set(append_only_tables())):
            run(f"DELETE FROM {table} WHERE false")

    def test_it_may_use_tables_made_later(self) -> None:
        run("RESET ROLE")
        run("CREATE TABLE later (id bigserial PRIMARY KEY)")
        run(f"SET LOCAL ROLE {APPLICATION}")
        run("INSERT INTO later DEFAULT VALUES")


class TestOwner:
    def test_the_trail_is_known(self) -> None:
        assert "casework_auditentry" in append_only_tables()

    @pytest.mark.usefixtures("db")
    def test_who_may_not_create_roles_is_told(self) -> None:
        run("CREATE ROLE poor")
        run("SET LOCAL ROLE poor")
        with pytest.raises(ProgrammingError), transaction.atomic():
            create_application_role(connection)
        run("RESET ROLE")


class TestFlush:
    def test_it_is_refused_outside_of_tests(self, settings: Settings) -> None:
        settings.TESTING = False
        with pytest.raises(CommandError, match="flush is refused: the audit trail is append-only") as refused:
            call_command("flush", interactive=False)
        assert refused.value.returncode == 2

    @pytest.mark.django_db(transaction=True)
    def test_a_test_database_can_be_emptied_though_its_owner_may_not_truncate(self) -> None:
        moment = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
        AuditEntry.objects.create(at=moment, happened_at=moment, actor_label="desk", action="tried", object_type="test")
        with pytest.raises(DatabaseError, match="append-only"):
            run("TRUNCATE casework_auditentry")
        call_command("flush", interactive=False, verbosity=0)
        assert not AuditEntry.objects.exists()
