"""Who is on call, read from rows: rotations, shifts by hand, leave, and the record of the past."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from config.casework.access.models import User
from config.casework.catalogue.models import System
from incidents.oncall.models import Leave, OnCallShift, Rotation, RotationMember, RotationVersion, ShiftRecord
from incidents.oncall.selectors import duties, next_shift, on_call, other_person, resolve, shifts, who
from tests import factories

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 9, 8, tzinfo=UTC)  # 09:00 in Berlin
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


def rotation(system: System, key: str, *people: User | str, part: str = "", **fields: object) -> Rotation:
    """A weekly rotation from Monday 9 March 2026, 09:00 in Berlin."""
    row = Rotation.objects.create(system=system, key=key, part=part, created_at=MONDAY, changed_at=MONDAY)
    values = {"zone": "Europe/Berlin", "handoff": time(9), "every": "P7D", "start": date(2026, 3, 9)} | fields
    version = RotationVersion.objects.create(rotation=row, **values)
    for position, one in enumerate(people):
        person = one if isinstance(one, User) else None
        email = one.email if isinstance(one, User) else one
        RotationMember.objects.create(version=version, position=position, email=email, person=person)
    return row


@pytest.fixture
def weekly(jobarium: System, lead: User, chief: User) -> Rotation:
    return rotation(jobarium, "primary", lead, chief, part="primary")


class TestWhoIsOnCall:
    def test_the_rotation_decides_for_its_part(
        self, jobarium: System, weekly: Rotation, lead: User, chief: User
    ) -> None:
        assert (who(weekly, MONDAY), who(weekly, MONDAY + WEEK)) == (lead, chief)
        assert on_call(jobarium, "primary", MONDAY + WEEK) == chief
        assert resolve(jobarium, "primary", MONDAY + WEEK) == chief

    def test_without_one_it_is_as_before(self, jobarium: System, weekly: Rotation, chief: User) -> None:
        assert on_call(jobarium, "secondary", MONDAY + WEEK) == chief
        assert on_call(factories.system("other"), "secondary", MONDAY) == chief

    def test_until_its_first_hand_off_it_is_as_before(self, jobarium: System, weekly: Rotation, lead: User) -> None:
        assert who(weekly, MONDAY - DAY) is None
        assert on_call(jobarium, "primary", MONDAY - DAY) == lead

    def test_a_rotation_with_another_key_is_found_by_it(self, jobarium: System, agent: User) -> None:
        rotation(jobarium, "database", agent)
        assert resolve(jobarium, "database", MONDAY) == agent
        assert resolve(jobarium, "nothing", MONDAY) is None

    def test_shift_by_hand_and_leave(
        self, jobarium: System, weekly: Rotation, lead: User, chief: User, agent: User
    ) -> None:
        OnCallShift.objects.create(
            rotation=weekly,
            person=agent,
            starts_at=MONDAY + DAY,
            ends_at=MONDAY + 2 * DAY,
            entered_at=MONDAY,
            changed_at=MONDAY,
        )
        Leave.objects.create(
            person=lead, starts_at=MONDAY + 3 * DAY, ends_at=MONDAY + 4 * DAY, entered_at=MONDAY, changed_at=MONDAY
        )
        found = [
            (shift.person, shift.source, shift.end - shift.start) for shift in shifts(weekly, MONDAY, MONDAY + WEEK)
        ]
        assert found == [
            (lead, "rotation", DAY),
            (agent, "override", DAY),
            (lead, "rotation", DAY),
            (chief, "rotation", DAY),
            (lead, "rotation", 3 * DAY),
        ]

    def test_the_next_shift(self, weekly: Rotation, lead: User, chief: User) -> None:
        following = next_shift(weekly, MONDAY)
        assert following is not None
        assert (following.person, following.start) == (chief, MONDAY + WEEK)
        mine = next_shift(weekly, MONDAY, person=lead)
        assert mine is not None
        assert mine.start == MONDAY + 2 * WEEK

    def test_an_account_that_may_not_sign_in_is_stood_in_for(self, weekly: Rotation, lead: User, chief: User) -> None:
        User.objects.filter(pk=lead.pk).update(is_active=False)
        assert who(weekly, MONDAY) == chief

    def test_an_address_without_an_account_takes_part_as_soon_as_there_is_one(self, jobarium: System) -> None:
        row = rotation(jobarium, "late", "ida@example.com")
        shift = shifts(row, MONDAY, MONDAY + DAY)[0]
        assert (shift.person, shift.address) == (None, "ida@example.com")
        ida = User.objects.create_user("ida@example.com", is_staff=True)
        assert who(row, MONDAY) == ida

    def test_the_other_person(self, jobarium: System, weekly: Rotation, lead: User, chief: User) -> None:
        assert other_person(jobarium, chief, MONDAY) == lead

    def test_made_up_cases_know_no_rotation(self, jobarium: System, weekly: Rotation) -> None:
        assert on_call(jobarium, "primary", MONDAY, demo=True) is None

    def test_all_duties(
        self, jobarium: System, weekly: Rotation, chief: User, django_assert_max_num_queries: object
    ) -> None:
        with django_assert_max_num_queries(5):
            found = {row.part: person for row, person in duties(MONDAY + WEEK)}
        assert found == {"primary": chief, "secondary": chief}


class TestThePast:
    def test_is_as_recorded_whatever_the_plan_says_now(
        self, weekly: Rotation, lead: User, chief: User, agent: User
    ) -> None:
        for start, person in ((MONDAY, agent), (MONDAY + DAY, None), (MONDAY + 2 * DAY, lead)):
            ShiftRecord.objects.create(rotation=weekly, person=person, starts_at=start, recorded_at=start)
        assert [who(weekly, MONDAY + step) for step in (timedelta(0), DAY, 2 * DAY, WEEK)] == [agent, None, lead, chief]
        assert [(shift.person, shift.start) for shift in shifts(weekly, MONDAY, MONDAY + WEEK + DAY)] == [
            (agent, MONDAY),
            (None, MONDAY + DAY),
            (lead, MONDAY + 2 * DAY),
            (chief, MONDAY + WEEK),
        ]
