"""Lists that fall due: made once, shown to whoever is on call, missed when nobody finishes them (INC-65..70, SEC-15..17)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.loader import RunbookRefused, load
from config.casework.catalogue.models import System
from config.casework.transitions import Refused, apply
from config.casework.work.services import tick as run_due
from incidents.continuity.models import BackupPolicy, Fallback
from incidents.continuity.services import record_backup, switch_fallback
from incidents.models import Incident
from incidents.procedures import selectors, services
from incidents.procedures.choices import RunState, StepKind, StepState
from incidents.procedures.models import Procedure, Run, RunStep
from incidents.procedures.schedule import sweep
from incidents.services import open_incident
from tests import factories
from tests.incidents.conftest import level

FOLDER = settings.BASE_DIR / "config" / "runbooks"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def run_of(key: str) -> Run:
    run: Run = Run.objects.get(procedure__key=key)
    return run


def step_of(run: Run, key: str) -> RunStep:
    return RunStep.objects.select_related("run").get(run=run, key=key)


def finish(run: Run, person: User, at: datetime) -> None:
    for step in run.steps.open().order_by("position"):
        services.tick(step, actor=person, at=at, evidence="https://wiki.example/proof")


@pytest.mark.usefixtures("systems")
class TestCatalogue:
    def test_all_twenty_five_lists_are_there_with_the_texts_of_the_sources(self) -> None:
        lists = Procedure.objects.exclude(kind="playbook")
        assert lists.count() == 25
        assert sum(row.steps.count() for row in lists) == 128

    @pytest.mark.parametrize(
        ("key", "count", "cadence"),
        [
            ("jobsentinel-security-daily", 3, "daily"),
            ("jobsentinel-security-weekly", 4, "weekly"),
            ("jobsentinel-security-monthly", 4, "monthly"),
            ("scheduler-daily", 3, "daily"),
            ("scheduler-weekly", 3, "weekly"),
            ("qa-morning", 7, "daily"),
            ("qa-end-of-day", 4, "shift_end"),
            ("qa-db-weekly", 2, "weekly"),
            ("qa-db-monthly", 2, "monthly"),
            ("jobarium-pilot-readiness", 6, "once"),
        ],
    )
    def test_each_has_its_items_and_cadence(self, key: str, count: int, cadence: str) -> None:
        row = Procedure.objects.get(key=key)
        assert (row.steps.count(), row.extra["cadence"]) == (count, cadence)

    def test_commands_are_shown_as_references(self) -> None:
        step = Procedure.objects.get(key="qa-db-weekly").steps.get(key="analyze")
        assert (step.kind, step.command) == (StepKind.COMMAND, "ANALYZE;")

    def test_four_backups_are_described(self, lead: User, now: datetime) -> None:
        """INC-87: a policy with no success within its period shows late."""
        assert BackupPolicy.objects.count() == 4
        database = BackupPolicy.objects.get(key="database")
        assert database.late_by(now) is None
        record_backup(database, actor=lead, at=now, succeeded_at=now)
        assert database.late_by(now + DAY) is None
        assert database.late_by(now + DAY + HOUR) == HOUR
        with pytest.raises(ValidationError):
            record_backup(database, actor=lead, at=now, succeeded_at=now + HOUR)


class TestDue:
    def test_the_lists_of_today_exist_once_however_often_one_looks(
        self, systems: dict[str, System], lead: User, now: datetime
    ) -> None:
        """SC-30: morning and end-of-day runs exist once."""
        run_due(now)
        run_due(now + HOUR)
        for key in ("qa-morning", "qa-end-of-day", "scheduler-daily", "jobsentinel-security-daily"):
            assert Run.objects.filter(procedure__key=key).count() == 1
        assert run_of("qa-morning").slot == "2026-03-09"

    def test_the_weekly_review_appears_without_any_incident(self, systems: dict[str, System], now: datetime) -> None:
        """INC-70."""
        sweep(now)
        assert run_of("jobarium-runbook-review").due_at == datetime(2026, 3, 16, tzinfo=UTC)

    def test_yesterdays_list_shows_as_missed_and_can_be_finished_late(
        self, systems: dict[str, System], lead: User, now: datetime
    ) -> None:
        sweep(now)
        run = run_of("qa-morning")
        sweep(now + DAY)
        run.refresh_from_db()
        assert run.missed_at == now + DAY
        assert run in selectors.missed_runs(lead, now + DAY)
        finish(run, lead, now + DAY)
        run.refresh_from_db()
        assert (run.state, run.missed_at) == (RunState.FINISHED, now + DAY)
        assert run not in selectors.missed_runs(lead, now + DAY)

    def test_after_a_silence_the_days_between_are_made_and_missed(
        self, systems: dict[str, System], now: datetime
    ) -> None:
        sweep(now)
        sweep(now + 3 * DAY)
        days = Run.objects.filter(procedure__key="scheduler-daily").order_by("slot")
        assert [run.slot for run in days] == ["2026-03-09", "2026-03-10", "2026-03-11", "2026-03-12"]
        assert [run.missed_at is not None for run in days] == [True, True, True, False]

    def test_a_list_that_is_done_is_not_missed(self, systems: dict[str, System], lead: User, now: datetime) -> None:
        sweep(now)
        finish(run_of("scheduler-daily"), lead, now)
        sweep(now + DAY)
        assert Run.objects.get(procedure__key="scheduler-daily", slot="2026-03-09").missed_at is None

    def test_one_out_of_use_is_made_no_more(self, systems: dict[str, System], now: datetime) -> None:
        Procedure.objects.filter(key="scheduler-daily").update(is_active=False)
        sweep(now)
        assert not Run.objects.filter(procedure__key="scheduler-daily").exists()

    def test_a_maintenance_window_comes_a_week_ahead_with_its_notice_first(
        self, systems: dict[str, System], now: datetime
    ) -> None:
        sweep(datetime(2026, 3, 29, 2, 0, tzinfo=UTC))
        run = Run.objects.get(procedure__key="jobsentinel-maintenance-window", slot="2026-04-05")
        assert step_of(run, "notice").due_at == datetime(2026, 3, 29, 2, 0, tzinfo=UTC)
        assert run.due_at == datetime(2026, 4, 5, 4, 0, tzinfo=UTC)

    @pytest.mark.django_db(transaction=True)
    def test_two_sweeps_at_once_make_one(self, now: datetime) -> None:
        load([FOLDER / "scheduler.yaml", FOLDER / "jobarium.yaml"], at=now)

        def look() -> None:
            sweep(now)
            connection.close()

        threads = [Thread(target=look) for _number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Run.objects.filter(procedure__key="scheduler-daily").count() == 1


class TestToday:
    def test_each_person_sees_their_own_and_what_nobody_has(
        self, systems: dict[str, System], lead: User, chief: User, now: datetime
    ) -> None:
        sweep(now)
        run = run_of("qa-morning")
        assert run.assigned_to == lead
        Run.objects.filter(procedure__key="scheduler-daily").update(assigned_to=None)
        mine, theirs = selectors.todays_runs(lead, now), selectors.todays_runs(chief, now)
        assert run in mine
        assert run not in theirs
        assert run_of("scheduler-daily") in theirs
        assert run in selectors.todays_runs(chief, now, everybody=True)

    def test_a_member_of_an_employer_sees_none(self, systems: dict[str, System], stranger: User, now: datetime) -> None:
        sweep(now)
        assert not selectors.todays_runs(stranger, now, everybody=True).exists()
        with pytest.raises(PermissionDenied):
            services.tick(step_of(run_of("qa-morning"), "dashboard"), actor=stranger, at=now)


class TestAfterAnIncident:
    def test_closing_a_sev_2_makes_a_runbook_review_once(
        self, systems: dict[str, System], lead: User, chief: User, now: datetime
    ) -> None:
        """INC-70."""
        system = systems["jobarium"]
        incident = open_incident(system, title="x", actor=lead, at=now, severity=level(system, "SEV-3"), scope="All")
        apply(incident, "resolve", actor=lead)
        Incident.objects.filter(pk=incident.pk).update(
            severity=level(system, "SEV-2"), scope="All", no_communication_reason="None"
        )
        incident.refresh_from_db()
        from_review: dict[str, Any] = {"cause": "c", "fix_reference": "f"}
        with pytest.raises(Refused):
            apply(incident, "close", actor=lead, **from_review)  # the postmortem
        assert not Run.objects.filter(procedure__key="jobarium-runbook-review").exists()
        level_two = level(system, "SEV-2")
        level_two.postmortem = "never"
        level_two.save()
        incident = Incident.objects.get(pk=incident.pk)
        apply(incident, "close", actor=lead, **from_review)
        run = run_of("jobarium-runbook-review")
        assert (run.slot, run.incident) == (incident.reference, incident)

    def test_a_p1_begins_its_procedure_with_marks_counted_from_the_detection(
        self, systems: dict[str, System], lead: User, now: datetime
    ) -> None:
        """SC-30: the phases turn overdue at 5, 15 and 30 minutes."""
        system = systems["qa-auditor"]
        incident = open_incident(system, title="x", actor=lead, at=now, severity=level(system, "P1"))
        run = Run.objects.get(incident=incident)
        marks = {step.key: step.due_at for step in run.steps.all()}
        assert marks["confirm"] == now + timedelta(minutes=5)
        assert marks["logs"] == now + timedelta(minutes=15)
        assert marks["maintenance"] == now + timedelta(minutes=30)
        assert marks["fix"] is None
        with pytest.raises(Refused, match="First: Incident confirmed"):
            services.tick(step_of(run, "logs"), actor=lead, at=now)

    def test_a_switched_fallback_asks_for_its_validation(
        self, systems: dict[str, System], lead: User, agent: User, now: datetime
    ) -> None:
        """INC-64."""
        fallback = Fallback.objects.get(key="transcript-only")
        assert Fallback.objects.filter(system=systems["jobarium"]).count() == 3
        with pytest.raises(ValidationError):
            switch_fallback(fallback, on=True, actor=agent, at=now, reason=" ")
        switch_fallback(fallback, on=True, actor=agent, at=now, reason="Packet builder is down")
        assert (fallback.is_on, fallback.since, fallback.switched_by) == (True, now, agent)
        with pytest.raises(Refused, match="on already"):
            switch_fallback(fallback, on=True, actor=agent, at=now, reason="again")
        assert run_of("jobarium-integration-validation").slot == "transcript-only 2026-03-09"
        with pytest.raises(PermissionDenied):
            switch_fallback(fallback, on=False, actor=factories.person(Role.AUDITOR), at=now, reason="x")


class TestDeskActions:
    def test_a_step_switches_the_fallback_of_its_playbook(
        self, systems: dict[str, System], lead: User, now: datetime
    ) -> None:
        incident = open_incident(systems["jobarium"], title="x", actor=lead, at=now)
        playbook = Procedure.objects.get(key="jobarium-fallback-packets")
        run = services.start_run(playbook, actor=lead, at=now, incident=incident)
        step = run.steps.get(action="switch_fallback")
        said = services.perform(step, actor=lead, at=now)
        step.refresh_from_db()
        assert (step.state, step.note) == (StepState.DONE, said)
        assert Fallback.objects.get(key="transcript-only").reason == incident.reference


class TestFiles:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "never happens"),
            ({"zone": "Mars/Olympus"}, "no time zone"),
            ({"rythm": "daily"}, "rythm"),
            ({"cadence": "on_demand", "rule": "FREQ=DAILY"}, "recur by the calendar"),
        ],
    )
    def test_a_mistake_is_refused_with_line_and_key(
        self, db: None, now: datetime, tmp_path: Path, change: dict[str, str], words: str
    ) -> None:
        with pytest.raises(RunbookRefused) as refused:
            load([_broken(tmp_path, change)], at=now)
        said = str(refused.value)
        assert words in said
        assert "checklists" in said
        assert "broken.yaml:" in said
        assert not Procedure.objects.exists()

    @pytest.mark.parametrize(
        ("item", "words"),
        [
            ({"action": "launch_rocket"}, "no act of the desk"),
            ({"needs": ["later"]}, "no earlier step"),
            ({"only_if": {"step": "first", "answer": ["yes"]}}, "no earlier decision"),
            ({"key": "first"}, "stands twice"),
        ],
    )
    def test_a_step_that_leads_nowhere_is_refused(
        self, db: None, now: datetime, tmp_path: Path, item: dict[str, object], words: str
    ) -> None:
        second = {"key": "second", "text": "Second", **item}
        items = [{"key": "first", "text": "First"}, second, {"key": "later", "text": "Later"}]
        with pytest.raises(RunbookRefused, match=words):
            load([_broken(tmp_path, {"items": items})], at=now)


def _broken(folder: Path, change: Mapping[str, object]) -> Path:
    """The runbook of Jobarium with its daily list changed."""
    data = yaml.safe_load((FOLDER / "jobarium.yaml").read_text(encoding="utf-8"))
    daily = next(entry for entry in data["checklists"] if entry["id"] == "jobarium-dashboards")
    daily.update(change)
    path = folder / "broken.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


class TestClock:
    def test_tick_at_another_moment_makes_the_lists_of_that_day(
        self, systems: dict[str, System], now: datetime
    ) -> None:
        later = now + 10 * DAY
        with clock.at(later):
            run_due(later)
        assert run_of("scheduler-daily").slot == "2026-03-19"
