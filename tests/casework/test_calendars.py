"""Business time: the examples of the scenarios, days of odd length, and what holds for every calendar."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.casework.calendars import (
    OFFICE_WEEK,
    ROUND_THE_CLOCK,
    BusinessCalendar,
    Interval,
    Span,
    add,
    elapsed,
    fraction_point,
    is_open,
    localise,
    next_open,
    noon_of_next_business_day,
    parse_span,
    shift_for_pauses,
)

OFFICE = BusinessCalendar()
EASTER = BusinessCalendar(closed=frozenset({date(2026, 4, 6)}))
GERMANY = BusinessCalendar(zone="Europe/Berlin", holidays="DE")
ONE_DAY = Span(business_days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


class TestSpans:
    @pytest.mark.parametrize(
        ("text", "span"),
        [
            ("PT15M", Span(time=timedelta(minutes=15))),
            ("PT8H", Span(time=timedelta(hours=8))),
            ("PT72H", Span(time=timedelta(hours=72))),
            ("PT1H30M", Span(time=timedelta(minutes=90))),
            ("PT30S", Span(time=timedelta(seconds=30))),
            ("P1D", Span(time=timedelta(days=1))),
            ("P1DT12H", Span(time=timedelta(hours=36))),
            ("1BD", ONE_DAY),
            ("10BD", Span(business_days=10)),
        ],
    )
    def test_it_reads_what_runbooks_write(self, text: str, span: Span) -> None:
        assert parse_span(text) == span

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "P",
            "PT",
            "P1DT",
            "8H",
            "PT8",
            "P1M",
            "P1Y",
            "P1W",
            "PT-8H",
            "PT1.5H",
            "1bd",
            "BD",
            "1 BD",
            " PT8H",
            "PT8H\n",
            "PT٣H",
            "P1DT1BD",
        ],
    )
    def test_it_refuses_other_words_and_says_how_to_write_them(self, text: str) -> None:
        with pytest.raises(ValueError, match="write hours and minutes as PT8H"):
            parse_span(text)

    @pytest.mark.parametrize("text", ["PT0S", "P0D", "0BD", "P0DT0H0M"])
    def test_it_refuses_nothing_at_all(self, text: str) -> None:
        with pytest.raises(ValueError, match="longer than nothing"):
            parse_span(text)

    @pytest.mark.parametrize("text", ["P9999D", "9999BD", "PT999999999S"])
    def test_it_refuses_more_than_ten_years(self, text: str) -> None:
        with pytest.raises(ValueError, match="ten years at most"):
            parse_span(text)

    @given(
        st.one_of(
            st.builds(lambda seconds: Span(time=timedelta(seconds=seconds)), st.integers(1, 10**7)),
            st.builds(lambda number: Span(business_days=number), st.integers(1, 999)),
        )
    )
    def test_it_reads_back_what_it_prints(self, span: Span) -> None:
        assert parse_span(str(span)) == span


class TestCalendar:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"zone": "Mars/Olympus"}, "zone: 'Mars/Olympus'"),
            ({"zone": "../etc/passwd"}, "zone: "),
            ({"zone": ""}, "zone: "),
            ({"zone": "Europe"}, "zone: "),
            ({"hours": {}}, "never opens"),
            ({"hours": {0: ()}}, "never opens"),
            ({"hours": {7: ((time(9), time(17)),)}}, "7 is no weekday"),
            ({"hours": {0: ((time(17), time(9)),)}}, "Monday must open before it closes"),
            ({"hours": {1: ((time(9), time(9)),)}}, "Tuesday must open before it closes"),
            ({"hours": {0: ((time(9), time(13)), (time(12), time(17)))}}, "Monday overlap"),
            ({"hours": {0: ((time(9), time(0)), (time(12), time(17)))}}, "Monday overlap"),
            ({"hours": {0: ((time(9, tzinfo=UTC), time(17)),)}}, "carry a zone"),
            ({"holidays": "XX"}, "holidays: 'XX' is not known"),
            ({"holidays": "DE-ZZ"}, "holidays: 'DE-ZZ' is not known"),
            ({"holidays": "Germany"}, "holidays: 'Germany' is not known"),
        ],
    )
    def test_a_wrong_value_is_refused_and_named(self, arguments: dict[str, object], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            BusinessCalendar(**arguments)  # type: ignore[arg-type]

    def test_a_business_day_is_eight_hours_by_default(self) -> None:
        assert OFFICE.business_day == timedelta(hours=8)
        assert ROUND_THE_CLOCK.business_day == timedelta(hours=24)

    def test_the_commonest_day_counts_when_days_differ(self) -> None:
        hours = {**{day: ((time(9), time(12)), (time(13), time(18))) for day in range(4)}, 4: ((time(9), time(14)),)}
        assert BusinessCalendar(hours=hours).business_day == timedelta(hours=8)

    def test_it_keeps_its_hours_when_the_callers_mapping_changes(self) -> None:
        hours: dict[int, tuple[Interval, ...]] = {0: ((time(9), time(17)),)}
        calendar = BusinessCalendar(hours=hours)
        hours[1] = ((time(9), time(17)),)
        assert not is_open(utc("2026-03-10T10:00"), calendar)

    def test_equal_calendars_are_equal_keys(self) -> None:
        assert {OFFICE: 1}[BusinessCalendar(hours=dict(OFFICE_WEEK))] == 1

    def test_only_a_calendar_that_never_closes_is_round_the_clock(self) -> None:
        assert ROUND_THE_CLOCK.round_the_clock
        assert not OFFICE.round_the_clock
        assert not BusinessCalendar(hours=ROUND_THE_CLOCK.hours, holidays="DE").round_the_clock


class TestDueDates:
    @pytest.mark.parametrize(
        ("start", "span", "calendar", "due"),
        [
            # Scenario SC-04 and requirement INC-28.
            ("2026-04-03T15:00", "1BD", EASTER, "2026-04-07T15:00"),
            ("2026-04-04T11:00", "1BD", EASTER, "2026-04-07T17:00"),
            ("2026-04-03T15:00", "1BD", OFFICE, "2026-04-06T15:00"),
            # Edges of the day.
            ("2026-03-09T09:00", "1BD", OFFICE, "2026-03-09T17:00"),
            ("2026-03-09T08:59", "1BD", OFFICE, "2026-03-09T17:00"),
            ("2026-03-09T09:01", "1BD", OFFICE, "2026-03-10T09:01"),
            ("2026-03-09T17:00", "1BD", OFFICE, "2026-03-10T17:00"),
            ("2026-03-09T16:59", "PT1M", OFFICE, "2026-03-09T17:00"),
            ("2026-03-09T17:00", "PT1M", OFFICE, "2026-03-10T09:01"),
            ("2026-03-13T16:00", "PT2H", OFFICE, "2026-03-16T10:00"),
            ("2026-03-13T18:00", "PT15M", OFFICE, "2026-03-16T09:15"),
            ("2026-03-13T12:00", "5BD", OFFICE, "2026-03-20T12:00"),
            ("2026-03-09T09:00", "P1D", OFFICE, "2026-03-11T17:00"),
            # Round the clock, elapsed time.
            ("2026-03-14T23:50", "PT15M", ROUND_THE_CLOCK, "2026-03-15T00:05"),
            ("2026-03-13T18:00", "PT72H", ROUND_THE_CLOCK, "2026-03-16T18:00"),
            ("2026-03-13T18:00", "P1D", ROUND_THE_CLOCK, "2026-03-14T18:00"),
            ("2026-03-13T18:00", "1BD", ROUND_THE_CLOCK, "2026-03-14T18:00"),
            # German holidays: Good Friday and Easter Monday; hours are Berlin hours (UTC+2 from 29 March).
            ("2026-04-02T14:00", "1BD", GERMANY, "2026-04-07T14:00"),
            ("2026-12-23T12:00", "1BD", GERMANY, "2026-12-24T12:00"),
            ("2026-12-24T12:00", "1BD", GERMANY, "2026-12-28T12:00"),
        ],
    )
    def test_the_table_of_examples(self, start: str, span: str, calendar: BusinessCalendar, due: str) -> None:
        assert add(utc(start), parse_span(span), calendar).at == utc(due)

    def test_a_holiday_of_one_region_closes_that_region_only(self) -> None:
        epiphany = wall("2026-01-06T10:00", "Europe/Berlin")
        assert is_open(epiphany, GERMANY)
        assert not is_open(epiphany, BusinessCalendar(zone="Europe/Berlin", holidays="DE-BY"))

    def test_a_holiday_observed_in_the_year_before_is_closed(self) -> None:
        calendar = BusinessCalendar(zone="America/New_York", holidays="US")
        assert not is_open(wall("2027-12-31T10:00", "America/New_York"), calendar)

    def test_a_lunch_break_is_not_counted(self) -> None:
        calendar = BusinessCalendar(hours={day: ((time(8), time(12)), (time(13), time(17))) for day in range(5)})
        assert add(utc("2026-03-09T11:00"), parse_span("PT2H"), calendar).at == utc("2026-03-09T14:00")
        assert add(utc("2026-03-09T11:00"), parse_span("PT1H"), calendar).at == utc("2026-03-09T12:00")

    def test_the_answer_is_in_utc_whatever_zone_was_asked(self) -> None:
        due = add(wall("2026-03-09T12:00", "Europe/Berlin"), parse_span("PT1H"), OFFICE)
        assert due.at.tzinfo is UTC
        assert all(step.at.tzinfo is UTC for step in due.steps)

    def test_a_moment_without_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no time zone"):
            add(datetime(2026, 3, 9, 12), ONE_DAY, OFFICE)

    def test_a_calendar_closed_for_ever_is_refused_instead_of_searched(self) -> None:
        first = date(2026, 1, 1)
        closed = frozenset(first + timedelta(days=number) for number in range(5000))
        with pytest.raises(ValueError, match="no open time within ten years"):
            add(utc("2026-03-09T12:00"), ONE_DAY, BusinessCalendar(closed=closed))
        with pytest.raises(ValueError, match="no open time within ten years"):
            noon_of_next_business_day(utc("2026-03-09T12:00"), BusinessCalendar(closed=closed))


class TestExplanation:
    def test_it_names_the_weekend_the_holiday_and_the_counted_hours(self) -> None:
        calendar = BusinessCalendar(holidays="DE")
        due = add(utc("2026-04-02T15:00"), ONE_DAY, calendar)
        assert [(step.rule, step.at) for step in due.steps] == [
            ("starts", utc("2026-04-02T15:00")),
            ("1 business day = 8 h open", utc("2026-04-02T15:00")),
            ("2 h open", utc("2026-04-02T17:00")),
            ("holiday: Good Friday", utc("2026-04-03T00:00")),
            ("closed: weekend", utc("2026-04-04T00:00")),
            ("holiday: Easter Monday", utc("2026-04-06T00:00")),
            ("6 h open", utc("2026-04-07T15:00")),
            ("due", utc("2026-04-07T15:00")),
        ]

    def test_a_start_in_closed_time_says_when_the_clock_begins(self) -> None:
        due = add(utc("2026-04-04T11:00"), ONE_DAY, EASTER)
        assert [(step.rule, step.at) for step in due.steps] == [
            ("starts", utc("2026-04-04T11:00")),
            ("1 business day = 8 h open", utc("2026-04-04T11:00")),
            ("closed: weekend", utc("2026-04-04T11:00")),
            ("closed: extra closed day", utc("2026-04-06T00:00")),
            ("opens", utc("2026-04-07T09:00")),
            ("8 h open", utc("2026-04-07T17:00")),
            ("due", utc("2026-04-07T17:00")),
        ]

    def test_nights_between_open_days_are_not_listed(self) -> None:
        due = add(utc("2026-03-09T09:00"), parse_span("PT20H30M"), OFFICE)
        assert [step.rule for step in due.steps] == ["starts", "20 h 30 min open", "due"]

    def test_a_weekday_without_hours_is_called_by_its_name(self) -> None:
        calendar = BusinessCalendar(hours={day: ((time(9), time(17)),) for day in (0, 1, 3, 4)})
        due = add(utc("2026-03-10T16:00"), parse_span("PT2H"), calendar)
        assert [step.rule for step in due.steps] == ["starts", "1 h open", "closed: Wednesday", "1 h open", "due"]

    def test_elapsed_time_is_called_plain_hours(self) -> None:
        due = add(utc("2026-03-14T10:00"), parse_span("PT72H"), ROUND_THE_CLOCK)
        assert [(step.rule, step.at) for step in due.steps] == [
            ("starts", utc("2026-03-14T10:00")),
            ("72 h", utc("2026-03-17T10:00")),
            ("due", utc("2026-03-17T10:00")),
        ]


class TestPauses:
    def test_paused_open_time_is_added(self) -> None:
        pauses = [(utc("2026-03-09T11:00"), utc("2026-03-09T13:00"))]
        due = shift_for_pauses(utc("2026-03-09T10:00"), parse_span("PT4H"), pauses, OFFICE)
        assert due.at == utc("2026-03-09T16:00")
        assert [(step.rule, step.at) for step in due.steps] == [
            ("starts", utc("2026-03-09T10:00")),
            ("1 h open", utc("2026-03-09T11:00")),
            ("paused: 2 h of open time", utc("2026-03-09T11:00")),
            ("3 h open", utc("2026-03-09T16:00")),
            ("due", utc("2026-03-09T16:00")),
        ]

    def test_a_paused_night_adds_nothing(self) -> None:
        pauses = [(utc("2026-03-09T17:00"), utc("2026-03-10T09:00"))]
        due = shift_for_pauses(utc("2026-03-09T16:00"), parse_span("PT2H"), pauses, OFFICE)
        assert due.at == utc("2026-03-10T10:00")

    def test_overlapping_pauses_count_once_and_in_any_order(self) -> None:
        pauses = [
            (utc("2026-03-09T12:00"), utc("2026-03-09T14:00")),
            (utc("2026-03-09T11:00"), utc("2026-03-09T13:00")),
            (utc("2026-03-09T11:30"), utc("2026-03-09T11:45")),
        ]
        due = shift_for_pauses(utc("2026-03-09T10:00"), parse_span("PT2H"), pauses, ROUND_THE_CLOCK)
        assert due.at == utc("2026-03-09T15:00")

    def test_only_the_part_after_the_start_counts(self) -> None:
        pauses = [(utc("2026-03-09T08:00"), utc("2026-03-09T11:00"))]
        due = shift_for_pauses(utc("2026-03-09T10:00"), parse_span("PT2H"), pauses, ROUND_THE_CLOCK)
        assert due.at == utc("2026-03-09T13:00")

    def test_a_pause_after_the_due_instant_does_not_heal_a_breach(self) -> None:
        pauses = [(utc("2026-03-09T12:00"), utc("2026-03-09T15:00"))]
        due = shift_for_pauses(utc("2026-03-09T10:00"), parse_span("PT2H"), pauses, OFFICE)
        assert due.at == utc("2026-03-09T12:00")

    def test_a_running_pause_counts_up_to_now(self) -> None:
        pauses = [(utc("2026-03-09T11:00"), None)]
        for now, at in (("2026-03-09T11:30", "2026-03-09T12:30"), ("2026-03-09T13:00", "2026-03-09T14:00")):
            due = shift_for_pauses(utc("2026-03-09T10:00"), parse_span("PT2H"), pauses, ROUND_THE_CLOCK, now=utc(now))
            assert due.at == utc(at)

    def test_a_running_pause_needs_to_know_the_present(self) -> None:
        with pytest.raises(ValueError, match="needs `now`"):
            shift_for_pauses(utc("2026-03-09T10:00"), ONE_DAY, [(utc("2026-03-09T11:00"), None)], OFFICE)

    def test_a_pause_that_ends_before_it_starts_is_refused(self) -> None:
        pauses = [(utc("2026-03-09T11:00"), utc("2026-03-09T10:00"))]
        with pytest.raises(ValueError, match="ends before it starts"):
            shift_for_pauses(utc("2026-03-09T10:00"), ONE_DAY, pauses, OFFICE)

    def test_a_new_severity_counts_from_detection_with_the_pauses_carried_over(self) -> None:
        pauses = [(utc("2026-03-09T10:10"), utc("2026-03-09T10:40"))]
        first = shift_for_pauses(utc("2026-03-09T10:00"), parse_span("PT8H"), pauses, ROUND_THE_CLOCK)
        graver = shift_for_pauses(utc("2026-03-09T10:00"), parse_span("PT1H"), pauses, ROUND_THE_CLOCK)
        assert (first.at, graver.at) == (utc("2026-03-09T18:30"), utc("2026-03-09T11:30"))


class TestWarning:
    def test_it_warns_at_eighty_per_cent(self) -> None:
        assert fraction_point(utc("2026-03-09T10:00"), parse_span("PT15M"), 0.8, ROUND_THE_CLOCK) == utc(
            "2026-03-09T10:12"
        )

    def test_the_mark_lies_in_open_time(self) -> None:
        assert fraction_point(utc("2026-04-03T15:00"), ONE_DAY, 0.8, EASTER) == utc("2026-04-07T13:24")

    def test_pauses_move_the_mark_too(self) -> None:
        pauses = [(utc("2026-03-09T10:05"), utc("2026-03-09T10:25"))]
        mark = fraction_point(utc("2026-03-09T10:00"), parse_span("PT15M"), 0.8, ROUND_THE_CLOCK, pauses=pauses)
        assert mark == utc("2026-03-09T10:32")

    @pytest.mark.parametrize("fraction", [0, -0.5, 1.01, float("nan")])
    def test_a_fraction_out_of_range_is_refused(self, fraction: float) -> None:
        with pytest.raises(ValueError, match="fraction"):
            fraction_point(utc("2026-03-09T10:00"), ONE_DAY, fraction, OFFICE)


class TestOpeningHours:
    @pytest.mark.parametrize(
        ("at", "opening"),
        [
            ("2026-03-09T09:00", "2026-03-09T09:00"),
            ("2026-03-09T16:59:59", "2026-03-09T16:59:59"),
            ("2026-03-09T17:00", "2026-03-10T09:00"),
            ("2026-03-09T08:59", "2026-03-09T09:00"),
            ("2026-03-14T11:00", "2026-03-16T09:00"),
        ],
    )
    def test_it_opens_with_the_first_instant_and_closes_with_the_last(self, at: str, opening: str) -> None:
        assert next_open(utc(at), OFFICE) == utc(opening)
        assert is_open(utc(at), OFFICE) is (at == opening)

    @pytest.mark.parametrize(
        ("at", "noon"),
        [
            ("2026-03-09T03:00", "2026-03-10T12:00"),
            ("2026-03-13T12:00", "2026-03-16T12:00"),
            ("2026-04-04T11:00", "2026-04-07T12:00"),
        ],
    )
    def test_noon_of_the_next_business_day(self, at: str, noon: str) -> None:
        assert noon_of_next_business_day(utc(at), EASTER) == utc(noon)

    def test_noon_and_next_day_are_those_of_the_calendars_zone(self) -> None:
        calendar = BusinessCalendar(zone="America/New_York")
        # 02:00 UTC on Tuesday is still Monday evening in New York.
        assert noon_of_next_business_day(utc("2026-07-07T02:00"), calendar) == wall(
            "2026-07-07T12:00", "America/New_York"
        )

    def test_elapsed_counts_open_time_only_and_is_signed(self) -> None:
        friday, tuesday = utc("2026-04-03T15:00"), utc("2026-04-07T15:00")
        assert elapsed(friday, tuesday, EASTER) == timedelta(hours=8)
        assert elapsed(tuesday, friday, EASTER) == timedelta(hours=-8)
        assert elapsed(friday, tuesday, ROUND_THE_CLOCK) == timedelta(days=4)


class TestDaysOfOddLength:
    @pytest.mark.parametrize(
        ("zone", "day", "hours"),
        [
            ("Europe/Berlin", "2026-03-29", 23),
            ("Europe/Berlin", "2026-10-25", 25),
            ("America/New_York", "2026-03-08", 23),
            ("America/New_York", "2026-11-01", 25),
            ("Australia/Lord_Howe", "2026-10-04", 23.5),
            ("Australia/Lord_Howe", "2026-04-05", 24.5),
            ("UTC", "2026-03-29", 24),
        ],
    )
    def test_a_full_day_has_its_true_length(self, zone: str, day: str, hours: float) -> None:
        calendar = BusinessCalendar(zone=zone, hours=ROUND_THE_CLOCK.hours)
        midnight = localise(date.fromisoformat(day), time(0), zone)
        next_midnight = localise(date.fromisoformat(day) + timedelta(days=1), time(0), zone)
        assert next_midnight - midnight == timedelta(hours=hours)
        assert elapsed(midnight, next_midnight, calendar) == timedelta(hours=hours)

    @pytest.mark.parametrize(
        ("zone", "skipped", "first_valid"),
        [
            ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00"),
            ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00"),
            ("Europe/Berlin", "2026-03-29T02:59:59", "2026-03-29T01:00"),
            ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00"),
            ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
            ("Africa/Cairo", "2026-04-24T00:00", "2026-04-23T22:00"),
        ],
    )
    def test_a_skipped_time_moves_to_the_first_valid_instant(self, zone: str, skipped: str, first_valid: str) -> None:
        moment = datetime.fromisoformat(skipped)
        assert localise(moment.date(), moment.time(), zone) == utc(first_valid)

    def test_of_a_repeated_time_the_first_one_counts(self) -> None:
        assert localise(date(2026, 10, 25), time(2, 30), "Europe/Berlin") == utc("2026-10-25T00:30")

    def test_hours_across_a_skipped_hour_are_counted_as_they_passed(self) -> None:
        calendar = BusinessCalendar(zone="Europe/Berlin", hours={6: ((time(0), time(8)),)})
        due = add(wall("2026-03-29T00:00", "Europe/Berlin"), parse_span("PT7H"), calendar)
        assert due.at == wall("2026-03-29T08:00", "Europe/Berlin")

    def test_a_business_day_keeps_its_wall_clock_over_the_change(self) -> None:
        calendar = BusinessCalendar(zone="Europe/Berlin")
        due = add(wall("2026-03-27T15:00", "Europe/Berlin"), ONE_DAY, calendar)
        assert due.at == wall("2026-03-30T15:00", "Europe/Berlin")

    def test_an_interval_inside_the_gap_does_not_exist_that_day(self) -> None:
        calendar = BusinessCalendar(zone="Europe/Berlin", hours={6: ((time(2), time(2, 45)), (time(9), time(10)))})
        assert next_open(wall("2026-03-29T00:00", "Europe/Berlin"), calendar) == wall(
            "2026-03-29T09:00", "Europe/Berlin"
        )


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
EVENINGS: tuple[Interval, ...] = ((time(6), time(13, 30)), (time(14), time(0)))
WEEKS = (
    OFFICE_WEEK,
    ROUND_THE_CLOCK.hours,
    dict.fromkeys(range(7), EVENINGS),
    {day: ((time(0), time(8)), (time(22), time(0))) for day in (0, 2, 5, 6)},
)
CALENDARS = st.builds(
    BusinessCalendar,
    zone=st.sampled_from(ZONES),
    hours=st.sampled_from(WEEKS),
    holidays=st.sampled_from((None, "DE-BE", "US-CA", "AU-NSW")),
    closed=st.frozensets(st.dates(date(2026, 1, 1), date(2028, 12, 31)), max_size=5),
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))
SPANS = st.one_of(
    st.builds(lambda minutes: Span(time=timedelta(minutes=minutes)), st.integers(1, 14 * 24 * 60)),
    st.builds(lambda number: Span(business_days=number), st.integers(1, 20)),
)
LOCAL_CHANGES = st.sampled_from(
    [
        utc(text)
        for text in (
            "2026-03-29T01:00",
            "2026-10-25T01:00",
            "2027-03-14T07:00",
            "2027-11-07T06:00",
            "2027-10-02T15:30",
            "2028-04-01T15:00",
        )
    ]
)
NEAR_CHANGES = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes), LOCAL_CHANGES, st.integers(-2000, 2000)
)
STARTS = st.one_of(MOMENTS, NEAR_CHANGES)


class TestWhatAlwaysHolds:
    @given(STARTS, SPANS, CALENDARS)
    def test_the_open_time_up_to_the_due_instant_is_the_span(
        self, start: datetime, span: Span, calendar: BusinessCalendar
    ) -> None:
        assert elapsed(start, add(start, span, calendar).at, calendar) == span.length(calendar)

    @given(STARTS, SPANS, CALENDARS)
    def test_it_is_due_in_open_time_or_exactly_at_closing(
        self, start: datetime, span: Span, calendar: BusinessCalendar
    ) -> None:
        assert is_open(add(start, span, calendar).at - timedelta(microseconds=1), calendar)

    @given(STARTS, st.timedeltas(timedelta(0), timedelta(days=30)), SPANS, CALENDARS)
    def test_a_later_start_is_never_due_earlier(
        self, start: datetime, later: timedelta, span: Span, calendar: BusinessCalendar
    ) -> None:
        assert add(start, span, calendar).at <= add(start + later, span, calendar).at

    @given(STARTS, SPANS, st.integers(1, 600), CALENDARS)
    def test_more_time_is_due_later(self, start: datetime, span: Span, more: int, calendar: BusinessCalendar) -> None:
        length = span.length(calendar)
        longer = Span(time=length + timedelta(minutes=more))
        assert add(start, span, calendar).at < add(start, longer, calendar).at

    @given(STARTS, st.integers(1, 3000), st.integers(1, 3000), CALENDARS)
    def test_two_halves_make_a_whole(
        self, start: datetime, first: int, second: int, calendar: BusinessCalendar
    ) -> None:
        halfway = add(start, Span(time=timedelta(minutes=first)), calendar).at
        whole = add(start, Span(time=timedelta(minutes=first + second)), calendar).at
        assert add(halfway, Span(time=timedelta(minutes=second)), calendar).at == whole

    @given(
        STARTS,
        SPANS,
        st.timedeltas(timedelta(0), timedelta(days=5)),
        st.timedeltas(timedelta(0), timedelta(days=5)),
        CALENDARS,
    )
    def test_a_pause_adds_its_open_time(
        self, start: datetime, span: Span, after: timedelta, lasting: timedelta, calendar: BusinessCalendar
    ) -> None:
        plain = add(start, span, calendar).at
        pause = (start + after, start + after + lasting)
        due = shift_for_pauses(start, span, [pause], calendar).at
        if pause[0] >= plain:
            assert due == plain
        else:
            assert elapsed(start, due, calendar) == span.length(calendar) + elapsed(*pause, calendar)

    @given(STARTS, SPANS, CALENDARS)
    def test_the_steps_run_forward_from_start_to_due(
        self, start: datetime, span: Span, calendar: BusinessCalendar
    ) -> None:
        due = add(start, span, calendar)
        moments = [step.at for step in due.steps]
        assert moments == sorted(moments)
        assert (due.steps[0].rule, moments[0]) == ("starts", start)
        assert (due.steps[-1].rule, moments[-1]) == ("due", due.at)

    @settings(max_examples=40)
    @given(STARTS, st.integers(1, 3 * 24 * 60), st.sampled_from(ZONES), st.sampled_from(WEEKS))
    def test_counting_minutes_on_the_wall_clock_gives_the_same(
        self, start: datetime, minutes: int, zone: str, hours: dict[int, tuple[Interval, ...]]
    ) -> None:
        start = start.replace(second=0, microsecond=0)
        calendar = BusinessCalendar(zone=zone, hours=hours)
        place = ZoneInfo(zone)

        def shows_open(minute: int) -> bool:
            local = (start + timedelta(minutes=minute)).astimezone(place)
            clock = local.time()
            return any(a <= clock and (clock < b or b == time(0)) for a, b in hours.get(local.weekday(), ()))

        counted = sum(map(shows_open, range(minutes)))
        assert elapsed(start, start + timedelta(minutes=minutes), calendar) == timedelta(minutes=counted)
