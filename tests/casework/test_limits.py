from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection

from config.casework.front.limits import Limit, Rate, hit, hit_all, prune
from config.casework.front.models import RateCounter

MINUTE = timedelta(minutes=1)


@pytest.mark.django_db
class TestHit:
    def test_it_allows_up_to_the_limit_and_says_when_to_come_back(self, now: datetime) -> None:
        answers = [hit("a", limit=2, window=MINUTE, at=now + timedelta(seconds=15 * n)) for n in range(3)]
        assert answers == [Limit(True, 0), Limit(True, 0), Limit(False, 30)]

    def test_a_new_window_begins_when_the_old_one_is_over(self, now: datetime) -> None:
        for _attempt in range(5):
            hit("a", limit=1, window=MINUTE, at=now)
        assert not hit("a", limit=1, window=MINUTE, at=now + timedelta(seconds=59)).allowed
        assert hit("a", limit=1, window=MINUTE, at=now + MINUTE).allowed
        assert not hit("a", limit=1, window=MINUTE, at=now + MINUTE).allowed

    def test_refused_attempts_do_not_lengthen_the_wait(self, now: datetime) -> None:
        for _attempt in range(50):
            last = hit("a", limit=1, window=MINUTE, at=now)
        assert last == Limit(False, 60)

    def test_keys_do_not_share_a_counter_and_are_not_kept_in_clear(self, now: datetime) -> None:
        assert hit("form:203.0.113.9", limit=1, window=MINUTE, at=now).allowed
        assert hit("form:203.0.113.10", limit=1, window=MINUTE, at=now).allowed
        assert not any("203" in key and "." in key for key in RateCounter.objects.values_list("key", flat=True))

    def test_the_longest_wait_of_several_rates_wins(self, now: datetime) -> None:
        rates = (Rate(1, MINUTE), Rate(1, timedelta(hours=1)))
        assert hit_all("a", rates, at=now).allowed
        assert hit_all("a", rates, at=now) == Limit(False, 3600)

    def test_pruning_forgets_what_is_over_and_keeps_the_rest(self, now: datetime) -> None:
        hit("old", limit=1, window=MINUTE, at=now)
        hit("new", limit=1, window=timedelta(hours=1), at=now)
        assert prune(now + MINUTE) == 1
        assert not hit("new", limit=1, window=timedelta(hours=1), at=now + MINUTE).allowed


@pytest.mark.django_db(transaction=True)
def test_parallel_callers_never_get_one_attempt_too_many() -> None:
    at = datetime.fromisoformat("2026-03-09T10:00:00+00:00")

    def attempt(_number: int) -> bool:
        try:
            return hit("shared", limit=7, window=MINUTE, at=at).allowed
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(attempt, range(40)))
    assert sum(allowed) == 7
