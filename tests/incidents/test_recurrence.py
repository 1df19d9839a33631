"""Recurring lists: days by rule, wall clocks by zone, clock changes and ends of months."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.procedures.recurrence import Recurrence, check_rule, localise

BERLIN = "Europe/Berlin"
ZONES = (BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestRules:
    @pytest.mark.parametrize(
        ("rule", "words"),
        [
            ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never happens"),
            ("FREQ=DAILY;UNTIL=20230101", "never happens"),
            ("FREQ=HOURLY", "by days"),
            ("FREQ=MONTHLY;BYMONTHDAY=31", "BYMONTHDAY=-1"),
            ("FREQ=DAILY;INTERVAL=0", "1 or more"),
            ("FREQ=WEEKLY;BYDAY=XX", "no recurrence rule"),
            ("every monday", "no recurrence rule"),
            ("FREQ=DAILY;COUNT=3", "COUNT"),
            ("FREQ=DAILY;BYHOUR=9", "BYHOUR"),
        ],
    )
    def test_one_that_makes_no_sense_is_refused(self, rule: str, words: str) -> None:
        with pytest.raises(ValueError, match=words):
            check_rule(rule)

    @pytest.mark.parametrize(
        "rule",
        ["FREQ=DAILY", "FREQ=MONTHLY;BYDAY=1SU", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "FREQ=MONTHLY;BYMONTHDAY=-1"],
    )
    def test_one_that_happens_is_kept_as_it_is(self, rule: str) -> None:
        assert check_rule(rule) == rule


class TestDays:
    def test_the_last_day_of_a_month_is_found_in_february_too(self) -> None:
        monthly = Recurrence("FREQ=MONTHLY;BYMONTHDAY=-1", "UTC")
        days = [found.day for found in monthly.between(at("2026-01-01"), at("2026-04-30"))]
        assert days == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]

    def test_a_daily_list_is_due_when_its_local_day_ends(self) -> None:
        found = Recurrence("FREQ=DAILY", BERLIN).latest(at("2026-03-29 12:00"))
        assert found is not None
        assert (found.opens_at, found.due_at) == (at("2026-03-28 23:00"), at("2026-03-29 22:00"))  # 23 hours

    def test_a_weekly_list_is_due_when_the_next_one_begins(self) -> None:
        found = Recurrence("FREQ=WEEKLY;BYDAY=MO", "UTC").latest(at("2026-03-12 12:00"))
        assert found is not None
        assert (found.day, found.due_at) == (date(2026, 3, 9), at("2026-03-16"))

    def test_a_weekday_list_of_friday_is_not_open_over_the_weekend(self) -> None:
        found = Recurrence("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "UTC").latest(at("2026-03-07 12:00"))
        assert found is not None
        assert (found.day, found.due_at) == (date(2026, 3, 6), at("2026-03-07"))

    def test_a_window_appears_as_long_before_as_its_notice_needs(self) -> None:
        window = Recurrence(
            "FREQ=MONTHLY;BYDAY=1SU", "UTC", at=time(2), lasts=timedelta(hours=2), ahead=timedelta(days=7)
        )
        found = window.latest(at("2026-03-29 02:00"))
        assert found is not None
        assert (found.day, found.due_at) == (date(2026, 4, 5), at("2026-04-05 04:00"))
        before = window.latest(at("2026-03-29 01:59"))
        assert before is not None
        assert before.day == date(2026, 3, 1)

    def test_intervals_count_from_their_start(self) -> None:
        other = Recurrence("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "UTC", start=date(2026, 3, 2))
        days = [found.day for found in other.between(at("2026-03-01"), at("2026-04-01"))]
        assert days == [date(2026, 3, 2), date(2026, 3, 16), date(2026, 3, 30)]


class TestClockChanges:
    def test_a_moment_that_is_skipped_moves_to_the_first_there_is(self) -> None:
        assert localise(date(2026, 3, 29), time(2, 30), BERLIN) == at("2026-03-29 01:00")
        assert localise(date(2026, 10, 4), time(2, 15), "Australia/Lord_Howe") == at("2026-10-03 15:30")

    def test_a_moment_that_comes_twice_is_the_first(self) -> None:
        assert localise(date(2026, 10, 25), time(2, 30), BERLIN) == at("2026-10-25 00:30")

    @given(
        day=st.dates(date(2026, 1, 1), date(2028, 12, 31)),
        minute=st.integers(0, 24 * 60 - 1),
        zone=st.sampled_from(ZONES),
    )
    def test_every_moment_is_there_and_none_is_earlier_than_asked(self, day: date, minute: int, zone: str) -> None:
        asked = time(minute // 60, minute % 60)
        found = localise(day, asked, zone).astimezone(ZoneInfo(zone))
        assert found.date() == day
        assert found.time() >= asked

    @given(day=st.dates(date(2026, 1, 2), date(2028, 12, 30)), zone=st.sampled_from(ZONES))
    def test_daily_lists_tile_the_time_without_gap_or_overlap(self, day: date, zone: str) -> None:
        daily = Recurrence("FREQ=DAILY", zone)
        noon = localise(day, time(12), zone)
        today, tomorrow = daily.latest(noon), daily.next(noon)
        assert today is not None
        assert tomorrow is not None
        assert today.day == day
        assert today.due_at == tomorrow.opens_at
