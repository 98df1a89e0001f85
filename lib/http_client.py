"""
HTTP calls to receivers: deadlines, allowed hosts, and one retry class for each answer.

    2xx                              accepted (the notifier still reads the body)
    429, or 503 with Retry-After     throttled: not counted as an attempt, retried when allowed
    408, 503, no connection          temporary: nothing was accepted
    no time left for another call    temporary: this call was not made
    other 5xx, no answer in time     ambiguous: the request may have been accepted
    2xx that cannot be read          ambiguous, unless any 2xx is an acceptance
    everything else                  permanent

Bodies are read as UTF-8 and up to a limit, whatever the header says. A 2xx is unreadable if its
body is too large, too slow, truncated, or does not unpack. Slack, Jira and PagerDuty confirm a
message in the body. Without the body the delivery is ambiguous: it is retried, after a question to
receivers that can be asked. For a webhook any 2xx is an acceptance.

`lib.flows.refusals` does what follows from a class; `lib.core.retries` says when to try again.

Secrets of the request are removed from every text that leaves this module, also from a 200.
"""

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import isnan, nan
from typing import Any, Final, NamedTuple

import requests
from requests import exceptions
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
)

from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.http_deadline import Deadline, DeadlineAdapter, TimeLimits
from lib.models import SHORT_ANSWER, HttpAnswer, Upload
from lib.redaction import redacted, secrets_of
from lib.text import clean, one_line, truncate
from lib.urls.addresses import Address, AddressError, read_address

LIMITS: Final = TimeLimits()
MAX_RETRY_AFTER: Final = 3600.0
"""Seconds. A longer Retry-After is shortened to this."""

_BROKEN: Final = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.GONE,
)
"""A revoked credential or a deleted address: every other request would fail, too."""
_TOO_LARGE: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
_ALONE: Final = ("jira-per-issue-on-write",)
"""Rate limits of one issue: https://developer.atlassian.com/cloud/jira/platform/rate-limiting"""
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
"""Detects gzip or zlib: https://docs.python.org/3/library/zlib.html#zlib.decompress"""
_EXCERPT: Final = 200


def retry_after(value: str | None, *, now: datetime) -> float | None:
    """
    Return the seconds that a Retry-After header asks for, at most `MAX_RETRY_AFTER`.

    None without a header, and for one that is neither a number of seconds nor a date.
    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, now)
    if isnan(seconds):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _seconds_until(date: str, now: datetime) -> float:
    """Return the seconds until an HTTP date; NaN for an invalid date."""
    try:
        moment = parsedate_to_datetime(date)
        return (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    except (ValueError, OverflowError, TypeError, IndexError):
        # parsedate_to_datetime raises any of these for an invalid date.
        return nan


def failure(
    status: int, headers: Mapping[str, str], body: str, *, where: str, now: datetime
) -> DeliveryError | None:
    """Return the error of an answer; None for an accepted request."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    text = f"{where} answered {status}: {truncate(one_line(body), _EXCERPT) or 'no text'}"
    reason = f"http-{status}"
    pause = retry_after(headers.get("Retry-After"), now=now)
    match status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            alone = headers.get("RateLimit-Reason") in _ALONE
            return ThrottledError(text, retry_after=pause, alone=alone, reason=reason)
        case HTTPStatus.SERVICE_UNAVAILABLE if pause is not None:
            return ThrottledError(text, retry_after=pause, reason=reason)
        case HTTPStatus.REQUEST_TIMEOUT | HTTPStatus.SERVICE_UNAVAILABLE:
            return TemporaryDeliveryError(text, reason=reason)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return AmbiguousDeliveryError(text, reason=reason)
        case _:
            return PermanentDeliveryError(
                text,
                degradable=status in _TOO_LARGE,
                broken=status in _BROKEN,
                answer=body,
                reason=reason,
            )


def check_url(url: str, hosts: tuple[str, ...]) -> Address:
    """
    Check the address of a receiver, and return it.

    Allowed are https (http on loopback, for tests and the demo) and the given hosts; ".example.org"
    allows every host below it. Raises `ConfigError`, which names the host but not the path.
    """
    try:
        address = read_address(url)
    except AddressError as error:
        raise ConfigError(f"A receiver's address {error}; check its secret") from None
    if not address.is_among(hosts):
        raise ConfigError(
            f"Host {address.host!r} is not allowed here; allowed: {', '.join(hosts) or 'none'}. "
            "The deployment can name others with the parameter receiverHosts; a webhook has an "
            "option host for its own"
        )
    if address.scheme != "https" and not address.is_loopback:
        raise ConfigError(f"Host {address.host!r} must be called over https")
    return address


class RequestsClient:
    """
    See `lib.ports.notifiers.HttpClient`. A client for one attempt; its time begins when it is made.

    Connections are reused within the attempt only. The receiver may have closed an older one, and
    a request on it would end without an answer. Redirects are not followed, because they would
    send secrets to another host.
    """

    def __init__(
        self,
        hosts: tuple[str, ...],
        *,
        session: requests.Session,
        now: Callable[[], datetime],
        limits: TimeLimits = LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create the client; `clock` counts seconds. Custom transports of the session are kept."""
        self._hosts = hosts
        self._session = session
        self._now = now
        self._deadline = Deadline(limits, clock=clock)
        self._limits = limits
        for prefix, adapter in tuple(session.adapters.items()):
            if type(adapter) is HTTPAdapter:
                session.mount(prefix, DeadlineAdapter(self._deadline))

    def post(
        self,
        url: str,
        body: Any,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        limit: int = SHORT_ANSWER,
        any_answer: bool = False,
    ) -> HttpAnswer:
        """See `HttpClient.post`."""
        content = {"data": body} if isinstance(body, bytes) else {"json": body}
        options = _ReadOptions(limit, any_answer)
        return self._call("POST", url, headers, secrets, options=options, **content)

    def put(self, url: str, body: Any, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """See `HttpClient.put`."""
        return self._call("PUT", url, headers, options=_ANY, json=body)

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limit: int = SHORT_ANSWER,
        any_answer: bool = False,
    ) -> HttpAnswer:
        """See `HttpClient.get`."""
        return self._call("GET", url, headers, options=_ReadOptions(limit, any_answer))

    def delete(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """See `HttpClient.delete`."""
        return self._call("DELETE", url, headers, options=_ANY)

    def upload(
        self, url: str, file: Upload, *, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """See `HttpClient.upload`."""
        files = {"file": (file.name, file.content, file.media_type)}
        return self._call("POST", url, headers, options=_ANY, files=files)

    def reserve_call(self) -> AbstractContextManager[None]:
        """See `HttpClient.reserve_call`."""
        return self._deadline.reserve(self._limits.call)

    def _call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        secrets: Sequence[str] = (),
        *,
        options: "_ReadOptions",
        **content: Any,
    ) -> HttpAnswer:
        # The path of a webhook is a secret: errors name only the host, and drop their cause.
        where = f"{method} {check_url(url, self._hosts).host}"
        if not self._deadline.begin_call():
            raise TemporaryDeliveryError(f"{where}: no time left in this attempt", reason="no-time")
        try:
            answer = self._exchange(method, url, headers or {}, options.limit, **content)
        except exceptions.RequestException as error:
            raise _no_answer(error, where) from None
        text = redacted(clean(answer.body), (*secrets, *secrets_of(url, headers or {})))
        problem = failure(answer.status, answer.headers, text, where=where, now=self._now())
        if problem is not None:
            raise problem
        if not (answer.whole or options.any_answer):
            raise AmbiguousDeliveryError(
                f"{where} answered {answer.status} with a body that cannot be read",
                reason="unreadable-answer",
            )
        return HttpAnswer(answer.status, text)

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], limit: int, **content: Any
    ) -> "_Answer":
        """Send a request, and read its answer. Raises what `requests` raises."""
        with self._session.request(
            method,
            url,
            **content,
            headers={**headers, "Accept-Encoding": "identity"},
            timeout=self._deadline.timeouts,
            allow_redirects=False,
            auth=_unchanged,
            stream=True,
        ) as response:
            return _Answer(response.status_code, response.headers, *_read(response, limit))


class _Answer(NamedTuple):
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: str
    whole: bool
    """Whether the body could be read to its end, or to the limit."""


@dataclass(frozen=True, slots=True)
class _ReadOptions:
    """How many bytes of an answer are read, and whether an unreadable answer is accepted."""

    limit: int
    any_answer: bool


_ANY: Final = _ReadOptions(SHORT_ANSWER, any_answer=True)


def _read(response: requests.Response, limit: int) -> tuple[str, bool]:
    """Return up to `limit` bytes of an answer as text, and whether it was read to its end."""
    content = bytearray()
    try:
        while len(content) <= limit:
            chunk = response.raw.read1(limit + 1 - len(content), decode_content=False)
            if not chunk:
                return _unpack(bytes(content), response.headers, limit)
            content += chunk
    except HTTPError:
        # Too slow, lost or malformed. The bytes so far may explain the error.
        pass
    text, _ = _unpack(bytes(content[:limit]), response.headers, limit)
    return text, False


def _unpack(content: bytes, headers: Mapping[str, str], limit: int) -> tuple[str, bool]:
    """
    Return a body as text, and whether it is complete.

    Some proxies compress answers without being asked. At most `limit` bytes are unpacked.
    """
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return content.decode("utf-8", "replace"), True
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        content = unpacker.decompress(content, limit)
    except zlib.error:
        return "", False
    whole = unpacker.eof and not unpacker.unused_data
    return content.decode("utf-8", "replace"), whole


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep the request's own Authorization: without `auth`, requests reads one from ~/.netrc."""
    return request


def _no_answer(error: exceptions.RequestException, where: str) -> DeliveryError:
    """Return the error of a call without an answer: temporary if nothing was sent."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    not_connected = (NewConnectionError, ConnectTimeoutError, NameResolutionError)
    match error:
        case exceptions.ConnectTimeout() | exceptions.SSLError() | exceptions.ProxyError():
            return TemporaryDeliveryError(f"{where}: no connection", reason="no-connection")
        case exceptions.ConnectionError() if isinstance(cause, not_connected):
            return TemporaryDeliveryError(f"{where}: no connection", reason="no-connection")
        case exceptions.Timeout():
            return AmbiguousDeliveryError(f"{where}: no answer in time", reason="timeout")
        case exceptions.ConnectionError() | exceptions.ChunkedEncodingError():
            return AmbiguousDeliveryError(f"{where}: connection lost", reason="connection-lost")
        case _ if error.args and isinstance(error.args[0], HTTPError):
            # Parsing of the received bytes failed.
            return AmbiguousDeliveryError(f"{where}: the answer is not HTTP", reason="no-http")
        case _:
            return PermanentDeliveryError(
                f"{where}: {type(error).__name__}", reason="invalid-request"
            )
