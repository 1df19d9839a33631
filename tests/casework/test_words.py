"""Times and clocks in words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from config.casework.choices import Tone
from config.casework.words import ClockWords, ago_words, clock_words, duration_words, moment

START = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
DUE = START + timedelta(minutes=60)


def read_clock(
    minutes: float,
    *,
    met_after: float | None = None,
    paused: str | None = None,
    warn_at: datetime | None = None,
) -> ClockWords:
    met_at = None if met_after is None else START + timedelta(minutes=met_after)
    now = START + timedelta(minutes=minutes)
    return clock_words("acknowledge", DUE, met_at, START, paused, now, warn_at=warn_at)


class TestDuration:
    @pytest.mark.parametrize(
        ("length", "said"),
        [
            (timedelta(), "0 s"),
            (timedelta(seconds=40), "40 s"),
            (timedelta(seconds=59, microseconds=999_999), "59 s"),
            (timedelta(minutes=1), "1 min"),
            (timedelta(minutes=12, seconds=59), "12 min"),
            (timedelta(hours=1), "1 h"),
            (timedelta(hours=2, minutes=5), "2 h 5 min"),
            (timedelta(hours=23, minutes=59, seconds=59), "23 h 59 min"),
            (timedelta(days=1), "1 day"),
            (timedelta(days=3, hours=4, minutes=59), "3 days 4 h"),
            (timedelta(days=6, hours=23), "6 days 23 h"),
            (timedelta(days=7, hours=23), "7 days"),
            (timedelta(days=30), "30 days"),
        ],
    )
    def test_it_takes_at_most_two_units_and_rounds_down(self, length: timedelta, said: str) -> None:
        assert duration_words(length) == said

    def test_it_ignores_the_sign(self) -> None:
        assert duration_words(timedelta(minutes=-48)) == "48 min"


class TestClock:
    def test_it_says_what_is_to_be_done_and_within_which_time(self) -> None:
        assert read_clock(40) == ClockWords("acknowledge within 20 min", Tone.INFO)

    def test_it_is_at_risk_from_four_fifths_of_the_way(self) -> None:
        assert read_clock(47.9).tone is Tone.INFO
        assert read_clock(48) == ClockWords("acknowledge within 12 min", Tone.WARN)

    def test_a_given_warning_moment_wins(self) -> None:
        assert read_clock(10, warn_at=START + timedelta(minutes=10)).tone is Tone.WARN
        assert read_clock(50, warn_at=START + timedelta(minutes=55)).tone is Tone.INFO

    def test_exactly_at_the_limit_it_is_not_late(self) -> None:
        assert read_clock(60) == ClockWords("acknowledge now", Tone.WARN)

    def test_just_beyond_the_limit_it_is_late(self) -> None:
        assert read_clock(60 + 1 / 60) == ClockWords("1 s late", Tone.DANGER)
        assert read_clock(108) == ClockWords("48 min late", Tone.DANGER)

    def test_a_met_clock_says_how_long_it_took_whatever_the_time(self) -> None:
        assert read_clock(6, met_after=6) == ClockWords("met after 6 min", Tone.OK)
        assert read_clock(600, met_after=6) == ClockWords("met after 6 min", Tone.OK)

    def test_met_exactly_at_the_limit_is_in_time(self) -> None:
        assert read_clock(70, met_after=60) == ClockWords("met after 1 h", Tone.OK)

    def test_met_too_late_says_by_how_much(self) -> None:
        assert read_clock(200, met_after=75) == ClockWords("met after 1 h 15 min, 15 min late", Tone.WARN)

    def test_met_before_it_started_counts_as_at_once(self) -> None:
        assert read_clock(1, met_after=-5) == ClockWords("met after 0 s", Tone.OK)

    def test_a_paused_clock_says_why_and_is_never_late(self) -> None:
        assert read_clock(300, paused="waiting for the requester") == ClockWords(
            "paused: waiting for the requester", Tone.NEUTRAL
        )

    def test_a_pause_without_a_reason_is_still_said(self) -> None:
        assert read_clock(10, paused="") == ClockWords("paused", Tone.NEUTRAL)

    def test_without_a_date_it_says_so(self) -> None:
        said = clock_words("decide", None, None, START, None, START)
        assert said == ClockWords("decide: no date yet", Tone.NEUTRAL)

    def test_it_refuses_a_moment_without_a_zone(self) -> None:
        with pytest.raises(ValueError, match="no time zone"):
            clock_words("acknowledge", DUE, None, START, None, datetime(2026, 3, 2, 13, 0))


class TestMoment:
    def test_it_names_day_month_time_and_place(self) -> None:
        assert moment(datetime(2026, 3, 2, 13, 5, tzinfo=UTC), "Europe/Berlin") == "Mon 2 March 2026, 14:05 (Berlin)"

    def test_it_takes_any_zone_as_input(self) -> None:
        given = datetime(2026, 7, 15, 1, 30, tzinfo=ZoneInfo("Asia/Tokyo"))
        assert moment(given, "America/New_York") == "Tue 14 July 2026, 12:30 (New York)"

    def test_a_zone_without_a_place_is_named_as_it_is(self) -> None:
        assert moment(START, "UTC") == "Mon 2 March 2026, 13:00 (UTC)"

    def test_the_repeated_hour_of_autumn_is_told_apart(self) -> None:
        first = moment(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Europe/Berlin")
        second = moment(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Europe/Berlin")
        assert first == "Sun 25 October 2026, 02:30 (Berlin, CEST)"
        assert second == "Sun 25 October 2026, 02:30 (Berlin, CET)"

    def test_it_refuses_a_moment_without_a_zone(self) -> None:
        with pytest.raises(ValueError, match="no time zone"):
            moment(datetime(2026, 3, 2, 14, 5), "Europe/Berlin")

    def test_it_refuses_an_unknown_zone(self) -> None:
        with pytest.raises(ZoneInfoNotFoundError):
            moment(START, "Europe/Nowhere")


class TestAgo:
    @pytest.mark.parametrize(
        ("distance", "said"),
        [
            (timedelta(), "just now"),
            (timedelta(seconds=59), "just now"),
            (timedelta(seconds=-59), "just now"),
            (timedelta(minutes=12), "12 min ago"),
            (timedelta(days=2, hours=3), "2 days 3 h ago"),
            (timedelta(hours=-2, minutes=-5), "in 2 h 5 min"),
        ],
    )
    def test_it_says_the_distance_and_the_direction(self, distance: timedelta, said: str) -> None:
        assert ago_words(START, START + distance) == said
