"""The heads of the chain of seals outside the database: whoever cuts the end off inside leaves a trace here.

One line for each seal: number, code, time. Each node that seals keeps its own file, with the seals of the others too.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

FILE = "audit-heads.log"


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain as it was when a seal was made."""

    number: int
    mac: str
    at: str

    def line(self) -> str:
        return f"{self.number} {self.mac} {self.at}\n"


class BrokenHeads(Exception):
    """A line of the file is no head; the text names it."""


def path() -> Path:
    return Path(settings.DATA_DIR) / FILE


def read() -> list[Head]:
    """All heads of the file, in its order.

    Raises:
        FileNotFoundError: there is none.
        BrokenHeads: a line cannot be read.
    """
    found = []
    for count, line in enumerate(path().read_text(encoding="ascii", errors="replace").splitlines(), 1):
        parts = line.split()
        if len(parts) != 3 or not parts[0].isdecimal():
            raise BrokenHeads(f"line {count} of {FILE} cannot be read")
        found.append(Head(int(parts[0]), parts[1], parts[2]))
    return found


@contextmanager
def appending() -> Iterator["Appender"]:
    """Hold the file alone and append to it; on the way out everything is on the disk."""
    file = path()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield Appender(descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Appender:
    """Appends heads to the open, locked file."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def last_number(self) -> int | None:
        """The number in the last line; None when there is none to read."""
        size = os.fstat(self.descriptor).st_size
        tail = os.pread(self.descriptor, 300, max(0, size - 300)).decode("ascii", errors="replace").splitlines()
        number = tail[-1].split(" ")[0] if tail else ""
        return int(number) if number.isdecimal() else None

    def append(self, heads: Iterable[Head]) -> None:
        text = "".join(head.line() for head in heads)
        size = os.fstat(self.descriptor).st_size
        if size and os.pread(self.descriptor, 1, size - 1) != b"\n":
            text = "\n" + text  # a line cut short by a crash
        os.write(self.descriptor, text.encode("ascii"))
