"""Store, read, delete and redact files (SEC-24).

Removing a file destroys its key first, in the caller's transaction; the bytes follow after the commit. A crash between
the two leaves bytes that nobody can read, and the sweep removes them.
"""

import hashlib
import tempfile
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import IO, Any, Protocol
from uuid import uuid4

import structlog
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from config.casework import crypto
from config.casework.access.actors import Actor, actor_user
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.cases.models import Case
from config.casework.content import ATTACHMENTS, MAX_BYTES, ContentType, SeekableBytes, check_upload
from config.casework.files.models import StoredFile

FOLDER = "files"
IN_MEMORY = 1024 * 1024  # bytes; larger ones pass, encrypted, through a temporary file
REMOVED = "[removed]"
SWEEP_BATCH = 200
ORPHAN_DAYS = 7  # the present day is left out: its rows may not be committed yet
ORPHAN_MINUTE = 30  # of each hour

log = structlog.get_logger("desk.files")


class FileGone(Exception):
    """The file was deleted or redacted: its key no longer exists."""


class Upload(SeekableBytes, Protocol):
    """A binary stream that can be read twice."""


class _Measured:
    """Passes a stream on and keeps its digest and length."""

    def __init__(self, source: Upload) -> None:
        self.source = source
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        part = self.source.read(size)
        self.digest.update(part)
        self.size += len(part)
        return part


def store(
    case: Case,
    upload: Upload,
    *,
    name: str,
    actor: Actor,
    at: datetime,
    internal: bool = True,
    retention_until: datetime | None = None,
    allowed: Collection[ContentType] = ATTACHMENTS,
    max_bytes: int = MAX_BYTES,
) -> StoredFile:
    """Check a file by size and bytes, encrypt it and keep it with a case.

    Args:
        upload: binary stream that can be read twice, such as an upload.
        name: as given; folders are cut off, and it ends as the content demands.
        actor: who sent it; None for a person without an account.
        at: aware instant.
        internal: not shown to the person the case is about.
        retention_until: aware instant after which the sweep deletes it.
        allowed: kinds that are taken.
        max_bytes: the most that is taken.
    Raises:
        UploadRefused: empty, too large or of another kind, in words for the sender.
        PermissionDenied: the person may not add files to this case.
    """
    require(actor, "casework.add_storedfile", case)
    kind = check_upload(name, upload, allowed=allowed, max_bytes=max_bytes)
    return keep(
        case, upload, kind=kind, name=name, actor=actor, at=at, internal=internal, retention_until=retention_until
    )


def keep(
    case: Case,
    upload: Upload,
    *,
    kind: ContentType,
    name: str,
    actor: Actor,
    at: datetime,
    internal: bool = True,
    retention_until: datetime | None = None,
) -> StoredFile:
    """Encrypt and keep what the desk made itself (a package, a certificate), of a kind known to the caller."""
    measured = _Measured(upload)
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as sealed:
        wrapped_key = crypto.encrypt_stream(measured, sealed)
        sealed.seek(0)
        path = default_storage.save(f"{FOLDER}/{at:%Y/%m/%d}/{uuid4().hex}", File(sealed))
    try:
        with transaction.atomic():
            stored = StoredFile.objects.create(
                case=case,
                name=kind.file_name(name),
                mime=kind.mime,
                size=measured.size,
                sha256=measured.digest.hexdigest(),
                wrapped_key=wrapped_key,
                path=path,
                internal=internal,
                uploaded_by=actor_user(actor),
                uploaded_at=at,
                retention_until=retention_until,
            )
            record(
                case, "file.added", actor=actor, at=at, about=stored, detail={"kind": kind.name, "bytes": stored.size}
            )
    except BaseException:
        default_storage.delete(path)
        raise
    return stored


def read(stored: StoredFile, *, offset: int = 0) -> Iterator[bytes]:
    """The content, piece by piece, from a byte on; the first piece is checked before this returns.

    Raises:
        FileGone: deleted, redacted, or its bytes are missing.
        DecryptionFailed: it was altered, or the key that sealed it is not in DESK_KEYS; for later pieces when reached.
    """
    if not stored.is_readable:
        raise FileGone
    try:
        source = default_storage.open(stored.path, "rb")
    except FileNotFoundError as error:
        raise FileGone from error
    pieces = _pieces(source, bytes(stored.wrapped_key), offset)
    first = next(pieces, b"")
    return _chain(first, pieces)


def delete(stored: StoredFile, *, actor: Actor, at: datetime, reason: str = "") -> None:
    """Destroy the key, then the bytes and the row.

    Args:
        reason: a coded word for the trail, such as "retention".
    Raises:
        PermissionDenied: the person may not delete this file.
    """
    case = stored.case
    require(actor, "casework.delete_storedfile", case)
    with transaction.atomic():
        if _destroy_key(stored, deleted_at=at):
            detail = {"reason": reason} if reason else {}
            record(case or stored, "file.deleted", actor=actor, at=at, about=stored, detail=detail)


def redact(stored: StoredFile, *, at: datetime) -> bool:
    """Destroy the key, then the bytes; the row stays without name and digest. False when it was done before.

    `config.casework.cases.redaction.redact` asks for the permission and writes the trail.
    """
    return _destroy_key(stored, redacted_at=at)


def sweep(at: datetime) -> int:
    """Delete what its retention no longer covers, and the bytes that a crash left behind; returns how many files."""
    due = StoredFile.objects.filter(retention_until__lte=at, deleted_at=None)[:SWEEP_BATCH]
    for stored in due:
        delete(stored, actor=None, at=at, reason="retention")
    leaving = Q(deleted_at__isnull=False) | Q(redacted_at__isnull=False) & ~Q(path="")
    left = StoredFile.objects.filter(leaving).values_list("pk", flat=True)[:SWEEP_BATCH]
    return len(due) + sum(_remove_bytes(pk) for pk in left)


def sweep_orphans(at: datetime) -> int:
    """Once an hour, remove bytes of the last week whose row was rolled back: nobody has a key to them."""
    if at.minute != ORPHAN_MINUTE:
        return 0
    removed = 0
    for days in range(1, ORPHAN_DAYS + 1):
        folder = f"{FOLDER}/{at - timedelta(days=days):%Y/%m/%d}"
        try:
            names = default_storage.listdir(folder)[1]
        except FileNotFoundError:
            continue
        paths = {f"{folder}/{name}" for name in names}
        known = set(StoredFile.objects.filter(path__in=paths).values_list("path", flat=True))
        for path in paths - known:
            default_storage.delete(path)
            removed += 1
    return removed


def _destroy_key(stored: StoredFile, **stamp: datetime) -> bool:
    """Make a file unreadable for good, and have its bytes removed after the commit. False when it was so before."""
    gone: dict[str, Any] = {"wrapped_key": b"", "name": REMOVED, "sha256": "", **stamp}
    not_yet = {"deleted_at": None, **dict.fromkeys(stamp)}
    done = StoredFile.objects.filter(pk=stored.pk, **not_yet).update(**gone)
    transaction.on_commit(lambda: _remove_bytes(stored.pk), robust=True)
    for name, value in gone.items():
        setattr(stored, name, value)
    return bool(done)


def _remove_bytes(pk: int) -> bool:
    """Take the bytes of a removed file out of the storage; a deleted row goes with them. False when they must wait."""
    with transaction.atomic():
        stored = StoredFile.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=pk).first()
        if stored is None or stored.is_readable:
            return False
        if stored.path:
            try:
                default_storage.delete(stored.path)
            except OSError:
                log.warning("file bytes stay", file=pk)
                return False
        if stored.deleted_at:
            stored.delete()
        else:
            StoredFile.objects.filter(pk=pk).update(path="")
        return True


def _pieces(source: IO[bytes], wrapped_key: bytes, offset: int) -> Iterator[bytes]:
    with source:
        if offset:
            yield from crypto.keyring().decrypt_from(source, wrapped_key, offset)
        else:
            yield from crypto.keyring().decrypt_chunks(source, wrapped_key)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
