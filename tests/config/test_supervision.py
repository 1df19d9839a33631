"""Children of the desk, with real processes: who is started again, and that nobody stays."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from config.supervision import SUPERVISED_BY, Child, Supervisor, end_orphans

PROJECT = Path(__file__).resolve().parent.parent.parent
STUBBORN = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork(); print(flush=True); time.sleep(60)"


def child(name: str, command: list[str] | None = None) -> Child:
    return Child(name, command or ["sleep", "60"], dict(os.environ), Path("/"))


def main_of(one: Child) -> int:
    assert one.process is not None
    return one.process.pid


@pytest.fixture
def supervised() -> Iterator[Callable[[float | None], Supervisor]]:
    made: list[Supervisor] = []

    def start(age: float | None) -> Supervisor:
        made.append(
            Supervisor(child("web server"), child("worker cluster"), lambda: age, heartbeat_limit=0.2, patience=0.5)
        )
        made[-1].start()
        return made[-1]

    yield start
    for each in made:
        each.end()


class TestStandby:
    """A child loads at once, and begins with the word."""

    @pytest.fixture
    def program(self) -> Iterator[Child]:
        environment = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere"}
        one = Child(
            "program", [sys.executable, "-m", "config.standby", "check", "--tag", "nothing"], environment, PROJECT
        )
        yield one
        one.kill()

    def test_it_begins_when_it_is_told(self, program: Child) -> None:
        program.load()
        assert program.process is not None
        with pytest.raises(subprocess.TimeoutExpired):
            program.process.wait(timeout=4)
        program.start()
        assert program.process.wait(timeout=20) == 1  # check knows no such tag

    def test_it_ends_when_nobody_is_left_to_tell(self, program: Child) -> None:
        program.load()
        assert program.process is not None
        assert program.process.stdin is not None
        program.process.stdin.close()
        assert program.process.wait(timeout=20) == 0


class TestLook:
    def test_a_dead_child_is_started_again(
        self, supervised: Callable[[float | None], Supervisor], capsys: pytest.CaptureFixture[str]
    ) -> None:
        supervisor = supervised(0.0)
        before = main_of(supervisor.web)
        os.kill(before, 9)
        assert supervisor.web.process is not None
        supervisor.web.process.wait(timeout=2)
        supervisor.look()
        assert main_of(supervisor.web) != before
        assert capsys.readouterr().out == "the web server ended (signal 9): starting it again\n"

    def test_living_children_with_a_fresh_heartbeat_are_left_alone(
        self, supervised: Callable[[float | None], Supervisor]
    ) -> None:
        supervisor = supervised(0.0)
        before = [main_of(one) for one in supervisor.children]
        time.sleep(0.3)
        supervisor.look()
        assert [main_of(one) for one in supervisor.children] == before

    def test_a_silent_cluster_is_started_again_and_the_web_server_is_not(
        self, supervised: Callable[[float | None], Supervisor]
    ) -> None:
        supervisor = supervised(float("inf"))
        web, cluster = map(main_of, supervisor.children)
        time.sleep(0.3)
        supervisor.look()
        assert main_of(supervisor.web) == web
        assert main_of(supervisor.cluster) != cluster

    def test_a_cluster_that_just_started_is_not_silent(self, supervised: Callable[[float | None], Supervisor]) -> None:
        supervisor = supervised(float("inf"))
        before = main_of(supervisor.cluster)
        supervisor.look()
        assert main_of(supervisor.cluster) == before

    def test_an_unknown_heartbeat_is_no_silence(self, supervised: Callable[[float | None], Supervisor]) -> None:
        supervisor = supervised(None)
        before = main_of(supervisor.cluster)
        time.sleep(0.3)
        supervisor.look()
        assert main_of(supervisor.cluster) == before

    def test_a_failing_look_does_not_end_the_desk(
        self, supervised: Callable[[float | None], Supervisor], capsys: pytest.CaptureFixture[str]
    ) -> None:
        supervisor = supervised(0.0)
        supervisor.web.kill()
        supervisor.web.command = ["/does/not/exist"]
        supervisor.look()
        assert "looking after the desk failed, trying again" in capsys.readouterr().out


class TestEnd:
    def test_who_ignores_the_word_is_ended_by_force_with_its_forks(self) -> None:
        stubborn = child("web server", [sys.executable, "-c", STUBBORN])
        supervisor = Supervisor(stubborn, child("worker cluster"), lambda: 0.0, patience=0.5)
        supervisor.start()
        time.sleep(0.3)
        group = [process for process in psutil.process_iter() if os.getpgid(process.pid) == main_of(stubborn)]
        assert len(group) == 2
        supervisor.end()
        _, alive = psutil.wait_procs(group, timeout=2)
        assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


class TestOrphans:
    def test_only_those_of_the_same_folder_are_ended(self, tmp_path: Path) -> None:
        ours, other = (
            subprocess.Popen(["sleep", "60"], env=os.environ | {SUPERVISED_BY: f"{tmp_path}{end}"})
            for end in ("", "/sub")
        )
        try:
            assert end_orphans(tmp_path) == 1
            assert ours.wait(timeout=2) == -9
            assert other.poll() is None
        finally:
            other.kill()
            other.wait()
