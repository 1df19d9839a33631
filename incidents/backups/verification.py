"""Prove a backup: checksums, a real restore into a scratch database, every table compared, the trail verified (INC-91)."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from config.casework import clock
from config.casework.audit import heads
from config.casework.audit.services import record
from config.casework.events import publish
from incidents.backups import database
from incidents.backups.choices import VerificationState
from incidents.backups.events import BackupRestored, BackupVerified
from incidents.backups.manifest import Manifest, Unreadable, digest, newest, read
from incidents.backups.models import BackupRun, BackupVerification
from incidents.backups.services import DUMP, FILES, report_trouble

LONGEST_AUDIT = 1800  # seconds
MOST_FINDINGS = 20


@dataclass
class Look:
    """What one verification saw."""

    place: Path
    manifest: Manifest | None = None
    findings: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    entries: int = 0

    @property
    def state(self) -> VerificationState:
        if self.findings:
            return VerificationState.FAILED
        return VerificationState.HELD if self.held else VerificationState.VERIFIED


def verify_backup(path: Path, *, at: datetime) -> BackupVerification:
    """Restore the backup that `path` means (itself, or the newest in it) and say whether it is whole.

    The result is a row, whatever it is; a failure opens an incident, a success is told to whoever keeps a checklist.

    Args:
        at: aware moment of the beginning.
    """
    look = Look(path)
    try:
        look.place = newest(path)
        look.manifest = read(look.place)
        _check_parts(look, look.manifest)
        if not look.findings:
            _check_files(look, look.manifest)
            _check_restored(look, look.manifest, at)
    except Unreadable as error:
        look.findings.append(str(error))
    except (OSError, database.DatabaseFailed, tarfile.TarError) as error:
        look.findings.append(f"{type(error).__name__}: {error}"[:300])
    except psycopg.Error as error:  # what a server says may hold rows
        look.findings.append(f"PostgreSQL: {type(error).__name__}")
    return _written(look, at)


def _check_parts(look: Look, manifest: Manifest) -> None:
    """Every file is there, with the bytes and the checksum the manifest names."""
    for name, part in manifest.parts.items():
        file = look.place / name
        if not file.is_file():
            look.findings.append(f"{name} is missing")
            continue
        found = digest(file)
        if found != part:
            what = (
                "its checksum differs" if found.bytes == part.bytes else f"{found.bytes} bytes instead of {part.bytes}"
            )
            look.findings.append(f"{name}: {what}")
    run = BackupRun.objects.filter(place=str(look.place)).exclude(sha256="").order_by("-pk").first()
    if run is not None and digest(look.place / "manifest.json").sha256 != run.sha256:
        look.findings.append("manifest.json is not the one that was written: its checksum differs")


def _check_files(look: Look, manifest: Manifest) -> None:
    with tarfile.open(look.place / FILES) as archive:
        count = sum(1 for _entry in archive)
    if count != manifest.files:
        look.findings.append(f"{FILES} holds {count} files, the manifest says {manifest.files}")
    if manifest.missing:
        look.findings.append(f"{len(manifest.missing)} files were missing when it was made")


def _check_restored(look: Look, manifest: Manifest, at: datetime) -> None:
    """Restore, compare every table, verify the trail, ask those who must do something after a restore."""
    with database.scratch() as name:
        database.restore(look.place / DUMP, name)
        with database.connected(name) as restored:
            found = database.measure(restored)
        for table in sorted(manifest.tables.keys() | found.keys()):
            was, now = manifest.tables.get(table), found.get(table)
            if was is None or now is None:
                look.findings.append(f"table {table} is {'missing' if now is None else 'too much'}")
            elif was.rows != now.rows:
                look.findings.append(f"table {table}: {now.rows} rows instead of {was.rows}")
            elif was.digest != now.digest:
                look.findings.append(f"table {table}: its content differs")
        _check_trail(look, manifest, name)
        if not look.findings:
            event = BackupRestored(url=database.url(name), made_at=manifest.made_at, at=at)
            look.held += [str(answer) for answer in publish(event) if answer]


def _check_trail(look: Look, manifest: Manifest, name: str) -> None:
    """Run `verify_audit` on the restored rows with the heads of the backup, as of the moment it was made."""
    with _data_folder(look.place) as folder:
        environment = {
            key: value
            for key, value in os.environ.items()
            if key not in ("DATABASE_ROLE", "DATABASE_URL_FILE", "DESK_KEYS_FILE")
        }
        environment |= {
            "DATABASE_URL": database.url(name),
            "DESK_DATA_DIR": str(folder),
            "DESK_KEYS": ",".join(settings.DESK_KEYS),
        }
        command = [
            sys.executable,
            str(settings.BASE_DIR / "manage.py"),
            "verify_audit",
            "--now",
            manifest.made_at.isoformat(),
        ]
        done = subprocess.run(
            command, env=environment, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=LONGEST_AUDIT, check=False,
        )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    if done.returncode:
        look.findings += [f"trail: {line}" for line in lines or ["verify_audit did not run"]]
    elif lines and lines[-1].startswith("ok: "):
        look.entries = int(lines[-1].split()[1])


@contextmanager
def _data_folder(place: Path) -> Iterator[Path]:
    """A data folder that holds the heads of the backup and nothing else."""
    with TemporaryDirectory(prefix="desk-verify-") as name:
        folder = Path(name)
        source = place / heads.FILE
        if source.is_file() and source.stat().st_size:
            copyfile(source, folder / heads.FILE)
        yield folder


def _written(look: Look, at: datetime) -> BackupVerification:
    """Keep what was seen; tell those who wait for it."""
    lines = [*look.findings, *look.held]
    more = len(lines) - MOST_FINDINGS
    text = "\n".join([*lines[:MOST_FINDINGS], *([f"and {more} more"] if more > 0 else [])])
    manifest = look.manifest
    row = BackupVerification(
        run=BackupRun.objects.filter(place=str(look.place)).order_by("-pk").first(),
        place=str(look.place)[:300],
        started_at=at,
        finished_at=max(at, clock.now()),
        state=look.state,
        finding=text,
        tables=len(manifest.tables) if manifest else 0,
        rows=manifest.rows if manifest else 0,
        files=manifest.files if manifest else 0,
        audit_entries=look.entries,
        head=manifest.head if manifest else "",
    )
    if connection.connection is not None and not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    with transaction.atomic():
        row.save()
        record(
            row, f"backup_verification.{row.state}", actor=None, at=at, detail={"rows": row.rows, "tables": row.tables}
        )
        if row.state == VerificationState.FAILED:
            report_trouble(_("A backup of the desk cannot be trusted"), text, at=at)
        elif row.state == VerificationState.VERIFIED:
            publish(BackupVerified(row, at))
    return row
