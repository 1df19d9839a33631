"""The embedded server: where it lies, who owns it, and how it comes back."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config import postgres
from config.postgres import APPLICATION, OWNER, Cluster, ServerError, for_command
from tests.postgres import SETTINGS, remove, temporary_folder

HOLDER = """
import sys, time
from pathlib import Path
from config.postgres import Cluster
with Cluster(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    cluster = Cluster(temporary_folder(), settings=SETTINGS)
    cluster.ensure()
    yield cluster
    remove(cluster)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    fresh = Cluster(temporary_folder(), settings={"fsync": "off"})
    yield fresh
    remove(fresh)


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> Cluster:
    """Give the environment of a stranger, with a data folder of its own."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("DESK_DATA_DIR", str(cluster.folder))
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(signal, "signal", lambda *_arguments: before)
    return cluster


class Holder:
    """Another process that uses the server."""

    def __init__(self, cluster: Cluster) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(cluster.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(postgres.__file__).parent.parent)},
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"held\n"

    def leave(self) -> None:
        self.process.communicate(b"\n", timeout=20)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=20)


def kill_everything(cluster: Cluster) -> None:
    for process in cluster.processes():
        process.kill()


def committed(cluster: Cluster) -> int:
    with psycopg.connect(cluster.url()) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def commit_a_row(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")


class TestServer:
    def test_it_listens_on_no_port(self, running: Cluster) -> None:
        with psycopg.connect(running.url()) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)

    @pytest.mark.parametrize("role", [OWNER, APPLICATION])
    def test_both_roles_may_sign_in(self, running: Cluster, role: str) -> None:
        with psycopg.connect(running.url(role)) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (role,)

    def test_only_the_owner_may_make_tables(self, running: Cluster) -> None:
        with (
            psycopg.connect(running.url(APPLICATION)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("CREATE TABLE mine (id int)")

    def test_its_folder_and_socket_are_closed_to_others(self, running: Cluster) -> None:
        assert stat.S_IMODE(running.pgdata.stat().st_mode) == 0o700
        assert running.socket_folder == running.pgdata

    def test_it_does_not_get_our_secrets(self, running: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        assert all("DATABASE_URL" not in process.environ() for process in running.processes())

    def test_starting_it_twice_changes_nothing(self, running: Cluster) -> None:
        before = {process.pid for process in running.processes() if "-D" in process.cmdline()}
        running.ensure()
        assert {process.pid for process in running.processes() if "-D" in process.cmdline()} == before


class TestPlace:
    def test_a_path_too_long_for_a_socket_gets_a_private_folder(self, cluster: Cluster) -> None:
        folder = cluster.folder / ("long" * 25)
        folder.mkdir(mode=0o755)
        far = Cluster(folder)
        with far.held():
            assert far.socket_folder.parent == Path(tempfile.gettempdir())
            assert stat.S_IMODE(far.socket_folder.stat().st_mode) == 0o700
            commit_a_row(far)
        shutil.rmtree(far.socket_folder)

    def test_a_socket_folder_of_somebody_else_is_refused(self, cluster: Cluster) -> None:
        folder = cluster.folder / ("long" * 25)
        folder.mkdir(mode=0o755)
        taken = Cluster(folder).socket_folder
        taken.chmod(0o777)
        with pytest.raises(ServerError, match="is not ours"):
            _ = Cluster(folder).socket_folder
        taken.rmdir()

    def test_a_cut_off_initdb_is_done_again(self, cluster: Cluster) -> None:
        half = cluster.home / "pgdata.new"
        half.mkdir()
        (half / "PG_VERSION").write_text("18\n", encoding="ascii")
        with cluster.held():
            assert cluster.is_ready()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for its server")
    def test_below_a_private_home_root_keeps_it_elsewhere(
        self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(postgres, "SYSTEM_FOLDER", cluster.folder / "system")
        home = cluster.folder / "home"
        home.mkdir(mode=0o700)
        private = Cluster(home / "desk/var")
        with private.held():
            assert private.home.is_relative_to(cluster.folder / "system")
            assert (private.home / "belongs-to").read_text(encoding="utf-8") == f"{home}/desk/var\n"
            commit_a_row(private)
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        home.chmod(0o755)
        with Cluster(home / "desk/var").held():
            assert committed(private) == 1

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for its server")
    def test_programs_out_of_reach_are_copied(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgres, "SYSTEM_FOLDER", cluster.folder / "system")
        reached = cluster._reaches
        monkeypatch.setattr(cluster, "_reaches", lambda path: "site-packages" not in str(path) and reached(path))
        with cluster.held():
            assert cluster.binaries.is_relative_to(cluster.folder / "system/bin")
            assert cluster.is_ready()


class TestOwnership:
    def test_the_last_user_stops_it(self, cluster: Cluster) -> None:
        with cluster.held():
            assert cluster.is_ready()
        assert cluster.processes() == []

    def test_a_short_command_beside_a_long_one_stops_nothing(self, cluster: Cluster) -> None:
        long = Holder(cluster)
        with cluster.held():
            pass
        assert cluster.is_ready()
        long.leave()
        assert cluster.processes() == []

    def test_the_first_user_may_leave_first(self, cluster: Cluster) -> None:
        with cluster.held():
            other = Holder(cluster)
        assert cluster.is_ready()
        other.leave()
        assert not cluster.is_ready()

    def test_a_killed_user_leaves_no_claim(self, cluster: Cluster) -> None:
        Holder(cluster).kill()
        assert cluster.is_ready()
        with cluster.held():
            pass
        assert cluster.processes() == []

    def test_a_fork_that_ends_stops_nothing(self, cluster: Cluster) -> None:
        with cluster.held():
            script = HOLDER.replace("sys.stdin.readline()", "import os; os.fork() or sys.exit(); os.wait()")
            other = subprocess.run(
                [sys.executable, "-c", script + "\n    assert Cluster(Path(sys.argv[1])).is_ready()", cluster.folder],
                env={**os.environ, "PYTHONPATH": str(Path(postgres.__file__).parent.parent)},
                check=False,
                timeout=20,
            )
            assert other.returncode == 0
            assert cluster.is_ready()


@pytest.mark.drill
class TestRecovery:
    def test_it_comes_back_after_everything_was_killed(self, cluster: Cluster) -> None:
        cluster.ensure()
        for count in (1, 2):
            commit_a_row(cluster)
            kill_everything(cluster)
            started = time.monotonic()
            cluster.ensure()
            assert committed(cluster) == count
            assert time.monotonic() - started < 10

    def test_it_comes_back_after_its_main_process_was_killed(self, cluster: Cluster) -> None:
        cluster.ensure()
        commit_a_row(cluster)
        next(process for process in cluster.processes() if "-D" in process.cmdline()).kill()
        cluster.ensure()
        assert committed(cluster) == 1

    def test_a_pid_file_that_names_a_living_stranger_does_not_block_it(self, cluster: Cluster) -> None:
        with cluster.held():
            pass
        pid_file = cluster.pgdata / "postmaster.pid"
        pid_file.write_text(f"{os.getpid()}\n{cluster.pgdata}\n0\n5432\n{cluster.socket_folder}\n\n", encoding="ascii")
        cluster.ensure()
        assert cluster.is_ready()

    def test_a_server_that_cannot_start_says_why_in_one_line(self, cluster: Cluster) -> None:
        with cluster.held():
            pass
        cluster.settings["shared_buffers"] = "much"
        with pytest.raises(ServerError, match=r"PostgreSQL does not start: .*shared_buffers") as refused:
            cluster.ensure()
        assert "\n" not in str(refused.value)


class TestForCommand:
    def test_a_command_gets_the_server_and_its_address(self, bare_environment: Cluster) -> None:
        with for_command(["manage.py", "migrate"]):
            assert os.environ["DATABASE_URL"] == bare_environment.url(OWNER)
            assert bare_environment.is_ready()
        assert not bare_environment.is_ready()

    @pytest.mark.parametrize("arguments", [[], ["help"], ["check", "--deploy"], ["migrate", "--help"]])
    def test_a_command_without_need_starts_no_server(self, bare_environment: Cluster, arguments: list[str]) -> None:
        with for_command(["manage.py", *arguments]):
            assert os.environ["DATABASE_URL"].startswith("postgresql://desk@")
            assert not bare_environment.pgdata.exists()

    @pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_URL_FILE"])
    def test_another_database_is_left_alone(
        self, bare_environment: Cluster, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, "somewhere else")
        with for_command(["manage.py", "migrate"]):
            assert os.environ[name] == "somewhere else"
            assert not bare_environment.pgdata.exists()

    def test_variables_of_libpq_do_not_lead_elsewhere(
        self, bare_environment: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
        monkeypatch.setenv("PGPORT", "1")
        with for_command(["manage.py", "migrate"]), psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("desk",)
