"""
The HTTP server of the embedded AWS: HTTP/1.1 for the clients of this machine.

Used by `local.aws.cloud` only, in place of hypercorn, which took a third of the processor time of
each request. It reads a body before it calls the application, and has neither TLS nor WebSockets.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote_to_bytes

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

LONGEST_HEAD: Final = 1 << 20
"""Bytes of a request line with its headers."""
BACKLOG: Final = 1000
"""Connections that wait to be accepted."""
CLOSED_SECONDS: Final = 0.1
"""Between two looks whether a client has gone that waits for a stream."""
_END: Final = b"\r\n\r\n"
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}
_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})

logger = logging.getLogger(__name__)


class MalformedRequestError(Exception):
    """The bytes of a client are no request of HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Request:
    """A complete request."""

    method: str
    target: bytes
    version: bytes
    headers: Headers
    """With names in lower case."""
    body: bytes

    def scope(self, client: tuple[str, int], server: tuple[str, int]) -> Message:
        """Return the request as an application of ASGI receives it."""
        path, _, query = self.target.partition(b"?")
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
            "client": client,
            "server": server,
            "extensions": {},
        }


class Exchange:
    """A request and its response, with the two channels of ASGI."""

    def __init__(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._request = request
        self._reader = reader
        self._writer = writer
        self._head: bytes | None = None
        self._is_read = self._has_begun = self._has_body = self._is_chunked = False
        self.keeps = request.version == b"HTTP/1.1" and not _closes(request.headers)
        """Whether the connection stays open for another request."""
        self.is_complete = False

    async def receive(self) -> Message:
        """Return the body, and after it the disconnection, once the client has gone."""
        if not self._is_read:
            self._is_read = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        while not self._reader.at_eof():  # noqa: ASYNC110  # a reader has no event for its end
            await asyncio.sleep(CLOSED_SECONDS)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Write the head or a part of the body. A head waits for the first part."""
        if message["type"] == "http.response.start":
            self._head = self._head_of(message["status"], message.get("headers", ()))
        elif self._head is None:
            raise RuntimeError("a body needs a head before it")
        else:
            await self._write(message.get("body", b""), more=message.get("more_body", False))

    def _head_of(self, status: int, headers: Headers) -> bytes:
        names = {name.lower() for name, _ in headers}
        lines = [b"HTTP/1.1 %d %s" % (status, _phrase(status))]
        lines += [name + b": " + value for name, value in headers]
        self._has_body = self._request.method != "HEAD" and status not in _BODILESS
        if self._has_body and b"content-length" not in names:
            self._is_chunked = True
            lines.append(b"transfer-encoding: chunked")
        self.keeps = self.keeps and not _closes(headers)
        return b"\r\n".join(lines) + _END

    async def _write(self, part: bytes, *, more: bool) -> None:
        written = b"" if self._has_begun else self._head or b""
        self._has_begun = True
        if self._is_chunked:
            written += b"%x\r\n%s\r\n" % (len(part), part) if part else b""
            written += b"" if more else b"0" + _END
        elif self._has_body:
            written += part
        self._writer.write(written)
        await self._writer.drain()
        self.is_complete = not more

    async def abandon(self) -> None:
        """End a response that the application did not complete."""
        self.keeps = False
        if not self._has_begun:
            await _fail(self._writer, HTTPStatus.INTERNAL_SERVER_ERROR)


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Unknown"


def _closes(headers: Headers) -> bool:
    return (b"connection", b"close") in [(name.lower(), value.lower()) for name, value in headers]


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    """Return the next request of a connection; None at its end. Raises `MalformedRequestError`."""
    try:
        head = await reader.readuntil(_END)
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise MalformedRequestError("the head is too long") from error
    first, *lines = head.removesuffix(_END).split(b"\r\n")
    try:
        method, target, version = first.split(b" ")
        fields = [_field(line) for line in lines]
        body = await _body(dict(fields), reader, writer)
    except ValueError as error:
        raise MalformedRequestError(str(error)) from error
    return Request(method.decode("ascii"), target, version, fields, body)


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not name or name != name.strip():
        raise ValueError("a header needs a name and a colon")
    return name.lower(), value.strip()


async def _body(
    fields: MutableMapping[bytes, bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes:
    if fields.get(b"expect", b"").lower() == b"100-continue":
        writer.write(b"HTTP/1.1 100 Continue" + _END)
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        return await _chunks(reader)
    length = int(fields.get(b"content-length", b"0"))
    return await reader.readexactly(length) if length else b""


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    # Trailers, and the empty line that ends them.
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return b"".join(parts)


async def _connected(
    application: Application, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer the requests of a connection, one after the other."""
    client, server = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
    try:
        while request := await read_request(reader, writer):
            exchange = Exchange(request, reader, writer)
            scope = request.scope(client[:2], server[:2])
            # A task, and so a context, of its own: applications keep the caller there.
            await asyncio.create_task(_answer(application, scope, exchange))
            if not exchange.keeps:
                return
    except MalformedRequestError as error:
        logger.warning("malformed request: %s", error)
        await _fail(writer, HTTPStatus.BAD_REQUEST)
    except (ConnectionError, asyncio.IncompleteReadError):
        # The client has gone.
        return
    finally:
        writer.close()


async def _answer(application: Application, scope: Message, exchange: Exchange) -> None:
    try:
        await application(scope, exchange.receive, exchange.send)
    except ConnectionError:
        raise
    except Exception:
        logger.exception("%s %s", scope["method"], scope["path"])
    if not exchange.is_complete:
        await exchange.abandon()


async def _fail(writer: asyncio.StreamWriter, status: HTTPStatus) -> None:
    head = b"HTTP/1.1 %d %s\r\ncontent-length: 0\r\nconnection: close" % (status, _phrase(status))
    writer.write(head + _END)
    await writer.drain()


async def _start_up(application: Application) -> asyncio.Future[None]:
    """
    Let an application start, and return its life, to which the caller keeps a reference.

    It is never asked to stop: the process ends at once.
    """
    messages: asyncio.Queue[Message] = asyncio.Queue()
    answers: asyncio.Queue[Message] = asyncio.Queue()
    await messages.put({"type": "lifespan.startup"})
    scope = {"type": "lifespan", "asgi": _ASGI}
    life = asyncio.ensure_future(application(scope, messages.get, answers.put))
    answer = asyncio.ensure_future(answers.get())
    await asyncio.wait({life, answer}, return_when=asyncio.FIRST_COMPLETED)
    if not answer.done() or answer.result()["type"] != "lifespan.startup.complete":
        raise RuntimeError("the application did not start")
    return life


async def serve(application: Application, host: str, port: int) -> None:
    """Serve until the process ends."""
    life = await _start_up(application)
    server = await asyncio.start_server(
        partial(_connected, application), host, port, limit=LONGEST_HEAD, backlog=BACKLOG
    )
    async with server:
        await asyncio.gather(life, server.serve_forever())
