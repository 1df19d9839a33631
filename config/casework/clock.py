"""The desk's clock: real time, unless a command or a test sets another moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.utils import timezone

_moment: ContextVar[datetime | None] = ContextVar("desk_moment", default=None)


def now() -> datetime:
    """The present instant, aware, in UTC; the one set by `at` inside its block."""
    return _moment.get() or timezone.now()


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Make `now` answer `moment` inside the block (time-driven commands with `--now`).

    Args:
        moment: aware instant.
    Raises:
        ValueError: `moment` has no zone.
    """
    if timezone.is_naive(moment):
        raise ValueError("a moment needs a zone")
    token = _moment.set(moment)
    try:
        yield
    finally:
        _moment.reset(token)
