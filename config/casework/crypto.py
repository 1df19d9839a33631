"""Encryption and keyed digests with the desk's own keys, which never stand in the database.

Every purpose has keys of its own, derived from DESK_KEYS. The newest key (index 0) writes; all of them read, so a key
is replaced by putting a new one in front and dropping the old one when nothing sealed with it is needed any more.
"""

import hmac
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

CHUNK = 64 * 1024
KEY_BYTES = 32
FILES = "files"

_NONCE_BYTES = 12
_TAG_BYTES = 16
_TOKEN = b"\x01"  # the format, so that a later one can be told apart
_STREAM = b"JDF1"
_INFO = "jobarium-desk:1"


class BytesSource(Protocol):
    """Anything that bytes are read from."""

    def read(self, size: int = ..., /) -> bytes: ...


class SeekableSource(BytesSource, Protocol):
    """A source that can be read from any place."""

    def seek(self, offset: int, whence: int = ..., /) -> int: ...


class BytesTarget(Protocol):
    """Anything that bytes are written to."""

    def write(self, data: bytes, /) -> object: ...


class DecryptionFailed(Exception):
    """The data was altered or cut, or the key that sealed it is no longer in DESK_KEYS."""


@dataclass(frozen=True)
class Keyring:
    """The desk's keys, newest first, and what is derived from them.

    Raises:
        ValueError: when there is no key, or an empty one.
    """

    keys: tuple[str, ...] = field(repr=False)
    _derived: dict[tuple[str, str, int], bytes] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.keys or not all(key.strip() for key in self.keys):
            raise ValueError("DESK_KEYS must hold at least one key and no empty one.")

    def seal_key(self, purpose: str, index: int = 0) -> bytes:
        """Secret of 32 bytes for a purpose, from the newest key (0) or an older one.

        Raises:
            IndexError: when there are fewer keys.
        """
        return self._key("seal", purpose, index)

    def mac(self, purpose: str, data: bytes, index: int = 0) -> bytes:
        """Keyed digest (HMAC-SHA256) of `data`: equal data gives equal digests under one key."""
        return hmac.digest(self._key("mac", purpose, index), data, sha256)

    def macs(self, purpose: str, data: bytes) -> list[bytes]:
        """The digest under every key, newest first: what to look for in rows written before a change of keys."""
        return [self.mac(purpose, data, index) for index in range(len(self.keys))]

    def verify_mac(self, purpose: str, data: bytes, digest: bytes) -> bool:
        """Whether any key gives this digest; takes the same time for a wrong one."""
        return any([hmac.compare_digest(expected, digest) for expected in self.macs(purpose, data)])  # noqa: C419 - all are compared

    def encrypt(self, purpose: str, data: bytes) -> bytes:
        """Seal a small value (AES-256-GCM, newest key); it opens for the same purpose alone."""
        nonce = os.urandom(_NONCE_BYTES)
        return _TOKEN + nonce + AESGCM(self._key("encrypt", purpose, 0)).encrypt(nonce, data, _TOKEN)

    def decrypt(self, purpose: str, token: bytes) -> bytes:
        """Open what `encrypt` sealed, under any of the keys.

        Raises:
            DecryptionFailed: it was altered, sealed for another purpose, or its key is gone.
        """
        return self._open(purpose, token)[1]

    def is_current(self, purpose: str, token: bytes) -> bool:
        """Whether the newest key sealed it; when nothing else is left, older keys can go.

        Raises:
            DecryptionFailed: as for `decrypt`.
        """
        return self._open(purpose, token)[0] == 0

    def rotate(self, purpose: str, token: bytes) -> bytes:
        """The same value sealed with the newest key.

        Raises:
            DecryptionFailed: as for `decrypt`.
        """
        return self.encrypt(purpose, self.decrypt(purpose, token))

    def encrypt_stream(self, source: BytesSource, target: BytesTarget, *, purpose: str = FILES) -> bytes:
        """Encrypt a stream under a fresh key, in chunks of 64 KiB; return that key, wrapped.

        Without the wrapped key the stream stays shut even for the holder of DESK_KEYS. It is kept in the database, never
        beside the stream: whoever destroys it has destroyed the file and all copies of the file.
        """
        key = AESGCM.generate_key(KEY_BYTES * 8)
        cipher = AESGCM(key)
        target.write(_STREAM)
        for number, chunk, last in _numbered(source, CHUNK):
            target.write(cipher.encrypt(_nonce(number, last), chunk, _STREAM))
        return self.encrypt(f"{purpose}:key", key)

    def decrypt_stream(
        self, source: BytesSource, target: BytesTarget, wrapped_key: bytes, *, purpose: str = FILES
    ) -> int:
        """Decrypt a stream; return how many bytes were written.

        Every chunk is verified before it is written, the end of the stream only at the end: after an error throw away
        what was written.

        Raises:
            DecryptionFailed: a chunk was altered, moved or is missing, or the key does not fit.
        """
        written = 0
        for chunk in self.decrypt_chunks(source, wrapped_key, purpose=purpose):
            target.write(chunk)
            written += len(chunk)
        return written

    def decrypt_chunks(self, source: BytesSource, wrapped_key: bytes, *, purpose: str = FILES) -> Iterator[bytes]:
        """Decrypt a stream piece by piece, for an answer that is sent while it is read.

        Raises:
            DecryptionFailed: as for `decrypt_stream`, the key at once and a chunk when it is reached.
        """
        cipher = self._file_cipher(wrapped_key, purpose)
        if _read(source, len(_STREAM)) != _STREAM:
            raise DecryptionFailed("This is no encrypted file of the desk.")
        return _decrypted(cipher, source, 0)

    def decrypt_from(
        self, source: SeekableSource, wrapped_key: bytes, offset: int, *, purpose: str = FILES
    ) -> Iterator[bytes]:
        """Decrypt from the plain byte `offset` on, without reading what lies before: for a download that is resumed.

        Raises:
            DecryptionFailed: as for `decrypt_chunks`; also when the stream ends before `offset`.
        """
        cipher = self._file_cipher(wrapped_key, purpose)
        number, skip = divmod(offset, CHUNK)
        source.seek(len(_STREAM) + number * (CHUNK + _TAG_BYTES))
        return _without_first(_decrypted(cipher, source, number), skip)

    def _file_cipher(self, wrapped_key: bytes, purpose: str) -> AESGCM:
        return AESGCM(self.decrypt(f"{purpose}:key", wrapped_key))

    def _open(self, purpose: str, token: bytes) -> tuple[int, bytes]:
        nonce, sealed = token[1 : 1 + _NONCE_BYTES], token[1 + _NONCE_BYTES :]
        if token[:1] == _TOKEN and len(sealed) >= _TAG_BYTES:
            for index in range(len(self.keys)):
                try:
                    return index, AESGCM(self._key("encrypt", purpose, index)).decrypt(nonce, sealed, _TOKEN)
                except InvalidTag:
                    continue
        raise DecryptionFailed("The value was altered, or the key that sealed it is not in DESK_KEYS.")

    def _key(self, use: str, purpose: str, index: int) -> bytes:
        known = self._derived.get((use, purpose, index))
        if known is None:
            if not 0 <= index < len(self.keys):
                raise IndexError(f"DESK_KEYS holds {len(self.keys)} keys; there is none number {index}.")
            info = "\0".join((_INFO, use, purpose)).encode()
            known = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=info).derive(self.keys[index].encode())
            self._derived[use, purpose, index] = known
        return known


def _read(source: BytesSource, size: int) -> bytes:
    """Exactly `size` bytes unless the source ends: pipes and sockets hand out less than was asked for."""
    parts: list[bytes] = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _numbered(source: BytesSource, size: int, first: int = 0) -> Iterator[tuple[int, bytes, bool]]:
    """Pieces of a source with their number and whether they are the last; an empty source is one empty piece."""
    piece, number, last = _read(source, size), first, False
    while not last:
        following = _read(source, size) if len(piece) == size else b""
        last = not following
        yield number, piece, last
        piece, number = following, number + 1


def _nonce(number: int, last: bool) -> bytes:
    # The number forbids moving chunks, the mark of the last one forbids cutting the stream short at a chunk's edge.
    return number.to_bytes(_NONCE_BYTES - 1) + bytes([last])


def _decrypted(cipher: AESGCM, source: BytesSource, first: int) -> Iterator[bytes]:
    for number, sealed, last in _numbered(source, CHUNK + _TAG_BYTES, first):
        try:
            yield cipher.decrypt(_nonce(number, last), sealed, _STREAM)
        except InvalidTag as error:
            raise DecryptionFailed(f"The file was altered or cut at piece {number + 1}.") from error


def _without_first(chunks: Iterator[bytes], skip: int) -> Iterator[bytes]:
    for chunk in chunks:
        if skip < len(chunk):
            yield chunk[skip:]
        skip = max(0, skip - len(chunk))
    if skip:
        raise DecryptionFailed("The file ends before the byte that was asked for.")


@lru_cache(maxsize=8)
def _keyring(keys: tuple[str, ...]) -> Keyring:
    return Keyring(keys)


def keyring() -> Keyring:
    """The keyring of DESK_KEYS as the settings hold them now."""
    keys: Sequence[str] = settings.DESK_KEYS
    return _keyring(tuple(keys))


def seal_key(purpose: str, index: int = 0) -> bytes:
    """`Keyring.seal_key` of the desk's keys."""
    return keyring().seal_key(purpose, index)


def mac(purpose: str, data: bytes) -> bytes:
    """`Keyring.mac` of the desk's newest key."""
    return keyring().mac(purpose, data)


def macs(purpose: str, data: bytes) -> list[bytes]:
    """`Keyring.macs` of the desk's keys."""
    return keyring().macs(purpose, data)


def verify_mac(purpose: str, data: bytes, digest: bytes) -> bool:
    """`Keyring.verify_mac` of the desk's keys."""
    return keyring().verify_mac(purpose, data, digest)


def encrypt(purpose: str, data: bytes) -> bytes:
    """`Keyring.encrypt` with the desk's newest key."""
    return keyring().encrypt(purpose, data)


def decrypt(purpose: str, token: bytes) -> bytes:
    """`Keyring.decrypt` with the desk's keys."""
    return keyring().decrypt(purpose, token)


def encrypt_stream(source: BytesSource, target: BytesTarget) -> bytes:
    """`Keyring.encrypt_stream`; returns the wrapped key."""
    return keyring().encrypt_stream(source, target)


def decrypt_stream(source: BytesSource, target: BytesTarget, wrapped_key: bytes) -> int:
    """`Keyring.decrypt_stream`; returns the number of bytes written."""
    return keyring().decrypt_stream(source, target, wrapped_key)
