"""HTTP against a real server on loopback: every answer gets its retry class, no secret gets out."""

import base64
import json
import socket
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests import exceptions

from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.http_client import MAX_RETRY_AFTER, RequestsClient, check_url, failure, retry_after
from lib.http_deadline import TimeLimits
from lib.models import HttpAnswer, Upload
from tests.support.every import every

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TOKEN = "not-a-real-token"
LIMITS = TimeLimits(call=0.3)
SECRET_PATH = f"/services/T00/B00/{TOKEN}"


@dataclass
class Receiver:
    """A server that gives one scripted answer and remembers requests."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = "ok"
    silent: threading.Event | None = None
    """Answers only when this is set."""
    hangs_up: bool = False
    requests: list[tuple[str, str, bytes, Mapping[str, str]]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Start a receiver on a free port of loopback."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.requests.append((self.command, self.path, content, dict(self.headers)))
            if state.hangs_up:
                self.close_connection = True
                return
            if state.silent is not None:
                state.silent.wait(5)
            answer = state.body.encode()
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815  # names of http.server

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its signature
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing about a client that gave up waiting: that is what some tests are for."""

    with Server(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        yield state
        if state.silent is not None:
            state.silent.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def client() -> Iterator[RequestsClient]:
    """Make a client that may call loopback and is not patient."""
    with requests.Session() as session:
        session.trust_env = False
        yield RequestsClient(("127.0.0.1",), session=session, now=lambda: NOW, limits=LIMITS)


def test_accepted_answer_comes_back_with_its_body(
    receiver: Receiver, client: RequestsClient
) -> None:
    """Some receivers put errors into a 200, so the text matters."""
    receiver.body = '{"ok": false}'

    answer = client.post(f"{receiver.url}/hook", {"text": "x"}, headers={"X-Test": "1"})

    assert answer == HttpAnswer(200, '{"ok": false}')
    method, path, body, headers = receiver.requests[0]
    assert (method, path, body) == ("POST", "/hook", b'{"text": "x"}')
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Test"] == "1"


def test_a_file_goes_into_a_form(receiver: Receiver, client: RequestsClient) -> None:
    """With its name and type, whatever its bytes; and it can be taken away."""
    file = Upload("report.html", b"<p>\x00\xff</p>", "text/html")

    client.upload(f"{receiver.url}/files", file, headers={"X-Atlassian-Token": "no-check"})
    client.delete(f"{receiver.url}/files/1")

    (method, path, body, headers), (deleted, *_) = receiver.requests
    assert (method, path, deleted) == ("POST", "/files", "DELETE")
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert headers["X-Atlassian-Token"] == "no-check"
    assert b'name="file"; filename="report.html"' in body
    assert b"Content-Type: text/html\r\n\r\n<p>\x00\xff</p>\r\n" in body


def test_bytes_are_sent_as_they_are(receiver: Receiver, client: RequestsClient) -> None:
    """Whoever signed a body needs its receiver to get exactly that one."""
    client.post(f"{receiver.url}/hook", b'{"a":  1}', headers={"Content-Type": "text/x-signed"})

    _, _, body, headers = receiver.requests[0]
    assert body == b'{"a":  1}'
    assert headers["Content-Type"] == "text/x-signed"


def test_put_and_get_are_the_same(receiver: Receiver, client: RequestsClient) -> None:
    """PUT carries a body, GET none."""
    client.put(f"{receiver.url}/a", {"a": 1})
    client.get(f"{receiver.url}/b")

    assert [(each[0], each[2]) for each in receiver.requests] == [
        ("PUT", b'{"a": 1}'),
        ("GET", b""),
    ]


CLASSES = {
    408: TemporaryDeliveryError,
    429: ThrottledError,
    503: TemporaryDeliveryError,
    **dict.fromkeys((500, 501, 502, 504, 505, 507, 511, 599), AmbiguousDeliveryError),
}


@every("status", range(300, 600))
def test_retry_class_of_every_status(status: int) -> None:
    """Decided once, for all receivers."""
    error = failure(status, {}, "no", where="POST host", now=NOW)

    default = AmbiguousDeliveryError if status >= 500 else PermanentDeliveryError
    assert type(error) is CLASSES.get(status, default)
    assert error.reason == f"http-{status}"
    if isinstance(error, PermanentDeliveryError):
        assert error.degradable is (status in (400, 413))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_accepted(status: int) -> None:
    """A receiver that answers 202 or 204 took the message."""
    assert failure(status, {}, "", where="POST host", now=NOW) is None


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0)],
)
def test_both_forms_of_retry_after_are_honoured(
    receiver: Receiver, client: RequestsClient, status: int, header: str, seconds: float
) -> None:
    """Seconds, or an HTTP date; a 503 that says when is throttling, too."""
    receiver.status, receiver.headers = status, {"Retry-After": header}

    with pytest.raises(ThrottledError) as caught:
        client.post(receiver.url, {})

    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("why", "alone"), [("jira-per-issue-on-write", True), ("jira-burst-based", False), ("", False)]
)
def test_the_limit_of_one_issue_is_not_that_of_its_project(why: str, alone: bool) -> None:  # noqa: FBT001  # a case
    """Jira says which of its limits was reached; the one for an issue concerns no other."""
    error = failure(429, {"RateLimit-Reason": why}, "no", where="POST host", now=NOW)

    assert isinstance(error, ThrottledError)
    assert error.alone is alone


@every(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("-5", 0.0),
        ("1.5", 1.5),
        ("inf", MAX_RETRY_AFTER),
        ("999999999", MAX_RETRY_AFTER),
        ("Mon, 23 Nov 2026 08:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 09:00:30 -0000", 30.0),
        ("Tue, 99 Nov 2026 09:00:30 GMT", None),
        ("1e999", MAX_RETRY_AFTER),
        ("9" * 400, MAX_RETRY_AFTER),
        ("9" * 5000, MAX_RETRY_AFTER),
        (f"Mon, 23 Nov {'9' * 30} 09:00:30 GMT", None),
        (f"Mon, {'9' * 30} Nov 2026 09:00:30 GMT", None),
        (f"Mon, 23 Nov 2026 {'9' * 30}:00:30 GMT", None),
        (f"Mon, 23 Nov 2026 09:00:30 +{'9' * 30}", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER),
        ("Fri, 31 Dec 9999 23:59:59 -2359", MAX_RETRY_AFTER),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
    ],
)
def test_odd_retry_after(value: str | None, seconds: float | None) -> None:
    """Past times mean now, absurd ones an hour, and nonsense nothing."""
    assert retry_after(value, now=NOW) == seconds


_DATE_WORDS = st.sampled_from(
    ["Mon,", "23", "Nov", "2026", "09:00:30", "GMT", "-2359", "+9999", "9" * 25, "0", ":", "-", "e"]
)


@given(st.text() | st.from_regex(r"[-+0-9.eE]{1,400}") | st.lists(_DATE_WORDS).map(" ".join))
def test_any_retry_after_is_none_or_at_most_an_hour(value: str) -> None:
    """A receiver can write anything into a header; an attempt survives it."""
    seconds = retry_after(value, now=NOW)

    assert seconds is None or 0.0 <= seconds <= MAX_RETRY_AFTER


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(
    receiver: Receiver, client: RequestsClient, status: int
) -> None:
    """The message and its credentials go to nobody else."""
    receiver.status, receiver.headers = status, {"Location": f"{receiver.url}/elsewhere"}

    with pytest.raises(PermanentDeliveryError):
        client.post(f"{receiver.url}/hook", {})

    assert [each[1] for each in receiver.requests] == ["/hook"]


def test_silence_after_the_request_is_ambiguous(receiver: Receiver, client: RequestsClient) -> None:
    """The receiver has the message and may have taken it."""
    receiver.silent = threading.Event()

    with pytest.raises(AmbiguousDeliveryError, match="no answer in time"):
        client.post(receiver.url, {})

    assert len(receiver.requests) == 1


def test_lost_connection_is_ambiguous(receiver: Receiver, client: RequestsClient) -> None:
    """Hanging up without an answer proves nothing, either."""
    receiver.hangs_up = True

    with pytest.raises(AmbiguousDeliveryError, match="connection lost"):
        client.post(receiver.url, {})


def test_refused_connection_is_temporary(client: RequestsClient) -> None:
    """Nothing was sent, so nothing can have been taken."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        with pytest.raises(TemporaryDeliveryError, match="no connection"):
            client.post(f"http://127.0.0.1:{port}/hook", {})


class BrokenSession(requests.Session):
    """A session that fails before it sends."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def request(self, *_: Any, **__: Any) -> requests.Response:
        raise self.error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (exceptions.ConnectTimeout(SECRET_PATH), TemporaryDeliveryError),
        (exceptions.SSLError(SECRET_PATH), TemporaryDeliveryError),
        (exceptions.ProxyError(SECRET_PATH), TemporaryDeliveryError),
        (exceptions.ReadTimeout(SECRET_PATH), AmbiguousDeliveryError),
        (exceptions.ChunkedEncodingError(SECRET_PATH), AmbiguousDeliveryError),
        (exceptions.ConnectionError(), AmbiguousDeliveryError),
        (exceptions.InvalidHeader(SECRET_PATH), PermanentDeliveryError),
    ],
)
def test_errors_without_an_answer(error: Exception, expected: type[DeliveryError]) -> None:
    """Before the request was sent: temporary; after it: ambiguous; an impossible one: final."""
    with BrokenSession(error) as session:
        broken = RequestsClient(("127.0.0.1",), session=session, now=lambda: NOW)

        with pytest.raises(expected) as caught:
            broken.post(f"http://127.0.0.1/{SECRET_PATH}", {})

    assert type(caught.value) is expected
    assert TOKEN not in _printed(caught.value)


def _printed(error: BaseException) -> str:
    """Return everything that a log could show of an error."""
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize("repeated", [SECRET_PATH, TOKEN])
@pytest.mark.parametrize("status", [302, 400, 403, 404, 408, 429, 500, 503])
def test_no_error_shows_the_path_of_a_webhook(
    receiver: Receiver, client: RequestsClient, status: int, repeated: str
) -> None:
    """The path is the secret, also when the receiver repeats it or a part of it."""
    receiver.status, receiver.body = status, f"unknown: {repeated}"

    with pytest.raises(DeliveryError) as caught:
        client.post(f"{receiver.url}{SECRET_PATH}", {})

    assert TOKEN not in _printed(caught.value)
    assert "127.0.0.1" in str(caught.value)


@pytest.mark.parametrize("status", [200, 400, 503])
def test_what_is_secret_in_a_body_is_not_repeated(
    receiver: Receiver, client: RequestsClient, status: int
) -> None:
    """Only who writes a body knows that; whatever the answer is, and however it writes it."""
    secret = "not/a/real-key"
    receiver.status, receiver.body = status, f"{secret}, {quote(secret, safe='')} is unknown"
    said = ""

    try:
        said = client.post(receiver.url, {"key": secret}, secrets=(secret,)).text
    except DeliveryError as error:
        said = _printed(error)

    assert "is unknown" in said
    assert "real-key" not in said


USER = "robot@example.com"
PASSWORD = "not/a+real=password"  # it says so
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@pytest.mark.parametrize(
    "page",
    [
        "<p>Blocked: {url}</p>",
        "{path}",
        '{{"ok": false, "error": "unknown hook {token}"}}',
        "https:\\/\\/host{escaped}",
        "{quoted}",
        # What a log drops when it cleans a text must not hide the secret until then.
        "not-a\u200b-real-\x00token",
    ],
)
def test_accepted_answer_does_not_repeat_the_path_of_a_webhook(
    receiver: Receiver, client: RequestsClient, page: str
) -> None:
    """A proxy may answer 200 with a page that shows the address; notifiers quote such pages."""
    url = f"{receiver.url}{SECRET_PATH}"
    receiver.body = page.format(
        url=url,
        path=SECRET_PATH,
        token=TOKEN,
        escaped=SECRET_PATH.replace("/", "\\/"),
        quoted=quote(url, safe=""),
    )

    answer = client.post(url, {})

    assert TOKEN not in answer.text
    assert "…" in answer.text


def test_accepted_answer_does_not_repeat_the_query(
    receiver: Receiver, client: RequestsClient
) -> None:
    """Some webhooks are signed in their query; short words of a query are no secrets."""
    receiver.body = f"order=created sig={TOKEN}"

    answer = client.get(f"{receiver.url}/hook?order=created&sig={TOKEN}&flag")

    assert answer.text == "order=created sig=…"


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 500])
@pytest.mark.parametrize(
    "echo",
    [
        f"Basic {BASIC}",
        BASIC.rstrip("="),
        json.dumps({"Authorization": BASIC}).replace("/", "\\/"),
        f"{USER}:{PASSWORD}",
        f"token {PASSWORD} is not valid",
        f"?token={quote(PASSWORD, safe='')}",
    ],
)
def test_no_answer_repeats_credentials(
    receiver: Receiver, client: RequestsClient, status: int, echo: str
) -> None:
    """Whatever was in the Authorization header, encoded or not, stays between the two."""
    receiver.status, receiver.body = status, echo

    said = ""
    try:
        said = client.get(receiver.url, headers={"Authorization": f"Basic {BASIC}"}).text
    except DeliveryError as error:
        said = _printed(error)

    for secret in (BASIC.rstrip("="), PASSWORD, quote(PASSWORD, safe="")):
        assert secret not in said


@pytest.mark.parametrize(
    ("header", "echo"),
    [(f"Bearer {TOKEN}", TOKEN), (TOKEN, TOKEN), ("Basic not+base64!", "not+base64!")],
)
def test_other_credentials_are_not_repeated(
    receiver: Receiver, client: RequestsClient, header: str, echo: str
) -> None:
    """Of a scheme that is not taken apart, what follows it is the secret."""
    receiver.body = f"you sent {echo}"

    answer = client.get(receiver.url, headers={"authorization": header})

    assert answer.text == "you sent …"


def test_answers_keep_what_is_no_secret(receiver: Receiver, client: RequestsClient) -> None:
    """Short passwords and words of a path would make an answer unreadable."""
    receiver.body = '{"key": "SEC-7", "self": "/rest/api/3/issue"}'
    header = base64.b64encode(b"a:key").decode()

    answer = client.get(f"{receiver.url}/rest/key", headers={"Authorization": f"Basic {header}"})

    assert answer.text == receiver.body


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RequestsClient]:
    """Make a client as a laptop has it: a ~/.netrc with an entry for every host."""
    file = tmp_path / "netrc"
    file.write_text("default login somebody password else\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with requests.Session() as session:
        yield RequestsClient(("127.0.0.1",), session=session, now=lambda: NOW)


def test_netrc_does_not_replace_credentials(receiver: Receiver, netrc: RequestsClient) -> None:
    """Requests would send the account of ~/.netrc instead of the one that was configured."""
    netrc.get(receiver.url, headers={"Authorization": f"Basic {BASIC}"})

    assert receiver.requests[0][3]["Authorization"] == f"Basic {BASIC}"


def test_netrc_does_not_add_credentials(receiver: Receiver, netrc: RequestsClient) -> None:
    """A webhook needs none, and must not learn of any."""
    netrc.post(receiver.url, {})

    assert "Authorization" not in receiver.requests[0][3]


def test_proxy_of_the_environment_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may only leave through a proxy says so in HTTPS_PROXY or HTTP_PROXY."""
    monkeypatch.setenv("http_proxy", receiver.url)
    monkeypatch.setenv("no_proxy", "")
    with requests.Session() as session:
        proxied = RequestsClient(("localhost",), session=session, now=lambda: NOW)

        proxied.post("http://localhost:9/hook", {})

    assert receiver.requests[0][1] == "http://localhost:9/hook"


def test_errors_quote_a_short_clean_excerpt(receiver: Receiver, client: RequestsClient) -> None:
    """A page of HTML does not fill the log, and its control characters do not act in it."""
    receiver.status, receiver.body = 400, "bad\x1b[31m\n" + "x" * 10_000

    with pytest.raises(PermanentDeliveryError) as caught:
        client.post(receiver.url, {})

    assert len(str(caught.value)) < 300
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_empty_error_says_so(receiver: Receiver, client: RequestsClient) -> None:
    """Nothing to quote is quoted as such."""
    receiver.status, receiver.body = 404, ""

    with pytest.raises(PermanentDeliveryError, match="answered 404: no text"):
        client.post(receiver.url, {})


SLACK_AND_JIRA = ("hooks.slack.com", ".atlassian.net")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/x",
        "https://HOOKS.slack.com/services/x",
        "https://team.atlassian.net",
    ],
)
def test_vendor_hosts_are_allowed(url: str) -> None:
    """The vendor's own, and every host below a domain."""
    check_url(url, SLACK_AND_JIRA)


@every(
    "url",
    [
        "https://evil.example/services/x",
        "https://hooks.slack.com.evil.example/x",
        "https://evilatlassian.net/x",
        "https://hooks.slack.com@evil.example/x",
        "https://user:pass@hooks.slack.com/x",
        "http://hooks.slack.com/x",
        "ftp://hooks.slack.com/x",
        "hooks.slack.com/x",
        "https:///x",
        "https://[hooks/x",
        "",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    """Wrong hosts, schemes and user names end before anything is sent."""
    with pytest.raises(ConfigError):
        check_url(url, SLACK_AND_JIRA)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "http://[::1]/x", "http://localhost/x"])
def test_plain_http_is_for_loopback(url: str) -> None:
    """The demo's receivers have no certificate."""
    check_url(url, ("127.0.0.1", "::1", "localhost"))


def test_refused_host_gets_no_request(receiver: Receiver, client: RequestsClient) -> None:
    """The check comes first, for every method."""
    port = receiver.url.rsplit(":", 1)[1]

    with pytest.raises(ConfigError, match="localhost"):
        client.post(f"http://localhost:{port}{SECRET_PATH}", {})

    assert receiver.requests == []
