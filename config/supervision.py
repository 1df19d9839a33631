"""Child processes of the desk: started in sessions of their own, watched, and ended without a rest."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from config.postgres import Cluster, ServerError

SUPERVISED_BY: Final = "DESK_SUPERVISED_BY"
LOOK_EVERY: Final = 5.0  # seconds
HEARTBEAT_LIMIT: Final = 120.0  # seconds without a beat before the worker cluster counts as hung
PATIENCE: Final = 5.0  # seconds from SIGTERM to SIGKILL


def say(line: str) -> None:
    """Print one line at once, also into a pipe."""
    print(line, flush=True)


def end_orphans(folder: Path) -> int:
    """Kill what an earlier run on this data folder left behind; answer how many processes that were.

    Every child carries the folder in its environment: forks keep it, and a reused process id cannot fool it.
    """
    orphans = [process for process in psutil.process_iter() if _is_supervised_by(process, str(folder))]
    for process in orphans:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + PATIENCE
    while any(map(_lives, orphans)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(orphans)


def _is_supervised_by(process: psutil.Process, folder: str) -> bool:
    with suppress(psutil.Error, OSError):
        return process.environ().get(SUPERVISED_BY) == folder and _lives(process) and process.pid != os.getpid()
    return False


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@dataclass
class Child:
    """One program of the desk with the processes it forks.

    Args:
        name: what people call it, for messages.
        command: program and arguments; it may load at once, and begins when it reads a line.
        environment: its whole environment.
        folder: where it runs.
        pass_fds: open files it inherits.
        before_start: what to do right before each start.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    pass_fds: tuple[int, ...] = ()
    before_start: Callable[[], None] | None = None
    started_at: float = field(default=0.0, init=False)  # time.monotonic()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def load(self) -> None:
        """Let it load in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            cwd=self.folder,
            pass_fds=self.pass_fds,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def start(self) -> None:
        """Let it begin; it loads first unless it did."""
        if self.process is None or self.process.stdin is None or self.process.stdin.closed:
            self.load()
        if self.before_start is not None:
            self.before_start()
        self.started_at = time.monotonic()
        if self.process is not None and self.process.stdin is not None:
            with suppress(BrokenPipeError):  # it died meanwhile: the next look finds out
                self.process.stdin.write(b"\n")
                self.process.stdin.close()

    def status(self) -> int | None:
        """Give the exit status of the main process, None while it runs."""
        return None if self.process is None else self.process.poll()

    def age(self) -> float:
        """Give the seconds since the last start."""
        return time.monotonic() - self.started_at

    def ask_to_end(self) -> None:
        """Send SIGTERM to the main process only: django-q2's workers must not get it themselves."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        """Kill the main process and everything it forked."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()

    def restart(self) -> None:
        """Kill what is left of it and start it again."""
        self.kill()
        self.process = None
        self.start()


@dataclass
class Supervisor:
    """Keeps the children and the embedded server alive.

    Args:
        web: the web server.
        cluster: the worker cluster.
        heartbeat_age: gives the seconds since the last beat, None when it cannot be told.
        database: the embedded server, None when the desk uses another one.
        heartbeat_limit: seconds without a beat before the worker cluster counts as hung.
        patience: seconds from SIGTERM to SIGKILL.
    """

    web: Child
    cluster: Child
    heartbeat_age: Callable[[], float | None]
    database: Cluster | None = None
    heartbeat_limit: float = HEARTBEAT_LIMIT
    patience: float = PATIENCE

    @property
    def children(self) -> tuple[Child, Child]:
        return self.web, self.cluster

    def load(self) -> None:
        """Let the children load, side by side; they touch nothing yet."""
        for child in self.children:
            child.load()

    def start(self) -> None:
        """Let the children begin."""
        for child in self.children:
            child.start()

    def look(self) -> None:
        """Look once, and start again whatever died or hangs; a failure here must not end the desk, the next look follows."""
        try:
            self._look()
        except (ServerError, OSError, psutil.Error) as error:
            say(f"looking after the desk failed, trying again: {error}")

    def _look(self) -> None:
        if self.database is not None and not self.database.is_ready():  # first of all, for the others need it
            say("PostgreSQL does not answer: starting it again")
            self.database.ensure()
        for child in self.children:
            if (status := child.status()) is not None:
                say(f"the {child.name} ended ({_words(status)}): starting it again")
                child.restart()
        silence = self.silence()
        if silence is not None and silence > self.heartbeat_limit:
            say(f"the {self.cluster.name} gave no heartbeat for {silence:.0f} s: starting it again")
            self.cluster.restart()

    def silence(self) -> float | None:
        """Give the seconds since the cluster's last sign of life, its start included; None when it cannot be told."""
        age = self.heartbeat_age()
        return None if age is None else min(age, self.cluster.age())

    def end(self) -> None:
        """End all children: first a word, then force; their whole groups are gone afterwards."""
        for child in self.children:
            child.ask_to_end()
        deadline = time.monotonic() + self.patience
        while any(child.process is not None and child.status() is None for child in self.children):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        for child in self.children:
            child.kill()


def _words(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
