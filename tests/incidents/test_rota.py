"""The arithmetic of rotations over every clock change of 2026 to 2028."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.oncall.rota import Entry, Every, Plan, Rota, Rule, gaps, instant, slot_at, slots, turn_at, turns
from incidents.oncall.words import parse_every

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)


def changes(zone: str) -> list[datetime]:
    """Every instant of 2026 to 2028 at which the clocks of a zone change, found by looking at each hour."""
    place = ZoneInfo(zone)
    hours = [START + HOUR * count for count in range((END - START) // HOUR)]
    found = []
    for earlier, later in pairwise(hours):
        if earlier.astimezone(place).utcoffset() != later.astimezone(place).utcoffset():
            minutes = (earlier + timedelta(minutes=count) for count in range(1, 61))
            found.append(
                next(at for at in minutes if at.astimezone(place).utcoffset() != earlier.astimezone(place).utcoffset())
            )
    return found


CHANGES = [(zone, at) for zone in ZONES for at in changes(zone)]
BACK = [
    (zone, at)
    for zone, at in CHANGES
    if (at - HOUR).astimezone(ZoneInfo(zone)).utcoffset() > at.astimezone(ZoneInfo(zone)).utcoffset()
]
rules = st.builds(
    Rule,
    zone=st.sampled_from(ZONES),
    handoff=st.times(),
    every=st.sampled_from(
        [parse_every(text) for text in ("P7D", "P14D", "P1D", "P3D", "PT12H", "PT8H", "PT1H", "P1M")]
    ),
    start=st.dates(date(2026, 1, 1), date(2027, 6, 30)),
)


def around(at: datetime, days: int = 3) -> tuple[datetime, datetime]:
    return at - DAY * days, at + DAY * days


class TestClockChanges:
    def test_there_are_six_in_each_zone_that_has_any(self) -> None:
        assert {zone: len(changes(zone)) for zone in ZONES} == {
            "Europe/Berlin": 6,
            "America/New_York": 6,
            "Australia/Lord_Howe": 6,
            "UTC": 0,
        }

    @pytest.mark.parametrize(("zone", "at"), CHANGES)
    @pytest.mark.parametrize("handoff", [time(0), time(1, 45), time(2), time(2, 15), time(2, 30), time(3), time(9)])
    def test_a_daily_turn_is_as_long_as_its_day(self, zone: str, at: datetime, handoff: time) -> None:
        first = at.astimezone(ZoneInfo(zone)).date() - DAY * 3
        rule = Rule(zone, handoff, parse_every("P1D"), first)
        found = list(turns(rule, *around(at, 2)))
        assert all(one.end == other.start for one, other in pairwise(found))
        place = ZoneInfo(zone)
        step = at.astimezone(place).utcoffset() - (at - HOUR).astimezone(place).utcoffset()
        lengths = [turn.end - turn.start for turn in found]
        assert sum(lengths, timedelta()) == DAY * len(found) - step
        assert sum(length != DAY for length in lengths) in (1, 2)  # a hand-off inside the gap moves two ends
        if handoff in (time(0), time(9)):
            assert sorted(set(lengths)) == sorted({DAY, DAY - step})

    @pytest.mark.parametrize(("zone", "at"), CHANGES)
    def test_a_skipped_time_is_the_first_instant_after_the_gap(self, zone: str, at: datetime) -> None:
        place = ZoneInfo(zone)
        before, after = (at - HOUR).astimezone(place).utcoffset(), at.astimezone(place).utcoffset()
        assert before is not None
        assert after is not None
        wall = (at + before).replace(tzinfo=None)  # the clocks' last moment before they change
        if after > before:
            for minutes in range(0, int((after - before).total_seconds() // 60), 7):
                assert instant(wall + timedelta(minutes=minutes), zone) == at
        else:
            assert instant(wall - timedelta(minutes=5), zone) == at - timedelta(minutes=5)

    @pytest.mark.parametrize(("zone", "at"), BACK)
    def test_a_repeated_hour_belongs_to_one_longer_shift(self, zone: str, at: datetime) -> None:
        place = ZoneInfo(zone)
        before, after = (at - HOUR).astimezone(place).utcoffset(), at.astimezone(place).utcoffset()
        assert after is not None
        assert before is not None
        wall = (at + after).replace(tzinfo=None)  # what the clocks show twice
        rule = Rule(zone, wall.time(), parse_every("P1D"), wall.date() - DAY * 2)
        turn = turn_at(rule, at)
        assert turn is not None
        assert (turn.start, turn.end - turn.start) == (at - (before - after), DAY + (before - after))

    def test_the_hours_of_the_rules(self) -> None:
        def length(zone: str, day: date) -> float:
            turn = turn_at(Rule(zone, time(0), parse_every("P1D"), day), instant(datetime.combine(day, time(0)), zone))
            assert turn is not None
            return (turn.end - turn.start) / HOUR

        assert length("Europe/Berlin", date(2026, 3, 29)) == 23
        assert length("Europe/Berlin", date(2026, 10, 25)) == 25
        assert length("Europe/Berlin", date(2026, 6, 1)) == 24
        assert length("Australia/Lord_Howe", date(2026, 10, 4)) == 23.5
        assert length("Australia/Lord_Howe", date(2026, 4, 5)) == 24.5


class TestTurns:
    @settings(max_examples=150, deadline=None)
    @given(rule=rules, change=st.sampled_from([*(at for _zone, at in CHANGES), START + DAY * 200]))
    def test_turns_tile_time_without_gap_or_overlap(self, rule: Rule, change: datetime) -> None:
        start, end = around(change, 40)
        found = list(turns(rule, start, end))
        assert all(one.end == other.start and one.start < one.end for one, other in pairwise(found))
        assert all(one.number < other.number for one, other in pairwise(found))
        if rule.boundary(0) < end:
            assert found[0].start <= max(start, rule.boundary(0))
            assert found[-1].end >= end

    @settings(max_examples=150, deadline=None)
    @given(rule=rules, seconds=st.integers(0, int((END - START).total_seconds())))
    def test_every_instant_has_the_one_turn_that_holds_it(self, rule: Rule, seconds: int) -> None:
        at = START + timedelta(seconds=seconds)
        turn = turn_at(rule, at)
        if at < rule.boundary(0):
            assert turn is None
        else:
            assert turn is not None
            assert turn.start <= at < turn.end
            assert turn in list(turns(rule, at, at + timedelta(seconds=1)))

    @settings(max_examples=100, deadline=None)
    @given(rule=rules, number=st.integers(0, 30))
    def test_a_hand_off_stands_at_its_time_on_the_wall_unless_the_clocks_skip_it(self, rule: Rule, number: int) -> None:
        shown = rule.boundary(number).astimezone(rule.place).replace(tzinfo=None)
        wanted = rule.every.after(rule.first, number)
        moved = shown - wanted
        assert timedelta(0) <= moved <= HOUR
        if moved:
            change = rule.boundary(number)
            before = change - timedelta(microseconds=1)
            assert change.astimezone(rule.place).utcoffset() > before.astimezone(rule.place).utcoffset()

    def test_weeks_begin_on_the_named_day_on_or_after_the_start(self) -> None:
        rule = Rule("Europe/Berlin", time(9), parse_every("P7D"), date(2026, 3, 4), weekday=0)
        assert rule.first == datetime(2026, 3, 9, 9)
        assert turn_at(rule, datetime(2026, 3, 9, 7, 59, tzinfo=UTC)) is None
        turn = turn_at(rule, datetime(2026, 3, 30, 6, 59, tzinfo=UTC))
        assert turn is not None
        assert turn.number == 2  # summer time began on Sunday: the hand-off is 07:00 in UTC now
        assert turn.end == datetime(2026, 3, 30, 7, tzinfo=UTC)

    def test_months_end_with_their_last_day(self) -> None:
        rule = Rule("UTC", time(0), parse_every("P1M"), date(2026, 1, 31))
        assert [rule.boundary(number).date() for number in range(4)] == [
            date(2026, 1, 31),
            date(2026, 2, 28),
            date(2026, 3, 31),
            date(2026, 4, 30),
        ]

    def test_an_hour_that_the_clocks_skip_has_no_turn(self) -> None:
        rule = Rule("Europe/Berlin", time(0), parse_every("PT1H"), date(2026, 3, 29))
        day = list(turns(rule, datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)))
        assert len(day) == 23
        assert all(turn.end - turn.start == HOUR for turn in day)

    @pytest.mark.parametrize("text", ["", "P7", "PT30M", "P0D", "P1Y", "P4M", "P93D", "-P1D", "P1DT1H", "weekly"])
    def test_lengths_that_make_no_rotation_are_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="turn"):
            parse_every(text)


# --- who -----------------------------------------------------------------------------------------------------------------

WEEKLY = Rule("Europe/Berlin", time(9), Every(length=timedelta(days=7)), date(2026, 3, 2))
MONDAYS = [datetime(2026, 3, day, 8, tzinfo=UTC) for day in (2, 9, 16, 23)]


def rota(*people: str, **more: object) -> Rota[str]:
    return Rota(layers=((Plan(WEEKLY, people),),), **more)  # type: ignore[arg-type]


def told(found: Rota[str], start: datetime, end: datetime) -> list[tuple[str | None, datetime, datetime, str]]:
    return [(slot.person, slot.start, slot.end, slot.source) for slot in slots(found, start, end)]


class TestPeople:
    def test_they_take_turns_in_their_order(self) -> None:
        found = rota("lea", "carl")
        assert told(found, MONDAYS[0], MONDAYS[2]) == [
            ("lea", MONDAYS[0], MONDAYS[1], "rotation"),
            ("carl", MONDAYS[1], MONDAYS[2], "rotation"),
        ]

    def test_a_shift_is_told_whole_also_when_only_a_part_was_asked_for(self) -> None:
        at = MONDAYS[0] + DAY
        assert told(rota("lea", "carl"), at, at + HOUR) == [("lea", MONDAYS[0], MONDAYS[1], "rotation")]

    def test_before_the_first_hand_off_there_is_nobody(self) -> None:
        before = MONDAYS[0] - DAY
        assert told(rota("lea"), before, MONDAYS[0] + HOUR)[0] == (None, before, MONDAYS[0], "rotation")
        assert gaps(rota("lea"), before, MONDAYS[3]) == []  # it has not begun: that is no gap

    def test_a_shift_by_hand_beats_the_rotation_and_gives_back(self) -> None:
        by_hand = Entry("carl", MONDAYS[0] + DAY, MONDAYS[0] + 2 * DAY)
        assert told(rota("lea", "carl", overrides=(by_hand,)), MONDAYS[0], MONDAYS[1]) == [
            ("lea", MONDAYS[0], by_hand.start, "rotation"),
            ("carl", by_hand.start, by_hand.end, "override"),
            ("lea", by_hand.end, MONDAYS[1], "rotation"),
        ]

    def test_who_is_away_is_stood_in_for_by_the_next_in_order(self) -> None:
        away = {"carl": [(MONDAYS[1], MONDAYS[1] + DAY)]}
        found = rota("lea", "carl", "ida", away=away)
        slot = slot_at(found, MONDAYS[1] + HOUR)
        assert (slot.person, slot.planned) == ("ida", "carl")
        assert slot_at(found, MONDAYS[1] + DAY).person == "carl"

    def test_when_all_are_away_there_is_a_gap(self) -> None:
        away = {"lea": [(MONDAYS[0], MONDAYS[3])], "carl": [(MONDAYS[1], MONDAYS[2])]}
        assert gaps(rota("lea", "carl", away=away), MONDAYS[0], MONDAYS[3]) == [(MONDAYS[1], MONDAYS[2])]

    def test_a_person_away_does_not_hold_a_shift_entered_for_them(self) -> None:
        by_hand = Entry("ida", MONDAYS[0], MONDAYS[1])
        found = rota("lea", "carl", overrides=(by_hand,), away={"ida": [(MONDAYS[0], MONDAYS[0] + DAY)]})
        assert slot_at(found, MONDAYS[0] + HOUR).person == "lea"
        assert slot_at(found, MONDAYS[0] + DAY).person == "ida"

    def test_an_edit_ends_the_old_version_and_leaves_its_past(self) -> None:
        changed = MONDAYS[1] + DAY
        old, new = Plan(WEEKLY, ("lea", "carl"), None, changed), Plan(WEEKLY, ("ida",), changed)
        found = Rota(layers=((old, new),))
        assert [person for person, *_rest in told(found, MONDAYS[0], MONDAYS[3])] == ["lea", "carl", "ida", "ida"]
        assert slots(found, MONDAYS[1], MONDAYS[2])[0].end == changed

    def test_a_layer_beats_the_one_below_in_its_hours_only(self) -> None:
        hours = {day: [(time(9), time(17))] for day in range(5)}
        office = Rule("Europe/Berlin", time(0), parse_every("P1D"), date(2026, 3, 2), hours=hours)
        found = Rota(layers=((Plan(office, ("ana",)),), (Plan(WEEKLY, ("lea", "carl")),)))
        monday = MONDAYS[1]
        assert told(found, monday, monday + 12 * HOUR)[:2] == [
            ("ana", monday, monday + 8 * HOUR, "rotation"),
            ("carl", monday + 8 * HOUR, monday + DAY, "rotation"),
        ]
        assert slot_at(found, MONDAYS[1] - HOUR).person == "lea"

    def test_hours_alone_leave_gaps(self) -> None:
        hours = {0: [(time(9), time(0))]}
        office = Rule("Europe/Berlin", time(0), parse_every("P1D"), date(2026, 3, 2), hours=hours)
        found = Rota(layers=((Plan(office, ("ana",)),),))
        opens = MONDAYS[0] + 15 * HOUR  # midnight in Berlin
        assert gaps(found, MONDAYS[0], MONDAYS[0] + 2 * DAY) == [(opens, MONDAYS[0] + 2 * DAY)]

    @settings(max_examples=60, deadline=None)
    @given(
        rule=rules,
        change=st.sampled_from([at for _zone, at in CHANGES]),
        spans=st.lists(st.tuples(st.integers(-200, 200), st.integers(1, 100), st.booleans()), max_size=4),
    )
    def test_slots_cover_every_range_and_agree_with_each_instant(
        self, rule: Rule, change: datetime, spans: list[tuple[int, int, bool]]
    ) -> None:
        entries = [(change + HOUR * begin, change + HOUR * (begin + length), hand) for begin, length, hand in spans]
        found = Rota(
            layers=((Plan(rule, ("lea", "carl", "ida")),),),
            overrides=tuple(_apart(Entry("carl", opens, closes) for opens, closes, hand in entries if hand)),
            away={"lea": [(opens, closes) for opens, closes, hand in entries if not hand]},
        )
        start, end = around(change, 10)
        pieces = slots(found, start, end)
        assert pieces[0].start <= start
        assert pieces[-1].end >= end
        assert all(one.end == other.start for one, other in pairwise(pieces))
        for piece in pieces:
            for at in (piece.start, piece.start + (piece.end - piece.start) / 2):
                assert slot_at(found, at).person == piece.person


def _apart(entries: Iterator[Entry[str]]) -> list[Entry[str]]:
    """Shifts by hand never overlap: the database refuses it."""
    kept: list[Entry[str]] = []
    for entry in entries:
        if all(entry.end <= one.start or entry.start >= one.end for one in kept):
            kept.append(entry)
    return kept
