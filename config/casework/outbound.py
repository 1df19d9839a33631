"""The one client for every address that comes from data or from people.

What the operator sets in the environment (mail, chat, storage, sign-in) is called by its own library and not from here.
Source: design rules, "Outbound calls (SSRF)".
"""

import contextlib
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from http.client import HTTPException
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from config.casework.addresses import Address, Network, is_public, unmapped
from config.traceparent import TraceContext

TOTAL_SECONDS = 10.0
ANSWER_BYTES = 64 * 1024

type Resolver = Callable[[str, int], Sequence[str]]

_PORTS = {"https": 443, "http": 80}
_PLAIN = re.compile(
    r"[!-\[\]-~]+", re.ASCII
)  # visible ASCII without the backslash, which parsers read in different ways
_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII
)
_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)", re.ASCII)  # what some resolvers read as an IPv4 address
_OURS = frozenset({"accept-encoding", "connection", "content-length", "host", "traceparent", "transfer-encoding"})


class OutboundError(Exception):
    """A call to an outside address brought no answer; the text names the host and never the rest of the address."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"{host or 'The address'}: {reason}")
        self.host = host
        self.reason = reason


class OutboundRefused(OutboundError):
    """The desk does not call this address; nothing was sent, and trying again changes nothing."""


class OutboundFailed(OutboundError):
    """The call was made and failed. `permanent`: trying again will not help."""

    def __init__(self, host: str, reason: str, *, permanent: bool = False) -> None:
        super().__init__(host, reason)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status; header names are looked up in any case, the body is as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, in the order of the system's resolver."""
    return list(dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


class OutboundClient:
    """Calls addresses that others chose, without being led into the operator's network.

    A name is resolved once; every address it has must be public or exempt, and the connection goes to exactly these.
    Redirects are not followed, proxies of the environment are not used.

    Args:
        allow: networks ("10.0.0.0/8", "192.0.2.7") and hosts that may be called though they are not public.
        require_https: refuse plain http, also to exempt hosts.
        resolver: gives the addresses of a host.
        trust: certificates that are believed; those of the system by default.
        total_seconds: time for the whole call, resolving included.
        answer_bytes: the longest body that is taken.

    Raises:
        ValueError: for an entry of `allow` that is neither network nor host.
    """

    def __init__(
        self,
        *,
        allow: Sequence[str],
        require_https: bool,
        resolver: Resolver = resolve,
        trust: ssl.SSLContext | None = None,
        total_seconds: float = TOTAL_SECONDS,
        answer_bytes: int = ANSWER_BYTES,
    ) -> None:
        self.require_https = require_https
        self.total_seconds = total_seconds
        self.answer_bytes = answer_bytes
        self._resolver = resolver
        self._given_trust = trust
        self._networks, self._hosts = _allowances(allow)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        traceparent: TraceContext | None = None,
    ) -> Answer:
        """Send one request and return its answer, redirects and errors of the other side included.

        Raises:
            OutboundRefused: the address is malformed, not https, or leads to a place that is not public.
            OutboundFailed: no whole answer within the time and size that are given.
            ValueError: `headers` names one that this client sets itself.
        """
        deadline = time.monotonic() + self.total_seconds
        target = self._target(url)
        sent = _headers(headers or {}, traceparent)
        addresses = self._addresses(target, deadline)
        line = _Line(addresses, target.port, deadline)
        try:
            return self._exchange(self._connection(target, line), method, target, sent, body)
        except (OSError, HTTPException, HTTPError) as error:
            raise self._failure(target.host, error, late=line.cut) from error
        finally:
            line.close()

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return self._given_trust or ssl.create_default_context()

    def _target(self, url: str) -> _Target:
        if not _PLAIN.fullmatch(url):
            raise OutboundRefused(
                "", "it holds spaces, backslashes or other than ASCII letters; write them percent-encoded."
            )
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").removesuffix("."), parts.port
        except ValueError:
            raise OutboundRefused("", "it is no address that can be called.") from None
        if parts.scheme not in _PORTS or not host:
            raise OutboundRefused(host, "only addresses that start with https:// are called.")
        if parts.scheme == "http" and self.require_https:
            raise OutboundRefused(host, "plain http is refused; use https.")
        if "[" in parts.netloc and ":" not in host:
            raise OutboundRefused(host, "square brackets hold an IPv6 address only.")
        if "@" in parts.netloc:
            raise OutboundRefused(host, "an address must not carry a user name or password.")
        if port == 0:
            raise OutboundRefused(host, "port 0 cannot be called.")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return _Target(parts.scheme, host, port or _PORTS[parts.scheme], path)

    def _addresses(self, target: _Target, deadline: float) -> list[str]:
        literal = _literal(target.host)
        if literal is not None:
            found = [literal]
        elif not _NAME.fullmatch(target.host) or _NUMBER.fullmatch(target.host):
            raise OutboundRefused(target.host, "it is neither a host name nor a plainly written network address.")
        else:
            found = self._resolved(target, deadline)
        for address in found:
            if not self._may_call(target.host, address):
                raise OutboundRefused(target.host, f"it leads to {address}, which is not public.")
        return [str(unmapped(address)) for address in found]

    def _resolved(self, target: _Target, deadline: float) -> list[Address]:
        try:
            texts = _within(deadline, lambda: self._resolver(target.host, target.port))
            found = [ip_address(text) for text in texts]
        except TimeoutError as error:
            raise self._failure(target.host, error, late=True) from error
        except (OSError, ValueError) as error:
            raise OutboundFailed(target.host, "its network address was not found.") from error
        if not found:
            raise OutboundFailed(target.host, "its network address was not found.")
        return found

    def _may_call(self, host: str, address: Address) -> bool:
        address = unmapped(address)
        return is_public(address) or host in self._hosts or any(address in network for network in self._networks)

    def _connection(self, target: _Target, line: "_Line") -> HTTPConnection:
        if target.scheme == "https":
            return _SecureConnection(
                line, target.host, target.port, timeout=self.total_seconds, ssl_context=self._trust
            )
        return _PlainConnection(line, target.host, target.port, timeout=self.total_seconds)

    def _exchange(
        self, connection: HTTPConnection, method: str, target: _Target, headers: dict[str, str], body: bytes | None
    ) -> Answer:
        with contextlib.closing(connection):
            connection.request(
                method, target.path, body=body, headers=headers, preload_content=False, decode_content=False
            )
            with contextlib.closing(connection.getresponse()) as response:
                content = self._body(response)
            if len(content) > self.answer_bytes:
                raise OutboundFailed(
                    target.host, f"its answer is longer than {self.answer_bytes // 1024} KiB.", permanent=True
                )
            # A body without announced length ends with the connection, also when the clock has cut it.
            if connection.line.cut:  # type: ignore[attr-defined]  # both kinds made here have it
                raise TimeoutError
            return Answer(response.status, response.headers, content)

    def _body(self, response: BaseHTTPResponse) -> bytes:
        # Read on until nothing comes: only then does the library notice that an announced body was cut.
        content = b""
        while len(content) <= self.answer_bytes and (
            part := response.read(self.answer_bytes + 1 - len(content), decode_content=False)
        ):
            content += part
        return content

    def _failure(self, host: str, error: Exception, *, late: bool) -> OutboundFailed:
        if late or isinstance(error, TimeoutError):
            return OutboundFailed(host, f"no whole answer within {self.total_seconds:g} seconds.")
        if isinstance(error, ssl.SSLCertVerificationError):
            return OutboundFailed(host, f"its certificate is not valid ({error.verify_message}).", permanent=True)
        return OutboundFailed(host, f"the connection failed ({error.__class__.__name__}).")


class _Line:
    """One connection to addresses that were checked, cut off when the time is over.

    A socket's own timeout starts anew with every byte; a server that drips could hold a worker for hours.
    """

    def __init__(self, addresses: Sequence[str], port: int, deadline: float) -> None:
        self.cut = False
        self._addresses = addresses
        self._port = port
        self._deadline = deadline
        self._handle: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def open(self) -> socket.socket:
        """Connect to the first address that takes the call, each within its share of the time that is left."""
        for number, address in enumerate(self._addresses):
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                connected = socket.create_connection(
                    (address, self._port), timeout=left / (len(self._addresses) - number)
                )
            except OSError:
                if number == len(self._addresses) - 1:
                    raise
            else:
                return self._watched(connected)
        raise TimeoutError

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._handle is not None:
            self._handle.close()

    def _watched(self, connected: socket.socket) -> socket.socket:
        # A second handle on the same connection: TLS takes the first one away.
        self._handle = connected.dup()
        self._timer = threading.Timer(max(0.0, self._deadline - time.monotonic()), self._cut)
        self._timer.daemon = True
        self._timer.start()
        return connected

    def _cut(self) -> None:
        self.cut = True
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)


class _PlainConnection(HTTPConnection):
    def __init__(self, line: _Line, host: str, port: int, **options: Any) -> None:
        super().__init__(host, port, **options)
        self.line = line

    def _new_conn(self) -> socket.socket:
        return self.line.open()


class _SecureConnection(HTTPSConnection):
    """Dials the checked address; name indication, certificate check and Host header keep the name."""

    def __init__(self, line: _Line, host: str, port: int, **options: Any) -> None:
        super().__init__(host, port, **options)
        self.line = line

    def _new_conn(self) -> socket.socket:
        return self.line.open()


def client() -> OutboundClient:
    """The client as the settings demand: OUTBOUND_ALLOW is exempt, plain http in development alone."""
    return _client(tuple(settings.OUTBOUND_ALLOW), settings.DESK_ENV != "development")


@lru_cache(maxsize=8)
def _client(allow: tuple[str, ...], require_https: bool) -> OutboundClient:
    return OutboundClient(allow=allow, require_https=require_https)


def _allowances(entries: Sequence[str]) -> tuple[list[Network], set[str]]:
    networks: list[Network] = []
    hosts: set[str] = set()
    for entry in entries:
        host = entry.strip().lower().removesuffix(".")
        try:
            networks.append(ip_network(host.strip("[]"), strict=False))
        except ValueError:
            if not _NAME.fullmatch(host) or _NUMBER.fullmatch(host):
                raise ValueError(
                    f"OUTBOUND_ALLOW: {entry!r} is neither a network such as 10.0.0.0/8 nor a host name."
                ) from None
            hosts.add(host)
    return networks, hosts


def _headers(given: Mapping[str, str], trace: TraceContext | None) -> dict[str, str]:
    for name in given:
        if name.lower() in _OURS:
            raise ValueError(f"headers: {name} is set by the client itself.")
    headers = {"User-Agent": "Jobarium-Desk", **given, "Accept-Encoding": "identity", "Connection": "close"}
    return {**headers, "traceparent": trace.header()} if trace else headers


def _literal(host: str) -> Address | None:
    for kind in (IPv4Address, IPv6Address) if "%" not in host else ():  # an interface after "%" is ours, not theirs
        with contextlib.suppress(ValueError):
            return kind(host)
    return None


def _within[T](deadline: float, work: Callable[[], T]) -> T:
    """The result of `work`, or TimeoutError at the deadline: the system's resolver cannot be told how long it may take."""
    results: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put((work(), None))
        except Exception as error:
            results.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = results.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # either the result or the error is there
