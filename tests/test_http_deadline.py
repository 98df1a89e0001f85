"""Deadlines, sizes and forms of answers: scripted servers on loopback, slow and odd."""

import gc
import gzip
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3.util import connection

from lib.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
)
from lib.http_client import RequestsClient
from lib.http_deadline import Deadline, TimeLimits, session_of
from lib.models import SHORT_ANSWER, HttpAnswer
from tests.support.answers import an_answer
from tests.support.builders import NOW

CALL = 0.25
"""Seconds that a call of these tests may take."""
DRIP = 0.025
"""Seconds between two bytes: far less than any timeout for one read."""
SLACK = 2.0
"""Seconds by which a loaded machine may be late; all drips take longer."""
LENGTHS = 150

Script = Callable[["Peer"], None]


class Peer:
    """The server's side of one connection."""

    def __init__(self, sock: socket.socket, ended: threading.Event) -> None:
        self.sock = sock
        self.ended = ended
        """Set when the test is over."""

    def read_request(self) -> bytes:
        """Read one request; empty when the client has closed the connection."""
        request = b""
        while b"\r\n\r\n" not in request:
            received = self.sock.recv(65_536)
            if not received:
                return b""
            request += received
        head, _, body = request.partition(b"\r\n\r\n")
        length = next(
            (
                int(line[15:])
                for line in head.lower().split(b"\r\n")
                if line[:15] == b"content-length:"
            ),
            0,
        )
        while len(body) < length:
            body += self.sock.recv(65_536)
        return head + b"\r\n\r\n" + body

    def drip(self, content: bytes) -> None:
        """Send a byte at a time, until the client or the test has enough."""
        with suppress(OSError):
            for byte in content:
                self.sock.sendall(bytes([byte]))
                if self.ended.wait(DRIP):
                    return

    def reset(self) -> None:
        """End the connection as a host does that does not know it any more."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Server:
    """Plays a script with each connection."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.script: Script = lambda _: None
        self.connections = 0
        self.ended = threading.Event()
        self.closed = threading.Semaphore(0)
        """Counts connections whose script came to its end."""
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listening.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(sock,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(10)
        with suppress(OSError):
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            self.script(Peer(sock, self.ended))
        sock.close()
        self.closed.release()

    def close(self) -> None:
        self.ended.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "1"),
            *("-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture
def server() -> Iterator[Server]:
    """Start a server over http."""
    started = Server(None)
    yield started
    started.close()


@pytest.fixture
def tls_server(certificate: tuple[Path, Path]) -> Iterator[Server]:
    """Start a server over https."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    started = Server(context)
    yield started
    started.close()


def client(*, verify: Path | None = None, **options: Any) -> RequestsClient:
    """Make the client of one attempt."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(verify) if verify else True
    options = {"limits": TimeLimits(call=CALL), **options}
    return RequestsClient(("127.0.0.1", "localhost"), session=session, now=lambda: NOW, **options)


def answering(content: bytes) -> Script:
    """Read one request, send this and close."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.sock.sendall(content)

    return script


def an_http_answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def dripping(at_once: bytes, slowly: bytes) -> Script:
    """Read one request, then send this at once and that a byte at a time."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.sock.sendall(at_once)
        peer.drip(slowly)

    return script


HEAD = b"HTTP/1.1 200 OK\r\n"
IN_HEADERS = {
    "status line": (b"", b"HTTP/1.1 200 " + b"x" * LENGTHS),
    "headers": (HEAD, b"X-Filler: " + b"x" * LENGTHS),
    "many headers": (HEAD, b"A: b\r\n" * LENGTHS),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * LENGTHS),
}
IN_BODY = {
    "body": (HEAD + b"Content-Length: 150\r\n\r\n", b"x" * LENGTHS),
    "body to the end": (HEAD + b"\r\n", b"x" * LENGTHS),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * LENGTHS),
    "size of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * LENGTHS),
    "trailer": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n" * LENGTHS),
    "gzip": (HEAD + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(os.urandom(LENGTHS), mtime=0)),
}


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes, whatever comes of it."""
    begin = time.monotonic()
    with suppress(DeliveryError):
        call()
    return time.monotonic() - begin


@pytest.mark.parametrize("part", IN_HEADERS)
def test_headers_that_drip_end_in_doubt(server: Server, part: str) -> None:
    """The request was sent in full; no byte in time saves the answer from the deadline."""
    server.script = dripping(*IN_HEADERS[part])
    begin = time.monotonic()

    with pytest.raises(AmbiguousDeliveryError, match="no answer in time"):
        client().post(server.url, {}, any_answer=True)

    assert time.monotonic() - begin < CALL + SLACK


@pytest.mark.parametrize("part", IN_BODY)
def test_bodies_that_drip_end_in_doubt_where_they_matter(server: Server, part: str) -> None:
    """Slack, Jira and PagerDuty say in the body what they accepted."""
    server.script = dripping(*IN_BODY[part])
    begin = time.monotonic()

    with pytest.raises(AmbiguousDeliveryError, match="cannot be read") as caught:
        client().post(server.url, {})

    assert caught.value.reason == "unreadable-answer"
    assert time.monotonic() - begin < CALL + SLACK


@pytest.mark.parametrize("part", IN_BODY)
def test_bodies_that_drip_are_no_matter_to_a_webhook(server: Server, part: str) -> None:
    """It said that it has the message."""
    server.script = dripping(*IN_BODY[part])
    begin = time.monotonic()

    assert client().post(server.url, {}, any_answer=True).status == 200
    assert time.monotonic() - begin < CALL + SLACK


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "302 Found"])
def test_a_refusal_that_drips_keeps_its_class(server: Server, status: str) -> None:
    """What came of its body is quoted."""
    head = f"HTTP/1.1 {status}\r\nLocation: https://[\r\n\r\nbecause".encode()
    server.script = dripping(head, b"x" * LENGTHS)

    with pytest.raises(PermanentDeliveryError, match="because") as caught:
        client().post(server.url, {})

    assert caught.value.reason == f"http-{status[:3]}"


@pytest.mark.parametrize("part", ["status line", "headers", "body", "chunks"])
def test_drips_over_tls_are_cut_as_well(
    tls_server: Server, certificate: tuple[Path, Path], part: str
) -> None:
    """Each read of a TLS socket has the time that is left."""
    tls_server.script = dripping(*(IN_HEADERS | IN_BODY)[part])

    seconds = timed(lambda: client(verify=certificate[0]).post(tls_server.url, {}))

    assert CALL / 2 < seconds < CALL + SLACK
    assert tls_server.connections == 1


def test_an_answer_over_tls_is_read(tls_server: Server, certificate: tuple[Path, Path]) -> None:
    """With the certificate checked; without it nothing is sent."""
    tls_server.script = answering(an_http_answer(b"ok"))

    assert client(verify=certificate[0]).post(tls_server.url, {}) == HttpAnswer(200, "ok")
    with pytest.raises(TemporaryDeliveryError, match="no connection"):
        client().post(tls_server.url, {})


@pytest.mark.parametrize("ending", ["silence", "reset", "nonsense"])
def test_a_handshake_that_fails_has_sent_nothing(server: Server, ending: str) -> None:
    """Whether TLS is never begun, broken off, or answered with something else."""

    def script(peer: Peer) -> None:
        peer.sock.recv(10)
        if ending == "reset":
            peer.reset()
        elif ending == "nonsense":
            peer.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        else:
            peer.ended.wait(10)

    server.script = script
    begin = time.monotonic()

    with pytest.raises(TemporaryDeliveryError, match="no connection"):
        client().post(server.url.replace("http", "https"), {})

    assert time.monotonic() - begin < CALL + SLACK


@pytest.mark.parametrize("tls", [False, True])
def test_a_request_that_is_not_taken_ends_in_time(
    request: pytest.FixtureRequest, *, tls: bool
) -> None:
    """A receiver that stops reading leaves the request half sent."""
    server = request.getfixturevalue("tls_server" if tls else "server")
    verify = request.getfixturevalue("certificate")[0] if tls else None

    def script(peer: Peer) -> None:
        peer.sock.recv(1000)
        while not peer.ended.wait(DRIP):
            peer.sock.recv(1000)

    server.script = script
    begin = time.monotonic()

    with pytest.raises(AmbiguousDeliveryError):
        client(verify=verify).post(server.url, b"x" * 30_000_000)

    assert time.monotonic() - begin < CALL + SLACK


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_drips_is_cut(
    server: Server, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """Through a tunnel nothing was sent before it stands; over http the proxy has the request."""
    server.script = dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * LENGTHS)
    monkeypatch.setenv(f"{scheme}_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    session = requests.Session()
    through = RequestsClient(
        ("localhost",), session=session, now=lambda: NOW, limits=TimeLimits(call=CALL)
    )
    begin = time.monotonic()

    with pytest.raises(TemporaryDeliveryError if scheme == "https" else AmbiguousDeliveryError):
        through.post(f"{scheme}://localhost:9/hook", {})

    assert time.monotonic() - begin < CALL + SLACK


# --- one budget for an attempt ----------------------------------------------------------------


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class SlowTransport(BaseAdapter):
    """Answers every request, after so many seconds or never."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__()
        self.clock = clock
        self.seconds = seconds
        self.timeouts: list[tuple[float, float]] = []

    def send(self, *_: Any, timeout: Any = None, **__: Any) -> requests.Response:
        self.timeouts.append(timeout)
        if self.seconds > timeout[1]:
            self.clock.seconds += timeout[1]
            raise requests.ReadTimeout
        self.clock.seconds += self.seconds
        return an_answer(200, b"{}")

    def close(self) -> None:
        pass


def slow_client(seconds: float) -> tuple[RequestsClient, SlowTransport, Clock]:
    """Make a client of a receiver that needs so many seconds for each answer."""
    clock, session = Clock(), requests.Session()
    transport = SlowTransport(clock, seconds)
    session.mount("http://", transport)
    made = RequestsClient(("127.0.0.1",), session=session, now=lambda: NOW, clock=clock)
    return made, transport, clock


def test_calls_share_the_time_of_their_attempt() -> None:
    """Each has 15 s or what is left; the one for which too little is left is not made."""
    made, transport, clock = slow_client(7.6)

    for _ in range(5):
        made.get("http://127.0.0.1/")
    with pytest.raises(AmbiguousDeliveryError, match="no answer in time"):
        made.get("http://127.0.0.1/")
    with pytest.raises(TemporaryDeliveryError, match="no time left") as caught:
        made.post("http://127.0.0.1/", {})

    assert caught.value.reason == "no-time"
    assert clock.seconds == pytest.approx(1045)
    assert [round(read, 1) for _, read in transport.timeouts] == [15, 15, 15, 15, 14.6, 7.0]


def test_the_time_of_a_call_can_be_kept_for_it() -> None:
    """What matters less ends before; what matters most has its whole time."""
    made, transport, _ = slow_client(7.6)
    for _ in range(3):
        made.get("http://127.0.0.1/")

    with made.reserve_call():
        with pytest.raises(AmbiguousDeliveryError):
            made.get("http://127.0.0.1/")
        with pytest.raises(TemporaryDeliveryError, match="no time left"):
            made.get("http://127.0.0.1/")
    made.post("http://127.0.0.1/", {})

    assert [round(read, 1) for _, read in transport.timeouts] == [15, 15, 15, 7.2, 15]


def test_three_calls_fit_into_an_attempt() -> None:
    """A message, the same with a renewed secret, and a plainer one; each as long as specified."""
    limits = TimeLimits()

    assert 3 * limits.call <= limits.attempt
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    assert 15 <= limits.call <= 30


def test_a_deadline_that_is_over_leaves_no_seconds() -> None:
    """A timeout of 0 would mean not to wait at all, and one below it is an error."""
    clock = Clock()
    deadline = Deadline(TimeLimits(), clock=clock)
    assert deadline.begin_call()
    clock.seconds += 15

    with pytest.raises(TimeoutError):
        _ = deadline.seconds_left


def test_all_addresses_of_a_host_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten that swallow every packet take no longer than the call may."""
    clock, tried = Clock(), []

    def swallow(address: tuple[str, int], timeout: float, **_: Any) -> socket.socket:
        tried.append((address[0], round(timeout, 2)))
        clock.seconds += timeout
        raise TimeoutError

    family = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    found = [(*family, (f"127.0.0.{number}", 80)) for number in range(10)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(connection, "create_connection", swallow)

    with pytest.raises(TemporaryDeliveryError, match="no connection"):
        client(clock=clock, limits=TimeLimits()).post("http://localhost/", {})

    assert clock.seconds == pytest.approx(1015)
    assert tried == [
        *((f"127.0.0.{number}", 3.05) for number in range(4)),
        ("127.0.0.4", 2.8),
    ]


@pytest.mark.parametrize("found", [[], socket.gaierror("no such name"), "late"])
def test_a_name_without_an_address_has_sent_nothing(
    monkeypatch: pytest.MonkeyPatch, found: Any
) -> None:
    """Or with one that was found too late."""
    clock = Clock()

    def look_up(*_: Any, **__: Any) -> Any:
        if isinstance(found, Exception):
            raise found
        clock.seconds += 20 if found == "late" else 0
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))] if found else []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    with pytest.raises(TemporaryDeliveryError, match="no connection"):
        client(clock=clock, limits=TimeLimits()).post("http://localhost/", {})


@pytest.mark.parametrize("part", ["headers", "body", "chunks"])
def test_a_session_has_its_time_for_all_that_is_read(server: Server, part: str) -> None:
    """As for the configuration of an image, which comes from S3."""
    server.script = dripping(*(IN_HEADERS | IN_BODY)[part])
    begin = time.monotonic()
    session = session_of(CALL)
    session.trust_env = False

    with pytest.raises(requests.RequestException):
        session.get(server.url, timeout=5)

    assert time.monotonic() - begin < CALL + SLACK


# --- size and form of an answer ---------------------------------------------------------------

BOMB = zlib.compress(b"\0" * 10_000_000, 9)
GZIP = "Content-Encoding: gzip"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b'{"key": "SEC-7"}' + b" " * SHORT_ANSWER


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (an_http_answer(b"ok", "Content-Type: text/plain; charset=undefined"), "ok"),
        (an_http_answer(b"ok", "Content-Type: text/plain; charset=idna"), "ok"),
        (an_http_answer(b"ok", "Content-Type: text/plain; charset=punycode"), "ok"),
        (an_http_answer(b"ok", "Content-Type: text/plain; charset=utf-16"), "ok"),
        (an_http_answer(b"ok", "Content-Type: text/plain; charset=\xff"), "ok"),
        (an_http_answer("\u00fc".encode(), "Content-Type: text/plain"), "\u00fc"),
        (an_http_answer(b"\xfc\xff", "Content-Type: text/plain; charset=latin-1"), "\ufffd\ufffd"),
        (an_http_answer(gzip.compress(b"ok", mtime=0), GZIP), "ok"),
        (an_http_answer(zlib.compress(b"ok"), "Content-Encoding: deflate"), "ok"),
        (an_http_answer(b"ok", "Content-Encoding: identity"), "ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok"),
        (b"HTTP/1.1 200 OK\r\n\r\nok", "ok"),
        (an_http_answer(b"x" * SHORT_ANSWER), "x" * SHORT_ANSWER),
    ],
)
def test_a_body_is_text_in_utf_8(server: Server, content: bytes, text: str) -> None:
    """Whatever its header says; compressed ones are unpacked, though none was asked for."""
    server.script = answering(content)

    assert client().post(server.url, {}) == HttpAnswer(200, text)


UNREADABLE = {
    "larger": an_http_answer(LONG),
    "endless": b"HTTP/1.1 200 OK\r\n\r\n" + LONG,
    "larger in chunks": CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(LONG), LONG),
    "bomb": an_http_answer(BOMB, "Content-Encoding: deflate"),
    "plain as gzip": an_http_answer(b"ok", GZIP),
    "half of a gzip": an_http_answer(gzip.compress(os.urandom(500), mtime=0)[:250], GZIP),
    "two of them": an_http_answer(gzip.compress(b"ok", mtime=0) * 2, GZIP),
    "unknown encoding": an_http_answer(b"ok", "Content-Encoding: br"),
    "cut": an_http_answer(b"ok" * 10)[:-5],
    "cut in a chunk": CHUNKED + b"9\r\nok",
    "bad size of a chunk": CHUNKED + b"zz\r\nok",
}


@pytest.mark.parametrize("form", UNREADABLE)
def test_a_2xx_that_cannot_be_read_is_an_acceptance_by_a_webhook(server: Server, form: str) -> None:
    """It did accept; a repeat or a dead letter would be wrong."""
    server.script = answering(UNREADABLE[form])

    assert client().post(server.url, {}, any_answer=True).status == 200
    assert server.connections == 1


@pytest.mark.parametrize("form", UNREADABLE)
def test_a_2xx_that_cannot_be_read_is_in_doubt_elsewhere(server: Server, form: str) -> None:
    """Neither dead nor accepted: which issue or message it is stands in the body."""
    server.script = answering(UNREADABLE[form])

    with pytest.raises(AmbiguousDeliveryError) as caught:
        client().post(server.url, {})

    assert caught.value.reason == "unreadable-answer"


@pytest.mark.parametrize("any_answer", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\nok",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
        b"\0" * 100,
        b"",
    ],
    ids=range(6),
)
def test_what_is_no_answer_leaves_all_open(
    server: Server, content: bytes, *, any_answer: bool
) -> None:
    """The receiver has the request, and nobody can say what it thinks of it."""
    server.script = answering(content)

    with pytest.raises(AmbiguousDeliveryError, match=r"connection lost|not HTTP"):
        client().post(server.url, {}, any_answer=any_answer)


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "302 Found"])
@pytest.mark.parametrize("content", [BOMB, gzip.compress(b"\0" * 10_000_000, mtime=0)], ids=len)
def test_a_bomb_is_not_unpacked(server: Server, status: str, content: bytes) -> None:
    """10 MB of zeros are 10 KB on the wire; no more than the limit is ever held."""
    headers = ("Content-Encoding: gzip", "Location: /elsewhere")
    server.script = answering(an_http_answer(content, *headers, status=status))
    tracemalloc.start()

    with suppress(DeliveryError):
        client(limits=TimeLimits()).post(server.url, {}, any_answer=True)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000


def test_a_notifier_may_expect_a_longer_answer(server: Server) -> None:
    """Lists of comments and messages are long."""
    server.script = answering(an_http_answer(LONG))

    assert len(client().get(server.url, limit=100_000).text) == len(LONG)


def test_no_compression_is_asked_for(server: Server) -> None:
    """An answer is a few words; and a notifier cannot ask for it by mistake."""
    requests_seen = []

    def script(peer: Peer) -> None:
        requests_seen.append(peer.read_request())
        peer.sock.sendall(an_http_answer(b"ok"))

    server.script = script

    client().post(server.url, {}, headers={"accept-encoding": "gzip"})

    assert requests_seen[0].lower().count(b"accept-encoding:") == 1
    assert b"Accept-Encoding: identity\r\n" in requests_seen[0]


# --- connections ------------------------------------------------------------------------------


def serving(peer: Peer) -> None:
    """Answer every request of a connection, as servers with keep-alive do."""
    while peer.read_request():
        peer.sock.sendall(an_http_answer(b'{"ok": true}'))


def test_the_calls_of_an_attempt_share_a_connection(server: Server) -> None:
    """Eight calls to Jira are one handshake."""
    server.script = serving
    made = client()

    for _ in range(3):
        made.get(server.url)
    made.post(server.url, b"x" * 100_000)

    assert server.connections == 1


def test_the_next_attempt_has_a_connection_of_its_own(server: Server) -> None:
    """One that idled may be gone at the receiver, and a request on it would be in doubt."""

    def once_then_reset(peer: Peer) -> None:
        peer.read_request()
        peer.sock.sendall(an_http_answer(b"ok"))
        # A receiver that gives up an idle connection answers the next request on it with a reset.
        peer.read_request()
        peer.reset()

    server.script = once_then_reset

    for _ in range(3):
        assert client().post(server.url, {}).text == "ok"

    assert server.connections == 3


def test_connections_end_with_their_attempt(server: Server) -> None:
    """At once, without waiting for the garbage collector."""
    server.script = serving
    gc.disable()
    try:
        made = client()
        made.get(server.url)
        del made

        assert server.closed.acquire(timeout=5)
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "lines",
    [
        b"no colon\r\n",
        b": no name\r\n",
        b"A: b\r\n\tc\r\nno colon\r\n",
        b"A : b\r\n",
        b"Content-Type: multipart/mixed\r\n",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    ],
)
def test_no_library_logs_the_address(
    server: Server, caplog: pytest.LogCaptureFixture, lines: bytes
) -> None:
    """The path of a webhook is its secret, and what is odd in an answer is nobody's business."""
    server.script = answering(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n0\r\n\r\n")

    client().post(f"{server.url}/not-a-real-token", {}, any_answer=True)

    assert "not-a-real-token" not in caplog.text
