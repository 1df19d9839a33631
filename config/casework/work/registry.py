"""Kinds of work and the functions that do it. Handlers stand in files named `tasks.py` and are found by themselves."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from config.casework.work.failures import Permanent, Retry
from config.casework.work.models import Job

__all__ = ["Handler", "Permanent", "Retry", "checked_arguments", "checked_key", "find", "handler", "handlers"]

type Work = Callable[[Job], None]

LARGEST_BATCH = 25
_KIND = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+", re.ASCII)
_CODED = re.compile(r"[\w.:+/|-]{0,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Handler:
    """How one kind of work is done.

    Attributes:
        max_attempts: failures after which it is parked.
        base: upper end of the first waiting time; it doubles up to `cap`.
        batch: how many due rows one worker claims at once, at most 25.
        lease: how long one row may take before its worker counts as dead.
        parked: called in the transaction that parks a row, to switch to another way.
    """

    kind: str
    work: Work
    max_attempts: int
    base: timedelta
    cap: timedelta
    batch: int
    lease: timedelta
    parked: Work | None


_handlers: dict[str, Handler] = {}


def handler(
    kind: str,
    *,
    max_attempts: int = 3,
    base: float = 60,
    cap: float = 3600,
    batch: int = 1,
    lease: float = 60,
    parked: Work | None = None,
) -> Callable[[Work], Work]:
    """Register a function as the way one kind of work is done.

    It runs in a transaction of its own that also marks the row done. It may run more than once for the same row (its
    worker may die after the effect left the database), so it re-checks the state it acts on.

    Args:
        kind: "noun.verb", such as "messages.send".
        base, cap, lease: seconds; see `Handler`. A handler ends within 30 s; the queue kills it after 60.
    Raises:
        ValueError: a bad name or number, or a kind that has another handler.
    """
    if not _KIND.fullmatch(kind) or len(kind) > 60:
        raise ValueError(f"{kind!r} is no kind of work; write it as noun.verb in small letters.")
    if not 1 <= batch <= LARGEST_BATCH or max_attempts < 1 or lease <= 0:
        raise ValueError(f"{kind}: batch must be 1 to {LARGEST_BATCH}, max_attempts at least 1, lease more than 0.")

    def register(work: Work) -> Work:
        known = _handlers.get(kind)
        if known is not None and (known.work.__module__, known.work.__qualname__) != (
            work.__module__,
            work.__qualname__,
        ):
            raise ValueError(f"{kind} is done by {known.work.__module__}.{known.work.__qualname__} already.")
        seconds = [timedelta(seconds=value) for value in (base, cap, lease)]
        _handlers[kind] = Handler(kind, work, max_attempts, seconds[0], seconds[1], batch, seconds[2], parked)
        return work

    return register


def handlers() -> Mapping[str, Handler]:
    """All kinds of work that this process knows."""
    return MappingProxyType(_handlers)


def find(kind: str) -> Handler:
    """The handler of a kind.

    Raises:
        LookupError: nobody does this kind of work.
    """
    try:
        return _handlers[kind]
    except KeyError:
        raise LookupError(f"Nobody does the work {kind!r}; register it with @handler in a tasks.py.") from None


def checked_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as they may stand in a clear table: ids, flags, coded words, and lists of these.

    Raises:
        ValueError: a value could hold what a person wrote or is; the argument is named.
    """
    for name, value in arguments.items():
        if not all(_is_coded(item) for item in (value if isinstance(value, list | tuple) else [value])):
            raise ValueError(f"{name}: work takes ids and coded values only; keep the rest in a row and pass its id.")
    return dict(arguments)


def checked_key(key: str) -> str:
    """The idempotency key, unless it is empty or could hold what a person wrote.

    Raises:
        ValueError: as for the arguments.
    """
    if not key or not _is_coded(key):
        raise ValueError("The key of work is made of ids and coded words, at most 200 characters without blanks.")
    return key


def _is_coded(value: object) -> bool:
    return (
        value is None
        or isinstance(value, bool | int)
        or (isinstance(value, str) and _CODED.fullmatch(value) is not None)
    )
