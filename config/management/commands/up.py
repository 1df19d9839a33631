"""`manage.py up`: the whole desk with one command, watched until it is told to end."""

import errno
import fcntl
import gc
import hashlib
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import Any, Final

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.checks import ERROR, run_checks
from django.core.exceptions import ValidationError
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, ProgrammingError, connection, connections
from django_q.tasks import async_task

from config.casework import clock
from config.casework.access.services import first_administrator
from config.grants import create_application_role, grant_application_role
from config.postgres import APPLICATION, ServerError, embedded_cluster, file_lock, make_folder
from config.supervision import HEARTBEAT_LIMIT, LOOK_EVERY, SUPERVISED_BY, Child, Supervisor, end_orphans, say

BEAT: Final = "config.casework.work.tasks.beat"
HEARTBEAT_AGE: Final = (
    "SELECT extract(epoch FROM clock_timestamp() - beat_at)::float FROM casework_heartbeat WHERE name = 'sweep'"
)
THREADS: Final = 4  # of each web process; as many pooled connections serve them
COMPLAIN_AFTER: Final = 30.0  # seconds without readiness
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Ended(BaseException):
    """Somebody asked the desk to end."""


class Command(BaseCommand):
    """Start everything the desk needs and keep it running."""

    help = "Start the desk: database, migrations, first administrator, web server and worker cluster."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1 (8000); 0 takes a free one")
        parser.add_argument("--demo", action="store_true", help="fill the desk with a week of made-up cases")
        parser.add_argument("--no-input", action="store_true", help="never ask (the desk never does)")
        parser.add_argument("--look-every", type=float, default=LOOK_EVERY, help="seconds between two looks")
        parser.add_argument("--heartbeat-limit", type=float, default=HEARTBEAT_LIMIT, help="seconds without a beat")

    def handle(self, **options: Any) -> None:
        """Run the desk until SIGTERM or Ctrl-C.

        Raises:
            CommandError: refused, with the reason in one line: it runs already, the port is taken, a bad setting.
        """
        if options["demo"] and settings.PRODUCTION:
            raise CommandError("--demo is refused in production", returncode=2)
        folder = Path(settings.DATA_DIR)
        make_folder(folder)
        with ExitStack() as stack:
            try:
                stack.enter_context(file_lock(folder / "up.lock", fcntl.LOCK_EX | fcntl.LOCK_NB))
            except BlockingIOError as error:
                raise CommandError(f"the desk already runs on {folder}", returncode=2) from error
            except ServerError as error:
                raise CommandError(str(error), returncode=2) from error
            with suppress(Ended), ended_by_signals():
                if count := end_orphans(folder):
                    say(f"ended {count} processes that an earlier run left behind")
                listener = stack.enter_context(listen(options["port"]))
                gc.disable()  # throw-away models of migrations would make the collector a third of the start
                with collected_static(folder) as files, embedded_server() as database:
                    refuse_bad_settings()
                    supervise(listener, options, {"database": database, "files": files})


@contextmanager
def embedded_server() -> Iterator[Callable[[], object]]:
    """Start our own database server beside what loads meanwhile; gives what waits for it. It ends with the desk."""
    cluster = embedded_cluster()
    if cluster is None:
        yield lambda: None
        return
    with ExitStack() as stack, ThreadPoolExecutor(1) as beside:
        yield beside.submit(stack.enter_context, cluster.held()).result


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn the first SIGTERM, Ctrl-C or hang-up into Ended; later ones change nothing, the end is bounded anyway."""

    def end(number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, ignore)
        raise Ended

    def ignore(number: int, frame: FrameType | None) -> None:
        return

    for each in SIGNALS:
        if each != signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN:  # nohup
            signal.signal(each, end)
    yield


@contextmanager
def listen(port: int) -> Iterator[socket.socket]:
    """Open the port ourselves, so that a taken one is told plainly and stays ours while the web server restarts.

    Raises:
        CommandError: the port is taken or not ours to take.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(512)
        except (OSError, OverflowError) as error:
            reason = (
                "is taken"
                if isinstance(error, OSError) and error.errno == errno.EADDRINUSE
                else f"cannot be used ({error})"
            )
            raise CommandError(f"port {port} {reason}; choose another one with --port", returncode=2) from error
        yield listener


def refuse_bad_settings() -> None:
    """Run the system checks, in production those for deployment too.

    Raises:
        CommandError: the first error, and how many there are.
    """
    found = [message for message in run_checks(include_deployment_checks=settings.PRODUCTION) if message.level >= ERROR]
    if found:
        text = " ".join(f"{found[0].id}: {found[0].msg} {found[0].hint or ''}".split())
        more = f" ({len(found) - 1} more, see manage.py check)" if len(found) > 1 else ""
        raise CommandError(text + more, returncode=2)


def environment_of_children() -> dict[str, str]:
    """Give the environment of web and workers: their own database role, and the mark by which orphans are known."""
    folder = settings.DATA_DIR
    environment = {**os.environ, SUPERVISED_BY: str(folder), "DESK_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1"}
    environment.pop("DESK_ADMIN_PASSWORD", None)
    cluster = embedded_cluster()
    if cluster is not None:
        return environment | {"DATABASE_URL": cluster.url(APPLICATION)}
    try:
        create_application_role(connection)
    except ProgrammingError:
        say(f"the database does not let us create the role {APPLICATION}: web and workers connect as its owner")
        return environment
    return environment | {"DATABASE_ROLE": APPLICATION}


def prepare(*, granted: bool, demo: bool) -> None:
    """Bring the database up to date.

    Args:
        granted: web and workers have a role of their own, which may use what the migrations made and no more.
        demo: fill it with a week of made-up cases.
    """
    migrate()
    if granted:
        grant_application_role(connection)
    if "load_runbooks" in get_commands():
        call_command("load_runbooks", changed=True, verbosity=0)
    if demo:
        call_command("demo", verbosity=0)
    connections.close_all()


def migrate() -> None:
    """Bring the tables up to date.

    Raises:
        CommandError: the database refused a step.
    """
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except Error as error:
        reason = str(error).partition("\n")[0]
        raise CommandError(f"the database cannot be migrated: {reason} (manage.py migrate tells more)") from error


@contextmanager
def collected_static(folder: Path) -> Iterator[Callable[[], None]]:
    """Collect the static files in a process of its own when any of them changed; gives what waits for it."""
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = os.stat(storage.path(name))
            digest.update(f"{storage.path(name)}:{found.st_size}:{found.st_mtime_ns}\n".encode())
    stamp, now = folder / "static.sha256", digest.hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == now and Path(settings.STATIC_ROOT).exists():
        yield lambda: None
        return
    collector = get_context("fork").Process(target=collect_static)
    collector.start()

    def collected() -> None:
        collector.join()
        if collector.exitcode != 0:
            raise CommandError("the static files cannot be collected (manage.py collectstatic tells more)")
        stamp.write_text(now, encoding="ascii")

    try:
        yield collected
    finally:
        collector.kill()


def collect_static() -> None:
    """Collect and pack all static files, giving way to the migrations."""
    os.nice(10)
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)


def add_first_administrator() -> None:
    """Make the first administrator when nobody works at the desk, and print a generated password once.

    Raises:
        CommandError: DESK_ADMIN_EMAIL or DESK_ADMIN_PASSWORD cannot be used.
    """
    email, password = os.environ.get("DESK_ADMIN_EMAIL"), os.environ.get("DESK_ADMIN_PASSWORD")
    try:
        made = first_administrator(email or None, password or None, clock.now())
    except ValidationError as error:
        reason = " ".join(error.messages)
        raise CommandError(f"DESK_ADMIN_EMAIL or DESK_ADMIN_PASSWORD cannot be used: {reason}", returncode=2) from error
    if made is not None and made[1] is not None:
        say(f"first administrator: {made[0].email}, one-time password {made[1]} (shown once, change it after sign-in)")


def supervise(listener: socket.socket, options: dict[str, Any], begun: Mapping[str, Callable[[], object]]) -> None:
    """Let the children load while database and files are made ready, then run them until the end is asked for.

    Args:
        begun: what waits for the "database" and the "files" that were begun before.
    """
    port = listener.getsockname()[1]
    environment = environment_of_children()
    if not settings.PRODUCTION:
        environment.setdefault("BASE_URL", f"http://127.0.0.1:{port}")
    supervisor = Supervisor(
        web=web_server(listener, environment),
        cluster=worker_cluster(environment),
        heartbeat_age=heartbeat_age,
        database=embedded_cluster(),
        heartbeat_limit=options["heartbeat_limit"],
    )
    try:
        supervisor.load()
        begun["database"]()
        prepare(granted="DATABASE_ROLE" in environment or supervisor.database is not None, demo=options["demo"])
        begun["files"]()
        supervisor.start()
        add_first_administrator()  # a password's hash takes as long as the children take to begin
        watch(supervisor, port, options["look_every"])
    finally:
        supervisor.end()
        end_orphans(Path(settings.DATA_DIR))  # a signal may have come between a start and its note


def web_server(listener: socket.socket, environment: dict[str, str]) -> Child:
    """Describe gunicorn on our socket; it has no control socket, which all desks of a user would share."""
    options = f"--worker-class gthread --workers 2 --threads {THREADS} --graceful-timeout 4 --no-control-socket"
    return Child(
        name="web server",
        command=[
            *(sys.executable, "-m", "config.standby", "gunicorn", "config.wsgi", "--bind", f"fd://{listener.fileno()}"),
            *("--log-level", "warning", *options.split()),
        ],
        environment=environment | {"DATABASE_POOL": str(THREADS)},
        folder=settings.BASE_DIR,
        pass_fds=(listener.fileno(),),
    )


def worker_cluster(environment: dict[str, str]) -> Child:
    """Describe django-q2's cluster; it gets no connection pool, which its forks would share."""
    environment = {name: value for name, value in environment.items() if name != "DATABASE_POOL"}
    command = [sys.executable, "-m", "config.standby", "qcluster"]
    return Child("worker cluster", command, environment, settings.BASE_DIR, before_start=enqueue_beat)


def enqueue_beat() -> None:
    """Ask for a first heartbeat: the cluster's own scheduler looks only 30 s after its start."""
    with suppress(Error):
        async_task(BEAT)


def heartbeat_age() -> float | None:
    """Give the seconds since the last beat, infinity before the first one, None when the database does not tell."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(HEARTBEAT_AGE)
            row = cursor.fetchone()
    except Error:
        return None
    return float("inf") if row is None else float(row[0])


def watch(supervisor: Supervisor, port: int, look_every: float) -> None:
    """Say when the desk is ready, and look at everything at regular intervals, for ever."""
    ready = False
    next_look, complain_at = time.monotonic() + look_every, time.monotonic() + COMPLAIN_AFTER
    while True:
        if not ready and not (problem := unreadiness(port)):
            ready = True
            gc.enable()
            say(f"ready http://127.0.0.1:{port}/")
        elif not ready and time.monotonic() > complain_at:
            complain_at = float("inf")
            say(f"not ready after {COMPLAIN_AFTER:.0f} s: {problem}")
        if time.monotonic() >= next_look:
            supervisor.look()
            connections.close_all()
            next_look = time.monotonic() + look_every
        time.sleep(min(look_every, 1.0) if ready else 0.1)


def unreadiness(port: int) -> str:
    """Say in one line what /readyz misses; nothing when it is content."""
    host = next((name.removeprefix(".") for name in settings.ALLOWED_HOSTS if "*" not in name), "127.0.0.1")
    request = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        request.request("GET", "/readyz", headers={"Host": host})
        answer = request.getresponse()
        text = " ".join(answer.read(500).decode(errors="replace").split())
    except (OSError, http.client.HTTPException) as error:
        return f"/readyz does not answer ({error})"
    finally:
        request.close()
    return "" if answer.status == http.HTTPStatus.OK else f"/readyz answers {answer.status} {text}"
