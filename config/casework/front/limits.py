"""Rate limits, counted in the database: they hold across processes and restarts (SEC-22)."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from config.casework import crypto
from config.casework.front.models import RateCounter

PURPOSE = "rate-limit"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` times within a window."""

    limit: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """What a counter answered.

    Attributes:
        allowed: this attempt is within the limit.
        retry_after: whole seconds until the window ends; 0 when allowed.
    """

    allowed: bool
    retry_after: int


def hit(key: str, *, limit: int, window: timedelta, at: datetime) -> Limit:
    """Count one attempt and say whether it is within the limit.

    One atomic statement, so parallel callers never get one attempt too many. Call it outside a transaction that may be
    rolled back, else the attempt is forgotten. A window begins with the first attempt.

    Args:
        key: what is counted, such as "form:support:203.0.113.9"; only its keyed digest is kept.
        limit: attempts allowed within one window.
        window: its length.
        at: aware instant of the attempt.
    """
    table = connection.ops.quote_name(RateCounter._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} AS counter (key, window_start, expires_at, n) VALUES (%(key)s, %(at)s, %(end)s, 1) "  # noqa: S608 - the name is ours
            "ON CONFLICT (key) DO UPDATE SET "
            "n = CASE WHEN counter.expires_at <= %(at)s THEN 1 ELSE least(counter.n, %(limit)s) + 1 END, "
            "window_start = CASE WHEN counter.expires_at <= %(at)s THEN %(at)s ELSE counter.window_start END, "
            "expires_at = CASE WHEN counter.expires_at <= %(at)s THEN %(end)s ELSE counter.expires_at END "
            "RETURNING n, expires_at",
            {"key": _digest(key, window), "at": at, "end": at + window, "limit": limit},
        )
        count, ends_at = cursor.fetchone()
    if count <= limit:
        return Limit(True, 0)
    return Limit(False, max(1, math.ceil(min(ends_at - at, window).total_seconds())))


def hit_all(key: str, rates: tuple[Rate, ...], *, at: datetime) -> Limit:
    """Count one attempt against several rates; the longest wait wins."""
    answers = [hit(key, limit=rate.limit, window=rate.window, at=at) for rate in rates]
    return Limit(all(answer.allowed for answer in answers), max((answer.retry_after for answer in answers), default=0))


def prune(at: datetime) -> int:
    """Forget counters whose window is over; returns how many."""
    return RateCounter.objects.filter(expires_at__lte=at).delete()[0]


def _digest(key: str, window: timedelta) -> str:
    return crypto.mac(PURPOSE, f"{key}\0{int(window.total_seconds())}".encode()).hex()
