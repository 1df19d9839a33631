"""Figures, their page and files, and the reports of the day, the week and the machine."""

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.casework.access.models import User
from config.casework.audit.models import AuditSeal
from config.casework.catalogue.models import System
from config.casework.desk.charts import Series, bars
from config.casework.transitions import apply
from config.casework.work.services import tick
from incidents.figures import machine, reports
from incidents.figures.periods import last_months
from incidents.figures.selectors import Figures, figures, weighted
from incidents.models import Incident, Page
from incidents.paging.choices import PageReason, PageState
from incidents.reviews.actions import add_action_item
from incidents.reviews.choices import ActionKind
from incidents.services import acknowledge, open_incident
from integrations.messages.models import Message
from tests.incidents.conftest import level

MINUTE = timedelta(minutes=1)


def of(now: datetime, user: User | None = None, months: int = 1, zone: str = "UTC") -> Figures:
    return figures(last_months(months, at=now, zone=zone), user=user, now=now)


class TestMonths:
    def test_a_month_begins_at_its_own_midnight_also_over_the_change_of_clocks(self) -> None:
        at = datetime(2026, 4, 15, tzinfo=UTC)
        period = last_months(2, at=at, zone="Europe/Berlin")
        assert period.months == (date(2026, 3, 1), date(2026, 4, 1))
        assert period.start == datetime(2026, 2, 28, 23, tzinfo=UTC)
        assert period.end == datetime(2026, 4, 30, 22, tzinfo=UTC)
        assert last_months(1, at=at, zone="Australia/Lord_Howe").start == datetime(2026, 3, 31, 13, tzinfo=UTC)

    def test_they_go_back_over_the_year(self) -> None:
        assert last_months(3, at=datetime(2026, 1, 31, tzinfo=UTC), zone="UTC").months[0] == date(2025, 11, 1)

    @pytest.mark.parametrize(
        ("received", "month"),
        [
            (datetime(2026, 3, 31, 21, 59, tzinfo=UTC), date(2026, 3, 1)),  # 23:59 in summer time
            (datetime(2026, 3, 31, 22, 0, tzinfo=UTC), date(2026, 4, 1)),
            (datetime(2026, 10, 31, 22, 59, tzinfo=UTC), date(2026, 10, 1)),  # 23:59 in winter time
            (datetime(2026, 10, 31, 23, 0, tzinfo=UTC), date(2026, 11, 1)),
        ],
    )
    def test_an_incident_counts_in_the_month_of_the_zone(
        self, incident: Incident, received: datetime, month: date
    ) -> None:
        Incident.objects.filter(pk=incident.pk).update(received_at=received)
        period = last_months(12, at=datetime(2026, 12, 1, tzinfo=UTC), zone="Europe/Berlin")
        (row,) = figures(period, user=None, now=received).response
        assert row.month == month


class TestFigures:
    def test_how_incidents_were_answered(self, jobarium: System, incident: Incident, lead: User, now: datetime) -> None:
        quick = open_incident(
            jobarium, title="q", actor=lead, at=now - 100 * MINUTE, severity=level(jobarium, "SEV-1"), scope="x"
        )
        acknowledge(quick, actor=lead, at=now - 90 * MINUTE)
        apply(quick, "resolve", actor=lead, at=now - 40 * MINUTE)
        slow = open_incident(
            jobarium, title="s", actor=lead, at=now - 100 * MINUTE, severity=level(jobarium, "SEV-1"), scope="x"
        )
        acknowledge(slow, actor=lead, at=now - 70 * MINUTE)
        (row,) = of(now).response
        assert (row.system, row.severity, row.incidents) == ("Jobarium", "SEV-1", 3)
        assert row.mtta == pytest.approx(20)
        assert row.mttr == pytest.approx(60)
        assert (row.acks, row.acks_kept) == (2, 1)  # the third is not due yet
        assert (row.mitigations, row.mitigations_kept) == (1, 1)
        assert row.minutes == pytest.approx(160)

    def test_duplicates_and_made_up_ones_do_not_count(
        self, jobarium: System, incident: Incident, lead: User, now: datetime
    ) -> None:
        for changed in ({"duplicate_of": incident}, {"is_demo": True}):
            row = open_incident(jobarium, title="x", actor=lead, at=now)
            Incident.objects.filter(pk=row.pk).update(**changed)
        assert [row.incidents for row in of(now).response] == [1]

    def test_night_is_on_the_clock_of_the_person_paged(self, incident: Incident, lead: User, now: datetime) -> None:
        Page.objects.all().delete()
        User.objects.filter(pk=lead.pk).update(zone="America/New_York")  # five hours behind until 8 March, then four
        for step, at in enumerate(
            (datetime(2026, 3, 9, 10, 59, tzinfo=UTC), datetime(2026, 3, 9, 11, 0, tzinfo=UTC)), start=10
        ):  # 6:59 and 7:00
            Page.objects.create(
                incident=incident, person=lead, target="primary", reason=PageReason.OPENED, step=step, paged_at=at
            )
        Page.objects.create(
            incident=incident,
            person=lead,
            target="primary",
            reason=PageReason.OPENED,
            step=12,
            paged_at=now,
            state=PageState.SKIPPED,
        )
        (row,) = of(now).pages
        assert (row.person, row.pages, row.at_night) == ("Lea Lead", 2, 1)

    def test_what_is_still_to_be_done(self, incident: Incident, lead: User, agent: User, now: datetime) -> None:
        for owner, due_on in ((lead, date(2026, 3, 8)), (lead, date(2026, 3, 9)), (agent, date(2026, 4, 1))):
            add_action_item(
                incident, actor=lead, at=now, kind=ActionKind.CORRECTIVE, text="x", owner=owner, due_on=due_on
            )
        assert [(row.person, row.open, row.overdue) for row in of(now).actions] == [
            ("Lea Lead", 2, 1),
            ("Ana Agent", 1, 0),
        ]

    def test_an_employer_counts_its_own_incidents_only(
        self, jobarium: System, incident: Incident, stranger: User, lead: User, now: datetime
    ) -> None:
        assert of(now, stranger).response == []
        open_incident(jobarium, title="x", actor=lead, at=now, organization=stranger.memberships.get().organization)
        found = of(now, stranger)
        assert [row.incidents for row in found.response] == [1]
        assert (found.pages, found.actions) == ([], [])

    def test_five_questions_whatever_there_is(self, incident: Incident, now: datetime) -> None:
        of(now)
        with CaptureQueriesContext(connection) as queries:
            of(now, months=24)
        assert len(queries) == 5

    def test_a_mean_of_means_weighs_them(self) -> None:
        assert weighted([(10.0, 1), (20.0, 3), (None, 5)]) == 17.5
        assert weighted([(None, 5)]) is None


class TestCharts:
    def test_bars_keep_their_proportions_and_the_table_says_the_same(self) -> None:
        chart = bars("x", "X", ["Jan", "Feb"], [Series("a", [10, 5]), Series("b", [None, 2.5])], unit=" %")
        heights = [bar.height for bar in chart.bars]
        assert heights[0] == pytest.approx(2 * heights[1])
        assert chart.bars[0].title == "Jan, a: 10 %"
        assert chart.rows == [["Jan", "10 %", "–"], ["Feb", "5 %", "2.5 %"]]
        assert len({bar.pattern for bar in chart.bars}) == 2

    def test_five_series_cannot_be_told_apart(self) -> None:
        with pytest.raises(ValueError, match="at most 4"):
            bars("x", "X", ["Jan"], [Series(str(n), [1]) for n in range(5)])

    def test_one_without_values_says_so(self) -> None:
        assert bars("x", "X", ["Jan"], [Series("a", [None])]).is_empty


class TestPage:
    def test_it_shows_charts_with_their_tables(
        self, as_person: Callable[[User], Client], incident: Incident, lead: User
    ) -> None:
        client = as_person(lead)
        client.get("/admin/")
        page = client.get("/admin/incidents/incident/figures/?months=3")
        assert page.text.count("<figure") == page.text.count("Show as table") == 6
        assert "Minutes of impact" in page.text
        with CaptureQueriesContext(connection) as queries:
            client.get("/admin/incidents/incident/figures/?months=24&system=Jobarium")
        assert len(queries) <= 20
        assert len(page.content) < 100_000

    @pytest.mark.parametrize("months", ["0", "x", "9999", "-1", "٣"])
    def test_a_strange_span_is_the_usual_one(
        self, as_person: Callable[[User], Client], incident: Incident, lead: User, months: str
    ) -> None:
        assert as_person(lead).get("/admin/incidents/incident/figures/", {"months": months}).status_code == 200

    def test_files_hold_no_formula(self, as_person: Callable[[User], Client], incident: Incident, lead: User) -> None:
        System.objects.filter(pk=incident.system_id).update(name="=cmd()")
        answer = as_person(lead).get("/admin/incidents/incident/figures/response.csv")
        (row,) = csv.DictReader(StringIO(answer.text))
        assert (row["system"], row["severity"], row["incidents"]) == ("'=cmd()", "SEV-1", "1")
        for name in ("pages", "actions", "gaps", "factors"):
            assert as_person(lead).get(f"/admin/incidents/incident/figures/{name}.csv").status_code == 200
        assert as_person(lead).get("/admin/incidents/incident/figures/secrets.csv").status_code == 404

    def test_a_stranger_does_not_see_it(self, as_person: Callable[[User], Client], stranger: User) -> None:
        assert as_person(stranger).get("/admin/incidents/incident/figures/").status_code in (302, 403)


def ops(*arguments: str) -> str:
    out = StringIO()
    call_command("ops_report", *arguments, stdout=out)
    return out.getvalue()


class TestReports:
    def test_the_day_tells_what_is_open_what_waits_and_the_head_of_the_trail(
        self, incident: Incident, lead: User, now: datetime
    ) -> None:
        AuditSeal.objects.create(
            number=1, at=now, from_xid=0, to_xid=1, entry_ids=[], digests=b"", previous="0" * 64, mac="ab" * 32
        )
        told = ops("daily", "--now", now.isoformat())
        assert told.startswith("Daily report, Mon 9 March 2026, 10:00 (UTC)")
        assert "Jobarium SEV-1: 1, of them 0 late" in told
        assert "received 1, resolved 0, closed 0" in told
        assert told.rstrip().endswith(f"Head of the trail: 1 {'ab' * 32}")
        assert ops("--now", now.isoformat()) == told  # the day is what one gets without a word

    def test_the_week_tells_how_incidents_were_answered(self, incident: Incident, lead: User, now: datetime) -> None:
        acknowledge(incident, actor=lead, at=now)
        told = ops("weekly", "--now", (now + timedelta(hours=1)).isoformat())
        assert "Jobarium SEV-1: 1; taken after" in told

    def test_they_are_mailed_each_morning_once_to_both_leads(
        self, jobarium: System, lead: User, chief: User, agent: User
    ) -> None:
        def mailed() -> list[tuple[str, str]]:
            found = Message.objects.filter(idempotency_key__startswith="report:").order_by("pk")
            return [(row.subject[:13], row.person.name if row.person else "") for row in found]

        tick(datetime(2026, 3, 10, 5, 59, tzinfo=UTC))
        assert mailed() == []
        tick(datetime(2026, 3, 10, 6, 0, tzinfo=UTC))  # a Tuesday
        tick(datetime(2026, 3, 10, 6, 1, tzinfo=UTC))
        assert sorted(mailed()) == [("Daily report ", "Carl Chief"), ("Daily report ", "Lea Lead")]
        assert "Head of the trail" in Message.objects.filter(idempotency_key__startswith="report:").first().text
        tick(datetime(2026, 3, 16, 6, 0, tzinfo=UTC))  # a Monday
        assert [subject for subject, _who in mailed()].count("Weekly report") == 2

    def test_a_report_names_no_person_outside_the_desk_and_no_free_text(
        self, incident: Incident, now: datetime
    ) -> None:
        assert incident.title not in reports.daily(now).text + reports.weekly(now).text


class TestMachine:
    def test_the_database_tells_its_connections_against_the_limit(self, db: None) -> None:
        assert "connections: " in ops("db")
        assert "incidents_incident" in ops("db", "--sizes")

    def test_sizes_go_with_the_database_alone(self, db: None) -> None:
        with pytest.raises(CommandError) as refusal:
            ops("host", "--sizes")
        assert refusal.value.returncode == 2

    def test_without_the_extension_it_says_so(self, db: None) -> None:
        assert "pg_stat_statements is not installed" in ops("slow-queries")

    def test_a_full_disk_is_wrong(self, db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(machine, "MOST_USED", 0)
        with pytest.raises(CommandError) as refusal:
            ops("disk")
        assert refusal.value.returncode == 1
        assert "used; keep it below" in str(refusal.value)

    def test_little_room_is_wrong(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(machine, "LEAST_FREE", 10**18)
        assert any("before a deployment" in line for line in machine.disk([tmp_path / "not" / "there"]).wrong)

    def test_host_and_clock(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "open files of this command" in ops("host")
        told = ops("clock")
        assert "skew: " in told
        assert "sessions end after 720 min" in told
        monkeypatch.setattr(machine, "MOST_SKEW", -10.0)
        with pytest.raises(CommandError, match="set them by NTP"):
            ops("clock")

    def test_an_unknown_part_is_refused(self, db: None) -> None:
        with pytest.raises(CommandError, match="invalid choice"):
            ops("weather")
