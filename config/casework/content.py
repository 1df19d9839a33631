"""What a file is, told by its bytes: its name and what the sender claims count for nothing."""

import io
import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from django.utils.translation import gettext as _

MAX_BYTES = 50 * 1024 * 1024
_HEAD = 64


class SeekableBytes(Protocol):
    """A binary stream that can be read twice: an open file, an upload."""

    def read(self, size: int = ..., /) -> bytes: ...

    def seek(self, offset: int, whence: int = ..., /) -> int: ...

    def tell(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ContentType:
    """A kind of file: what to call it, how to serve it, how its name ends."""

    name: str
    mime: str
    extension: str

    def file_name(self, given: str) -> str:
        """A given name without folders and control characters, ending as the content demands, at most 120 characters."""
        base = given.replace("\\", "/").rsplit("/", 1)[-1]
        stem = "".join(letter for letter in base if letter.isprintable()).strip(" .")
        if "." in stem:
            stem = stem.rsplit(".", 1)[0].strip(" .")
        return f"{stem[: 120 - len(self.extension)] or 'file'}{self.extension}"


PDF = ContentType("PDF", "application/pdf", ".pdf")
PNG = ContentType("PNG", "image/png", ".png")
JPEG = ContentType("JPG", "image/jpeg", ".jpg")
ATTACHMENTS = (PDF, PNG, JPEG)

_SIGNATURES: tuple[tuple[bytes, ContentType], ...] = (
    (b"%PDF-", PDF),
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", PNG),
    (b"\xff\xd8\xff", JPEG),
)


class UploadRefused(ValueError):
    """A file was not taken; the text says why and what to do, in words for the person who sent it."""


def content_type(head: bytes) -> ContentType | None:
    """The kind of file that begins with these bytes (the first 64 are enough), None for any other kind.

    The signature must be the very first thing in the file: a program with a PDF hidden behind it is a program.
    """
    return next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)


def check_upload(
    name: str,
    data_or_stream: bytes | SeekableBytes,
    *,
    allowed: Collection[ContentType] = ATTACHMENTS,
    max_bytes: int = MAX_BYTES,
) -> ContentType:
    """Judge an upload by size and content; a stream is left at its beginning.

    Args:
        name: file name as given, used in the refusal only.
        data_or_stream: the whole content, or a stream of it.
        allowed: kinds that are taken.
        max_bytes: the most that is taken; exactly this much is fine.

    Raises:
        UploadRefused: the file is empty, too large, or not of an allowed kind.

    Source: requirement SEC-24.
    """
    stream: SeekableBytes = io.BytesIO(data_or_stream) if isinstance(data_or_stream, bytes) else data_or_stream
    stream.seek(0, os.SEEK_END)
    size = stream.tell()
    stream.seek(0)
    head = stream.read(_HEAD)
    stream.seek(0)
    shown = _shown(name)
    if not size:
        raise UploadRefused(_("%(name)s is empty. Choose the file again.") % {"name": shown})
    if size > max_bytes:
        raise UploadRefused(
            _("%(name)s is larger than %(limit)s. Send a smaller file.") % {"name": shown, "limit": _size(max_bytes)}
        )
    kind = content_type(head)
    if kind is None or kind not in allowed:
        kinds = ", ".join(sorted(kind.name for kind in allowed))
        found = _found(head, kind)
        raise UploadRefused(
            _("%(name)s is %(found)s. Send one of these kinds of file: %(kinds)s.")
            % {"name": shown, "found": found, "kinds": kinds}
        )
    return kind


def _found(head: bytes, kind: ContentType | None) -> str:
    if kind is not None:
        return _("a %(kind)s file, which is not taken here") % {"kind": kind.name}
    if head.startswith((b"MZ", b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")):
        return _("a program, whatever its name says")
    return _("of a kind that is not taken here, whatever its name says")


def _shown(name: str) -> str:
    clean = "".join(letter for letter in name if letter.isprintable()).strip()
    return f"{clean[:79]}…" if len(clean) > 80 else clean or _("The file")


def _size(size: int) -> str:
    return f"{size // 1024**2} MB" if size >= 1024**2 else f"{size // 1024} KB" if size >= 1024 else f"{size} B"
