"""W3C trace context."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class TraceContext:
    trace_id: str
    span_id: str
    flags: str = "00"

    def child(self) -> "TraceContext":
        return TraceContext(self.trace_id, secrets.token_hex(8), self.flags)

    def header(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


_current: ContextVar[TraceContext | None] = ContextVar("trace", default=None)


def new() -> TraceContext:
    return TraceContext(secrets.token_hex(16), secrets.token_hex(8))


def parse(header: str) -> TraceContext | None:
    return None


def current() -> TraceContext | None:
    return _current.get()


@contextmanager
def activate(trace: TraceContext) -> Iterator[TraceContext]:
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)
