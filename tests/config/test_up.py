"""`manage.py up` from outside: it starts, refuses, ends, and recovers from every kill -9.

The drills share one data folder, so that only the first start makes a cluster and migrates it.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from config.postgres import Cluster
from config.supervision import SUPERVISED_BY
from tests.postgres import remove, temporary_folder

PROJECT = Path(__file__).resolve().parent.parent.parent
NOT_OURS = ("DATABASE_URL", "DATABASE_URL_FILE", "DATABASE_ROLE", "DESK_TESTING", "DESK_ENV", "DJANGO_SETTINGS_MODULE")


def until[Found](look: Callable[[], Found | None], *, seconds: float, what: str) -> Found:
    """Wait for something to be found, for a bounded time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


class Desk:
    """One run of `manage.py up`, seen from outside."""

    def __init__(self, folder: Path, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.database = Cluster(folder)
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        self.log = folder / f"up.{time.monotonic_ns()}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", "0", "--no-input", *options],
                cwd=PROJECT,
                env={**inherited, "DESK_DATA_DIR": str(folder), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern: str, *, seconds: float) -> str:
        def look() -> str | None:
            found = re.search(pattern, self.text, re.MULTILINE)
            if found is None and self.process.poll() is not None:
                raise AssertionError(f"it ended before it said {pattern!r}:\n{self.text[-3000:]}")
            return found and (found[1] if found.re.groups else found[0])

        try:
            return until(look, seconds=seconds, what=pattern)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text[-3000:]}") from None

    def wait_until_ready(self, *, seconds: float = 90) -> str:
        return self.wait_for(r"^ready (http://127\.0\.0\.1:\d+/)$", seconds=seconds)

    def family(self) -> list[psutil.Process]:
        """List the children and their forks, wherever their parents went."""
        found = []
        for process in psutil.process_iter():
            try:
                if (
                    process.environ().get(SUPERVISED_BY) == str(self.folder)
                    and process.status() != psutil.STATUS_ZOMBIE
                ):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def main_of(self, program: str) -> psutil.Process:
        def look() -> psutil.Process | None:
            children = [process for process in self.family() if process.ppid() == self.process.pid]
            return next((process for process in children if program in process.cmdline()), None)

        return until(look, seconds=15, what=f"a running {program}")

    def sentinel(self) -> psutil.Process:
        main = self.main_of("qcluster")
        return until(lambda: main.children() or None, seconds=15, what="the sentinel")[0]

    def workers(self) -> list[psutil.Process]:
        """List the two workers, which the sentinel forks before its helpers."""
        forks = until(lambda: self._forks(4), seconds=15, what="the sentinel's forks")
        return forks[:2]

    def _forks(self, number: int) -> list[psutil.Process] | None:
        forks = sorted(self.sentinel().children(), key=lambda process: (process.create_time(), process.pid))
        return forks if len(forks) == number else None

    def beat(self) -> float:
        """Give the time of the last heartbeat, in seconds since 1970."""
        try:
            with psycopg.connect(self.database.url()) as connection:
                row = connection.execute(
                    "SELECT extract(epoch FROM beat_at)::float FROM casework_heartbeat WHERE name = 'sweep'"
                ).fetchone()
        except psycopg.OperationalError:
            return 0.0
        return float(row[0]) if row else 0.0

    def wait_for_beat_after(self, moment: float, *, seconds: float = 20) -> None:
        until(lambda: self.beat() > moment, seconds=seconds, what=f"a heartbeat after {moment}")

    def end(self, number: int = signal.SIGTERM) -> float:
        """Ask it to end and give the seconds that took."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=30)
        return time.monotonic() - started

    def kill_all(self) -> None:
        for process in [psutil.Process(self.process.pid), *self.family(), *self.database.processes()]:
            process.kill()
        self.process.wait()

    def clean_up(self) -> None:
        """End it if a failed test left it running; others may use the folder by now."""
        if self.process.poll() is None:
            self.end()


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    cluster = Cluster(temporary_folder())
    yield cluster.folder
    remove(cluster)


@pytest.fixture
def desk(folder: Path) -> Iterator[Callable[..., Desk]]:
    started: list[Desk] = []

    def start(*options: str, environment: Mapping[str, str] | None = None) -> Desk:
        started.append(Desk(folder, *options, environment=environment))
        return started[-1]

    yield start
    for each in started:
        each.clean_up()


@pytest.fixture(scope="class")
def running(folder: Path) -> Iterator[Desk]:
    """Give one desk that looks after itself twice a second, for all drills of a class."""
    desk = Desk(folder, "--look-every", "0.5")
    desk.wait_until_ready()
    yield desk
    desk.end()


class TestRefusals:
    def test_a_demo_is_refused_in_production(self, settings: Settings) -> None:
        settings.PRODUCTION = True
        with pytest.raises(CommandError, match="--demo is refused in production") as refused:
            call_command("up", demo=True)
        assert refused.value.returncode == 2

    def test_a_taken_port_is_named(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            ended = subprocess.run(
                [sys.executable, "manage.py", "up", "--port", str(port)],
                cwd=PROJECT,
                env={**os.environ, "DESK_DATA_DIR": str(tmp_path)},
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        assert ended.returncode == 2
        assert ended.stderr.strip() == f"CommandError: port {port} is taken; choose another one with --port"


@pytest.mark.drill
class TestLife:
    def test_the_first_start_makes_an_administrator_and_sigterm_ends_everything(
        self, desk: Callable[..., Desk]
    ) -> None:
        first = desk(environment={"DESK_ADMIN_EMAIL": "Ada@example.com"})
        address = first.wait_until_ready()
        assert "ada@example.com" in first.text.lower()
        assert first.text.count("one-time password") == 1
        assert [status_of(address + path) for path in ("readyz", "healthz", "accounts/login/")] == [200, 200, 200]
        family = first.family()
        assert len(family) > 6

        assert first.end() < 10
        assert first.process.returncode == 0
        assert [process for process in family if process.is_running()] == []
        assert first.database.processes() == []
        assert status_of(address + "healthz") == 0

    def test_a_later_start_makes_nobody_and_ctrl_c_ends_it_too(self, desk: Callable[..., Desk]) -> None:
        later = desk()
        later.wait_until_ready()
        assert "one-time password" not in later.text
        later.end(signal.SIGINT)
        assert later.process.returncode == 0
        assert later.family() == []
        assert later.database.processes() == []

    def test_an_end_during_the_start_leaves_nothing(self, desk: Callable[..., Desk]) -> None:
        early = desk()
        until(lambda: early.family() or None, seconds=30, what="a first child")
        early.end()
        assert early.family() == []
        assert early.database.processes() == []


@pytest.mark.drill
class TestKilled:
    def test_up_alone(self, desk: Callable[..., Desk]) -> None:
        killed = desk()
        killed.wait_until_ready()
        orphans = killed.family()
        killed.process.kill()
        killed.process.wait()

        again = desk()
        again.wait_until_ready()
        assert f"ended {len(orphans)} processes that an earlier run left behind" in again.text
        assert [
            process for process in orphans if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        ] == []

        again.kill_all()
        after_all = desk()
        moment = time.time()
        after_all.wait_until_ready()
        assert after_all.beat() > moment - 5
        after_all.end()
        assert after_all.database.processes() == []


@pytest.mark.drill
class TestWatched:
    def test_a_second_desk_on_the_same_folder_is_refused(self, running: Desk, desk: Callable[..., Desk]) -> None:
        second = desk()
        assert second.process.wait(timeout=30) == 2
        assert second.text.strip() == f"CommandError: the desk already runs on {running.folder}"
        assert running.database.is_ready()

    def test_web_and_workers_may_not_change_the_trail(self, running: Desk) -> None:
        urls = [process.environ()["DATABASE_URL"] for process in running.family()]
        assert urls
        assert all("//desk_app@" in url for url in urls)
        with psycopg.connect(urls[0]) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM casework_auditentry")

    def test_only_the_web_server_has_a_pool(self, running: Desk) -> None:
        assert "DATABASE_POOL" in running.main_of("gunicorn").environ()
        assert "DATABASE_POOL" not in running.main_of("qcluster").environ()

    def test_a_killed_database(self, running: Desk) -> None:
        address = running.wait_until_ready()
        postmaster = next(process for process in running.database.processes() if "-D" in process.cmdline())
        postmaster.kill()
        until(lambda: running.database.is_ready(), seconds=20, what="a database")
        until(lambda: status_of(address + "readyz") == 200, seconds=20, what="readiness")

    @pytest.mark.parametrize("victim", ["sentinel", "main"])
    def test_a_killed_cluster_process(self, running: Desk, victim: str) -> None:
        main = running.main_of("qcluster")
        old = [main, *main.children(recursive=True)]
        moment = time.time()
        (running.sentinel() if victim == "sentinel" else main).kill()
        running.wait_for_beat_after(moment)
        until(
            lambda: all(not process.is_running() or process.status() == psutil.STATUS_ZOMBIE for process in old),
            seconds=5,
            what="the end of the old cluster",
        )

    def test_a_killed_web_server_keeps_its_port(self, running: Desk) -> None:
        address = running.wait_until_ready()
        old = running.main_of("gunicorn")
        old.kill()
        until(lambda: not old.is_running() or old.status() == psutil.STATUS_ZOMBIE, seconds=5, what="its end")
        until(lambda: status_of(address + "healthz") == 200, seconds=20, what="an answer")
        assert running.main_of("gunicorn") != old


@pytest.mark.drill
class TestHung:
    def test_killed_idle_workers_hang_the_cluster_and_the_heartbeat_tells(self, desk: Callable[..., Desk]) -> None:
        hung = desk("--look-every", "0.5", "--heartbeat-limit", "8")
        hung.wait_until_ready()
        main = hung.main_of("qcluster")
        old = [main, *main.children(recursive=True)]
        for worker in hung.workers():
            worker.kill()
        moment = time.time()
        hung.wait_for(r"the worker cluster gave no heartbeat for \d+ s: starting it again", seconds=20)
        hung.wait_for_beat_after(moment, seconds=15)
        assert [process for process in old if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
        hung.end()
