"""Changing who is on call: rotations, shifts by hand, leave and offers; the past stays as it was."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, transaction

from config.casework import clock
from config.casework.access.models import User
from config.casework.catalogue.loader import RunbookRefused, compare, load
from config.casework.catalogue.models import System
from config.casework.catalogue.sections import sections
from config.casework.transitions import Refused
from incidents.oncall import records, services
from incidents.oncall.models import Leave, OnCallShift, Rotation, ShiftRecord
from incidents.oncall.plans import Wanted, put_rotation, retire_rotation, wanted_of
from incidents.oncall.selectors import on_call, shifts, who
from tests import factories

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 9, 8, tzinfo=UTC)  # 09:00 in Berlin
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


def plan(*people: User, **changes: Any) -> Wanted:
    values: dict[str, Any] = {
        "zone": "Europe/Berlin",
        "handoff": time(9),
        "every": "P7D",
        "start": date(2026, 3, 9),
        "people": tuple(person.email for person in people),
    }
    return Wanted(**values | changes)


@pytest.fixture
def weekly(jobarium: System, lead: User, chief: User) -> Rotation:
    return put_rotation(jobarium, "primary", plan(lead, chief), actor=lead, at=MONDAY, part="primary")[0]


class TestRotations:
    def test_doing_it_twice_changes_nothing(self, weekly: Rotation, jobarium: System, lead: User, chief: User) -> None:
        row, changed = put_rotation(jobarium, "primary", plan(lead, chief), actor=lead, at=MONDAY + DAY, part="primary")
        assert (row, changed, row.versions.count()) == (weekly, False, 1)

    def test_an_edit_ends_the_old_version_now_and_leaves_the_past(
        self, weekly: Rotation, jobarium: System, lead: User, chief: User, agent: User
    ) -> None:
        put_rotation(jobarium, "primary", plan(agent), actor=lead, at=MONDAY + DAY, part="primary")
        assert [(shift.person, shift.start) for shift in shifts(weekly, MONDAY, MONDAY + WEEK)] == [
            (lead, MONDAY),
            (agent, MONDAY + DAY),
        ]

    def test_one_that_starts_later_lets_the_old_one_go_on_until_then(
        self, weekly: Rotation, jobarium: System, lead: User, agent: User
    ) -> None:
        later = plan(agent, start=date(2026, 3, 16))
        put_rotation(jobarium, "primary", later, actor=lead, at=MONDAY + DAY, part="primary")
        assert (who(weekly, MONDAY + 2 * DAY), who(weekly, MONDAY + WEEK)) == (lead, agent)
        put_rotation(jobarium, "primary", plan(lead), actor=lead, at=MONDAY + 2 * DAY, part="primary")
        assert who(weekly, MONDAY + WEEK) == lead
        assert [version.number for version in weekly.versions.all()] == [1, 2]

    def test_a_retired_one_leaves_the_part_to_who_had_it_before(
        self, weekly: Rotation, jobarium: System, lead: User, chief: User
    ) -> None:
        retire_rotation(weekly, actor=lead, at=MONDAY + WEEK + DAY)
        assert on_call(jobarium, "primary", MONDAY + WEEK + 2 * DAY) == lead
        assert who(weekly, MONDAY + WEEK + HOUR) == chief
        assert wanted_of(weekly) is None
        again, changed = put_rotation(jobarium, "primary", plan(lead), actor=lead, at=MONDAY + 2 * WEEK, part="primary")
        assert (again.pk, changed, again.retired_at) == (weekly.pk, True, None)

    @pytest.mark.parametrize(
        ("field", "changes", "words"),
        [
            ("zone", {"zone": "Europe/Atlantis"}, "no time zone"),
            ("every", {"every": "weekly"}, "such as P7D"),
            ("weekday", {"weekday": 0, "every": "P1D"}, "whole weeks"),
            ("people", {"people": ()}, "at least one"),
            ("people", {"people": ("nobody",)}, "no mail address"),
            ("hours", {"hours": {"mon": [["17:00", "09:00"]]}}, "end after they begin"),
            ("hours", {"hours": {"mon": []}}, "at least one time"),
        ],
    )
    def test_what_makes_no_sense_is_refused_by_field(
        self, jobarium: System, lead: User, field: str, changes: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(ValidationError, match=words) as caught:
            put_rotation(jobarium, "new", plan(lead, **changes), actor=lead, at=MONDAY)
        assert list(caught.value.message_dict) == [field]
        assert not Rotation.objects.exists()

    def test_people_of_other_organisations_take_no_turns(self, jobarium: System, lead: User, stranger: User) -> None:
        with pytest.raises(ValidationError, match="does not work at the desk"):
            put_rotation(jobarium, "new", plan(stranger), actor=lead, at=MONDAY)

    def test_a_part_has_one_rotation(self, weekly: Rotation, jobarium: System, lead: User) -> None:
        with pytest.raises(ValidationError, match="has the rotation primary already"):
            put_rotation(jobarium, "other", plan(lead), actor=lead, at=MONDAY, part="primary")

    def test_support_changes_none(self, jobarium: System, agent: User) -> None:
        with pytest.raises(PermissionDenied):
            put_rotation(jobarium, "new", plan(agent), actor=agent, at=MONDAY)

    def test_a_layer_in_office_hours(self, weekly: Rotation, jobarium: System, lead: User, agent: User) -> None:
        hours = {"mon": [["09:00", "17:00"]]}
        put_rotation(
            jobarium,
            "office",
            plan(agent, every="P1D", handoff=time(0), hours=hours),
            actor=lead,
            at=MONDAY,
            over=weekly,
            layer=1,
        )
        assert (who(weekly, MONDAY + HOUR), who(weekly, MONDAY + 9 * HOUR)) == (agent, lead)


class TestShiftsByHand:
    def test_it_beats_the_rotation_and_gives_back(self, weekly: Rotation, lead: User, chief: User, agent: User) -> None:
        begin, end = MONDAY + DAY, MONDAY + 2 * DAY
        services.add_shift(weekly, person=agent, starts_at=begin, ends_at=end, actor=lead, at=MONDAY)
        found = [(shift.person, shift.source) for shift in shifts(weekly, MONDAY, MONDAY + WEEK)]
        assert found == [(lead, "rotation"), (agent, "override"), (lead, "rotation")]

    def test_overlapping_ones_are_refused_in_words(self, weekly: Rotation, lead: User, chief: User) -> None:
        span = {"starts_at": MONDAY + DAY, "ends_at": MONDAY + 2 * DAY}
        services.add_shift(weekly, person=chief, **span, actor=lead, at=MONDAY)
        with pytest.raises(ValidationError, match="Carl Chief has this shift already, from Tue 10 March 2026, 09:00"):
            services.add_shift(weekly, person=lead, **span, actor=lead, at=MONDAY)
        shift = OnCallShift.objects.get()
        with pytest.raises(IntegrityError), transaction.atomic():  # and the database itself refuses it
            OnCallShift.objects.create(
                rotation=weekly, person=lead, **span, entered_at=MONDAY, changed_at=MONDAY, entered_by=lead
            )
        services.end_shift(shift, actor=lead, at=MONDAY)
        services.add_shift(weekly, person=lead, **span, actor=lead, at=MONDAY)

    def test_one_may_follow_the_other(self, weekly: Rotation, lead: User, chief: User) -> None:
        services.add_shift(weekly, person=chief, starts_at=MONDAY, ends_at=MONDAY + DAY, actor=lead, at=MONDAY)
        services.add_shift(
            weekly, person=chief, starts_at=MONDAY + DAY, ends_at=MONDAY + 2 * DAY, actor=lead, at=MONDAY
        )
        assert shifts(weekly, MONDAY, MONDAY + HOUR)[0].end == MONDAY + 2 * DAY

    def test_the_past_stays(self, weekly: Rotation, lead: User, chief: User) -> None:
        with pytest.raises(ValidationError, match="The past is on record"):
            services.add_shift(
                weekly, person=chief, starts_at=MONDAY, ends_at=MONDAY + DAY, actor=lead, at=MONDAY + HOUR
            )

    def test_one_that_has_begun_ends_now(self, weekly: Rotation, lead: User, chief: User) -> None:
        shift = services.add_shift(weekly, person=chief, starts_at=MONDAY, ends_at=MONDAY + DAY, actor=lead, at=MONDAY)
        services.end_shift(shift, actor=lead, at=MONDAY + HOUR)
        assert (who(weekly, MONDAY + timedelta(minutes=30)), who(weekly, MONDAY + 2 * HOUR)) == (chief, lead)
        with pytest.raises(Refused, match="over already"):
            services.end_shift(shift, actor=lead, at=MONDAY + 2 * HOUR)

    def test_who_is_away_gets_none(self, weekly: Rotation, lead: User, chief: User) -> None:
        services.add_leave(chief, starts_at=MONDAY, ends_at=MONDAY + DAY, actor=chief, at=MONDAY)
        with pytest.raises(ValidationError, match="Carl Chief is away from Mon 9 March"):
            services.add_shift(
                weekly, person=chief, starts_at=MONDAY + HOUR, ends_at=MONDAY + WEEK, actor=lead, at=MONDAY
            )

    def test_support_enters_only_themselves_and_only_where_they_take_turns(
        self, weekly: Rotation, jobarium: System, lead: User, chief: User, agent: User
    ) -> None:
        span = {"starts_at": MONDAY + DAY, "ends_at": MONDAY + 2 * DAY}
        with pytest.raises(PermissionDenied):
            services.add_shift(weekly, person=agent, **span, actor=agent, at=MONDAY)
        put_rotation(jobarium, "primary", plan(lead, agent), actor=lead, at=MONDAY, part="primary")
        with pytest.raises(PermissionDenied):
            services.add_shift(weekly, person=chief, **span, actor=agent, at=MONDAY)
        assert services.add_shift(weekly, person=agent, **span, actor=agent, at=MONDAY).person == agent

    def test_strangers_enter_nothing(self, weekly: Rotation, stranger: User) -> None:
        span = {"starts_at": MONDAY + DAY, "ends_at": MONDAY + 2 * DAY}
        for act in (
            lambda: services.add_shift(weekly, person=stranger, **span, actor=stranger, at=MONDAY),
            lambda: services.add_leave(stranger, **span, actor=stranger, at=MONDAY),
            lambda: services.offer_shift(weekly, **span, actor=stranger, at=MONDAY),
        ):
            with pytest.raises(PermissionDenied):
                act()


class TestLeave:
    def test_the_turn_falls_to_the_next_in_order(self, weekly: Rotation, lead: User, chief: User) -> None:
        leave = services.add_leave(lead, starts_at=MONDAY + DAY, ends_at=MONDAY + WEEK, actor=lead, at=MONDAY)
        assert who(weekly, MONDAY + 2 * DAY) == chief
        services.end_leave(leave, actor=lead, at=MONDAY + 3 * DAY)
        assert (who(weekly, MONDAY + 2 * DAY), who(weekly, MONDAY + 4 * DAY)) == (chief, lead)

    def test_for_somebody_else_only_a_lead(self, weekly: Rotation, lead: User, agent: User) -> None:
        with pytest.raises(PermissionDenied):
            services.add_leave(lead, starts_at=MONDAY, ends_at=MONDAY + DAY, actor=agent, at=MONDAY)
        assert services.add_leave(agent, starts_at=MONDAY, ends_at=MONDAY + DAY, actor=lead, at=MONDAY).person == agent

    def test_twice_is_refused(self, lead: User) -> None:
        services.add_leave(lead, starts_at=MONDAY, ends_at=MONDAY + WEEK, actor=lead, at=MONDAY)
        with pytest.raises(ValidationError, match="There is leave from Mon 9 March 2026, 09:00"):
            services.add_leave(lead, starts_at=MONDAY + DAY, ends_at=MONDAY + 2 * DAY, actor=lead, at=MONDAY)
        assert Leave.objects.count() == 1

    def test_an_end_before_the_start_is_refused(self, lead: User) -> None:
        with pytest.raises(ValidationError, match="end must be later"):
            services.add_leave(lead, starts_at=MONDAY + DAY, ends_at=MONDAY, actor=lead, at=MONDAY)


class TestOffers:
    def test_an_offer_changes_nothing_until_it_is_taken(self, weekly: Rotation, lead: User, chief: User) -> None:
        begin, end = MONDAY + DAY, MONDAY + 2 * DAY
        swap = services.offer_shift(weekly, starts_at=begin, ends_at=end, actor=lead, at=MONDAY)
        assert who(weekly, begin) == lead
        services.take_shift(swap, actor=chief, at=MONDAY + HOUR)
        assert (who(weekly, begin), who(weekly, end)) == (chief, lead)
        with pytest.raises(Refused, match="taken already"):
            services.take_shift(swap, actor=chief, at=MONDAY + HOUR)
        with pytest.raises(Refused, match="taken already"):
            services.withdraw_shift(swap, actor=lead, at=MONDAY + HOUR)

    def test_one_offers_ones_own_time_only(self, weekly: Rotation, chief: User) -> None:
        with pytest.raises(ValidationError, match="Carl Chief is not on call all of this time"):
            services.offer_shift(weekly, starts_at=MONDAY + DAY, ends_at=MONDAY + WEEK, actor=chief, at=MONDAY)

    def test_a_part_of_a_shift_by_hand_can_be_given_away(self, weekly: Rotation, lead: User, chief: User) -> None:
        span = {"starts_at": MONDAY + DAY, "ends_at": MONDAY + 4 * DAY}
        services.add_shift(weekly, person=chief, **span, actor=lead, at=MONDAY)
        swap = services.offer_shift(
            weekly, starts_at=MONDAY + 2 * DAY, ends_at=MONDAY + 3 * DAY, actor=chief, at=MONDAY
        )
        services.take_shift(swap, actor=lead, at=MONDAY)
        found = [(shift.person, shift.source) for shift in shifts(weekly, MONDAY, MONDAY + WEEK)]
        assert found == [
            (lead, "rotation"),
            (chief, "override"),
            (lead, "override"),
            (chief, "override"),
            (lead, "rotation"),
        ]

    def test_who_no_longer_has_it_cannot_give_it(self, weekly: Rotation, lead: User, chief: User, agent: User) -> None:
        begin, end = MONDAY + DAY, MONDAY + 2 * DAY
        swap = services.offer_shift(weekly, starts_at=begin, ends_at=end, actor=lead, at=MONDAY)
        services.add_shift(weekly, person=agent, starts_at=begin, ends_at=end, actor=lead, at=MONDAY)
        with pytest.raises(Refused, match="not on call all of this time"):
            services.take_shift(swap, actor=chief, at=MONDAY)

    def test_nobody_takes_their_own_or_one_that_is_over(self, weekly: Rotation, lead: User, chief: User) -> None:
        swap = services.offer_shift(weekly, starts_at=MONDAY, ends_at=MONDAY + DAY, actor=lead, at=MONDAY)
        with pytest.raises(Refused, match="offered it yourself"):
            services.take_shift(swap, actor=lead, at=MONDAY)
        with pytest.raises(Refused, match="over"):
            services.take_shift(swap, actor=chief, at=MONDAY + 2 * DAY)

    def test_others_do_not_withdraw_it(self, weekly: Rotation, lead: User, agent: User) -> None:
        swap = services.offer_shift(weekly, starts_at=MONDAY, ends_at=MONDAY + DAY, actor=lead, at=MONDAY)
        with pytest.raises(PermissionDenied):
            services.withdraw_shift(swap, actor=agent, at=MONDAY)
        services.withdraw_shift(swap, actor=lead, at=MONDAY)
        assert swap.state == "withdrawn"


class TestRecord:
    def test_each_change_of_duty_is_written_once(self, weekly: Rotation, lead: User, chief: User) -> None:
        for at in (MONDAY + HOUR, MONDAY + HOUR, MONDAY + 2 * WEEK + HOUR):
            records.sweep(at)
        rows = list(ShiftRecord.objects.order_by("starts_at").values_list("person", "starts_at"))
        assert rows == [(lead.pk, MONDAY), (chief.pk, MONDAY + WEEK), (lead.pk, MONDAY + 2 * WEEK)]
        assert records.sweep(MONDAY + 2 * WEEK + HOUR) == 0

    def test_it_outlives_every_edit(
        self, weekly: Rotation, jobarium: System, lead: User, chief: User, agent: User
    ) -> None:
        records.sweep(MONDAY + HOUR)
        put_rotation(jobarium, "primary", plan(agent), actor=lead, at=MONDAY + DAY, part="primary")
        records.sweep(MONDAY + DAY)
        User.objects.filter(pk=lead.pk).update(is_active=False)
        assert (who(weekly, MONDAY + HOUR), who(weekly, MONDAY + 2 * DAY)) == (lead, agent)

    def test_an_account_that_was_ended_leaves_its_shift_when_it_is_noticed(
        self, weekly: Rotation, lead: User, chief: User
    ) -> None:
        records.sweep(MONDAY)
        User.objects.filter(pk=lead.pk).update(is_active=False)
        records.sweep(MONDAY + DAY)
        assert (who(weekly, MONDAY + HOUR), who(weekly, MONDAY + DAY)) == (lead, chief)

    def test_nothing_is_recorded_before_the_first_hand_off(self, jobarium: System, lead: User) -> None:
        put_rotation(jobarium, "new", plan(lead), actor=lead, at=MONDAY - WEEK)
        assert records.sweep(MONDAY - DAY) == 0

    def test_it_cannot_be_rewritten(self, weekly: Rotation) -> None:
        records.sweep(MONDAY)
        with pytest.raises(ProgrammingError, match=r"append_only|Cannot update"), transaction.atomic():
            ShiftRecord.objects.update(person=None)


# --- files ---------------------------------------------------------------------------------------------------------------

JOBARIUM = settings.BASE_DIR / "config" / "runbooks" / "jobarium.yaml"
ROTATIONS = """
rotations:
- {key: primary, zone: Europe/Berlin, handoff: "09:00", weekday: mon, every: P7D, start: 2026-03-09, people: [%(lead)s, %(chief)s]}
- {key: second, layer: secondary, zone: UTC, handoff: "09:00", every: P1D, start: 2026-03-09, people: [%(chief)s, ida@example.com]}
- {key: office, over: primary, layer: 1, zone: Europe/Berlin, handoff: "00:00", every: P1D, start: 2026-03-09, people: [%(chief)s],
   hours: {wed: [["09:00", "17:00"]]}}
"""


@pytest.fixture
def loaded(tmp_path: Path, jobarium: System, lead: User, chief: User) -> Callable[[str], Path]:
    def put(text: str) -> Path:
        path = tmp_path / "rotations.yaml"
        path.write_text(JOBARIUM.read_text(encoding="utf-8") + text % {"lead": lead.email, "chief": chief.email})
        load([path], at=MONDAY)
        return path

    return put


class TestRunbook:
    def test_a_file_makes_rotations_and_loads_again_without_a_change(
        self, loaded: Callable[[str], Path], jobarium: System, lead: User, chief: User
    ) -> None:
        path = loaded(ROTATIONS)
        assert on_call(jobarium, "primary", MONDAY + WEEK) == chief
        assert on_call(jobarium, "secondary", MONDAY + HOUR + DAY) == chief  # Ida has no account: the next in order
        assert on_call(jobarium, "primary", MONDAY + 2 * DAY + HOUR) == chief
        assert not compare([path], at=MONDAY)
        loaded(ROTATIONS)
        assert [row.versions.count() for row in Rotation.objects.all()] == [1, 1, 1]

    def test_what_is_exported_loads_to_the_same_rows(self, loaded: Callable[[str], Path], jobarium: System) -> None:
        loaded(ROTATIONS)
        section = next(one for one in sections() if one.key == "rotations")
        parts = section.export(jobarium)
        assert parts is not None
        assert section.adapter.validate_python(section.dump(parts)) == parts
        assert [part["key"] for part in section.dump(parts)] == ["primary", "second", "office"]

    def test_a_rotation_the_file_no_longer_names_is_retired(
        self, loaded: Callable[[str], Path], jobarium: System
    ) -> None:
        loaded(ROTATIONS)
        loaded("".join(line for line in ROTATIONS.splitlines(keepends=True) if "second" not in line))
        assert Rotation.objects.get(key="second").retired_at == MONDAY
        assert Rotation.objects.filter(retired_at=None).count() == 2

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("zone: UTC", "zone: Europe/Atlantis", r"rotations\[second\].zone: 'Europe/Atlantis' is no time zone"),
            ("every: P7D", "every: P8D", r"weekday goes with turns of whole weeks"),
            ("every: P7D", "every: PT5M", r"rotations\[primary\].every"),
            ("key: second", "key: primary", "stands twice"),
            ("layer: secondary", "layer: primary", "the part primary has the rotation primary already"),
            ("over: primary", "over: tertiary", "'tertiary' is no rotation of this file"),
            ("ida@example.com", "ida", "'ida' is no mail address"),
            ('handoff: "00:00"', 'handoff: "24:00"', "write a time of day"),
            ("layer: 1", "colour: red", "colour"),
        ],
    )
    def test_mistakes_are_refused_with_line_and_key(
        self, loaded: Callable[[str], Path], old: str, new: str, words: str
    ) -> None:
        assert old in ROTATIONS
        with pytest.raises(RunbookRefused, match=words) as caught:
            loaded(ROTATIONS.replace(old, new, 1))
        assert all(problem.line > 100 for problem in caught.value.problems)
        assert not Rotation.objects.exists()


# --- the command -----------------------------------------------------------------------------------------------------------


def told(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("oncall", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


class TestCommand:
    def test_json_has_the_keys_of_the_contract(self, weekly: Rotation, lead: User, chief: User) -> None:
        out, _err = told("--rotation", "primary", "--from", "2026-03-09T09:00+01:00", "--to", "2026-03-23T09:00+01:00", "--json")  # fmt: skip
        assert json.loads(out) == [
            {
                "rotation": "primary",
                "person": lead.email,
                "start": "2026-03-09T08:00:00+00:00",
                "end": "2026-03-16T08:00:00+00:00",
                "source": "rotation",
            },
            {
                "rotation": "primary",
                "person": chief.email,
                "start": "2026-03-16T08:00:00+00:00",
                "end": "2026-03-23T08:00:00+00:00",
                "source": "rotation",
            },
        ]

    def test_at_a_moment_and_now(self, weekly: Rotation, chief: User) -> None:
        out, _err = told("--at", "2026-03-17T00:00Z", "--json")
        assert [shift["person"] for shift in json.loads(out)] == [chief.email]
        with clock.at(MONDAY + HOUR):
            assert told()[0].startswith("jobarium.primary: Lea Lead, Mon 9 March 2026, 09:00 (Berlin) to Mon 16 March")

    def test_a_shift_by_hand_says_so(self, weekly: Rotation, lead: User, chief: User) -> None:
        services.add_shift(weekly, person=chief, starts_at=MONDAY, ends_at=MONDAY + DAY, actor=lead, at=MONDAY)
        assert json.loads(told("--at", "2026-03-09T12:00Z", "--json")[0])[0]["source"] == "override"

    def test_a_gap_is_said_and_ends_with_1(self, weekly: Rotation, lead: User, chief: User) -> None:
        for person in (lead, chief):
            services.add_leave(person, starts_at=MONDAY + DAY, ends_at=MONDAY + 2 * DAY, actor=person, at=MONDAY)
        with pytest.raises(CommandError, match="nobody is on call") as caught:
            told("--from", "2026-03-09T09:00+01:00", "--to", "2026-03-14T00:00Z")
        assert caught.value.returncode == 1

    def test_an_address_without_an_account_is_told_and_reported(self, jobarium: System, lead: User) -> None:
        put_rotation(jobarium, "late", plan(lead, people=("ida@example.com",)), actor=lead, at=MONDAY)
        out, err = told("--at", "2026-03-10T00:00Z", "--json")
        assert json.loads(out)[0]["person"] == "ida@example.com"
        assert "ida@example.com takes turns, but has no account" in err

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--at", "yesterday"], "--at: 'yesterday' is no ISO 8601"),
            (["--at", "2026-03-09T10:00"], "--at: .* has no zone"),
            (["--from", "2026-03-09T10:00Z", "--to", "soon"], "--to: 'soon' is no ISO"),
            (["--from", "2026-03-09T10:00Z"], "--from and --to go together"),
            (["--from", "2026-03-09T10:00Z", "--to", "2026-03-09T10:00Z"], "--to: .* not later"),
            (["--at", "2026-03-09T10:00Z", "--from", "2026-03-09T10:00Z"], "--at goes without"),
            (["--rotation", "tertiary"], "--rotation: 'tertiary' is unknown .known: jobarium.primary"),
        ],
    )
    def test_what_it_cannot_read_is_refused_by_name(self, weekly: Rotation, arguments: list[str], words: str) -> None:
        with pytest.raises(CommandError, match=words) as caught:
            told(*arguments)
        assert caught.value.returncode == 2

    def test_without_any_rotation_it_says_nothing(self, jobarium: System) -> None:
        assert told("--json")[0] == "[]\n"
        assert factories.system("jobarium") == jobarium
