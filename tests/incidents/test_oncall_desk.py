"""On-call as people meet it: the schedule, calendars, hand-over, warnings, tables in and out."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from icalendar import Calendar

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.models import System
from config.casework.desk import dashboard
from config.health import readiness
from incidents.oncall import feeds, handover, records, services
from incidents.oncall.models import CalendarFeed, HandOverNote, Leave, OnCallRole, OnCallShift, Rotation, ShiftSwap
from incidents.oncall.plans import put_rotation
from incidents.oncall.selectors import on_call_by_system
from incidents.oncall.watch import look_ahead
from integrations.messages.models import Message
from tests import factories
from tests.incidents.test_oncall_services import plan

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 9, 8, tzinfo=UTC)  # 09:00 in Berlin
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
SCHEDULE = "/admin/incidents/rotation/schedule/"


@pytest.fixture
def system(db: None) -> System:
    row = factories.system()
    for part, role in (("primary", "cto"), ("secondary", "ceo")):
        OnCallRole.objects.create(system=row, part=part, held_by=role)
    return row


@pytest.fixture
def weekly(system: System, lead: User, chief: User) -> Rotation:
    return put_rotation(system, "primary", plan(lead, chief), actor=lead, at=MONDAY, part="primary")[0]


@pytest.fixture
def second(system: System, lead: User, chief: User) -> Rotation:
    return put_rotation(system, "secondary", plan(chief, lead), actor=lead, at=MONDAY, part="secondary")[0]


@pytest.fixture
def browser(settings: Any) -> Callable[[User], Client]:
    settings.STAFF_NEEDS_SECOND_FACTOR = False

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def away(person: User, start: datetime, end: datetime) -> None:
    services.add_leave(person, starts_at=start, ends_at=end, actor=person, at=start)


# --- calendars -----------------------------------------------------------------------------------------------------------


def read(url: str, **headers: str) -> Any:
    return Client(headers=headers).get(url.removeprefix("http://127.0.0.1:8000"))


class TestCalendar:
    def test_of_a_rotation_comes_back_as_it_went_in(self, weekly: Rotation, lead: User, chief: User) -> None:
        url = feeds.create_feed(lead, rotation=weekly, at=MONDAY)
        with clock.at(MONDAY):
            answer = read(url)
        assert answer["Content-Type"] == "text/calendar; charset=utf-8"
        found = Calendar.from_ical(answer.content)
        assert str(found["x-wr-calname"]) == "On call: Jobarium, primary"
        events = found.walk("VEVENT")
        assert len({str(event["uid"]) for event in events}) == len(events) == 18
        first, following = events[:2]
        assert (first["dtstart"].dt, first["dtend"].dt) == (MONDAY, MONDAY + WEEK)
        assert first["dtstart"].dt.utcoffset() == timedelta(0)
        assert first["dtstamp"].dt == MONDAY
        assert str(first["summary"]) == "On call: Lea Lead (Jobarium, primary)"
        assert str(following["summary"]) == "On call: Carl Chief (Jobarium, primary)"
        assert lead.email.encode() not in answer.content

    def test_of_a_person_holds_their_shifts_of_all_rotations(
        self, weekly: Rotation, second: Rotation, lead: User
    ) -> None:
        with clock.at(MONDAY):
            found = Calendar.from_ical(read(feeds.create_feed(lead, at=MONDAY)).content)
        told = [(event["dtstart"].dt, str(event["summary"])) for event in found.walk("VEVENT")]
        assert (MONDAY, "On call: Lea Lead (Jobarium, primary)") in told
        assert (MONDAY + WEEK, "On call: Lea Lead (Jobarium, secondary)") in told
        assert all("Lea Lead" in summary for _start, summary in told)

    def test_a_shift_keeps_its_name_when_others_change(self, weekly: Rotation, lead: User, chief: User) -> None:
        url = feeds.create_feed(lead, rotation=weekly, at=MONDAY)

        def uids() -> set[str]:
            with clock.at(MONDAY):
                return {str(event["uid"]) for event in Calendar.from_ical(read(url).content).walk("VEVENT")}

        before = uids()
        begin = MONDAY + 2 * WEEK + DAY
        services.add_shift(weekly, person=chief, starts_at=begin, ends_at=begin + DAY, actor=lead, at=MONDAY)
        assert before < uids()

    def test_an_unchanged_calendar_is_not_sent_twice(self, weekly: Rotation, lead: User, chief: User) -> None:
        url = feeds.create_feed(lead, rotation=weekly, at=MONDAY)
        with clock.at(MONDAY):
            etag = read(url)["ETag"]
        with clock.at(MONDAY + HOUR):
            again = read(url, if_none_match=etag)
            assert (again.status_code, again.content) == (304, b"")
            services.add_shift(
                weekly, person=chief, starts_at=MONDAY + DAY, ends_at=MONDAY + WEEK, actor=lead, at=MONDAY + HOUR
            )
            assert read(url, if_none_match=etag).status_code == 200

    def test_a_revoked_or_invented_address_is_not_found(self, weekly: Rotation, lead: User, agent: User) -> None:
        url = feeds.create_feed(lead, rotation=weekly, at=MONDAY)
        feed = CalendarFeed.objects.get()
        assert feed.digest not in url
        assert url.rsplit("/", 1)[1].removesuffix(".ics") not in str(feed.__dict__)
        with pytest.raises(PermissionDenied):
            feeds.revoke_feed(feed, actor=agent, at=MONDAY)
        feeds.revoke_feed(feed, actor=lead, at=MONDAY)
        assert read(url).status_code == 404
        assert read("/calendar/oncall/invented.ics").status_code == 404

    def test_it_ends_with_the_account(self, weekly: Rotation, agent: User) -> None:
        url = feeds.create_feed(agent, rotation=weekly, at=MONDAY)
        assert read(url).status_code == 200
        User.objects.filter(pk=agent.pk).update(is_active=False)
        assert read(url).status_code == 404

    def test_strangers_get_none(self, weekly: Rotation, stranger: User) -> None:
        with pytest.raises(PermissionDenied):
            feeds.create_feed(stranger, rotation=weekly, at=MONDAY)

    def test_the_page_shows_the_address_once(
        self, weekly: Rotation, agent: User, browser: Callable[[User], Client]
    ) -> None:
        answer = browser(agent).post("/admin/incidents/calendarfeed/add/", {"rotation": weekly.pk})
        assert b"/calendar/oncall/" in answer.content
        feed = CalendarFeed.objects.get(owner=agent)
        page = browser(agent).get(f"/admin/incidents/calendarfeed/{feed.pk}/change/")
        assert b"/calendar/oncall/" not in page.content


# --- what is wrong ----------------------------------------------------------------------------------------------------------


class TestWarnings:
    def test_a_good_plan_has_none(self, weekly: Rotation, second: Rotation) -> None:
        assert look_ahead(MONDAY) == []

    def test_a_gap_within_14_days(self, weekly: Rotation, lead: User, chief: User) -> None:
        for person in (lead, chief):
            away(person, MONDAY + 3 * DAY, MONDAY + 4 * DAY)
        (found,) = look_ahead(MONDAY)
        assert (found.kind, found.start, found.end) == ("gap", MONDAY + 3 * DAY, MONDAY + 4 * DAY)
        assert found.sentence == (
            "Nobody is on call for Jobarium, primary from Thu 12 March 2026, 09:00 (Berlin) "
            "to Fri 13 March 2026, 09:00 (Berlin)."
        )
        assert look_ahead(MONDAY - 12 * DAY) == []  # that is further away

    def test_both_away_at_once(self, weekly: Rotation, second: Rotation, lead: User, chief: User) -> None:
        away(lead, MONDAY + DAY, MONDAY + 3 * DAY)
        assert [one.kind for one in look_ahead(MONDAY)] == []  # the other stands in
        away(chief, MONDAY + 2 * DAY, MONDAY + 4 * DAY)
        kinds = {one.kind: (one.start, one.end) for one in look_ahead(MONDAY)}
        assert kinds["both_away"] == (MONDAY + 2 * DAY, MONDAY + 3 * DAY)
        assert kinds["gap"] == kinds["both_away"]

    def test_an_address_without_an_account(self, system: System, lead: User) -> None:
        wanted = plan(lead, people=(lead.email, "ida@example.com"))
        put_rotation(system, "primary", wanted, actor=lead, at=MONDAY, part="primary")
        (found,) = look_ahead(MONDAY)
        assert found.sentence == "ida@example.com takes turns for Jobarium, primary, but has no account."

    def test_the_daily_mail_comes_once_in_the_morning(self, weekly: Rotation, lead: User, chief: User) -> None:
        for person in (lead, chief):
            away(person, MONDAY + 3 * DAY, MONDAY + 4 * DAY)
        night, morning = MONDAY + 15 * HOUR, MONDAY + 23 * HOUR + timedelta(minutes=5)
        assert (handover.daily(night), handover.daily(morning), handover.daily(morning)) == (0, 2, 0)
        mails = Message.objects.filter(idempotency_key__startswith="oncall-daily:")
        assert {mail.address for mail in mails} == {lead.email, chief.email}
        assert all("Nobody is on call for Jobarium, primary" in " ".join(mail.text.split()) for mail in mails)

    def test_a_good_plan_is_no_news(self, weekly: Rotation) -> None:
        assert handover.daily(MONDAY + 23 * HOUR + timedelta(minutes=5)) == 0

    def test_a_system_with_nobody_to_call_is_not_ready(
        self, weekly: Rotation, second: Rotation, lead: User, chief: User
    ) -> None:
        assert on_call_by_system(MONDAY) == {"jobarium": 2}
        for person in (lead, chief):
            away(person, MONDAY, MONDAY + DAY)
        assert on_call_by_system(MONDAY) == {"jobarium": 0}
        with clock.at(MONDAY + HOUR):
            found = {check["name"]: check for check in readiness()}
        assert (found["on_call"]["ok"], found["on_call"]["detail"]) == (False, "nobody is on call: jobarium")
        with clock.at(MONDAY + 2 * DAY):
            assert {check["name"]: check["ok"] for check in readiness()}["on_call"]

    def test_without_rotations_there_is_nothing_to_check(self, system: System) -> None:
        assert "on_call" not in {check["name"] for check in readiness()}


# --- the first page ---------------------------------------------------------------------------------------------------------


def card(user: User, at: datetime) -> Any:
    return next(card for card in dashboard.cards(User.objects.get(pk=user.pk), at) if card.label == "On call")


def items(user: User, at: datetime) -> list[tuple[str, str]]:
    return [(str(item.what), item.title) for item in dashboard.next_items(User.objects.get(pk=user.pk), at)]


class TestFirstPage:
    def test_now_and_next(self, weekly: Rotation, agent: User, chief: User) -> None:
        found = card(agent, MONDAY + 5 * DAY)
        assert (found.number, found.tone, found.url) == ("2 of 2", "", SCHEDULE)
        assert found.sentence == (
            "on call now. Jobarium: Lea Lead (primary), then Carl Chief in 2 days, Carl Chief (secondary)"
        )

    def test_a_gap_ahead_turns_it_red_and_asks_the_leads(
        self, weekly: Rotation, lead: User, chief: User, agent: User
    ) -> None:
        for person in (lead, chief):
            away(person, MONDAY + 3 * DAY, MONDAY + 4 * DAY)
        found = card(lead, MONDAY)
        assert found.tone == "danger"
        assert "Nobody is on call for Jobarium, primary" in found.sentence
        assert [what for what, _title in items(lead, MONDAY)] == ["Put the on-call plan right"]
        assert items(agent, MONDAY) == []

    def test_the_next_one_finds_the_note_until_it_is_read(self, weekly: Rotation, lead: User, chief: User) -> None:
        ends = MONDAY + WEEK - HOUR
        assert items(lead, ends) == [("Write the hand-over note", "Jobarium, primary, you hand over in 1 h")]
        note = handover.write_note(weekly, text="The queue is slow.", actor=lead, at=ends)
        assert items(lead, ends) == []
        assert items(chief, ends) == []
        begins = MONDAY + WEEK + HOUR
        assert items(chief, begins) == [("Read the hand-over note", "Jobarium, primary, from Lea Lead")]
        handover.read_note(note, actor=chief, at=begins)
        assert items(chief, begins) == []
        assert note.read_by == chief

    def test_an_offer_is_shown_to_those_who_take_turns(
        self, weekly: Rotation, lead: User, chief: User, agent: User
    ) -> None:
        services.offer_shift(weekly, starts_at=MONDAY + DAY, ends_at=MONDAY + 2 * DAY, actor=lead, at=MONDAY)
        assert items(chief, MONDAY) == [
            ("Take an offered shift, or leave it", "Jobarium, primary, offered by Lea Lead")
        ]
        assert items(lead, MONDAY) == items(agent, MONDAY) == []

    def test_it_costs_little(
        self, weekly: Rotation, second: Rotation, lead: User, django_assert_max_num_queries: Any
    ) -> None:
        user = User.objects.get(pk=lead.pk)
        assert user.has_perm("incidents.view_rotation")
        with django_assert_max_num_queries(14):
            dashboard.cards(user, MONDAY)
        with django_assert_max_num_queries(16):
            dashboard.next_items(user, MONDAY)


class TestHandOver:
    def test_both_are_told_when_the_duty_changes_hands(self, weekly: Rotation, lead: User, chief: User) -> None:
        records.sweep(MONDAY)
        records.sweep(MONDAY + WEEK + timedelta(minutes=1))
        told = {mail.address: mail.subject for mail in Message.objects.filter(created_at__gt=MONDAY)}
        assert told == {
            chief.email: "You are on call for Jobarium, primary",
            lead.email: "Carl Chief is on call for Jobarium, primary now",
        }

    def test_what_was_noticed_late_is_no_news(self, weekly: Rotation) -> None:
        records.sweep(MONDAY)
        Message.objects.all().delete()
        records.sweep(MONDAY + WEEK + HOUR)
        assert not Message.objects.exists()

    def test_who_takes_no_turns_writes_no_note(self, weekly: Rotation, agent: User) -> None:
        with pytest.raises(PermissionDenied):
            handover.write_note(weekly, text="Hello", actor=agent, at=MONDAY)

    def test_an_empty_note_is_refused(self, weekly: Rotation, lead: User) -> None:
        with pytest.raises(ValidationError, match="Write what the next one must know"):
            handover.write_note(weekly, text="  ", actor=lead, at=MONDAY)
        assert not HandOverNote.objects.exists()


# --- pages --------------------------------------------------------------------------------------------------------------------


class TestPages:
    def test_the_schedule_names_people_gaps_and_stand_ins(
        self, weekly: Rotation, lead: User, chief: User, agent: User, browser: Callable[[User], Client]
    ) -> None:
        away(lead, MONDAY + 2 * DAY, MONDAY + 3 * DAY)
        away(chief, MONDAY + 2 * DAY + 12 * HOUR, MONDAY + 3 * DAY)
        with clock.at(MONDAY + HOUR):
            page = browser(agent).get(SCHEDULE).content.decode()
        assert page.count('<table class="schedule"') == 1
        assert page.count("<tr>") >= 4
        for words in (
            "Four weeks, times in Europe/Berlin",
            "9 March (today)",
            "for Lea Lead",
            "21:00 nobody",
            "Next: ",
        ):
            assert words in page
        assert "Nobody is on call for Jobarium, primary from Wed 11 March" in page
        assert "Add a rotation" not in page
        with clock.at(MONDAY + HOUR):
            assert "Add a rotation" in browser(lead).get(SCHEDULE).content.decode()

    def test_without_rotations_it_says_why_it_is_empty(
        self, system: System, agent: User, browser: Callable[[User], Client]
    ) -> None:
        assert "There is no rotation yet" in browser(agent).get(SCHEDULE).content.decode()

    def test_a_rotation_is_added_and_changed_by_its_pages(
        self, system: System, lead: User, chief: User, browser: Callable[[User], Client]
    ) -> None:
        asked = {
            "system": system.pk, "key": "primary", "part": "primary", "zone": "Europe/Berlin", "handoff": "09:00", "every": "P7D",
            "weekday": "mon", "start": "2026-03-09", "people": f"{lead.email}\n{chief.email}", "hours": "",
        }  # fmt: skip
        with clock.at(MONDAY):
            page = browser(lead).post("/admin/incidents/rotation/add/", asked | {"zone": "Berlin", "hours": "always"})
            assert "is no time zone" in page.content.decode() or "mon 09:00-17:00" in page.content.decode()
            assert not Rotation.objects.exists()
            assert browser(lead).post("/admin/incidents/rotation/add/", asked).status_code == 302
        row = Rotation.objects.get()
        with clock.at(MONDAY + DAY):
            form = browser(lead).get(f"/admin/incidents/rotation/{row.pk}/act/edit/").content.decode()
            assert lead.email in form
            changed = asked | {"people": chief.email, "hours": "mon 09:00-17:00"}
            browser(lead).post(f"/admin/incidents/rotation/{row.pk}/act/edit/", changed)
        assert [version.hours for version in row.versions.all()] == [None, {"mon": [["09:00", "17:00"]]}]

    def test_shifts_leave_and_offers_are_entered_by_their_pages(
        self, weekly: Rotation, lead: User, chief: User, browser: Callable[[User], Client]
    ) -> None:
        span = {"starts_at": "2026-03-10T09:00", "ends_at": "2026-03-11T09:00"}
        with clock.at(MONDAY + HOUR):
            mine = browser(lead)
            mine.post("/admin/incidents/shiftswap/add/", {"rotation": weekly.pk, **span})
            swap = ShiftSwap.objects.get()
            assert swap.starts_at == MONDAY + DAY  # in the person's own zone
            browser(chief).post(f"/admin/incidents/shiftswap/{swap.pk}/act/take/")
            shift = OnCallShift.objects.get()
            assert shift.person == chief
            page = mine.post("/admin/incidents/oncallshift/add/", {"rotation": weekly.pk, "person": lead.pk, **span})
            assert "Carl Chief has this shift already" in page.content.decode()
            mine.post(f"/admin/incidents/oncallshift/{shift.pk}/act/end/")
            mine.post("/admin/incidents/leave/add/", {"person": lead.pk, **span})
        shift.refresh_from_db()
        assert shift.cancelled_at is not None
        assert Leave.objects.get().person == lead
        assert AuditEntry.objects.filter(action="swap.taken", actor=chief).exists()


class TestTables:
    HEAD = "rotation__system__key,rotation__key,person__email,starts_at,ends_at"

    def _import(self, client: Client, model: str, table: str) -> Any:
        upload = BytesIO(table.encode())
        upload.name = "shifts.csv"
        answer = client.post(f"/admin/incidents/{model}/import/", {"import_file": upload, "format": "0"})
        hidden = answer.context.get("confirm_form") if answer.context else None
        if hidden is None:
            return answer
        return client.post(f"/admin/incidents/{model}/process_import/", hidden.initial)

    def test_shifts_come_in_by_the_same_rules_after_a_dry_run(
        self, weekly: Rotation, lead: User, chief: User, browser: Callable[[User], Client]
    ) -> None:
        row = f"jobarium,primary,{chief.email},2026-03-10T08:00Z,2026-03-11T08:00Z"
        with clock.at(MONDAY):
            client = browser(lead)
            upload = BytesIO(f"{self.HEAD}\n{row}\n".encode())
            upload.name = "shifts.csv"
            client.post("/admin/incidents/oncallshift/import/", {"import_file": upload, "format": "0"})
            assert not OnCallShift.objects.exists()  # that was the first look
            self._import(client, "oncallshift", f"{self.HEAD}\n{row}\n")
            self._import(client, "oncallshift", f"{self.HEAD}\n{row}\n")  # twice is once
        assert OnCallShift.objects.get().person == chief

    def test_a_wrong_row_is_named_and_nothing_comes_in(
        self, weekly: Rotation, lead: User, chief: User, browser: Callable[[User], Client]
    ) -> None:
        rows = (
            f"jobarium,primary,{chief.email},2026-03-10T08:00Z,2026-03-11T08:00Z",
            f"jobarium,primary,{lead.email},2026-03-10T12:00Z,2026-03-11T12:00Z",
            "jobarium,primary,nobody@example.com,2026-03-12T12:00Z,soon",
        )
        with clock.at(MONDAY):
            page = self._import(browser(lead), "oncallshift", "\n".join([self.HEAD, *rows]))
        told = page.content.decode()
        assert "Line 3: Carl Chief has this shift already" in told
        assert "Line 4: Nobody who works at the desk has this address." in told
        assert not OnCallShift.objects.exists()

    def test_what_goes_out_comes_in_again(
        self, weekly: Rotation, lead: User, browser: Callable[[User], Client]
    ) -> None:
        away(lead, MONDAY + DAY, MONDAY + 2 * DAY)
        with clock.at(MONDAY):
            client = browser(lead)
            told = client.post("/admin/incidents/leave/export/", {"format": "0", "resource": "0"} | {f"leaveresource_{name}": "on" for name in ("person__email", "starts_at", "ends_at")})  # fmt: skip
            assert told["Content-Type"].startswith("text/csv"), told.content.decode()[:500]
            assert lead.email in told.content.decode()
            self._import(client, "leave", told.content.decode())
        assert Leave.objects.count() == 1
