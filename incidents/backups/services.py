"""Make backups of the desk, and write down those of the systems it looks after (INC-88)."""

import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfileobj, rmtree
from tempfile import TemporaryFile
from typing import Any

import psycopg
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework import clock
from config.casework.access.actors import Actor, actor_user
from config.casework.access.services import require
from config.casework.audit import heads
from config.casework.audit.services import record
from config.casework.catalogue.models import System
from incidents.backups import database
from incidents.backups.choices import BackupResult
from incidents.backups.manifest import LATEST, NAME, PREFIX, Manifest, Part, backups, digest
from incidents.backups.models import BackupRun
from incidents.services import open_or_join

DUMP, FILES, RUNBOOKS = "database.dump", "files.tar", "runbooks.tar"
KEEP = timedelta(days=30)
STORED = "SELECT path FROM casework_storedfile WHERE path <> '' AND wrapped_key <> ''::bytea ORDER BY path"
BACKUP_TROUBLE = "desk:backup"
WATCH = timedelta(days=1)


def back_up(path: Path, *, at: datetime, keep: timedelta = KEEP) -> BackupRun:
    """Save the desk into a dated folder below `path`, write it down, and remove backups that are too old.

    Database and counts come from one snapshot. Half a backup never bears the name of a whole one. A failure is written
    down too and opens an incident.

    Args:
        at: aware moment of the beginning.
        keep: backups that are older than this are removed, but never the newest.
    """
    name = f"{PREFIX}{at:%Y%m%dT%H%M%SZ}"
    run = BackupRun(started_at=at, place=str(path / name))
    try:
        manifest = _write(path, name, at)
    except (OSError, database.DatabaseFailed, psycopg.Error, FileExistsError) as error:
        run.result, run.error = BackupResult.FAILED, _reason(error)
    else:
        run.result, run.size, run.rows, run.files = BackupResult.DONE, manifest.size, manifest.rows, manifest.files
        run.sha256, run.head = digest(path / name / NAME).sha256, manifest.head
        if manifest.missing:
            run.result = BackupResult.FAILED
            run.error = _("%(count)d files are missing from the storage; the rest is saved") % {
                "count": len(manifest.missing)
            }
    run.finished_at = max(at, clock.now())
    with transaction.atomic():
        run.save()
        record(run, f"backup.{run.result}", actor=None, at=at, detail={"rows": run.rows, "files": run.files})
        if run.result == BackupResult.FAILED:
            report_trouble(_("The desk's backup failed"), run.error, at=at)
    if run.result == BackupResult.DONE:
        _purge(path, at - keep)
    return run


def note_run(
    system: System, *, actor: Actor, at: datetime, started_at: datetime, finished_at: datetime, place: str,
    result: str, size: int = 0, sha256: str = "", error: str = "",
) -> BackupRun:  # fmt: skip
    """Write down a backup that was made elsewhere, of a system the desk looks after.

    Raises:
        ValidationError: keyed by field.
        PermissionDenied: the actor may not.
    """
    require(actor, "incidents.add_backuprun")
    run = BackupRun(
        system=system,
        started_at=started_at,
        finished_at=finished_at,
        place=place,
        result=result,
        size=size,
        sha256=sha256,
        error=error,
        recorded_by=actor_user(actor),
    )
    run.full_clean()
    with transaction.atomic():
        run.save()
        record(run, f"backup.{run.result}", actor=actor, at=at, detail={"system": system.key})
    return run


def report_trouble(title: str, description: str, *, at: datetime) -> None:
    """Open an incident, or join the one that is open, for a backup that failed or cannot be restored."""
    system = home_system()
    if system is not None:
        open_or_join(
            system,
            title=title,
            description=description,
            at=at,
            source_key=BACKUP_TROUBLE,
            watch_since=at - WATCH,
        )


def home_system() -> System | None:
    """The system that answers for the desk itself: the one whose runbook says so, else the first there is."""
    named = System.objects.filter(settings__answers_for_desk=True)
    return named.order_by("pk").first() or System.objects.order_by("pk").first()


# --- writing -----------------------------------------------------------------------------------------------------------


def _write(path: Path, name: str, at: datetime) -> Manifest:
    """Write all parts into a draft and rename it when it is whole."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft, target = path / f".{name}.partial", path / name
    if target.exists():
        raise FileExistsError(f"{target} is there already")
    rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    try:
        with _private():
            manifest = _fill(draft, at)
            (draft / NAME).write_text(manifest.text(), encoding="utf-8")
            _sync(draft)
        draft.rename(target)
        pointer = path / f".{LATEST}.new"
        pointer.write_text(f"{name}\n", encoding="ascii")
        pointer.rename(path / LATEST)
    finally:
        rmtree(draft, ignore_errors=True)
    return manifest


def _fill(draft: Path, at: datetime) -> Manifest:
    _copy_heads(draft)  # before the snapshot: a head always has its seal in the dump
    with database.connected() as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = _one(connection, "SELECT pg_export_snapshot()")
        database.dump(str(snapshot), draft / DUMP)
        tables = database.measure(connection)
        stored = [row[0] for row in connection.execute(STORED).fetchall()]
        schema = {app: last for app, last in connection.execute(database.SCHEMA).fetchall()}  # noqa: C416 - typed
        head, server = _one(connection, database.HEAD), _one(connection, "SHOW server_version")
    missing = _pack_files(draft / FILES, stored)
    _pack_runbooks(draft / RUNBOOKS)
    parts: dict[str, Part] = {each.name: digest(each) for each in sorted(draft.iterdir())}
    return Manifest(
        made_at=at,
        server=str(server),
        schema=schema,
        parts=parts,
        tables=tables,
        left_out=database.LEFT_OUT,
        files=len(stored) - len(missing),
        missing=tuple(missing),
        head=str(head or ""),
    )


def _copy_heads(draft: Path) -> None:
    source = heads.path()
    (draft / heads.FILE).write_bytes(source.read_bytes() if source.exists() else b"")


def _pack_files(target: Path, paths: list[str]) -> list[str]:
    """Copy stored files as they lie, encrypted; says which were not there."""
    missing = []
    with tarfile.open(target, "w") as archive:
        for path in paths:
            try:
                with default_storage.open(path, "rb") as source, TemporaryFile() as copy:
                    copyfileobj(source, copy)
                    entry = tarfile.TarInfo(path)
                    entry.size, entry.mode = copy.tell(), 0o600
                    copy.seek(0)
                    archive.addfile(entry, copy)
            except FileNotFoundError:
                missing.append(path)
    return missing


def _pack_runbooks(target: Path) -> None:
    folder = settings.BASE_DIR / "config" / "runbooks"
    with tarfile.open(target, "w") as archive:
        for file in sorted(folder.glob("*.yaml")):
            archive.add(file, arcname=f"runbooks/{file.name}", recursive=False)


def _purge(path: Path, before: datetime) -> None:
    """Remove finished backups of ours that are too old; never the folder itself, never the newest."""
    for folder in backups(path)[:-1]:
        made = folder.name.removeprefix(PREFIX)
        if made < f"{before:%Y%m%dT%H%M%SZ}" and folder.parent == path and not folder.is_symlink():
            rmtree(folder)
            BackupRun.objects.filter(place=str(folder), purged_at=None).update(purged_at=clock.now())


@contextmanager
def _private() -> Iterator[None]:
    """What is written inside is for its owner alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _sync(folder: Path) -> None:
    for file in (*folder.iterdir(), folder):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _one(connection: psycopg.Connection[Any], query: Any) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _reason(error: Exception) -> str:
    """One line; what a server says may hold rows, so only the kind of its error is told."""
    if isinstance(error, psycopg.Error):
        return f"PostgreSQL: {type(error).__name__}"
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
