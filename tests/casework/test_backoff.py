"""The waiting time before the next attempt, exactly as the design rules put it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.casework.backoff import MESSAGES, REPAIRS, delay, parse_retry_after

SECOND = timedelta(seconds=1)


def highest(low: float, high: float) -> float:
    assert low == 0
    return high


def lowest(low: float, high: float) -> float:
    return low


class TestDelay:
    @pytest.mark.parametrize(
        ("attempt", "seconds"), [(1, 10), (2, 20), (3, 40), (5, 160), (6, 300), (50, 300), (10_000, 300)]
    )
    def test_the_upper_end_doubles_up_to_the_cap(self, attempt: int, seconds: int) -> None:
        assert delay(attempt, base=10 * SECOND, cap=300 * SECOND, random=highest) == seconds * SECOND

    def test_it_is_never_shorter_than_a_second(self) -> None:
        assert delay(3, base=10 * SECOND, cap=300 * SECOND, random=lowest) == SECOND

    def test_what_the_other_side_asks_for_is_a_floor(self) -> None:
        assert delay(1, base=10 * SECOND, cap=300 * SECOND, retry_after=120 * SECOND, random=highest) == 120 * SECOND
        assert delay(4, base=10 * SECOND, cap=300 * SECOND, retry_after=20 * SECOND, random=highest) == 80 * SECOND

    def test_the_floor_may_lie_above_the_cap(self) -> None:
        assert delay(1, base=10 * SECOND, cap=300 * SECOND, retry_after=timedelta(hours=1), random=lowest) == timedelta(
            hours=1
        )

    @pytest.mark.parametrize("attempt", [0, -1])
    def test_attempts_count_from_one(self, attempt: int) -> None:
        with pytest.raises(ValueError, match="count from 1"):
            delay(attempt, base=SECOND, cap=SECOND)

    @given(st.integers(1, 100), st.integers(1, 3600), st.integers(1, 3600))
    def test_it_stays_within_its_bounds(self, attempt: int, base: int, cap: int) -> None:
        wait = delay(attempt, base=base * SECOND, cap=cap * SECOND)
        assert SECOND <= wait <= max(SECOND, min(cap, base * 2 ** (attempt - 1)) * SECOND)

    def test_it_really_varies(self) -> None:
        assert len({delay(3, base=60 * SECOND, cap=3600 * SECOND) for _ in range(20)}) > 1


class TestPolicies:
    def test_messages_are_tried_three_times_from_ten_seconds(self) -> None:
        assert [MESSAGES.delay(attempt, random=highest) for attempt in (1, 2, 3)] == [10 * SECOND, 20 * SECOND, None]

    def test_repairs_are_tried_three_times_from_a_minute(self) -> None:
        assert [REPAIRS.delay(attempt, random=highest) for attempt in (1, 2, 3)] == [60 * SECOND, 120 * SECOND, None]
        assert REPAIRS.cap == timedelta(hours=1)


class TestRetryAfter:
    AT = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("120", 120),
            (" 0 ", 0),
            ("Mon, 09 Mar 2026 10:02:00 GMT", 120),
            ("Mon, 09 Mar 2026 09:00:00 GMT", 0),
            ("99999999999999999999", 86400),
            ("Wed, 09 Mar 2033 10:00:00 GMT", 86400),
        ],
    )
    def test_it_reads_seconds_and_dates_and_waits_a_day_at_most(self, header: str, seconds: int) -> None:
        assert parse_retry_after(header, at=self.AT) == seconds * SECOND

    @pytest.mark.parametrize("header", ["", "soon", "-5", "1.5", "١٢"])
    def test_it_ignores_what_says_nothing(self, header: str) -> None:
        assert parse_retry_after(header, at=self.AT) is None
