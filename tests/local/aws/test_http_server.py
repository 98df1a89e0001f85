"""The HTTP server of the embedded AWS, over sockets, before a small application."""

import asyncio
import socket
from collections.abc import Iterator
from contextvars import ContextVar
from http.client import HTTPConnection
from threading import Event, Thread
from typing import Any
from unittest.mock import Mock

import pytest

from local.aws.http_server import Application, MalformedRequestError, read_request, serve
from local.aws.process import HOST, free_port

SECONDS = 10
_caller: ContextVar[str] = ContextVar("caller", default="nobody")


ANSWERS: dict[str, tuple[int, list[tuple[bytes, bytes]], list[bytes]]] = {
    "/parts": (200, [], [b"one ", b"", b"two", b""]),
    "/nothing": (204, [], [b""]),
    "/last": (200, [(b"Connection", b"close")], [b"last"]),
}


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer as the path asks for it."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    body, path = (await receive())["body"], scope["path"]
    if path == "/early":
        await send({"type": "http.response.body", "body": b"a body without a head"})
    elif path == "/half":
        await send(head(200, (b"Content-Length", b"9")))
        await send(part(b"half", more=True))
    elif path == "/until-it-leaves":
        await send(head(200))
        await send(part(b"begun", more=True))
        GONE.append(await receive())
        LEFT.set()
    else:
        status, headers, parts = ANSWERS.get(path) or answer_of(scope, body)
        await send(head(status, *headers))
        for content in parts[:-1]:
            await send(part(content, more=True))
        await send(part(parts[-1]))


def head(status: int, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def part(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}


def answer_of(scope: Any, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], list[bytes]]:
    match scope["path"]:
        case "/echo":
            return 200, [(b"Content-Length", b"%d" % len(body))], [body]
        case "/caller":
            before = _caller.get()
            _caller.set(dict(scope["headers"]).get(b"x-caller", b"nobody").decode())
            return (
                299,
                [],
                [f"{before} {scope['method']} {scope['query_string'].decode()}".encode()],
            )
        case path:
            return 404, [], [path.encode()]


GONE: list[Any] = []
LEFT = Event()


def start(app: Application) -> int:
    """Serve an application from a thread that ends with the tests, and return its port."""
    port = free_port()
    Thread(target=lambda: asyncio.run(serve(app, HOST, port)), daemon=True).start()
    return port


@pytest.fixture(scope="module")
def port() -> int:
    return start(application)


def connect(port: int) -> socket.socket:
    """Return a connection, once the server listens."""
    for _ in range(1000):
        try:
            return socket.create_connection((HOST, port), SECONDS)
        except ConnectionRefusedError:
            Event().wait(0.01)
    raise AssertionError(f"nothing listens on {port}")


@pytest.fixture
def client(port: int) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(HOST, port, timeout=SECONDS)
    connection.sock = connect(port)
    yield connection
    connection.close()


@pytest.fixture
def wire(port: int) -> Iterator[socket.socket]:
    with connect(port) as connection:
        yield connection


def ask(client: HTTPConnection, method: str, path: str, **more: Any) -> tuple[int, bytes]:
    client.request(method, path, **more)
    answer = client.getresponse()
    return answer.status, answer.read()


def exchange(wire: socket.socket, sent: bytes) -> bytes:
    """Send bytes, and return all that comes until the server closes the connection."""
    wire.sendall(sent)
    return b"".join(iter(lambda: wire.recv(1000), b""))


def test_requests_share_a_connection(client: HTTPConnection) -> None:
    """A body of any size and a path are read as they were sent, and the connection stays open."""
    client.auto_open = False
    body = b"x" * 3_000_000

    assert ask(client, "PUT", "/echo", body=body) == (200, body)
    assert ask(client, "GET", "/a%2Fb%C3%A4?c=d") == (404, "/a/bä".encode())
    assert ask(client, "GET", "/nothing") == (204, b"")
    assert ask(client, "POST", "/echo", body=iter([b"in ", b"chunks"])) == (200, b"in chunks")
    assert ask(client, "GET", "/parts") == (200, b"one two")


def test_no_request_sees_the_context_of_another(client: HTTPConnection) -> None:
    """Applications keep the caller of a request in a context variable."""
    answers = [
        ask(client, "GET", "/caller?n=1", headers={"X-Caller": "root"}),
        ask(client, "GET", "/caller?n=2"),
    ]

    assert answers == [(299, b"nobody GET n=1"), (299, b"nobody GET n=2")]


def test_an_answer_to_head_has_no_body(client: HTTPConnection) -> None:
    """The next answer begins right after its head."""
    client.auto_open = False

    assert ask(client, "HEAD", "/echo", body=b"unsent") == (200, b"")
    assert ask(client, "HEAD", "/parts") == (200, b"")
    assert ask(client, "GET", "/parts") == (200, b"one two")


def test_a_client_may_wait_before_it_sends_a_body(wire: socket.socket) -> None:
    """As botocore does before it uploads an object to S3."""
    wire.sendall(b"PUT /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n")
    wire.sendall(b"Connection: close\r\n\r\n")
    first = wire.recv(1000)

    rest = exchange(wire, b"body")

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert rest == b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"


def test_a_chunked_request_may_have_trailers(wire: socket.socket) -> None:
    """They are read, so the next request begins after them."""
    chunks = b"3;name=value\r\nabc\r\n0\r\nX-Checksum: 1\r\n\r\n"
    first = b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks

    answers = exchange(wire, first + b"GET /last HTTP/1.1\r\n\r\n")

    assert answers.startswith(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n")
    assert answers.endswith(b"4\r\nlast\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /echo\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nName : value\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    ],
    ids=["version", "colon", "name", "length", "chunk"],
)
def test_what_is_no_request_is_refused(wire: socket.socket, sent: bytes) -> None:
    """The server closes the connection, because it does not know where the next one begins."""
    answer = exchange(wire, sent)

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_head_has_a_limit() -> None:
    """Without one a client could fill the memory."""

    async def read() -> None:
        reader = asyncio.StreamReader(limit=100)
        reader.feed_data(b"GET /" + b"x" * 200)
        await read_request(reader, Mock())

    with pytest.raises(MalformedRequestError, match="too long"):
        asyncio.run(read())


def test_a_failure_of_the_application_is_an_answer(port: int, wire: socket.socket) -> None:
    """500 before the head; after it nothing can be said but the end of the connection."""
    failed = exchange(wire, b"GET /early HTTP/1.1\r\n\r\n")
    with connect(port) as other:
        unfinished = exchange(other, b"GET /half HTTP/1.1\r\n\r\n")

    assert failed.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert unfinished == b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"


def test_a_stream_learns_that_its_client_has_gone(wire: socket.socket) -> None:
    """Its answer has no end of its own."""
    wire.sendall(b"GET /until-it-leaves HTTP/1.1\r\n\r\n")
    assert wire.recv(1000).endswith(b"5\r\nbegun\r\n")

    wire.close()

    assert LEFT.wait(SECONDS)
    assert GONE == [{"type": "http.disconnect"}]


def test_a_client_that_leaves_in_between_harms_nobody(port: int, client: HTTPConnection) -> None:
    """Neither a half head nor a half body is a request."""
    for sent in (b"GET /ec", b"PUT /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf"):
        with connect(port) as other:
            other.sendall(sent)

    assert ask(client, "PUT", "/echo", body=b"whole") == (200, b"whole")


def test_an_application_that_does_not_start_is_not_served() -> None:
    """The process then ends, and its log says why."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001  # as ASGI has it
        await send({"type": "lifespan.startup.failed"})

    with pytest.raises(RuntimeError, match="did not start"):
        asyncio.run(serve(broken, HOST, free_port()))
