"""Maintenance: dates by rule, notice ahead, messages, nobody paged within, what still fires at the end starts at step one."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.loader import RunbookRefused, compare, export, load
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.transitions import IllegalTransition, apply
from config.casework.work.services import tick
from incidents.choices import Clock
from incidents.customers import optouts
from incidents.customers.choices import Topic
from incidents.customers.models import CustomerContact, Usage
from incidents.maintenance import services
from incidents.maintenance.choices import Stage, WindowState
from incidents.maintenance.models import MaintenanceRule, MaintenanceWindow
from incidents.maintenance.recurrence import occurrences, parse
from incidents.maintenance.selectors import in_maintenance
from incidents.models import Incident
from incidents.services import open_incident
from integrations.signals.schemas import AlertmanagerMessage
from integrations.signals.services import receive_alertmanager
from tests import factories
from tests.incidents.conftest import RUNBOOK, level

FIRST_SUNDAY = "FREQ=MONTHLY;BYDAY=1SU"
SUNDAY = datetime(2026, 4, 5, 2, tzinfo=UTC)  # the first Sunday after Monday 9 March 2026 that has seven days of notice
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TEXT = {"audience": "status", "title": "t", "claims_data_safety": False}
BLOCK: dict[str, Any] = {
    "key": "monthly",
    "title": "Monthly maintenance",
    "recurrence": FIRST_SUNDAY,
    "at": "02:00",
    "zone": "UTC",
    "duration": "PT2H",
    "notice": "P7D",
    "work": ["vacuum", "updates"],
    "templates": {"notice": "m_notice", "start": "m_start", "completion": "m_done", "cancellation": "m_off"},
}
TEXTS = [
    {"key": "m_notice", "audience": "employer", "title": "n", "subject": "Maintenance of {system}", "body": "{starts} to {ends}: {work}"},
    {"key": "m_start", "audience": "employer", "title": "s", "subject": "Maintenance of {system} begins", "body": "Until {ends}"},
    {"key": "m_done", "audience": "employer", "title": "d", "subject": "Maintenance of {system} is done", "body": "Thanks."},
    {"key": "m_off", "audience": "employer", "title": "o", "subject": "No maintenance of {system}", "body": "Not {starts}."},
]  # fmt: skip


def tick_at(moment: datetime) -> None:
    with clock.at(moment):
        tick(moment)


def write(tmp_path: Path, *blocks: dict[str, Any], texts: list[dict[str, Any]] | None = None) -> Path:
    data = yaml.safe_load(RUNBOOK.read_text(encoding="utf-8"))
    data["templates"] = [entry for entry in data["templates"] if not entry["key"].startswith("m_")] + (
        TEXTS if texts is None else texts
    )
    data["maintenance"] = list(blocks)
    path = tmp_path / "jobarium.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


@pytest.fixture
def maintained(jobarium: System, tmp_path: Path, now: datetime) -> System:
    load([write(tmp_path, BLOCK)], at=now)
    customer = factories.organization("acme")
    Usage.objects.create(organization=customer, system=jobarium)
    CustomerContact.objects.create(organization=customer, name="Ops", email="ops@acme.example.org")
    return jobarium


def fire(system: System, at: datetime, *, status: str = "firing", **labels: str) -> Incident:
    """An alert of Alertmanager as it comes."""
    ends = "0001-01-01T00:00:00Z" if status == "firing" else at.isoformat()
    body = {
        "version": "4",
        "groupKey": '{}:{alertname="X"}',
        "status": status,
        "receiver": "desk",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://am",
        "truncatedAlerts": 0,
        "alerts": [
            {
                "status": status,
                "labels": {"alertname": "X", "system": system.key, "severity": "SEV-1", **labels},
                "annotations": {},
                "startsAt": at.isoformat(),
                "endsAt": ends,
                "generatorURL": "http://p",
                "fingerprint": "f1",
            }
        ],
    }
    with clock.at(at):
        done = receive_alertmanager(AlertmanagerMessage.model_validate(body), token=None, at=at)
    return Incident.objects.get(reference=done.references[0])


def paged() -> list[str]:
    """Subjects of pages; the reminder of an overdue update is none."""
    subjects = [str(message.subject) for message in mail.outbox if message.subject.startswith("[SEV-1]")]
    return [subject for subject in subjects if "next update" not in subject]


class TestDates:
    def test_first_sundays_of_a_year(self) -> None:
        found = occurrences(
            FIRST_SUNDAY,
            begins=date(2026, 1, 1),
            at="02:00",
            zone="UTC",
            after=datetime(2026, 1, 1, tzinfo=UTC),
            count=12,
        )
        assert [(day.month, day.day, day.hour) for day in found] == [
            (1, 4, 2), (2, 1, 2), (3, 1, 2), (4, 5, 2), (5, 3, 2), (6, 7, 2),
            (7, 5, 2), (8, 2, 2), (9, 6, 2), (10, 4, 2), (11, 1, 2), (12, 6, 2),
        ]  # fmt: skip

    def test_wall_clock_time_survives_the_clock_change(self) -> None:
        found = occurrences(
            "FREQ=WEEKLY;BYDAY=SU", begins=date(2026, 1, 1), at="03:30", zone="Europe/Berlin",
            after=datetime(2026, 3, 21, tzinfo=UTC), count=2,
        )  # fmt: skip
        assert found == [datetime(2026, 3, 22, 2, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)]

    def test_a_time_the_change_skips_moves_to_the_first_valid_instant(self) -> None:
        found = occurrences(
            "FREQ=DAILY", begins=date(2026, 1, 1), at="02:30", zone="Europe/Berlin",
            after=datetime(2026, 3, 28, 12, tzinfo=UTC), count=1,
        )  # fmt: skip
        assert found == [datetime(2026, 3, 29, 1, 0, tzinfo=UTC)]

    def test_a_time_that_comes_twice_means_the_first(self) -> None:
        found = occurrences(
            "FREQ=DAILY", begins=date(2026, 1, 1), at="02:30", zone="Europe/Berlin",
            after=datetime(2026, 10, 24, 12, tzinfo=UTC), count=2,
        )  # fmt: skip
        assert found == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)]

    @given(
        zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
        at=st.sampled_from(["00:00", "01:45", "02:00", "02:30", "23:59"]),
        rule=st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SU,WE", FIRST_SUNDAY, "FREQ=MONTHLY;BYMONTHDAY=-1"]),
        day=st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    )
    @settings(max_examples=150, deadline=None)
    def test_dates_rise_and_lie_ahead_and_do_not_depend_on_when_one_looks(
        self, zone: str, at: str, rule: str, day: date
    ) -> None:
        after = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
        found = occurrences(rule, begins=date(2026, 1, 1), at=at, zone=zone, after=after, count=6)
        assert found == sorted(set(found))
        assert all(start > after for start in found)
        assert occurrences(rule, begins=date(2026, 1, 1), at=at, zone=zone, after=found[0], count=5) == found[1:]

    @pytest.mark.parametrize(
        "text",
        ["", "soon", "FREQ=HOURLY", "FREQ=SECONDLY", "FREQ=DAILY;BYHOUR=3", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;COUNT=3",
         "FREQ=DAILY;FREQ=DAILY", "FREQ=MONTHLY;BYDAY=9XX", "FREQ=DAILY;UNTIL=20260101T000000Z;BYDAY=", "RRULE:FREQ=DAILY"],
    )  # fmt: skip
    def test_rubbish_is_no_rule(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"write a rule|FREQ must|INTERVAL must|cannot be read"):
            parse(text, date(2026, 1, 1))


class TestFile:
    @pytest.mark.parametrize(
        ("change", "key", "said"),
        [
            ({"recurrence": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "maintenance[monthly].recurrence", "never happens"),
            ({"recurrence": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}, "maintenance[monthly].recurrence", "never happens"),
            ({"recurrence": "FREQ=DAILY;UNTIL=20260101"}, "maintenance[monthly].recurrence", "never happens"),
            ({"recurrence": "now and then"}, "maintenance[monthly].recurrence", "rule of days"),
            ({"zone": "Mars/Olympus"}, "maintenance[monthly].zone", "no time zone"),
            ({"at": "25:00"}, "maintenance[monthly].at", "time of day"),
            ({"duration": "PT0S"}, "maintenance[monthly].duration", "greater"),
            ({"templates": {"notice": "nope"}}, "maintenance[monthly].templates.notice", "nope"),
            ({"templates": {"notice": "employer_delay"}}, "maintenance[monthly].templates.notice", "{feature}"),
            ({"color": "red"}, "maintenance[monthly].color", "unknown key"),
        ],
    )
    def test_a_mistake_is_named_with_line_and_key_and_nothing_is_saved(
        self, jobarium: System, tmp_path: Path, now: datetime, change: dict[str, Any], key: str, said: str
    ) -> None:
        with pytest.raises(RunbookRefused) as refusal:
            load([write(tmp_path, BLOCK | change)], at=now)
        (problem,) = refusal.value.problems
        assert (problem.key, problem.line > 1) == (key, True)
        assert said in problem.message
        assert not MaintenanceRule.objects.exists()

    def test_an_export_loads_to_the_same_rows(self, maintained: System, tmp_path: Path, now: datetime) -> None:
        path = tmp_path / "again.yaml"
        path.write_text(export(maintained), encoding="utf-8")
        assert compare([path], at=now) == []
        assert load([path], at=now).changed == 0

    def test_a_changed_rule_takes_its_windows_along(self, maintained: System, tmp_path: Path, now: datetime) -> None:
        tick_at(now)
        load([write(tmp_path, BLOCK | {"recurrence": "FREQ=MONTHLY;BYDAY=2SU", "title": "Other"})], at=now)
        tick_at(now)
        planned = MaintenanceWindow.objects.filter(state=WindowState.PLANNED)
        assert planned.count() == 12
        assert {window.title for window in planned} == {"Other"}
        assert all(8 <= window.starts_at.day <= 14 for window in planned)

    def test_a_rule_that_is_gone_takes_its_windows_away(
        self, maintained: System, tmp_path: Path, now: datetime
    ) -> None:
        tick_at(now)
        load([write(tmp_path)], at=now)
        tick_at(now)
        assert not MaintenanceWindow.objects.filter(state=WindowState.PLANNED).exists()


class TestScenario31:
    """SC-31: first Sunday dates, notice seven days ahead, no pages within."""

    def test_twelve_dates_stand_ahead_once(self, maintained: System, now: datetime) -> None:
        tick_at(now)
        tick_at(now + MINUTE)
        starts = list(MaintenanceWindow.objects.values_list("starts_at", flat=True))
        assert len(starts) == 12
        assert starts[0] == SUNDAY
        assert {(start.weekday(), start.day <= 7, start.hour) for start in starts} == {(6, True, 2)}

    def test_customers_are_told_seven_days_ahead_at_the_start_and_after(
        self, maintained: System, now: datetime
    ) -> None:
        tick_at(now)
        tick_at(SUNDAY - timedelta(days=7) - MINUTE)
        assert mail.outbox == []
        for moment in (
            SUNDAY - timedelta(days=7),
            SUNDAY - timedelta(days=6),
            SUNDAY,
            SUNDAY + HOUR,
            SUNDAY + 2 * HOUR,
        ):
            tick_at(moment)
        told = [(message.to[0], message.subject) for message in mail.outbox]
        assert [subject for _to, subject in told] == [
            "Maintenance of Jobarium",
            "Maintenance of Jobarium begins",
            "Maintenance of Jobarium is done",
        ]
        assert all("ops@acme.example.org" in to for to, _subject in told)
        assert "Sun 5 April 2026, 02:00 (UTC) to Sun 5 April 2026, 04:00 (UTC): vacuum,\nupdates" in mail.outbox[0].body
        assert "/unsubscribe/" in mail.outbox[0].body
        window = MaintenanceWindow.objects.get(starts_at=SUNDAY)
        assert (window.state, window.notice_late) == (WindowState.COMPLETED, False)

    def test_nobody_is_paged_within_and_what_still_fires_starts_at_step_one(
        self, maintained: System, lead: User, chief: User, now: datetime
    ) -> None:
        tick_at(now)
        tick_at(SUNDAY)
        row = fire(maintained, SUNDAY + 10 * MINUTE)
        for minute in (10, 26, 40, 119):
            tick_at(SUNDAY + minute * MINUTE)
        assert paged() == []
        assert not row.escalations.exists()
        assert not row.pages.filter(state="sent").exists()
        clocks = Deadline.objects.of(row).filter(kind__in=[Clock.ACKNOWLEDGE, Clock.MITIGATE])
        assert all(deadline.paused_at is not None for deadline in clocks)
        tick_at(SUNDAY + 2 * HOUR)
        (page,) = row.pages.filter(state="sent")
        assert (page.step, page.round, page.person) == (0, 0, lead)
        assert len(paged()) == 1
        acknowledge = Deadline.objects.of(row).get(kind=Clock.ACKNOWLEDGE)
        assert acknowledge.paused_at is None
        assert acknowledge.due_at == SUNDAY + 2 * HOUR + 15 * MINUTE

    def test_what_recovered_within_is_not_paged_at_night(self, maintained: System, lead: User, now: datetime) -> None:
        tick_at(now)
        tick_at(SUNDAY)
        row = fire(maintained, SUNDAY + 10 * MINUTE)
        tick_at(SUNDAY + 11 * MINUTE)
        fire(maintained, SUNDAY + 30 * MINUTE, status="resolved")
        actions = [entry for entry in row_actions(row) if entry == "alert.resolved"]
        assert actions == ["alert.resolved"]
        for moment in (SUNDAY + 2 * HOUR, SUNDAY + 5 * HOUR):
            tick_at(moment)
        assert paged() == []
        tick_at(datetime(2026, 4, 6, 9, 0, tzinfo=UTC))  # Monday's opening
        assert len(paged()) == 1

    def test_what_recovered_and_fires_again_is_paged_at_once(
        self, maintained: System, lead: User, now: datetime
    ) -> None:
        tick_at(now)
        tick_at(SUNDAY)
        fire(maintained, SUNDAY + 10 * MINUTE)
        tick_at(SUNDAY + 11 * MINUTE)
        fire(maintained, SUNDAY + 30 * MINUTE, status="resolved")
        tick_at(SUNDAY + 2 * HOUR)
        fire(maintained, SUNDAY + 3 * HOUR)
        tick_at(SUNDAY + 3 * HOUR)
        assert len(paged()) == 1

    def test_data_loss_pages_all_the_same(self, maintained: System, lead: User, now: datetime) -> None:
        tick_at(now)
        tick_at(SUNDAY)
        fire(maintained, SUNDAY + 10 * MINUTE, data_loss="true")
        tick_at(SUNDAY + 10 * MINUTE)
        assert len(paged()) == 1

    def test_what_a_person_reports_pages_all_the_same(self, maintained: System, lead: User, now: datetime) -> None:
        tick_at(now)
        tick_at(SUNDAY)
        at = SUNDAY + 10 * MINUTE
        with clock.at(at):
            open_incident(maintained, title="x", actor=lead, at=at, severity=level(maintained, "SEV-1"))
        tick_at(at)
        assert len(paged()) == 1

    def test_another_system_pages_all_the_same(self, maintained: System, lead: User, now: datetime) -> None:
        tick_at(now)
        other = factories.system("other")
        assert in_maintenance(maintained, SUNDAY) is not None
        assert in_maintenance(other, SUNDAY) is None
        assert in_maintenance(maintained, SUNDAY + 2 * HOUR) is None
        assert in_maintenance(maintained, SUNDAY - timedelta(seconds=1)) is None

    def test_an_acknowledgement_within_lets_the_clocks_run(self, maintained: System, lead: User, now: datetime) -> None:
        tick_at(now)
        tick_at(SUNDAY)
        row = fire(maintained, SUNDAY + 10 * MINUTE)
        tick_at(SUNDAY + 11 * MINUTE)
        with clock.at(SUNDAY + 20 * MINUTE):
            apply(Incident.objects.get(pk=row.pk), "acknowledge", actor=lead)
        mitigate = Deadline.objects.of(row).get(kind=Clock.MITIGATE)
        assert mitigate.paused_at is None
        tick_at(SUNDAY + 2 * HOUR)
        assert not [subject for subject in paged() if "Soon due" not in subject]  # a quiet word to the owner, no page

    def test_an_opted_out_contact_gets_none_of_it(self, maintained: System, now: datetime) -> None:
        optouts.unsubscribe("ops@acme.example.org", Topic.MAINTENANCE, at=now)
        tick_at(now)
        tick_at(SUNDAY - timedelta(days=7))
        message = MaintenanceWindow.objects.get(starts_at=SUNDAY).messages.get(stage=Stage.NOTICE)
        assert (message.recipient_count, mail.outbox) == (0, [])
        assert message.notices.get().result == "left_out"


def row_actions(row: Incident) -> list[str]:
    return list(AuditEntry.objects.filter(case_reference=row.reference).values_list("action", flat=True))


class TestByHand:
    def test_planned_too_late_is_told_at_once_and_flagged(self, maintained: System, lead: User, now: datetime) -> None:
        window = services.plan(
            maintained,
            title="Disk",
            starts_at=now + timedelta(days=1),
            ends_at=now + timedelta(days=1, hours=1),
            actor=lead,
            at=now,
        )
        assert window.notice_late
        tick_at(now)
        assert [message.subject for message in mail.outbox] == ["Maintenance of Jobarium"]

    def test_a_missing_text_is_flagged_once(self, jobarium: System, lead: User, now: datetime) -> None:
        window = services.plan(
            jobarium,
            title="Disk",
            starts_at=now + timedelta(days=9),
            ends_at=now + timedelta(days=9, hours=1),
            actor=lead,
            at=now,
        )
        assert not window.notice_late
        for day in (2, 3):
            tick_at(now + timedelta(days=day))
        window.refresh_from_db()
        assert window.notice_late
        assert AuditEntry.objects.filter(action="maintenance.notice_missing").count() == 1

    def test_a_cancelled_one_is_told_of_when_it_was_announced_and_not_made_again(
        self, maintained: System, lead: User, now: datetime
    ) -> None:
        tick_at(now)
        tick_at(SUNDAY - timedelta(days=7))
        window = MaintenanceWindow.objects.get(starts_at=SUNDAY)
        with clock.at(SUNDAY - timedelta(days=1)):
            apply(window, "cancel", actor=lead, why="No time.")
        tick_at(SUNDAY)
        assert MaintenanceWindow.objects.filter(starts_at=SUNDAY).count() == 1
        assert [message.subject for message in mail.outbox] == ["Maintenance of Jobarium", "No maintenance of Jobarium"]
        with pytest.raises(IllegalTransition):
            apply(window, "begin", actor=lead)

    def test_ended_early_pages_what_waited(self, maintained: System, lead: User, now: datetime) -> None:
        tick_at(now)
        tick_at(SUNDAY)
        fire(maintained, SUNDAY + 10 * MINUTE)
        tick_at(SUNDAY + 11 * MINUTE)
        with clock.at(SUNDAY + 40 * MINUTE):
            apply(MaintenanceWindow.objects.get(starts_at=SUNDAY), "finish", actor=lead)
        tick_at(SUNDAY + 40 * MINUTE)
        assert len(paged()) == 1
        tick_at(SUNDAY + 2 * HOUR)
        assert (
            len(
                [
                    page
                    for page in Incident.objects.get().pages.filter(state="sent")
                    if page.step == 0 and page.round == 0
                ]
            )
            == 1
        )

    def test_a_moved_end_holds_longer(self, maintained: System, lead: User, now: datetime) -> None:
        tick_at(now)
        tick_at(SUNDAY)
        fire(maintained, SUNDAY + 10 * MINUTE)
        with clock.at(SUNDAY + HOUR):
            apply(MaintenanceWindow.objects.get(starts_at=SUNDAY), "extend", actor=lead, ends_at=SUNDAY + 3 * HOUR)
        tick_at(SUNDAY + 2 * HOUR)
        assert paged() == []
        tick_at(SUNDAY + 3 * HOUR)
        assert len(paged()) == 1

    def test_an_alert_from_before_the_window_is_held_from_its_beginning(
        self, maintained: System, lead: User, chief: User, now: datetime
    ) -> None:
        tick_at(now)
        row = fire(maintained, SUNDAY - 5 * MINUTE)
        tick_at(SUNDAY - 5 * MINUTE)
        before = len(paged())
        for minute in (1, 15, 60):
            tick_at(SUNDAY + minute * MINUTE)
        assert (before, len(paged())) == (1, 1)
        assert not row.escalations.exists()
        tick_at(SUNDAY + 2 * HOUR)
        assert len(paged()) == 2

    def test_support_plans_nothing(self, jobarium: System, agent: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            services.plan(jobarium, title="x", starts_at=now, ends_at=now + HOUR, actor=agent, at=now)
        with pytest.raises(PermissionDenied):
            services.enter_mode(jobarium, reason="x", ends_at=now + HOUR, actor=agent, at=now)


class TestMode:
    """INC-27: maintenance mode with a reason and an end."""

    def test_it_holds_at_once_and_ends_by_itself(self, jobarium: System, lead: User, now: datetime) -> None:
        window = services.enter_mode(jobarium, reason="Moving", ends_at=now + HOUR, actor=lead, at=now)
        assert window.state == WindowState.RUNNING
        assert in_maintenance(jobarium, now) == window
        tick_at(now + HOUR)
        window.refresh_from_db()
        assert window.state == WindowState.COMPLETED
        assert mail.outbox == []

    @pytest.mark.parametrize(
        ("reason", "length", "field"),
        [
            ("", HOUR, "why"),
            ("x", -HOUR, "ends_at"),
            ("x", timedelta(), "ends_at"),
            ("x", timedelta(days=4), "ends_at"),
        ],
    )
    def test_it_needs_a_reason_and_an_end_within_three_days(
        self, jobarium: System, lead: User, now: datetime, reason: str, length: timedelta, field: str
    ) -> None:
        with pytest.raises(ValidationError) as refusal:
            services.enter_mode(jobarium, reason=reason, ends_at=now + length, actor=lead, at=now)
        assert field in refusal.value.message_dict
        assert not MaintenanceWindow.objects.exists()

    def test_twice_is_refused(self, jobarium: System, lead: User, now: datetime) -> None:
        services.enter_mode(jobarium, reason="Moving", ends_at=now + HOUR, actor=lead, at=now)
        with pytest.raises(ValidationError, match="runs already"):
            services.enter_mode(jobarium, reason="Moving", ends_at=now + HOUR, actor=lead, at=now)

    def test_the_pages_do_it(self, client: Client, jobarium: System, lead: User, now: datetime, settings: Any) -> None:
        settings.STAFF_NEEDS_SECOND_FACTOR = False
        client.force_login(lead)
        mode = reverse("admin:incidents_maintenancewindow_mode")
        posted = {"system": jobarium.pk, "why": "Moving", "ends_at": "2026-03-09T12:00"}
        assert client.post(mode, posted | {"ends_at": "2026-03-01T12:00"}).status_code == 200
        assert client.post(mode, posted).status_code == 302
        window = MaintenanceWindow.objects.get()
        act = reverse("admin:incidents_maintenancewindow_act", args=[window.pk, "finish"])
        assert client.post(act, {}).status_code == 302
        window.refresh_from_db()
        assert window.state == WindowState.COMPLETED
        add = reverse("admin:incidents_maintenancewindow_add")
        planned = {
            "system": jobarium.pk,
            "title": "Disk",
            "starts_at": "2026-04-01T10:00",
            "ends_at": "2026-04-01T09:00",
        }
        assert "later than the start" in client.post(add, planned).content.decode()
        assert client.post(add, planned | {"ends_at": "2026-04-01T12:00"}).status_code == 302
        listed = client.get(reverse("admin:incidents_maintenancewindow_changelist"))
        assert "Disk" in listed.content.decode()
