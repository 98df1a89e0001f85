"""
Slack, Jira, PagerDuty, SNS subscribers, webhooks and the inbox page on one port.

    with Receivers() as receivers:
        receivers.script("slack", [Answer(429, headers={"Retry-After": "2"})])
        ...                                   # send to receivers.slack_url("payments")
        receivers.wait_for(1, timeout=5)      # accepted messages
        receivers.requests()                  # all requests, including refused ones

The address of the page is `receivers.inbox_url`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR, socket
from sys import exc_info
from threading import Event, Lock, Thread
from types import MappingProxyType, TracebackType
from typing import Any, Final, Protocol, Self, assert_never
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from local.standins.jira import JiraStandIn
from local.standins.journal import Journal
from local.standins.pagerduty import PagerDutyStandIn
from local.standins.script import Accept, Disconnect, Scripts, Step, TimeoutAfterAccept, reason_of
from local.standins.slack import SlackStandIn
from local.standins.slack_api import SlackApiStandIn
from local.standins.sns import PREFIX, SnsStandIn
from local.standins.webhook import WebhookStandIn
from local.standins.wire import NOT_FOUND, Answer, Call, Message, Outcome, Receiver, Request

__all__ = [
    "Accept",
    "Answer",
    "Disconnect",
    "Message",
    "Receivers",
    "Request",
    "Step",
    "TimeoutAfterAccept",
]

HOST: Final = "127.0.0.1"
MAX_BODY: Final = 4_194_304
PAGE: Final = 500
"""Messages in an answer to the inbox page."""
NEWS_SECONDS: Final = 20.0
"""Maximum duration of the page's request for news."""

_INBOX: Final = Path(__file__).parents[1] / "inbox"
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
    }
)
_SAFE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
            " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)


class _StandIn(Protocol):
    def destination(self, call: Call) -> str: ...
    def handle(self, call: Call) -> Outcome: ...


class Receivers:
    """A context manager that listens on a free port, or on the given one."""

    def __init__(self, port: int = 0) -> None:
        self._slack = SlackStandIn()
        self._slack_api = SlackApiStandIn()
        self._jira = JiraStandIn()
        self._pagerduty = PagerDutyStandIn()
        self._sns = SnsStandIn()
        self._webhook = WebhookStandIn()
        self._stand_ins: Mapping[str, tuple[Receiver, _StandIn]] = {
            "services": (Receiver.SLACK, self._slack),
            "rest": (Receiver.JIRA, self._jira),
            "v2": (Receiver.PAGERDUTY, self._pagerduty),
            "sns": (Receiver.SNS, self._sns),
            "webhooks": (Receiver.WEBHOOK, self._webhook),
        }
        self._scripts = Scripts()
        self._journal = Journal(partial(datetime.now, UTC))
        self._session = datetime.now(UTC).isoformat()
        self.functions_url: str | None = None
        """The base address of function URLs in the embedded AWS, for links in the inbox."""
        self._server = _Server((HOST, port), self)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), name="receivers")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._journal.close()
        self._server.stop()
        self._thread.join()

    @property
    def port(self) -> int:
        """The port of the server."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def inbox_url(self) -> str:
        """The address of the inbox page."""
        return f"{self.url}/"

    @property
    def jira_url(self) -> str:
        """The `site` of a Jira destination."""
        return self.url

    @property
    def jira_credentials(self) -> tuple[str, str]:
        """The e-mail address and the token of the Jira account."""
        return self._jira.email, self._jira.token

    @property
    def jira(self) -> JiraStandIn:
        """The Jira site, to act as a person in it."""
        return self._jira

    @property
    def slack_site(self) -> str:
        """The `site` of a Slack bot."""
        return self.url

    @property
    def slack_token(self) -> str:
        """The token of the bot."""
        return self._slack_api.token

    def slack_url(self, name: str) -> str:
        """Return the webhook of a channel, which is created on first use."""
        return self.url + self._slack.webhook(name)

    @property
    def pagerduty_site(self) -> str:
        """The `site` of PagerDuty."""
        return self.url

    def pagerduty_key(self, name: str) -> str:
        """Return the routing key of an integration."""
        return self._pagerduty.routing_key(name)

    @property
    def open_incidents(self) -> tuple[str, ...]:
        """The keys of open incidents at PagerDuty."""
        return self._pagerduty.open

    @property
    def webhook_secret(self) -> str:
        """The secret that signs webhooks."""
        return self._webhook.secret

    def webhook_url(self, name: str) -> str:
        """Return the address of a webhook's receiver."""
        return self.url + self._webhook.path(name)

    def sns_url(self, subscriber: str) -> str:
        """Return the endpoint of an `http` subscription. It confirms itself."""
        return self.url + PREFIX + quote(subscriber, safe="")

    def receive_sns(self, message: Mapping[str, Any], subscriber: str) -> None:
        """Accept a notification that arrived in another way, for example in a queue."""
        call = Call("POST", PREFIX + subscriber, {}, {}, json.dumps(dict(message)).encode())
        outcome = self._sns.handle(call)
        self._journal.record(Receiver.SNS, subscriber, call, outcome, status=outcome.answer.status)

    def script(self, receiver: str, steps: Iterable[Step]) -> None:
        """
        Append faults to the script of a receiver: one for each request to it.

        `receiver` is a name such as "slack" or "jira", a channel ("slack/payments"; a bot's by its
        id) or an issue ("jira/SEC-1"). Scripts of a channel or an issue come first.
        """
        self._scripts.add(receiver, steps)

    def unplayed(self) -> int:
        """Return the number of remaining scripted steps."""
        return self._scripts.left()

    def hang_up(self) -> None:
        """End every silence of `TimeoutAfterAccept` now: the callers see a closed connection."""
        ended, self._server.silence = self._server.silence, Event()
        ended.set()

    def archive_channel(self, name: str) -> None:
        """Make a Slack channel refuse all messages: by a webhook's name, or a bot's channel id."""
        self._slack.archive(name)
        self._slack_api.archive(name)

    def delete_message(self, channel: str, ts: str) -> None:
        """Delete a bot's message from a Slack channel, with its thread."""
        self._slack_api.delete(channel, ts)

    def deny_in_jira(self, *permissions: str) -> None:
        """Revoke permissions of the Jira account; without arguments restore all."""
        self._jira.deny(*permissions)

    def delete_issue(self, key: str) -> None:
        """Make a Jira issue answer 404."""
        self._jira.delete(key)

    def messages(self, receiver: str | None = None) -> list[Message]:
        """Return the accepted messages, in order."""
        return self._journal.messages(receiver)

    def requests(self, receiver: str | None = None) -> list[Request]:
        """Return all requests to the receivers, in order."""
        return self._journal.requests(receiver)

    def wait_for(self, count: int, timeout: float, receiver: str | None = None) -> list[Message]:
        """Wait until `count` messages are accepted, and return them. Raises `TimeoutError`."""
        return self._journal.wait_for(count, timeout, receiver)

    def answer(self, call: Call) -> Answer | Disconnect | TimeoutAfterAccept:
        """Return the answer of a call, or the fault in its place."""
        target = self._stand_in(call.path)
        if target is None:
            return self._inbox(call)
        receiver, stand_in = target
        destination = stand_in.destination(call)
        step = self._scripts.next(f"{receiver}/{destination}", receiver)
        if isinstance(step, Answer | Disconnect) and not step.accepts:
            outcome = Outcome(NOT_FOUND.answer, reason=reason_of(step))
        else:
            outcome = stand_in.handle(call)
        reply = outcome.answer if isinstance(step, Accept) else step
        status = reply.status if isinstance(reply, Answer) else None
        self._journal.record(receiver, destination, call, outcome, status=status)
        return reply

    def _stand_in(self, path: str) -> tuple[Receiver, _StandIn] | None:
        match path.split("/")[1:]:
            # The methods of Slack have a dot in their path; those of the page have none.
            case ["api", method] if "." in method:
                return Receiver.SLACK, self._slack_api
            case [first, *_]:
                return self._stand_ins.get(first)
            case _:
                return None

    def _inbox(self, call: Call) -> Answer:
        if call.method != "GET":
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED)
        match call.path.strip("/").split("/"):
            case ["api", "messages"]:
                return self._news(call.query)
            case ["api", "messages", number, "raw"] if number.isdecimal():
                return self._raw(int(number))
            case ["attachments", number]:
                return self._attachment(number)
            case ["browse" | "archives" | "functions", *_] as path:
                address = self._elsewhere(path, call.query)
                return NOT_FOUND.answer if address is None else _redirect(address)
            case parts:
                return _static("/".join(parts) or "index.html")

    def _elsewhere(self, path: Sequence[str], query: Mapping[str, str]) -> str | None:
        """Return the target of a redirect: from a receipt's address, or from a function URL."""
        match path:
            case ["browse", key, *_]:
                return f"/#/{Receiver.JIRA.value}/{quote(key)}"
            case ["archives", channel, *_]:
                return f"/#/{Receiver.SLACK.value}/{quote(channel)}"
            case [_, *parts] if self.functions_url is not None:
                return f"{self.functions_url}/{'/'.join(parts)}?{urlencode(query)}"
            case _:
                return None

    def _news(self, query: Mapping[str, str]) -> Answer:
        """Return news after `message` and `request`. Wait for news if there are none."""
        last_message, last_request = (_number(query.get(name)) for name in ("message", "request"))
        if query.get("session") != self._session:
            last_message, last_request = 0, 0
        elif query.get("wait"):
            self._journal.wait_for_more(last_request, NEWS_SECONDS)
        requests = self.requests()
        messages = self.messages()[last_message : last_message + PAGE]
        document = {
            "session": self._session,
            "messages": [_without_raw(message) for message in messages],
            "requests": [asdict(request) for request in requests[last_request:]],
            "more": bool(messages) and messages[-1].id < len(self.messages()),
        }
        text = json.dumps(document, default=datetime.isoformat)
        return Answer(HTTPStatus.OK, text, {"Content-Type": "application/json", **_SAFE})

    def _attachment(self, number: str) -> Answer:
        file = self._jira.attachment(number)
        if file is None:
            return NOT_FOUND.answer
        # The page has its own policy and script inside.
        headers = {"Content-Type": f"{file.media_type}; charset=utf-8"}
        return Answer(HTTPStatus.OK, file.content.decode("utf-8", "replace"), headers)

    def _raw(self, number: int) -> Answer:
        for message in self.messages()[max(number - 1, 0) : number]:
            return Answer(
                HTTPStatus.OK, message.raw, {"Content-Type": "text/plain; charset=utf-8", **_SAFE}
            )
        return NOT_FOUND.answer


def _redirect(address: str) -> Answer:
    return Answer(HTTPStatus.FOUND, "", {"Location": address})


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _without_raw(message: Message) -> dict[str, Any]:
    return {name: value for name, value in asdict(message).items() if name != "raw"}


def _static(name: str) -> Answer:
    # Compared with existing files, so that no path leads out of the folder.
    for file in _INBOX.iterdir():
        if file.name == name and file.suffix in _TYPES:
            headers = {"Content-Type": _TYPES[file.suffix], **_SAFE}
            return Answer(HTTPStatus.OK, file.read_text("utf-8"), headers)
    return NOT_FOUND.answer


class _Server(ThreadingHTTPServer):
    """A server that closes its open connections and threads when it stops."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], receivers: Receivers) -> None:
        self.receivers = receivers
        self.silence = Event()
        self._connections: set[socket] = set()
        self._lock = Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore callers that disconnect, because tests do so on purpose."""
        if not isinstance(exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Close the port and all connections, and wait for their threads."""
        self.silence.set()
        self.shutdown()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Translates HTTP requests into `Receivers.answer`."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > MAX_BODY:
            self.close_connection = True
            self._reply(Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
            return
        parts = urlsplit(self.path)
        call = Call(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
        )
        match self.server.receivers.answer(call):
            case Answer() as answer:
                self._reply(answer)
            case Disconnect():
                self.close_connection = True
            case TimeoutAfterAccept() as silence:
                self.server.silence.wait(silence.seconds)
                self.close_connection = True
            case other:
                assert_never(other)

    do_GET = _serve  # noqa: N815  # the base class's name
    do_POST = _serve  # noqa: N815  # the base class's name
    do_PUT = _serve  # noqa: N815  # the base class's name
    do_DELETE = _serve  # noqa: N815  # the base class's name

    def _reply(self, answer: Answer) -> None:
        body = answer.body.encode()
        # The caller may have disconnected. The record stays.
        with suppress(OSError):
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != HTTPStatus.NO_CONTENT:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Log nothing: the journal has the request, and a path can be a secret."""
