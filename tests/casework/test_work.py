"""Durable work: nothing is lost, nothing is done twice, and what fails is kept for a person."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django_q.models import OrmQ, Schedule

from config import traceparent
from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.audit.services import record
from config.casework.catalogue.models import Organization
from config.casework.transitions import StaleState
from config.casework.work import claims, registry, schedules, selectors, services, sweeps, tasks
from config.casework.work.choices import JobState
from config.casework.work.models import Heartbeat, Job
from config.casework.work.registry import Permanent, Retry, handler

T = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
type Calls = list[int]
type Make = Callable[..., Calls]


@pytest.fixture
def kind() -> Iterator[Make]:
    """Make a kind of work for one test; its handler notes the ids of the rows it did, then does `work`."""
    made: list[str] = []

    def make(name: str, work: Callable[[Job], None] | None = None, **options: Any) -> Calls:
        calls: Calls = []

        def do(job: Job) -> None:
            calls.append(job.pk)
            if work is not None:
                work(job)

        handler(name, **options)(do)
        made.append(name)
        return calls

    yield make
    for name in made:
        registry._handlers.pop(name)


@pytest.fixture
def no_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "_sweeps", {})


def fail_with(error: Exception) -> Callable[[Job], None]:
    def work(job: Job) -> None:
        raise error

    return work


def note(job: Job) -> None:
    record(job, "test.done", actor=None)


def in_thread(function: Callable[[], object]) -> threading.Thread:
    """Run in a thread with a database connection of its own."""

    def run() -> None:
        try:
            function()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db
class TestEnqueue:
    def test_it_makes_a_due_row(self, kind: Make) -> None:
        kind("test.work")
        with clock.at(T):
            job = services.enqueue("test.work", key="test:1", case=17, step="page", ids=[1, 2])
        job.refresh_from_db()
        assert (job.state, job.next_at, job.created_at, job.attempts) == (JobState.DUE, T, T, 0)
        assert job.arguments == {"case": 17, "step": "page", "ids": [1, 2]}

    def test_the_same_key_is_the_same_work(self, kind: Make) -> None:
        kind("test.work")
        first = services.enqueue("test.work", key="test:1", case=1)
        second = services.enqueue("test.work", key="test:1", case=2)
        assert (second.pk, second.arguments) == (first.pk, {"case": 1})
        assert Job.objects.count() == 1

    def test_a_key_belongs_to_one_kind(self, kind: Make) -> None:
        kind("test.work")
        kind("test.other")
        services.enqueue("test.work", key="test:1")
        with pytest.raises(ValueError, match=r"belongs to work of kind test\.work"):
            services.enqueue("test.other", key="test:1")

    def test_it_refuses_work_nobody_does(self) -> None:
        with pytest.raises(LookupError, match=r"Nobody does the work 'test\.unknown'"):
            services.enqueue("test.unknown", key="test:1")

    @pytest.mark.parametrize("value", ["ada@example.com", "Ada Lovelace", "x" * 201, {"a": 1}, ["a b"], 1.5, b"x"])
    def test_it_refuses_what_could_be_personal(self, kind: Make, value: object) -> None:
        kind("test.work")
        with pytest.raises(ValueError, match="person: work takes ids and coded values only"):
            services.enqueue("test.work", key="test:1", person=value)

    @pytest.mark.parametrize("key", ["", "ada@example.com", "a b"])
    def test_it_refuses_a_personal_or_empty_key(self, kind: Make, key: str) -> None:
        kind("test.work")
        with pytest.raises(ValueError, match="key of work"):
            services.enqueue("test.work", key=key)

    def test_it_refuses_a_time_without_zone(self, kind: Make) -> None:
        kind("test.work")
        with pytest.raises(ValueError, match="needs a zone"):
            services.enqueue("test.work", key="test:1", at=datetime(2026, 3, 9))

    def test_it_asks_the_queue_once_for_each_kind_in_a_transaction(self, kind: Make) -> None:
        kind("test.work")
        kind("test.other")
        OrmQ.objects.all().delete()
        for number in range(3):
            services.enqueue("test.work", key=f"test:{number}")
        services.enqueue("test.other", key="test:other")
        assert sorted(task.task["args"] for task in OrmQ.objects.all()) == [("test.other",), ("test.work",)]

    def test_it_asks_again_when_the_first_asking_was_rolled_back(self, kind: Make) -> None:
        kind("test.work")
        OrmQ.objects.all().delete()
        with transaction.atomic():
            services.enqueue("test.work", key="test:1")
            transaction.set_rollback(True)
        assert (Job.objects.count(), OrmQ.objects.count()) == (0, 0)
        services.enqueue("test.work", key="test:2")
        assert (Job.objects.count(), OrmQ.objects.count()) == (1, 1)

    def test_work_for_later_asks_nobody(self, kind: Make) -> None:
        kind("test.work")
        OrmQ.objects.all().delete()
        services.enqueue("test.work", key="test:1", at=clock.now() + timedelta(hours=1))
        assert OrmQ.objects.count() == 0


@pytest.mark.django_db
class TestOutcomes:
    def test_done_work_is_done_once(self, kind: Make) -> None:
        calls = kind("test.work")
        job = services.enqueue("test.work", key="test:1", at=T)
        with clock.at(T):
            assert services.run_due() == 1
            assert services.run_due() == 0
        job.refresh_from_db()
        assert calls == [job.pk]
        assert (job.state, job.finished_at, job.lease_until, job.attempts) == (JobState.DONE, T, None, 1)

    def test_work_is_not_done_before_its_time(self, kind: Make) -> None:
        calls = kind("test.work")
        services.enqueue("test.work", key="test:1", at=T)
        with clock.at(T - timedelta(seconds=1)):
            services.run_due()
        assert calls == []

    def test_effects_and_done_are_committed_together_or_not_at_all(self, kind: Make) -> None:
        def work(job: Job) -> None:
            Organization.objects.create(key=f"made-{job.attempts}", name="Made")
            if job.attempts == 1:
                raise RuntimeError

        kind("test.work", work)
        job = services.enqueue("test.work", key="test:1", at=T)
        with clock.at(T):
            services.run_due()
        assert not Organization.objects.filter(key="made-1").exists()
        with clock.at(T + timedelta(hours=2)):
            services.run_due()
        job.refresh_from_db()
        assert Organization.objects.filter(key="made-2").exists()
        assert job.state == JobState.DONE

    def test_a_failure_waits_longer_each_time_and_then_parks(self, kind: Make) -> None:
        kind("test.work", fail_with(Retry("mail server away")), max_attempts=3, base=100, cap=150)
        job = services.enqueue("test.work", key="test:1", at=T)
        now = T
        for attempt, longest in ((1, 100), (2, 150)):
            with clock.at(now):
                services.run_due()
            job.refresh_from_db()
            assert (job.state, job.attempts) == (JobState.DUE, attempt)
            assert job.next_at is not None
            assert timedelta(seconds=1) <= job.next_at - now <= timedelta(seconds=longest)
            now = job.next_at
        with clock.at(now):
            services.run_due()
        job.refresh_from_db()
        assert (job.state, job.parked_reason, job.attempts) == (JobState.PARKED, "attempts_exhausted", 3)
        assert job.last_error == "Retry: mail server away"

    def test_it_never_comes_back_sooner_than_was_asked_for(self, kind: Make) -> None:
        kind("test.work", fail_with(Retry("busy", after=timedelta(hours=3))), cap=60)
        job = services.enqueue("test.work", key="test:1", at=T)
        with clock.at(T):
            services.run_due()
        job.refresh_from_db()
        assert job.next_at == T + timedelta(hours=3)

    def test_what_cannot_succeed_is_parked_at_once(self, kind: Make) -> None:
        kind("test.work", fail_with(Permanent("no such mailbox")))
        job = services.enqueue("test.work", key="test:1", at=T)
        with clock.at(T):
            services.run_due()
        job.refresh_from_db()
        assert (job.state, job.parked_reason, job.attempts) == (JobState.PARKED, "no such mailbox", 1)

    def test_the_text_of_a_foreign_exception_is_kept_nowhere(
        self, kind: Make, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        kind("test.work", fail_with(ValueError("cannot reach ada@example.com")))
        job = services.enqueue("test.work", key="test:1", at=T)
        with clock.at(T):
            services.run_due()
        job.refresh_from_db()
        assert (job.state, job.last_error) == (JobState.DUE, "ValueError")
        logged = caplog.text + "".join(capfd.readouterr())
        assert "work_failed" in logged
        assert "ada@example.com" not in logged

    def test_a_kind_reacts_when_its_work_is_parked(self, kind: Make) -> None:
        seen: list[tuple[int, str]] = []
        kind("test.work", fail_with(Permanent("bounced")), parked=lambda job: seen.append((job.pk, job.parked_reason)))
        job = services.enqueue("test.work", key="test:1", at=T)
        with clock.at(T):
            services.run_due()
        assert seen == [(job.pk, "bounced")]

    def test_a_failing_reaction_leaves_the_work_parked(self, kind: Make) -> None:
        kind("test.work", fail_with(Permanent("bounced")), parked=fail_with(RuntimeError()))
        job = services.enqueue("test.work", key="test:1", at=T)
        with clock.at(T):
            services.run_due()
        job.refresh_from_db()
        assert job.state == JobState.PARKED

    def test_the_trace_of_whoever_asked_goes_on(self, kind: Make) -> None:
        kind("test.work", note)
        with traceparent.activate(traceparent.new()) as trace:
            job = services.enqueue("test.work", key="test:1", at=T)
        assert job.trace_id == trace.header()
        with clock.at(T):
            services.run_due()
        assert AuditEntry.objects.get(action="test.done").trace_id == trace.trace_id

    def test_work_of_an_unknown_kind_waits_for_a_worker_that_knows_it(self, kind: Make) -> None:
        kind("test.work")
        job = services.enqueue("test.work", key="test:1", at=T)
        Job.objects.update(kind="later.version")
        with clock.at(T):
            assert services.run_due() == 0
        job.refresh_from_db()
        assert job.state == JobState.DUE


@pytest.mark.django_db
class TestBatches:
    def enqueue(self, count: int, at: datetime = T) -> list[int]:
        return [services.enqueue("test.work", key=f"test:{number}", at=at).pk for number in range(count)]

    def test_one_claim_takes_a_batch_the_oldest_first(self, kind: Make) -> None:
        calls = kind("test.work", batch=2)
        ids = self.enqueue(3)
        Job.objects.filter(pk=ids[2]).update(next_at=T - timedelta(hours=1))
        with clock.at(T):
            assert services.run_batch(registry.find("test.work")) == 2
        assert calls == [ids[2], ids[0]]

    def test_each_row_of_a_batch_has_a_lease_of_its_own(self, kind: Make) -> None:
        kind("test.work", batch=3, lease=60)
        self.enqueue(3)
        jobs = claims.claim(registry.find("test.work"), T)
        leases = [job.lease_until for job in jobs]
        assert all(leases)
        assert leases[1] - leases[0] == leases[2] - leases[1] == timedelta(seconds=60)

    def test_rows_not_started_in_time_are_given_back(self, kind: Make) -> None:
        calls = kind("test.work", batch=3)
        ids = self.enqueue(3)
        with clock.at(T):
            services.run_batch(registry.find("test.work"), deadline=0.0)
        assert calls == ids[:1]
        assert set(Job.objects.filter(pk__in=ids[1:]).values_list("state", "attempts", "deaths")) == {
            (JobState.DUE, 0, 0)
        }

    def test_a_handler_that_ends_the_worker_gives_the_others_back(self, kind: Make) -> None:
        kind("test.work", fail_with(SystemExit()), batch=3)  # type: ignore[arg-type]
        ids = self.enqueue(3)
        with clock.at(T), pytest.raises(SystemExit):
            services.run_batch(registry.find("test.work"))
        states = dict(Job.objects.values_list("pk", "state"))
        assert [states[pk] for pk in ids] == [JobState.RUNNING, JobState.DUE, JobState.DUE]

    def test_no_kind_starves_another(self, kind: Make) -> None:
        order: list[str] = []
        for name in ("test.alpha", "test.beta"):
            kind(name, lambda job: order.append(job.kind))
            for number in range(2):
                services.enqueue(name, key=f"{name}:{number}", at=T)
        with clock.at(T):
            services.run_due()
        assert order == ["test.alpha", "test.beta"] * 2

    def test_what_killed_a_worker_is_claimed_alone(self, kind: Make) -> None:
        calls = kind("test.work", batch=5)
        ids = self.enqueue(4)
        Job.objects.filter(pk__in=ids[2:]).update(deaths=1)
        with clock.at(T):
            sizes = [services.run_batch(registry.find("test.work")) for _claim in range(4)]
        assert sizes == [2, 1, 1, 0]
        assert calls == ids


@pytest.mark.django_db
class TestDeaths:
    def lose_worker(self, job: Job) -> None:
        """Claim the row and never come back."""
        assert [claimed.pk for claimed in claims.claim(registry.find("test.work"), T)] == [job.pk]
        Job.objects.update(lease_until=claims.RealTime() - timedelta(seconds=1))

    def test_a_row_whose_worker_died_is_due_again(self, kind: Make) -> None:
        calls = kind("test.work")
        job = services.enqueue("test.work", key="test:1", at=T)
        self.lose_worker(job)
        assert claims.revive(T) == 1
        job.refresh_from_db()
        assert (job.state, job.deaths, job.attempts, job.next_at) == (JobState.DUE, 1, 1, T)
        with clock.at(T):
            services.run_due()
        assert calls == [job.pk]

    def test_a_running_lease_is_left_alone(self, kind: Make) -> None:
        kind("test.work")
        services.enqueue("test.work", key="test:1", at=T)
        claims.claim(registry.find("test.work"), T)
        assert claims.revive(datetime(2099, 1, 1, tzinfo=UTC)) == 0  # leases run in real time

    def test_the_third_death_parks(self, kind: Make) -> None:
        parked: list[str] = []
        kind("test.work", parked=lambda job: parked.append(job.parked_reason))
        job = services.enqueue("test.work", key="test:1", at=T)
        for _death in range(3):
            self.lose_worker(job)
            claims.revive(T)
        job.refresh_from_db()
        assert (job.state, job.parked_reason, job.deaths) == (JobState.PARKED, "worker_died", 3)
        assert parked == ["worker_died"]

    def test_a_worker_that_lost_its_claim_does_nothing(self, kind: Make) -> None:
        calls = kind("test.work")
        services.enqueue("test.work", key="test:1", at=T)
        job = claims.claim(registry.find("test.work"), T)[0]
        Job.objects.update(lease_until=claims.RealTime() - timedelta(seconds=1))
        claims.revive(T)
        claims.claim(registry.find("test.work"), T)
        assert claims.perform(registry.find("test.work"), job) == claims.Outcome.LOST
        assert calls == []


@pytest.mark.django_db(transaction=True)
class TestParallel:
    def test_two_workers_do_each_job_once(self, kind: Make) -> None:
        calls = kind("test.work", batch=5)
        with transaction.atomic():
            ids = [services.enqueue("test.work", key=f"test:{number}").pk for number in range(120)]
        start = threading.Barrier(2)

        def work() -> None:
            start.wait()
            services.run_due()

        for thread in [in_thread(work), in_thread(work)]:
            thread.join()
        assert sorted(calls) == sorted(ids)
        assert set(Job.objects.values_list("state", "attempts")) == {(JobState.DONE, 1)}

    def test_two_workers_that_ask_for_the_same_work_make_one_row(self, kind: Make) -> None:
        kind("test.work")
        start = threading.Barrier(8)
        found: list[int] = []

        def ask() -> None:
            start.wait()
            found.append(services.enqueue("test.work", key="test:1").pk)

        for thread in [in_thread(ask) for _number in range(8)]:
            thread.join()
        assert (len(found), len(set(found)), Job.objects.count()) == (8, 1, 1)

    def test_a_slow_handler_is_not_taken_for_a_dead_one(self, kind: Make) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def work(job: Job) -> None:
            begun.set()
            assert go_on.wait(10)

        calls = kind("test.work", work)
        job = services.enqueue("test.work", key="test:1")
        worker = in_thread(lambda: services.run_batch(_short_leased("test.work")))
        assert begun.wait(10)
        time.sleep(0.05)  # the lease of 10 ms is over
        try:
            assert claims.revive(clock.now()) == 0
        finally:
            go_on.set()
            worker.join()
        job.refresh_from_db()
        assert (calls, job.state, job.deaths) == ([job.pk], JobState.DONE, 0)

    def test_the_claim_is_committed_before_the_work_starts(self, kind: Make) -> None:
        seen: list[tuple[str, int]] = []

        def look_from_outside() -> None:
            seen.extend(Job.objects.values_list("state", "attempts"))

        kind("test.work", lambda job: in_thread(look_from_outside).join())
        services.enqueue("test.work", key="test:1")
        services.run_due()
        assert seen == [(JobState.RUNNING, 1)]


def _short_leased(kind: str) -> registry.Handler:
    found = registry.find(kind)
    return registry.Handler(
        found.kind, found.work, found.max_attempts, found.base, found.cap, found.batch, timedelta(milliseconds=10), None
    )


WORKER = textwrap.dedent(
    """
    import sys, time
    import django
    django.setup()
    from config.casework.catalogue.models import Organization
    from config.casework.work import claims, registry, services
    from config.casework.work.registry import handler

    @handler("test.killed", lease=0.2)
    def killed(job):
        Organization.objects.create(key=f"effect-{job.attempts}", name="Effect")
        if sys.argv[1] == "hang":
            print("working", flush=True)
            time.sleep(60)

    services.run_batch(registry.find("test.killed"))
    """
)


@pytest.mark.django_db(transaction=True)
class TestKilledWorkers:
    """Real processes, killed in the middle of a handler."""

    def start(self, mode: str) -> subprocess.Popen[str]:
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        environment = os.environ | {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": "ERROR",
        }
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, mode],
            env=environment,
            cwd=settings.BASE_DIR,
            stdout=subprocess.PIPE,
            text=True,
        )

    def kill_one(self) -> None:
        worker = self.start("hang")
        assert worker.stdout is not None
        assert worker.stdout.readline() == "working\n"
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        worker.stdout.close()

    def wait_until_revived(self) -> None:
        until = time.monotonic() + 10
        while not claims.revive(clock.now()):
            assert time.monotonic() < until
            time.sleep(0.05)

    def test_the_work_is_done_again_and_leaves_one_effect(self, kind: Make) -> None:
        kind("test.killed")
        job = services.enqueue("test.killed", key="test:1")
        self.kill_one()
        self.wait_until_revived()
        job.refresh_from_db()
        assert (job.state, job.deaths) == (JobState.DUE, 1)
        assert self.start("finish").communicate()[0] == ""
        job.refresh_from_db()
        assert (job.state, job.attempts) == (JobState.DONE, 2)
        assert list(Organization.objects.filter(name="Effect").values_list("key", flat=True)) == ["effect-2"]

    def test_the_third_killed_worker_parks_the_work(self, kind: Make) -> None:
        kind("test.killed")
        job = services.enqueue("test.killed", key="test:1")
        for _worker in range(3):
            self.kill_one()
            self.wait_until_revived()
        job.refresh_from_db()
        assert (job.state, job.parked_reason) == (JobState.PARKED, "worker_died")
        assert not Organization.objects.filter(name="Effect").exists()


@pytest.mark.django_db
class TestTick:
    def test_it_does_all_that_is_due_at_a_moment_with_all_that_follows(self, kind: Make, no_sweeps: None) -> None:
        OrmQ.objects.all().delete()
        times: list[datetime] = []

        def work(job: Job) -> None:
            times.append(clock.now())
            if len(times) < 3:
                services.enqueue("test.work", key=f"test:{len(times)}")

        kind("test.work", work)
        sweeps.register("test", lambda at: int(services.enqueue("test.work", key="test:0").attempts == 0 and not times))
        assert services.tick(T) == 4  # the sweep and three rows
        assert times == [T, T, T]
        assert set(Job.objects.values_list("state", "finished_at")) == {(JobState.DONE, T)}
        assert OrmQ.objects.count() == 0

    def test_a_failing_sweep_stops_nothing_else_and_is_told_at_the_end(self, kind: Make, no_sweeps: None) -> None:
        calls = kind("test.work")
        services.enqueue("test.work", key="test:1", at=T)

        def fail(at: datetime) -> int:
            raise RuntimeError("broken")

        def note_time(at: datetime) -> int:
            seen.append(at)
            return 0

        seen: list[datetime] = []
        sweeps.register("first", fail, order=1)
        sweeps.register("second", note_time, order=2)
        with pytest.raises(ExceptionGroup):
            services.tick(T)
        assert (len(calls), seen) == (1, [T])

    def test_sweeps_run_in_their_order(self, no_sweeps: None) -> None:
        seen: list[str] = []

        def noting(name: str) -> Callable[[datetime], int]:
            def look(at: datetime) -> int:
                seen.append(name)
                return 0

            return look

        for name, order in (("late", 900), ("early", 1), ("middle", 100)):
            sweeps.register(name, noting(name), order=order)
        services.run_sweeps(T)
        assert seen == ["early", "middle", "late"]

    def test_the_desk_sweeps_clocks_leases_seals_and_old_work(self) -> None:
        assert {"deadlines", "leases", "seals", "finished work"} <= {sweep.name for sweep in sweeps.all_sweeps()}

    def test_the_command_acts_at_another_moment(self, kind: Make, capsys: pytest.CaptureFixture[str]) -> None:
        calls = kind("test.work")
        services.enqueue("test.work", key="test:1", at=T + timedelta(days=400))
        call_command("tick", "--now", "2026-03-09T10:00:00Z")
        assert calls == []
        call_command("tick", "--now", (T + timedelta(days=400)).isoformat())
        assert len(calls) == 1
        assert capsys.readouterr().out.splitlines()[1].startswith("1 things done at 2027-04-13T10:00:00")

    @pytest.mark.parametrize(
        ("text", "reason"), [("2026-03-09T10:00:00", "has no zone"), ("noon", "is no ISO 8601 time")]
    )
    def test_the_command_refuses_a_time_it_cannot_place(self, text: str, reason: str) -> None:
        with pytest.raises(CommandError, match=reason) as refusal:
            call_command("tick", "--now", text)
        assert refusal.value.returncode == 2

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [(["--now", "2026-03-09T10:00:00Z"], "refused in production"), (["--drill"], "no drill lane")],
    )
    def test_production_acts_in_the_present_only(self, settings: Any, arguments: list[str], reason: str) -> None:
        settings.PRODUCTION = True
        with pytest.raises(CommandError, match=reason) as refusal:
            call_command("tick", *arguments)
        assert refusal.value.returncode == 2


@pytest.mark.django_db
class TestTasks:
    def test_a_look_does_what_is_due_of_its_kind(self, kind: Make) -> None:
        calls, others = kind("test.work", batch=2), kind("test.other")
        for number in range(5):
            services.enqueue("test.work", key=f"test:{number}")
        services.enqueue("test.other", key="test:other")
        tasks.look("test.work")
        assert (len(calls), others) == (5, [])

    def test_a_look_with_a_lot_to_do_calls_for_help(self, kind: Make) -> None:
        kind("test.work", batch=2)
        with services.self_service():
            for number in range(5):
                services.enqueue("test.work", key=f"test:{number}")
        OrmQ.objects.all().delete()
        tasks.look("test.work")
        assert OrmQ.objects.count() == 1

    def test_a_task_never_raises(self, monkeypatch: pytest.MonkeyPatch, no_sweeps: None, kind: Make) -> None:
        kind("test.work")
        monkeypatch.setattr(services, "run_due", fail_with(RuntimeError("ada@example.com")))
        tasks.sweep()
        tasks.look("test.unknown")
        assert not Heartbeat.objects.exists()

    def test_the_sweep_beats_after_it_has_looked(self, kind: Make, no_sweeps: None) -> None:
        beats: list[int] = []
        kind("test.work", lambda job: beats.append(Heartbeat.objects.count()))
        sweeps.register("one", lambda at: 0)
        services.enqueue("test.work", key="test:1")
        tasks.sweep()
        assert beats == [0]
        ages = selectors.heartbeat_ages()
        assert ages.keys() == {"sweep", "sweep:one"}
        assert abs(ages["sweep"]) < timedelta(seconds=10)

    def test_a_failing_sweep_has_no_beat_of_its_own(self, no_sweeps: None) -> None:
        sweeps.register("broken", fail_with(RuntimeError()))  # type: ignore[arg-type]
        tasks.sweep()
        assert selectors.heartbeat_ages().keys() == {"sweep"}

    def test_the_first_beat_sets_up_the_schedule_once(self, no_sweeps: None) -> None:
        Schedule.objects.all().delete()
        tasks.beat()
        first = Schedule.objects.get()
        schedules.ensure_schedules(clock.now() + timedelta(hours=1))
        again = Schedule.objects.get()
        assert (first.func, first.schedule_type, first.minutes, first.repeats) == (schedules.SWEEP, "I", 1, -1)
        assert (again.pk, again.next_run) == (first.pk, first.next_run)

    def test_migrating_sets_up_the_schedule(self) -> None:
        assert Schedule.objects.filter(name="sweep", func=schedules.SWEEP).count() == 1


@pytest.mark.django_db
class TestDeadManService:
    def test_it_is_called_when_everything_worked(
        self, no_sweeps: None, settings: Any, http_log: tuple[str, list[str]]
    ) -> None:
        settings.HEARTBEAT_URL = f"{http_log[0]}/ping/token"
        tasks.sweep()
        assert http_log[1] == ["/ping/token"]

    def test_it_hears_nothing_while_a_sweep_fails(
        self, no_sweeps: None, settings: Any, http_log: tuple[str, list[str]]
    ) -> None:
        settings.HEARTBEAT_URL = http_log[0]
        sweeps.register("broken", fail_with(RuntimeError()))  # type: ignore[arg-type]
        tasks.sweep()
        assert http_log[1] == []

    def test_its_trouble_is_not_ours(self, no_sweeps: None, settings: Any) -> None:
        settings.HEARTBEAT_URL = "http://127.0.0.1:9/secret"
        tasks.sweep()
        assert Heartbeat.objects.filter(name="sweep").exists()


@pytest.mark.django_db
class TestTakingUpAgain:
    def parked(self, kind: Make) -> Job:
        kind("test.work", fail_with(Permanent("bounced")))
        job = services.enqueue("test.work", key="test:1", at=T)
        with clock.at(T):
            services.run_due()
        job.refresh_from_db()
        return job

    def test_parked_work_is_due_again_with_all_its_attempts(self, kind: Make, lead: User) -> None:
        job = services.retry_job(self.parked(kind), actor=lead, at=T + timedelta(hours=1))
        assert (job.state, job.attempts, job.deaths, job.parked_reason) == (JobState.DUE, 0, 0, "")
        assert job.next_at == T + timedelta(hours=1)
        assert AuditEntry.objects.filter(action="job.retried", actor=lead).count() == 1

    def test_work_that_is_due_is_not_retried(self, kind: Make, lead: User) -> None:
        job = services.retry_job(self.parked(kind), actor=lead, at=T)
        with pytest.raises(StaleState):
            services.retry_job(job, actor=lead, at=T)

    def test_cancelled_work_is_not_done(self, kind: Make, lead: User) -> None:
        calls = kind("test.work")
        job = services.enqueue("test.work", key="test:1", at=T)
        services.cancel_job(job, actor=lead, at=T)
        with clock.at(T):
            services.run_due()
        assert (calls, job.state) == ([], JobState.CANCELLED)
        with pytest.raises(StaleState):
            services.cancel_job(job, actor=lead, at=T)

    def test_support_may_neither_retry_nor_cancel(self, kind: Make, agent: User) -> None:
        job = self.parked(kind)
        for service in (services.retry_job, services.cancel_job):
            with pytest.raises(PermissionDenied, match="may not do this"):
                service(job, actor=agent, at=T)


@pytest.mark.django_db
class TestFigures:
    def test_the_oldest_due_row_has_an_age(self, kind: Make) -> None:
        kind("test.work")
        assert selectors.oldest_due_age(T) is None
        services.enqueue("test.work", key="test:1", at=T - timedelta(minutes=3))
        services.enqueue("test.work", key="test:2", at=T + timedelta(minutes=3))
        assert selectors.oldest_due_age(T) == timedelta(minutes=3)
        assert selectors.counts()[JobState.DUE] == 2

    def test_done_work_goes_after_thirty_days(self, kind: Make) -> None:
        kind("test.work")
        services.enqueue("test.work", key="test:1", at=T)
        services.enqueue("test.work", key="test:2", at=T + timedelta(days=20))
        for moment in (T, T + timedelta(days=20)):
            with clock.at(moment):
                services.run_due()
        assert services.prune(T + timedelta(days=31)) == 1
        assert Job.objects.get().key == "test:2"


class TestRegistry:
    def test_a_kind_has_one_handler(self, kind: Make) -> None:
        kind("test.work")
        with pytest.raises(ValueError, match="is done by"):
            handler("test.work")(fail_with(RuntimeError()))

    @pytest.mark.parametrize("name", ["work", "Test.work", "test work", "x." + "y" * 60])
    def test_a_kind_is_named_noun_and_verb(self, name: str) -> None:
        with pytest.raises(ValueError, match="is no kind of work"):
            handler(name)

    @pytest.mark.parametrize("options", [{"batch": 26}, {"batch": 0}, {"max_attempts": 0}, {"lease": 0}])
    def test_its_numbers_are_checked(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="batch must be"):
            handler("test.work", **options)

    def test_a_sweep_has_one_function(self, no_sweeps: None) -> None:
        sweeps.register("one", len)  # type: ignore[arg-type]
        sweeps.register("one", len)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="another sweep"):
            sweeps.register("one", "another.function")
        with pytest.raises(ValueError, match="at most 34"):
            sweeps.register("x" * 35, len)  # type: ignore[arg-type]


@pytest.fixture
def http_log() -> Iterator[tuple[str, list[str]]]:
    """A web server that notes the paths it is asked for."""
    paths: list[str] = []

    class Noting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Noting)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    thread.join()
    server.server_close()
