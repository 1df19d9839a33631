"""How long to wait before the next attempt: full jitter, so that many failures at once do not come back at once."""

import random as random_source
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

SHORTEST = timedelta(seconds=1)
_DOUBLINGS = 64  # beyond this every base has long reached its cap


@dataclass(frozen=True, slots=True)
class Policy:
    """How often a kind of work is tried, and how its waiting time grows."""

    attempts: int
    base: timedelta
    cap: timedelta

    def delay(
        self,
        attempt: int,
        *,
        retry_after: timedelta | None = None,
        random: Callable[[float, float], float] = random_source.uniform,
    ) -> timedelta | None:
        """Time to wait after attempt number `attempt` has failed; None when that was the last one."""
        if attempt >= self.attempts:
            return None
        return delay(attempt, base=self.base, cap=self.cap, retry_after=retry_after, random=random)


MESSAGES = Policy(attempts=3, base=timedelta(seconds=10), cap=timedelta(minutes=5))
REPAIRS = Policy(attempts=3, base=timedelta(seconds=60), cap=timedelta(hours=1))


def delay(
    attempt: int,
    *,
    base: timedelta,
    cap: timedelta,
    retry_after: timedelta | None = None,
    random: Callable[[float, float], float] = random_source.uniform,
) -> timedelta:
    """Time to wait before trying again, at least one second.

    Args:
        attempt: number of the attempt that failed, from 1.
        base: upper end of the first wait; it doubles with each attempt.
        cap: what the upper end never exceeds.
        retry_after: what the other side asked for, a floor that even the cap does not lower.
        random: draws a number of seconds between two bounds.

    Raises:
        ValueError: when `attempt` is below 1.

    Source: design rules, "Retry".
    """
    if attempt < 1:
        raise ValueError(f"Attempts count from 1, not {attempt}.")
    # As a number of seconds: 2**attempt times a timedelta overflows long before the cap is applied.
    highest = min(cap.total_seconds(), base.total_seconds() * 2.0 ** min(attempt - 1, _DOUBLINGS))
    return max(SHORTEST, timedelta(seconds=random(0.0, highest)), retry_after or SHORTEST)


def parse_retry_after(header: str, *, at: datetime) -> timedelta | None:
    """Read a Retry-After header, seconds or an HTTP date; None when it says nothing usable.

    More than a day counts as a day, so that no answer parks work for good.

    Args:
        at: the moment the answer came, with a zone.
    """
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=min(int(text[:10]), int(timedelta(days=1).total_seconds())))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - at, timedelta()), timedelta(days=1))
