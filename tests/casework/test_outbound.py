"""Calls to addresses from data and people: where they may go, and what they survive. All servers are real and local."""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from config import traceparent
from config.casework import outbound
from config.casework.outbound import OutboundClient, OutboundFailed, OutboundRefused

LOOPBACK = ["127.0.0.0/8", "::1"]
KIB = 1024

type Script = Callable[[socket.socket], None]
type Seen = list[tuple[str, str, dict[str, str], bytes]]


def a_client(
    *,
    allow: Sequence[str] = LOOPBACK,
    require_https: bool = False,
    addresses: Sequence[str] | None = None,
    trust: ssl.SSLContext | None = None,
    seconds: float = 5,
) -> OutboundClient:
    resolver = outbound.resolve if addresses is None else lambda host, port: addresses
    return OutboundClient(
        allow=allow, require_https=require_https, resolver=resolver, trust=trust, total_seconds=seconds
    )


class Recorder(BaseHTTPRequestHandler):
    """Answers by path and remembers every request."""

    seen: Seen

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        status, headers, content = 200, {"X-Mark": "yes"}, b"hello"
        if self.path.startswith("/status/"):
            status = int(self.path.rsplit("/", 1)[1])
        elif self.path.startswith("/to/"):
            status, headers = 302, {"Location": f"http://{self.path.removeprefix('/to/')}/secret"}
        elif self.path.startswith("/size/"):
            content = b"x" * int(self.path.rsplit("/", 1)[1])
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(OSError):
                self.wfile.write(content)

    do_GET = do_POST = do_HEAD = do_PUT = answer

    def log_message(self, format: str, *args: object) -> None:
        """Tests print nothing."""


class IPv6Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6


@contextlib.contextmanager
def serving(host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, Seen]]:
    seen: Seen = []
    handler = type("Handler", (Recorder,), {"seen": seen})
    server = (IPv6Server if ":" in host else ThreadingHTTPServer)((host, port), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1], seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def speaking(script: Script) -> Iterator[int]:
    """A server that does what the script says on its first connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                script(connection)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.fixture
def server() -> Iterator[tuple[int, Seen]]:
    with serving() as running:
        yield running


class TestRequests:
    def test_it_sends_what_was_asked_and_returns_what_came_back(self, server: tuple[int, Seen]) -> None:
        port, seen = server
        answer = a_client().request(
            "POST", f"http://127.0.0.1:{port}/hook?a=1&b=%20#part", headers={"X-Signature": "abc"}, body=b'{"n": 1}'
        )
        assert (answer.status, answer.ok, answer.body, answer.headers["x-mark"]) == (200, True, b"hello", "yes")
        [(method, path, headers, body)] = seen
        assert (method, path, body) == ("POST", "/hook?a=1&b=%20", b'{"n": 1}')
        assert headers["host"] == f"127.0.0.1:{port}"
        assert headers["x-signature"] == "abc"
        assert headers["content-length"] == "8"
        assert headers["accept-encoding"] == "identity"
        assert headers["user-agent"] == "Jobarium-Desk"

    def test_a_name_keeps_its_host_header(self, server: tuple[int, Seen]) -> None:
        port, seen = server
        a_client(addresses=["127.0.0.1"]).request("GET", f"http://Hooks.Example:{port}/")
        assert seen[0][2]["host"] == f"hooks.example:{port}"

    def test_the_trace_is_sent_when_it_is_given(self, server: tuple[int, Seen]) -> None:
        port, seen = server
        trace = traceparent.new()
        a_client().request("GET", f"http://127.0.0.1:{port}/", traceparent=trace)
        a_client().request("GET", f"http://127.0.0.1:{port}/")
        assert seen[0][2]["traceparent"] == trace.header()
        assert "traceparent" not in seen[1][2]

    @pytest.mark.parametrize("status", [204, 304, 401, 404, 429, 500, 503])
    def test_a_refusal_of_the_other_side_is_an_answer(self, server: tuple[int, Seen], status: int) -> None:
        answer = a_client().request("HEAD", f"http://127.0.0.1:{server[0]}/status/{status}")
        assert (answer.status, answer.ok) == (status, status == 204)

    @pytest.mark.parametrize(
        "name", ["Host", "content-length", "Transfer-Encoding", "Connection", "traceparent", "Accept-Encoding"]
    )
    def test_headers_of_the_client_cannot_be_given(self, server: tuple[int, Seen], name: str) -> None:
        with pytest.raises(ValueError, match=name):
            a_client().request("GET", f"http://127.0.0.1:{server[0]}/", headers={name: "x"})
        assert server[1] == []

    def test_a_header_cannot_smuggle_another_one(self, server: tuple[int, Seen]) -> None:
        with pytest.raises(ValueError, match="header"):
            a_client().request("GET", f"http://127.0.0.1:{server[0]}/", headers={"X-Note": "a\r\nX-Admin: yes"})
        assert server[1] == []

    def test_an_ipv6_address_is_called(self) -> None:
        with serving("::1") as (port, seen):
            assert a_client().request("GET", f"http://[::1]:{port}/").status == 200
            assert seen[0][2]["host"] == f"[::1]:{port}"

    def test_the_next_address_is_tried_when_one_does_not_answer(self, server: tuple[int, Seen]) -> None:
        port, seen = server
        assert a_client(addresses=["127.0.0.9", "127.0.0.1"]).request("GET", f"http://hooks.example:{port}/").ok
        assert len(seen) == 1


class TestRefusedAddresses:
    """Nothing of this reaches the network: the resolver stands still."""

    URLS = (
        "https://127.0.0.1/", "https://127.0.0.1./", "https://127.1/", "https://127.0.1/", "https://0/", "https://0.0.0.0/", "https://2130706433/",
        "https://0x7f000001/", "https://0x7f.1/", "https://0x7F.0.0.0x1/", "https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.01/",
        "https://127.0.0.0x1/", "https://host.0x/", "https://1.2.3.4.5/", "https://256.256.256.256/", "https://10.1.2.3/", "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/", "https://172.16.0.1/", "https://192.168.1.1/", "https://192.88.99.1/", "https://198.18.0.1/",
        "https://203.0.113.7/", "https://224.0.0.1/", "https://255.255.255.255/", "https://[::]/", "https://[::1]/", "https://[::1]:8080/",
        "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[0:0:0:0:0:ffff:127.0.0.1]/", "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::]/", "https://[3fff::1]/", "https://[5f00::1]/",
        "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/",
        "https://[2606:4700::1%25eth0]/", "https://[ff02::1]/", "https://[::1", "https://[::1]evil.example/", "https://[v1.x]/", "https://[1.1.1.1]/",
        "https://user@public.example/", "https://user:word@public.example/", "https://public.example@127.0.0.1/", "https://@public.example/",
        "https://public.example\\@127.0.0.1/", "https://127.0.0.1\\.public.example/", "https://public.example /", "https://public.example\n.evil/",
        "https://pub\tlic.example/", "\x00https://public.example/", " https://public.example/", "https://public.example/a b", "https://public.example/ä",
        "https://１２７.0.0.1/", "https://127。0。0。1/", "https://ⓛocalhost/", "https://127.0.0.%31/", "https://%31%32%37.0.0.1/",
        "https://pub..lic.example/", "https://.public.example/", "https://public.example../", "https://-public.example/", "https://public-.example/",
        f"https://{'a' * 64}.example/", f"https://{'a.' * 130}example/", "https://public.example:0/", "https://public.example:65536/",
        "https://public.example:x/", "https://public.example:-1/", "https://", "https:///path", "https:public.example", "//public.example/",
        "public.example", "", "ftp://public.example/", "file:///etc/passwd", "gopher://127.0.0.1/", "javascript:alert(1)", "data:,x",
        "unix:///var/run/docker.sock", "http://public.example/", "HTTP://public.example/",
    )  # fmt: skip

    @pytest.mark.parametrize("url", URLS)
    def test_it_is_refused_before_anything_is_resolved(self, url: str) -> None:
        def resolver(host: str, port: int) -> list[str]:
            raise AssertionError(f"{host} was resolved")

        client = OutboundClient(allow=[], require_https=True, resolver=resolver)
        with pytest.raises(OutboundRefused):
            client.request("GET", url)

    @pytest.mark.parametrize(
        "addresses",
        [
            ["127.0.0.1"],
            ["10.0.0.1"],
            ["::1"],
            ["fe80::1%eth0"],
            ["::ffff:192.168.0.1"],
            ["64:ff9b::a00:1"],
            ["8.8.8.8", "10.0.0.1"],
            ["10.0.0.1", "8.8.8.8"],
        ],
    )
    def test_a_name_is_refused_when_any_of_its_addresses_is_not_public(self, addresses: list[str]) -> None:
        with pytest.raises(OutboundRefused, match=r"^hooks\.example: it leads to .+, which is not public\.$"):
            a_client(allow=[], addresses=addresses).request("GET", "https://hooks.example/")

    def test_the_reason_names_the_host_and_keeps_the_rest_secret(self) -> None:
        with pytest.raises(OutboundRefused) as refused:
            a_client(allow=[]).request("GET", "https://10.0.0.1/hook/TOKEN?key=TOKEN")
        assert refused.value.host == "10.0.0.1"
        assert "TOKEN" not in str(refused.value)

    def test_plain_http_is_refused_outside_development(self, server: tuple[int, Seen]) -> None:
        with pytest.raises(OutboundRefused, match="use https"):
            a_client(require_https=True).request("GET", f"http://127.0.0.1:{server[0]}/")
        assert server[1] == []


class TestExemptions:
    @pytest.mark.parametrize("allow", [["127.0.0.1"], ["127.0.0.0/8"], ["127.0.0.1/32", "10.0.0.0/8"]])
    @pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]"])
    def test_an_exempt_network_is_called(self, server: tuple[int, Seen], allow: list[str], host: str) -> None:
        assert a_client(allow=allow).request("GET", f"http://{host}:{server[0]}/").ok

    @pytest.mark.parametrize("allow", [["hooks.internal"], ["Hooks.Internal."]])
    def test_an_exempt_host_is_called_by_this_name_alone(self, server: tuple[int, Seen], allow: list[str]) -> None:
        client = a_client(allow=allow, addresses=["127.0.0.1"])
        assert client.request("GET", f"http://hooks.internal:{server[0]}/").ok
        for host in ("other.internal", "sub.hooks.internal", "hooks.internal.evil.example", "127.0.0.1"):
            with pytest.raises(OutboundRefused):
                client.request("GET", f"http://{host}:{server[0]}/")

    def test_another_network_is_not_exempt(self) -> None:
        with pytest.raises(OutboundRefused):
            a_client(allow=["127.0.0.2/32"]).request("GET", "http://127.0.0.1:9/")

    @pytest.mark.parametrize("entry", ["10.0.0.0/33", "127.1", "", "a b", "https://x.example"])
    def test_a_wrong_entry_is_refused_and_named(self, entry: str) -> None:
        with pytest.raises(ValueError, match="OUTBOUND_ALLOW"):
            a_client(allow=[entry])


class TestLures:
    def test_a_name_that_changes_its_address_is_called_where_it_was_checked(self) -> None:
        answers = iter([["127.0.0.2"], ["127.0.0.1"]])
        with serving("127.0.0.1") as (port, trap), serving("127.0.0.2", port) as (_, checked):
            client = OutboundClient(allow=["127.0.0.2"], require_https=False, resolver=lambda host, port: next(answers))
            assert client.request("GET", f"http://rebind.example:{port}/").ok
            assert (len(checked), len(trap)) == (1, 0)
            assert next(answers) == ["127.0.0.1"]

    def test_a_redirect_is_an_answer_and_is_not_followed(self) -> None:
        with serving() as (port, _), serving() as (inner, trap):
            answer = a_client().request("GET", f"http://127.0.0.1:{port}/to/127.0.0.1:{inner}")
            assert answer.status == 302
            assert answer.headers["location"] == f"http://127.0.0.1:{inner}/secret"
            assert trap == []

    def test_proxies_of_the_environment_are_not_used(
        self, server: tuple[int, Seen], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with serving() as (proxy, used):
            for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
            assert a_client(addresses=["127.0.0.1"]).request("GET", f"http://hooks.example:{server[0]}/").ok
            assert used == []


class TestLimits:
    def test_an_answer_of_64_kib_is_taken(self, server: tuple[int, Seen]) -> None:
        assert len(a_client().request("GET", f"http://127.0.0.1:{server[0]}/size/{64 * KIB}").body) == 64 * KIB

    def test_a_longer_answer_is_not(self, server: tuple[int, Seen]) -> None:
        with pytest.raises(OutboundFailed, match="longer than 64 KiB") as failed:
            a_client().request("GET", f"http://127.0.0.1:{server[0]}/size/{64 * KIB + 1}")
        assert failed.value.permanent

    @pytest.mark.parametrize(
        "head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
    )
    def test_an_endless_answer_is_left_at_once(self, head: bytes) -> None:
        def script(connection: socket.socket) -> None:
            connection.sendall(head)
            while True:
                connection.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

        with speaking(script) as port, pytest.raises(OutboundFailed, match="longer than 64 KiB"):
            a_client().request("GET", f"http://127.0.0.1:{port}/")

    def test_a_compressed_answer_is_not_unpacked(self) -> None:
        def script(connection: socket.socket) -> None:
            connection.recv(KIB)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08")

        with speaking(script) as port:
            assert a_client().request("GET", f"http://127.0.0.1:{port}/").body == b"\x1f\x8b\x08"

    def test_a_cut_answer_is_a_failure(self) -> None:
        def script(connection: socket.socket) -> None:
            connection.recv(KIB)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

        with speaking(script) as port, pytest.raises(OutboundFailed, match="the connection failed") as failed:
            a_client().request("GET", f"http://127.0.0.1:{port}/")
        assert not failed.value.permanent

    @pytest.mark.parametrize(
        "start",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nX-Drip: ",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ],
    )
    def test_a_dripping_server_is_left_when_the_time_is_over(self, start: bytes) -> None:
        def script(connection: socket.socket) -> None:
            connection.sendall(start)
            while True:
                connection.sendall(b"1")
                time.sleep(0.1)

        began = time.monotonic()
        with (
            speaking(script) as port,
            pytest.raises(OutboundFailed, match=r"^127\.0\.0\.1: no whole answer within 0\.6 seconds\.$") as failed,
        ):
            a_client(seconds=0.6).request("GET", f"http://127.0.0.1:{port}/")
        assert time.monotonic() - began < 2
        assert not failed.value.permanent

    def test_a_silent_server_is_left_when_the_time_is_over(self) -> None:
        with speaking(lambda connection: time.sleep(1)) as port, pytest.raises(OutboundFailed, match="no whole answer"):
            a_client(seconds=0.4).request("GET", f"http://127.0.0.1:{port}/")

    def test_a_dripping_handshake_is_left_too(self) -> None:
        def script(connection: socket.socket) -> None:
            connection.recv(KIB)
            connection.sendall(b"\x16\x03\x03\x40\x00")
            while True:
                connection.sendall(b"\x02")
                time.sleep(0.1)

        began = time.monotonic()
        with speaking(script) as port, pytest.raises(OutboundFailed, match="no whole answer"):
            a_client(seconds=0.6).request("GET", f"https://127.0.0.1:{port}/")
        assert time.monotonic() - began < 2

    def test_a_slow_resolver_counts_too(self) -> None:
        done = threading.Event()

        def resolver(host: str, port: int) -> list[str]:
            done.wait(5)
            return ["127.0.0.1"]

        client = OutboundClient(allow=LOOPBACK, require_https=False, resolver=resolver, total_seconds=0.3)
        began = time.monotonic()
        with pytest.raises(OutboundFailed, match="no whole answer"):
            client.request("GET", "http://slow.example/")
        done.set()
        assert time.monotonic() - began < 2

    def test_ten_seconds_and_64_kib_are_the_rule(self) -> None:
        client = OutboundClient(allow=[], require_https=True)
        assert (client.total_seconds, client.answer_bytes) == (10, 65536)


class TestFailures:
    def test_a_closed_port_may_be_tried_again(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(OutboundFailed, match=r"^127\.0\.0\.1: the connection failed") as failed:
            a_client().request("GET", f"http://127.0.0.1:{port}/")
        assert not failed.value.permanent

    @pytest.mark.parametrize(
        "reply",
        [
            b"",
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        ],
    )
    def test_something_that_is_no_http_is_a_failure(self, reply: bytes) -> None:
        def script(connection: socket.socket) -> None:
            connection.recv(KIB)
            connection.sendall(reply)

        with speaking(script) as port, pytest.raises(OutboundFailed):
            a_client().request("GET", f"http://127.0.0.1:{port}/")

    @pytest.mark.parametrize("addresses", [[], ["not an address"]])
    def test_a_name_without_address_is_a_failure(self, addresses: list[str]) -> None:
        with pytest.raises(OutboundFailed, match=r"^hooks\.example: its network address was not found\.$"):
            a_client(addresses=addresses).request("GET", "https://hooks.example/")

    def test_an_unknown_name_is_a_failure(self) -> None:
        def resolver(host: str, port: int) -> list[str]:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        with pytest.raises(OutboundFailed, match="not found"):
            OutboundClient(allow=[], require_https=True, resolver=resolver).request("GET", "https://hooks.example/")

    def test_no_thread_and_no_socket_is_left_behind(
        self, server: tuple[int, Seen], recwarn: pytest.WarningsRecorder
    ) -> None:
        client = a_client()
        client.request("GET", f"http://127.0.0.1:{server[0]}/")
        before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0
        for path in ("/", "/size/70000", "/status/500") * 5:
            with contextlib.suppress(OutboundFailed):
                client.request("GET", f"http://127.0.0.1:{server[0]}{path}")
        deadline = time.monotonic() + 5
        while before and len(list(Path("/proc/self/fd").iterdir())) > before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not before or len(list(Path("/proc/self/fd").iterdir())) <= before
        assert not [warning for warning in recwarn if issubclass(warning.category, ResourceWarning)]


def certificate(folder: Path, *names: str, valid: bool = True) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for these names, and one that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "desk test")])
    begin = datetime.now(UTC) - timedelta(days=10)
    subjects: list[x509.GeneralName] = []
    for entry in names:
        with contextlib.suppress(ValueError):
            subjects.append(x509.IPAddress(ipaddress.ip_address(entry)))
            continue
        subjects.append(x509.DNSName(entry))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=20 if valid else 5))
        .add_extension(x509.SubjectAlternativeName(subjects), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{names[0]}-{valid}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


class TestTls:
    def test_the_name_is_indicated_and_checked_though_the_address_is_dialled(self, tmp_path: Path) -> None:
        tls, trust = certificate(tmp_path, "hooks.example")
        indicated: list[str | None] = []
        tls.sni_callback = lambda connection, name, context: indicated.append(name)
        with serving(tls=tls) as (port, seen):
            answer = a_client(addresses=["127.0.0.1"], trust=trust, require_https=True).request(
                "GET", f"https://hooks.example:{port}/"
            )
            assert answer.body == b"hello"
            assert seen[0][2]["host"] == f"hooks.example:{port}"
        assert indicated == ["hooks.example"]

    def test_a_network_address_is_checked_against_the_certificate_too(self, tmp_path: Path) -> None:
        tls, trust = certificate(tmp_path, "127.0.0.1")
        with serving(tls=tls) as (port, _):
            assert a_client(trust=trust).request("GET", f"https://127.0.0.1:{port}/").ok

    def test_a_certificate_for_another_name_is_refused(self, tmp_path: Path) -> None:
        tls, trust = certificate(tmp_path, "other.example", "127.0.0.1")
        with serving(tls=tls) as (port, seen):
            with pytest.raises(OutboundFailed, match=r"^hooks\.example: its certificate is not valid") as failed:
                a_client(addresses=["127.0.0.1"], trust=trust).request("GET", f"https://hooks.example:{port}/")
            assert failed.value.permanent
            assert seen == []

    def test_a_certificate_that_nobody_vouches_for_is_refused(self, tmp_path: Path) -> None:
        tls, _ = certificate(tmp_path, "hooks.example")
        with serving(tls=tls) as (port, seen), pytest.raises(OutboundFailed, match="certificate is not valid"):
            a_client(addresses=["127.0.0.1"]).request("GET", f"https://hooks.example:{port}/")
        assert seen == []

    def test_an_expired_certificate_is_refused(self, tmp_path: Path) -> None:
        tls, trust = certificate(tmp_path, "hooks.example", valid=False)
        with serving(tls=tls) as (port, _), pytest.raises(OutboundFailed, match="expired"):
            a_client(addresses=["127.0.0.1"], trust=trust).request("GET", f"https://hooks.example:{port}/")

    def test_https_to_a_plain_server_is_a_failure(self, server: tuple[int, Seen]) -> None:
        with pytest.raises(OutboundFailed, match="connection failed"):
            a_client().request("GET", f"https://127.0.0.1:{server[0]}/")


class TestFactory:
    def test_development_takes_plain_http_and_the_exempt_networks(
        self, settings: Settings, server: tuple[int, Seen]
    ) -> None:
        settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
        settings.DESK_ENV = "development"
        assert outbound.client().request("GET", f"http://127.0.0.1:{server[0]}/").ok

    @pytest.mark.parametrize(
        ("stage", "allow", "reason"), [("production", ["127.0.0.0/8"], "use https"), ("development", [], "not public")]
    )
    def test_the_settings_decide(
        self, settings: Settings, server: tuple[int, Seen], stage: str, allow: list[str], reason: str
    ) -> None:
        settings.OUTBOUND_ALLOW = allow
        settings.DESK_ENV = stage
        with pytest.raises(OutboundRefused, match=reason):
            outbound.client().request("GET", f"http://127.0.0.1:{server[0]}/")
        assert server[1] == []
