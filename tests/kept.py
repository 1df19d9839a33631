"""Rows that are made once for a whole module, because making them takes seconds, and are gone after it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
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
