"""
Deadlines for an attempt and for each call in it, independent of the pace of incoming bytes.

Timeouts of sockets, and so those of urllib3 and requests, apply to single operations: a receiver
that sends a byte every few seconds never exceeds them. Here each socket operation gets the time
that is left of the call. This covers connecting, TLS, a proxy's tunnel, the request, the status
line, the headers and the body.

Name resolution is not covered. The system's resolver has timeouts of its own, and its time is
subtracted from the call:
https://man7.org/linux/man-pages/man5/resolv.conf.5.html (`timeout`, `attempts`).
"""

import io
import math
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from typing import Any, Final

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

_PIECE: Final = 16_384
"""Bytes per send: a TLS record, for which a socket's timeout applies as a whole."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Time limits in seconds."""

    attempt: float = 45.0
    """
    Limit for all calls of an attempt.

    The function `deliver` has 60 s, including the ledger, the report and its page; the lease of a
    delivery is 90 s. Three calls fit into 45 s: a message, the same with a renewed secret, and a
    plainer one.
    """
    call: float = 15.0
    """
    Limit for a call, from connecting to the last byte of the answer.

    Webhooks recommend 15 to 30 s:
    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    connect: float = 3.05
    """Limit for connecting to one address. A call begins only if this much time is left."""


class Deadline:
    """The remaining time of an attempt, which begins now, and of its current call."""

    def __init__(self, limits: TimeLimits, *, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._attempt_ends = clock() + limits.attempt
        self._call_ends = self._attempt_ends
        self._reserved = 0.0

    @contextmanager
    def reserve(self, seconds: float) -> Iterator[None]:
        """Exclude the last seconds of the attempt from calls, for a later one."""
        before, self._reserved = self._reserved, seconds
        try:
            yield
        finally:
            self._reserved = before

    def begin_call(self) -> bool:
        """Begin a call. Return False if the attempt has too little time left."""
        now = self._clock()
        seconds = min(self._limits.call, self._attempt_ends - self._reserved - now)
        self._call_ends = now + seconds
        return seconds >= min(self._limits.connect, self._limits.call)

    @property
    def seconds_left(self) -> float:
        """The remaining seconds of the call. Raises `TimeoutError` when it is over."""
        seconds = self._call_ends - self._clock()
        if seconds <= 0:
            raise TimeoutError("the time of this call is over")
        return seconds

    @property
    def timeouts(self) -> tuple[float, float]:
        """The timeouts of the call for requests: for connecting, and for the first byte."""
        return min(self._limits.connect, self.seconds_left), self.seconds_left


def session_of(seconds: float, *, clock: Callable[[], float] = time.monotonic) -> Session:
    """Return a session whose requests end `seconds` from now at the latest."""
    deadline = Deadline(TimeLimits(attempt=seconds, call=seconds), clock=clock)
    session = Session()
    for prefix in ("https://", "http://"):
        session.mount(prefix, DeadlineAdapter(deadline))
    return session


class DeadlineAdapter(HTTPAdapter):
    """A transport of a session with a deadline. Its connections are closed with the session."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See `HTTPAdapter.init_poolmanager`."""
        super().init_poolmanager(*args, **kwargs)
        self._bind(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """See `HTTPAdapter.proxy_manager_for`."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        self._bind(manager)
        return manager

    def build_response(self, req: PreparedRequest, resp: BaseHTTPResponse) -> Response:
        """
        See `HTTPAdapter.build_response`. The target of a redirect is removed.

        For a redirect, requests would read the whole body, of any size, and prepare a request.
        """
        response = super().build_response(req, resp)
        response.headers.pop("Location", None)
        return response

    def _bind(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = {
            "http": partial(_HttpPool, deadline=self._deadline),  # type: ignore[dict-item]  # called only
            "https": partial(_HttpsPool, deadline=self._deadline),  # type: ignore[dict-item]  # same
        }


class _HttpPool(HTTPConnectionPool):
    def __init__(self, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ConnectionCls = partial(_HttpConnection, deadline=deadline)  # type: ignore[assignment]  # called only


class _HttpsPool(HTTPSConnectionPool):
    def __init__(self, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ConnectionCls = partial(_HttpsConnection, deadline=deadline)  # type: ignore[assignment]  # called only


class _HttpConnection(HTTPConnection):
    """A connection whose operations all have the remaining time of the call."""

    def __init__(self, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = deadline
        self.response_class = partial(_Answer, deadline=deadline)  # type: ignore[assignment]  # same

    def connect(self) -> None:
        """Connect. Any error means that nothing of the request was sent."""
        try:
            super().connect()
        except ssl.SSLError:
            raise
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            raise NewConnectionError(self, "no connection") from error

    def _new_conn(self) -> socket.socket:
        """Try the addresses of the host in order while there is time."""
        name, timeout = self._dns_host, self.timeout
        failure: Exception | None = None
        try:
            for address in self._addresses():
                self._dns_host = address
                self.timeout = min(timeout or math.inf, self._deadline.seconds_left)
                try:
                    return super()._new_conn()
                except (ConnectTimeoutError, NewConnectionError) as error:
                    failure = error
        finally:
            self._dns_host, self.timeout = name, timeout
        raise failure or NewConnectionError(self, "the host has no address")

    def _addresses(self) -> list[str]:
        host = self._dns_host.strip("[]")
        try:
            addresses = socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        return [str(address[0]) for *_, address in addresses]

    def send(self, data: Any) -> None:
        """Send in chunks, each within the remaining time."""
        if self.sock is None:
            self.connect()
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            self.sock.settimeout(self._deadline.seconds_left)
            super().send(view[start : start + _PIECE])


class _HttpsConnection(_HttpConnection, HTTPSConnection):
    """An HTTPS connection with a deadline."""


class _Answer(HTTPResponse):
    """An answer that is read within the deadline, from its first byte."""

    def __init__(self, sock: socket.socket, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Reader(sock, self.fp.detach(), deadline))

    def begin(self) -> None:
        """
        Read status and headers, and discard defects of the headers.

        urllib3 would log defects with the URL, and the path of a webhook is a secret.
        """
        super().begin()
        self.headers.defects.clear()
        self.headers.set_payload("")


class _Reader(io.RawIOBase):
    """The bytes of a socket, each read within the remaining time."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, deadline: Deadline) -> None:
        super().__init__()
        self._sock = sock
        self._raw = raw
        self._deadline = deadline

    def readable(self) -> bool:
        """See `io.IOBase.readable`."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """See `io.RawIOBase.readinto`. Raises `TimeoutError`."""
        self._sock.settimeout(self._deadline.seconds_left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """See `io.IOBase.close`."""
        self._raw.close()
        super().close()
