"""W3C trace context: one id that follows a piece of work through requests, tasks, logs and calls to others."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_HEADER = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?",
    re.ASCII,
)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_SAMPLED, _RANDOM = 0x01, 0x02


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A position in a trace: 32 and 16 hexadecimal digits in lower case, and the flags of the standard."""

    trace_id: str
    span_id: str
    flags: int = 0

    @property
    def sampled(self) -> bool:
        """Whether the caller records this trace."""
        return bool(self.flags & _SAMPLED)

    def child(self) -> "TraceContext":
        """The next step of the same trace."""
        return TraceContext(self.trace_id, secrets.token_hex(8), self.flags)

    def header(self) -> str:
        """Value of the `traceparent` header, always in version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


def new() -> TraceContext:
    """A trace that begins here."""
    return TraceContext(secrets.token_hex(16), secrets.token_hex(8), _SAMPLED | _RANDOM)


def parse(header: str) -> TraceContext | None:
    """Read a `traceparent` header; None when it must be ignored and a new trace begun.

    Later versions are read by their first four fields, and flags that version 00 does not know are dropped.
    Source: W3C Trace Context, section 3.2.
    """
    match = _HEADER.fullmatch(header)
    if not match or match["version"] == "ff" or (match["version"] == "00" and match["rest"] is not None):
        return None
    if match["trace"] == _NO_TRACE or match["span"] == _NO_SPAN:
        return None
    return TraceContext(match["trace"], match["span"], int(match["flags"], 16) & (_SAMPLED | _RANDOM))


_current: ContextVar[TraceContext | None] = ContextVar("trace", default=None)


def current() -> TraceContext | None:
    """The trace of the work at hand, None outside of any."""
    return _current.get()


@contextmanager
def activate(trace: TraceContext) -> Iterator[TraceContext]:
    """Make a trace the current one inside the block."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)
