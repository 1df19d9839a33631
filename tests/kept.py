"""Rows that are made once for a whole module, because making them takes seconds, and are gone after it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pgtrigger
from django.apps import apps
from django.db import connection, transaction
from django.db.models import AutoField, Model
from pytest_django import DjangoDbBlocker


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction, or a savepoint in one, that never commits; the code under test may open durable blocks in it."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # as Django's own TestCase does
    with block:
        try:
            yield
        finally:
            transaction.set_rollback(True)


@contextmanager
def kept(blocker: DjangoDbBlocker) -> Iterator[None]:
    """For a module's own fixture named `db`, with scope "module": the database is open until the module is through."""
    with blocker.unblock(), rolled_back():
        yield


class Kept:
    """Rows that take long to make: made once a process, then written again as they were, a few statements for all."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make
        self._statements = ""

    def restore(self) -> None:
        """Bring the rows into the running transaction, which must not hold them yet."""
        with connection.cursor() as cursor:
            if self._statements:
                with pgtrigger.ignore():  # their history is among them; it adds a parameter, hence the doubled signs
                    cursor.execute(self._statements)
                return
            before = _highest(cursor)
            self._make()
            after = _highest(cursor)
            grown = [table for table in after if after[table] > before[table]]
            self._statements = ";".join(_insertion(cursor, table, before[table]) for table in grown).replace("%", "%%")


def _highest(cursor: Any) -> dict[str, int]:
    """The highest id of each table that counts its rows."""
    tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True) if _counts(model)]
    cursor.execute(" UNION ALL ".join(f"SELECT '{table}', coalesce(max(id), 0) FROM {table}" for table in tables))
    return dict(cursor.fetchall())


def _counts(model: type[Model]) -> bool:
    key = model._meta.pk
    return model._meta.managed and not model._meta.proxy and isinstance(key, AutoField) and key.column == "id"


def _insertion(cursor: Any, table: str, after: int) -> str:
    cursor.execute(f"SELECT quote_literal(json_agg(rows)) FROM {table} rows WHERE id > {after}")
    return f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, {cursor.fetchone()[0]})"
