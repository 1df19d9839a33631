"""A deployment from its prerequisites to the end of the watch, or back (SC-24, INC-71..79)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.transitions import IllegalTransition, Refused, apply
from incidents.deployments.choices import ROLL_BACK_CLOCK, DeploymentState
from incidents.deployments.models import Deployment
from incidents.deployments.services import plan_deployment
from incidents.procedures import services
from incidents.procedures.choices import RunState, Stage
from incidents.procedures.drawing import run_facts
from incidents.procedures.models import Procedure, Run, RunStep
from incidents.procedures.selectors import recent_deployments
from incidents.services import open_incident
from tests import factories
from tests.incidents.conftest import level

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def deployment(sentinel: System, lead: User, now: datetime) -> Deployment:
    return plan_deployment(sentinel, version="v0.6.0", previous_version="v0.5.0", actor=lead, at=now)


def run_of(deployment: Deployment, stage: Stage) -> Run:
    run: Run = deployment.runs.get(stage=stage)
    return run


def step_of(deployment: Deployment, stage: Stage, key: str) -> RunStep:
    return RunStep.objects.select_related("run").get(run=run_of(deployment, stage), key=key)


def work(deployment: Deployment, stage: Stage, person: User, at: datetime, *, until: str = "") -> datetime:
    """Tick what is open, a minute apart; stops before the step `until`. Returns the moment after the last."""
    for step in run_of(deployment, stage).steps.open().order_by("position"):
        if step.key == until:
            break
        with clock.at(at):
            services.tick(step, actor=person, at=at)
        at += MINUTE
    deployment.refresh_from_db()
    return at


def take(deployment: Deployment, name: str, person: User, at: datetime, **values: Any) -> None:
    with clock.at(at):
        apply(deployment, name, actor=person, at=at, **values)


class TestStart:
    def test_with_four_of_five_prerequisites_it_is_refused_naming_the_missing(
        self, deployment: Deployment, lead: User, now: datetime
    ) -> None:
        work(deployment, Stage.PREREQUISITES, lead, now, until="oncall")
        with pytest.raises(Refused, match="Missing: An on-call engineer is at hand"):
            apply(deployment, "start", actor=lead)
        deployment.refresh_from_db()
        assert deployment.state == DeploymentState.PLANNED

    def test_a_skipped_or_failed_prerequisite_counts_as_missing(
        self, deployment: Deployment, lead: User, now: datetime
    ) -> None:
        work(deployment, Stage.PREREQUISITES, lead, now, until="rollback")
        services.skip(step_of(deployment, Stage.PREREQUISITES, "rollback"), actor=lead, at=now, reason="no time")
        services.tick(
            step_of(deployment, Stage.PREREQUISITES, "oncall"), actor=lead, at=now, failed=True, note="nobody"
        )
        with pytest.raises(Refused, match="Way back is prepared; An on-call engineer"):
            apply(deployment, "start", actor=lead)

    def test_with_all_five_it_starts_with_the_version_in_its_commands(
        self, deployment: Deployment, lead: User, now: datetime
    ) -> None:
        """INC-73."""
        work(deployment, Stage.PREREQUISITES, lead, now)
        take(deployment, "start", lead, now + 10 * MINUTE)
        fetch = step_of(deployment, Stage.STEPS, "fetch")
        assert fetch.command == "git fetch origin; git checkout v0.6.0"

    def test_only_one_is_under_way_for_a_system(
        self, sentinel: System, deployment: Deployment, lead: User, now: datetime
    ) -> None:
        other = plan_deployment(sentinel, version="v0.7.0", actor=lead, at=now)
        for one in (deployment, other):
            work(one, Stage.PREREQUISITES, lead, now)
        take(deployment, "start", lead, now + 10 * MINUTE)
        with pytest.raises(Refused, match=f"{deployment.reference} is under way"):
            take(other, "start", lead, now + 10 * MINUTE)
        with pytest.raises(IntegrityError), transaction.atomic():
            Deployment.objects.filter(pk=other.pk).update(state=DeploymentState.RUNNING)

    @pytest.mark.parametrize("version", ["v1; rm -rf /", "", "$(x)", "-rf"])
    def test_a_version_that_is_none_is_refused(self, sentinel: System, lead: User, now: datetime, version: str) -> None:
        with pytest.raises(ValidationError):
            plan_deployment(sentinel, version=version, actor=lead, at=now)
        assert not Deployment.objects.exists()

    def test_an_auditor_plans_none_and_a_stranger_sees_none(
        self, sentinel: System, deployment: Deployment, stranger: User, now: datetime
    ) -> None:
        with pytest.raises(PermissionDenied):
            plan_deployment(sentinel, version="v9", actor=factories.person(Role.AUDITOR), at=now)
        assert not Deployment.objects.visible_to(stranger).exists()

    def test_it_is_called_off_with_a_reason_before_it_starts(
        self, deployment: Deployment, lead: User, now: datetime
    ) -> None:
        with pytest.raises(ValidationError):
            apply(deployment, "call_off", actor=lead)
        apply(deployment, "call_off", actor=lead, called_off_reason="Freeze")
        assert run_of(deployment, Stage.PREREQUISITES).state == RunState.ABANDONED


@pytest.fixture
def running(deployment: Deployment, lead: User, now: datetime) -> Deployment:
    work(deployment, Stage.PREREQUISITES, lead, now)
    take(deployment, "start", lead, now + 10 * MINUTE)
    return deployment


@pytest.fixture
def watching(running: Deployment, lead: User, now: datetime) -> Deployment:
    """Its steps were settled at 10:40; the watch runs since then."""
    work(running, Stage.STEPS, lead, now + 28 * MINUTE)
    return running


class TestSteps:
    def test_the_api_before_the_workers_is_refused(self, running: Deployment, lead: User, now: datetime) -> None:
        """INC-74."""
        at = work(running, Stage.STEPS, lead, now + 11 * MINUTE, until="worker-1")
        with pytest.raises(Refused, match="First: Restart first worker"):
            services.tick(step_of(running, Stage.STEPS, "api"), actor=lead, at=at)
        services.tick(step_of(running, Stage.STEPS, "worker-1"), actor=lead, at=at)
        with pytest.raises(Refused, match="Wait another 29 s"):
            services.tick(step_of(running, Stage.STEPS, "worker-2"), actor=lead, at=at + SECOND)
        services.tick(step_of(running, Stage.STEPS, "worker-2"), actor=lead, at=at + 30 * SECOND)

    def test_migrating_before_the_dry_run_is_refused_even_when_that_is_skipped(
        self, running: Deployment, lead: User, now: datetime
    ) -> None:
        """INC-73."""
        at = work(running, Stage.STEPS, lead, now + 11 * MINUTE, until="dry-run")
        services.skip(step_of(running, Stage.STEPS, "dry-run"), actor=lead, at=at, reason="hurry")
        with pytest.raises(Refused, match="Migration dry run"):
            services.tick(step_of(running, Stage.STEPS, "migrate"), actor=lead, at=at)

    def test_a_failed_smoke_test_stops_the_line_until_it_is_right(
        self, running: Deployment, lead: User, now: datetime
    ) -> None:
        """INC-75."""
        at = work(running, Stage.STEPS, lead, now + 11 * MINUTE, until="smoke")
        services.tick(step_of(running, Stage.STEPS, "smoke"), actor=lead, at=at, failed=True, note="2 red")
        with pytest.raises(Refused, match="Repeat it, or start the rollback"):
            services.tick(step_of(running, Stage.STEPS, "logs"), actor=lead, at=at)
        services.tick(step_of(running, Stage.STEPS, "smoke"), actor=lead, at=at, note="green")
        work(running, Stage.STEPS, lead, at)
        assert running.state == DeploymentState.WATCHING


class TestWatch:
    def test_the_watch_begins_with_the_last_step(self, watching: Deployment, now: datetime) -> None:
        assert watching.state == DeploymentState.WATCHING
        assert watching.watching_at == now + 40 * MINUTE

    def test_done_before_half_an_hour_is_refused(self, watching: Deployment, lead: User, now: datetime) -> None:
        """INC-76."""
        work(watching, Stage.WATCH, lead, now + 41 * MINUTE)
        with pytest.raises(Refused, match="Wait another 1 min"):
            take(watching, "finish", lead, now + 69 * MINUTE)
        take(watching, "finish", lead, now + 70 * MINUTE)
        assert watching.state == DeploymentState.DONE

    def test_done_with_an_unwatched_item_is_refused(self, watching: Deployment, lead: User, now: datetime) -> None:
        with pytest.raises(Refused, match="Next: Error rates"):
            take(watching, "finish", lead, now + 71 * MINUTE)

    def test_a_grave_incident_in_the_watch_is_held_against_it(
        self, sentinel: System, watching: Deployment, lead: User, now: datetime
    ) -> None:
        grave = open_incident(sentinel, title="x", actor=lead, at=now + 50 * MINUTE, severity=level(sentinel, "P1"))
        open_incident(sentinel, title="y", actor=lead, at=now + 50 * MINUTE, severity=level(sentinel, "P3"))
        assert list(watching.suspect_of.all()) == [grave]

    def test_one_judged_grave_later_is_held_against_it_too(
        self, sentinel: System, watching: Deployment, lead: User, now: datetime
    ) -> None:
        with clock.at(now + 50 * MINUTE):
            incident = open_incident(sentinel, title="x", actor=lead, at=now + 50 * MINUTE)
            assert not watching.suspect_of.exists()
            apply(incident, "triage", actor=lead, severity=level(sentinel, "P0"), scope="All")
        assert list(watching.suspect_of.all()) == [incident]


class TestRollback:
    def test_it_goes_back_to_the_version_before_within_five_minutes(
        self, watching: Deployment, lead: User, now: datetime
    ) -> None:
        """INC-77, INC-78."""
        begun = now + 60 * MINUTE
        take(watching, "roll_back", lead, begun, rollback_reason="SLO violation", backup_at=begun - 10 * MINUTE)
        run = run_of(watching, Stage.ROLLBACK)
        assert [step.key for step in run.steps.all()] == ["stop", "revert", "db", "start", "verify"]
        assert step_of(watching, Stage.ROLLBACK, "revert").command == "git checkout v0.5.0"
        assert Deadline.objects.open().of(watching).get(kind=ROLL_BACK_CLOCK).due_at == begun + 5 * MINUTE
        assert run_of(watching, Stage.WATCH).state == RunState.ABANDONED
        work(watching, Stage.ROLLBACK, lead, begun)
        assert watching.state == DeploymentState.ROLLED_BACK
        assert watching.rollback_took == 4 * MINUTE
        assert watching.backup_age == 10 * MINUTE
        run.refresh_from_db()
        assert dict(run_facts(run))["Recovery time"] == "4 min of 5 min: kept"
        assert dict(run_facts(run))["Data lost at most"] == "10 min of 15 min: kept"
        assert AuditEntry.objects.filter(action="run.finished", object_id=run.pk).get().detail["rto_met"] is True

    def test_six_minutes_are_marked_as_missed(self, watching: Deployment, lead: User, now: datetime) -> None:
        begun = now + 60 * MINUTE
        take(watching, "roll_back", lead, begun, rollback_reason="bug", backup_at=begun - 20 * MINUTE)
        at = work(watching, Stage.ROLLBACK, lead, begun, until="verify")
        work(watching, Stage.ROLLBACK, lead, at + 2 * MINUTE)
        run = run_of(watching, Stage.ROLLBACK)
        assert run.finished_at == begun + 6 * MINUTE
        assert dict(run_facts(run)) == {
            "Recovery time": "6 min of 5 min: missed",
            "Data lost at most": "20 min of 15 min: missed",
        }
        assert AuditEntry.objects.get(action="run.finished", object_id=run.pk).detail["rto_met"] is False

    def test_the_next_deployment_knows_what_runs(
        self, sentinel: System, watching: Deployment, lead: User, now: datetime
    ) -> None:
        begun = now + 60 * MINUTE
        take(watching, "roll_back", lead, begun, rollback_reason="bug")
        work(watching, Stage.ROLLBACK, lead, begun)
        after = plan_deployment(sentinel, version="v0.6.1", actor=lead, at=begun + 10 * MINUTE)
        assert after.previous_version == "v0.5.0"

    def test_without_a_previous_version_there_is_no_way_back(self, sentinel: System, lead: User, now: datetime) -> None:
        first = plan_deployment(sentinel, version="v1", actor=lead, at=now)
        work(first, Stage.PREREQUISITES, lead, now)
        take(first, "start", lead, now + 6 * MINUTE)
        with pytest.raises(Refused, match="which version ran before"):
            take(first, "roll_back", lead, now + 7 * MINUTE, rollback_reason="bug")
        take(first, "roll_back", lead, now + 7 * MINUTE, rollback_reason="bug", previous_version="v0")
        assert step_of(first, Stage.ROLLBACK, "revert").command == "git checkout v0"

    def test_nothing_that_was_not_started_goes_back(self, deployment: Deployment, lead: User) -> None:
        with pytest.raises(IllegalTransition):
            apply(deployment, "roll_back", actor=lead, rollback_reason="bug")


class TestBesideIncidents:
    def test_those_of_the_last_day_are_listed(
        self, sentinel: System, running: Deployment, lead: User, now: datetime
    ) -> None:
        """INC-79."""
        day = timedelta(hours=24)
        assert list(recent_deployments(sentinel, now + 60 * MINUTE, day)) == [running]
        assert not recent_deployments(sentinel, now, day).exists()  # not yet started then
        assert not recent_deployments(sentinel, now + 25 * timedelta(hours=1), day).exists()
        assert not recent_deployments(factories.system("other"), now + 60 * MINUTE, day).exists()


class TestDrill:
    def test_a_recovery_drill_keeps_its_times_and_says_whether_both_objectives_were_kept(
        self, sentinel: System, lead: User, now: datetime
    ) -> None:
        """INC-89, INC-90."""
        plan = Procedure.objects.get(key="jobsentinel-disaster-recovery-steps")
        occasion = services.Occasion(backup_at=now - timedelta(hours=25))
        run = services.start_run(plan, actor=lead, at=now, occasion=occasion)
        assert run.steps.count() == 6
        for number, step in enumerate(run.steps.order_by("position"), start=1):
            services.tick(step, actor=lead, at=now + 10 * number * MINUTE)
        run.refresh_from_db()
        facts = dict(run_facts(run))
        assert facts["Recovery time"] == "1 h of 1 h: kept"
        assert facts["Data lost at most"] == "1 day 1 h of 1 day: missed"
        assert [step.done_at for step in run.steps.all()] == [now + 10 * n * MINUTE for n in range(1, 7)]
