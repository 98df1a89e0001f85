"""A webhook: an event that CloudEvents and our schemas describe, and a signature that holds."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from requests.adapters import BaseAdapter
from standardwebhooks.webhooks import Webhook

from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    DeliveryError,
    PermanentDeliveryError,
)
from lib.http_client import RequestsClient
from lib.models import HttpAnswer, Receipt
from lib.notifiers.webhook import MAX_BYTES, MIN_KEY, WebhookNotifier, signatures
from lib.ports.notifiers import HttpClient
from tests.support import docs, golden
from tests.support.answers import an_answer
from tests.support.builders import NOW
from tests.support.every import every
from tests.support.notices import injected, injected_problem, notices, quiet_notices
from tests.support.receivers import (
    HOOK,
    HOOK_HOST,
    HOOK_TOKEN,
    OPTIONS,
    SIGNING_KEY,
    SIGNING_SECRET,
    NamedSecrets,
    ScriptedHttp,
    tools,
)
from tests.support.scenes import INJECTIONS

NOTICES = {**notices(), **{f"quiet-{name}": notice for name, notice in quiet_notices().items()}}
ROOT = Path(__file__).parents[2]
ALERT = Draft202012Validator(
    json.loads((ROOT / "schemas" / "alert-1.0.0.json").read_text(encoding="utf-8"))
)
EXAMPLE = b'{"test": 2432232314}'
ACCEPTED = HttpAnswer(202, "whatever")
REQUIRED = {"specversion", "id", "source", "type"}
OPTIONAL = {"subject", "time", "datacontenttype", "dataschema", "data"}


def webhook(
    *answers: HttpAnswer,
    secret: str = SIGNING_SECRET,
    http: HttpClient | None = None,
    now: datetime | None = None,
) -> WebhookNotifier:
    names = {"ecr-scan-alerts/hook-url": f" {HOOK}\n", "ecr-scan-alerts/hook-secret": secret}
    given = tools(*answers, secrets=NamedSecrets(names), http=http)
    return WebhookNotifier(OPTIONS["webhook"], replace(given, now=lambda: now or NOW))


class Refusing(BaseAdapter):
    """A receiver that refuses everything, and repeats the address."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        return an_answer(self.status, f"no, {request.path_url}".encode())


def sent(secret: str, story: str = "all-fixed", *, now: datetime | None = None) -> Any:
    """Return the request that carries a story."""
    http = ScriptedHttp([ACCEPTED])
    made = webhook(secret=secret, http=http, now=now)
    made.send(made.render(NOTICES[story]))
    return http.calls[0]


def signature(key: bytes, call: Any) -> str:
    """Sign a request in another way than the code does."""
    parts = (call.headers["webhook-id"], call.headers["webhook-timestamp"], call.body.decode())
    digest = hmac.new(key, ".".join(parts).encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def assert_valid(event: Any) -> None:
    body = json.dumps(event, separators=(",", ":"))
    assert len(body) <= MAX_BYTES
    assert body.isascii()
    assert event.keys() >= REQUIRED
    assert event.keys() <= REQUIRED | OPTIONAL
    # https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md: a URI, never empty, and
    # text without control characters.
    assert re.fullmatch(r"arn:[!#-;=?-Z_a-z~%]+", event["source"])
    assert event["dataschema"] == ALERT.schema["$id"]
    for name in event.keys() - {"data"}:
        assert event[name]
        assert not re.search("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", event[name])


@every("name", NOTICES)
def test_every_event_is_valid(name: str) -> None:
    """In full and plain, by the schema that is published."""
    for payload in (webhook().render(NOTICES[name]), webhook().plain(NOTICES[name])):
        assert_valid(payload)
        assert [error.message for error in ALERT.iter_errors(payload["data"])] == []


def test_event_names_where_what_and_when() -> None:
    """Whoever routes events does not have to look into them."""
    event = webhook().render(NOTICES["new-and-resolved"])

    assert event["id"] == event["data"]["delivery_id"] == f"{1:032}"
    assert event["source"] == "arn:aws:ecr:eu-central-1:000474600478:repository/payments/api"
    assert (event["subject"], event["time"]) == ("payments/api:1.4.2", "2026-11-23T09:00:00Z")
    assert event["dataschema"].endswith("/schemas/alert-1.0.0.json")


def test_a_large_event_is_cut_by_whole_items() -> None:
    """Conditions and the worst stay; items and what is omitted are all that differs."""
    notice = NOTICES["hundreds"]

    data = webhook().render(notice)["data"]
    plain = webhook().plain(notice)["data"]

    for document in (data, plain):
        omitted = document["omitted"]
        missing = omitted["total"] + omitted["conditions"]
        assert len(document["items"]) + missing == len(notice.message.delta.items)
    assert 200 < len(data["items"]) < len(notice.message.delta.items)
    assert plain["items"] == []


@pytest.mark.parametrize("story", golden.DOCUMENTS)
def test_event_looks_as_kept(story: str) -> None:
    """With findings, and without a result."""
    golden.check("webhook", story, webhook().render(NOTICES[story]))


@every("text", INJECTIONS)
def test_absurd_text_is_shown_and_stays_within_limits(text: str) -> None:
    """JSON has no markup; attributes are one line of text, and the source stays a URI."""
    for notice in (injected(text), injected_problem(text)):
        for payload in (webhook().render(notice), webhook().plain(notice)):
            assert_valid(payload)


class TestSignature:
    """Over exactly what is sent, with every key."""

    def test_it_covers_id_time_and_body(self) -> None:
        """As https://www.standardwebhooks.com asks for; the time is that of the send."""
        call = sent(SIGNING_SECRET)

        assert (call.method, call.url) == ("POST", HOOK)
        assert call.headers["Content-Type"] == "application/cloudevents+json"
        assert call.headers["webhook-id"] == json.loads(call.body)["id"]
        assert call.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
        assert call.headers["webhook-signature"] == signature(SIGNING_KEY, call)

    def test_it_is_what_others_compute(self) -> None:
        """The example in the tests of the reference libraries."""
        key = base64.b64decode("MfKQ9r8GKYqr" + "TwjUPD8ILPZIo2LaLaSw")

        signed = signatures([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", EXAMPLE)

        assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    @every("size", [MIN_KEY, 25, 26, 64])
    @every("prefix", ["", "whsec_"])
    @every("padding", ["=", ""])
    def test_the_key_is_what_the_base64_stands_for(
        self, size: int, prefix: str, padding: str
    ) -> None:
        """With and without the prefix, and with and without padding."""
        key = bytes(range(size))
        encoded = base64.b64encode(key).decode()
        secret = prefix + (encoded if padding else encoded.rstrip("="))

        call = sent(f"{secret}\n", now=datetime.now(UTC))

        assert call.headers["webhook-signature"] == signature(key, call)
        assert Webhook(secret).verify(call.body, call.headers)

    @given(st.binary(min_size=MIN_KEY, max_size=64), st.sampled_from(["", "whsec_"]))
    def test_the_official_library_verifies_every_secret(self, key: bytes, prefix: str) -> None:
        """Whatever is accepted as a secret here is the same key there."""
        call = sent(prefix + base64.b64encode(key).decode(), now=datetime.now(UTC))

        assert Webhook(prefix + base64.b64encode(key).decode()).verify(call.body, call.headers)

    @given(st.text(alphabet=st.characters(max_codepoint=0x17F), min_size=20, max_size=60))
    @example("correct-horse-battery-staple-and-more")
    @example("correct horse battery staple and more")
    @example("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa_-")
    def test_no_text_is_accepted_that_the_official_library_reads_differently(
        self, secret: str
    ) -> None:
        """A password is refused, instead of being signed with in a way that nobody verifies."""
        try:
            call = sent(secret, now=datetime.now(UTC))
        except ConfigError:
            return

        for part in secret.split():
            assert Webhook(part).verify(call.body, call.headers)

    @pytest.mark.parametrize("between", [" ", "\n", " \r\n\t"])
    def test_while_a_secret_is_replaced_both_sign(self, between: str) -> None:
        """A receiver that has the new one or the old one finds its signature."""
        old, new = b"o" * MIN_KEY, b"n" * MIN_KEY
        encoded = [base64.b64encode(key).decode() for key in (new, old)]

        call = sent(f"{encoded[0]}{between}whsec_{encoded[1]}")

        both = f"{signature(new, call)} {signature(old, call)}"
        assert call.headers["webhook-signature"] == both

    @every(
        "secret",
        [
            "",
            " \n",
            "x" * MIN_KEY,
            "whsec_",
            base64.b64encode(b"x" * (MIN_KEY - 1)).decode(),
            "whsec_" + base64.b64encode(b"x" * (MIN_KEY - 1)).decode(),
            "whsec_" + "x" * MIN_KEY + "!",
            "whsk_" + "x" * MIN_KEY,
            "whpk_" + "x" * MIN_KEY,
            "correct-horse-battery-staple-and-more",
            "correct horse battery staple and more",
            "\u00fcx" * MIN_KEY,
            "xxx=" * MIN_KEY,
            "x" * 33,
        ],
    )
    def test_a_secret_that_cannot_sign_is_an_error_without_it(self, secret: str) -> None:
        """Short, mistyped or asymmetric ones; nothing is sent."""
        http = ScriptedHttp([ACCEPTED])
        made = webhook(secret=secret, http=http)

        with pytest.raises(ConfigError, match=r"at least 24 bytes.*openssl rand") as caught:
            made.send(made.render(NOTICES["all-fixed"]))

        assert http.calls == []
        assert caught.value.__cause__ is caught.value.__context__ is None
        assert "xx" not in str(caught.value)


class TestFieldsInDocs:
    """The tables of docs/receivers/webhook.md against the schema of an alert."""

    SCHEMA: Mapping[str, Any] = json.loads(
        (ROOT / "schemas" / "alert-1.0.0.json").read_text("utf-8")
    )
    SECTION = (
        (ROOT / "docs" / "receivers" / "webhook.md")
        .read_text("utf-8")
        .partition("### Fields of an alert")[2]
        .partition("\n## ")[0]
    )

    def rows(self) -> dict[str, list[str]]:
        """Return the fields in each row of the tables, by its first cell."""
        rows = re.findall(r"^\| (.+?) \| (`.+) \|$", self.SECTION, re.MULTILINE)
        return {name.strip("`"): re.findall(r"`(\w+)`", fields) for name, fields in rows}

    def test_every_field_of_an_alert_is_named_once(self) -> None:
        """A field that the schema gains is missing here by its name."""
        lists = ("items", "upgrades", "images")
        named = [field for name, row in self.rows().items() if name not in lists for field in row]

        assert sorted(named) == sorted(self.SCHEMA["properties"])

    @pytest.mark.parametrize("name", ["items", "upgrades", "images"])
    def test_every_field_of_a_list_is_named_once(self, name: str) -> None:
        """The same, for what the lists hold."""
        fields = self.SCHEMA["properties"][name]["items"]["properties"]

        assert sorted(self.rows()[name]) == sorted(fields)


class TestExampleInDocs:
    """The code that docs/receivers/webhook.md shows."""

    @pytest.fixture
    def verified(self) -> Callable[..., bool]:
        """Return the example, as it stands there."""
        (example,) = docs.blocks(("docs/receivers/webhook.md",), "python")
        names: dict[str, Any] = {}
        exec(example.text, names)  # noqa: S102  # that is what this is about
        names["time"] = SimpleNamespace(time=lambda: NOW.timestamp() + 299)
        return names["verified"]  # type: ignore[no-any-return]

    def test_it_takes_what_is_sent(self, verified: Callable[..., bool]) -> None:
        """With and without the prefix, and with each of two."""
        other = f"whsec_{base64.b64encode(b'k' * MIN_KEY).decode()}"
        for secret in (SIGNING_SECRET, f"whsec_{SIGNING_SECRET}", other, other.rstrip("=")):
            call = sent(f"{SIGNING_SECRET} {other}")

            assert verified(call.headers, call.body, secret)

    def test_it_refuses_everything_else(self, verified: Callable[..., bool]) -> None:
        """Another body, id, time, secret or signature; and what is five minutes old."""
        call = sent(SIGNING_SECRET)
        late = str(int(NOW.timestamp()) - 1)

        assert not verified(call.headers, call.body + b" ", SIGNING_SECRET)
        assert not verified(call.headers, call.body, SIGNING_SECRET[4:])
        for changed in (
            {"webhook-id": "1"},
            {"webhook-timestamp": late},
            {"webhook-signature": ""},
            {"webhook-signature": "v1,bm9uZQ=="},
            {"webhook-signature": "v1,\u00fc \u2028 \udcff"},
            {"webhook-id": "\u00fc\udcff"},
            {"webhook-timestamp": "soon"},
        ):
            assert not verified({**call.headers, **changed}, call.body, SIGNING_SECRET)
        old = {**call.headers, "webhook-timestamp": late}
        old["webhook-signature"] = signatures([SIGNING_KEY], old["webhook-id"], late, call.body)
        assert not verified(old, call.body, SIGNING_SECRET)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_an_acceptance(status: int) -> None:
    """The receipt is the id by which the receiver knows the message."""
    made = webhook(HttpAnswer(status, "<p>Thanks</p>"))
    payload = made.render(NOTICES["all-fixed"])

    assert made.send(payload) == Receipt(payload["id"])


@every("status", range(300, 500))
def test_a_refusal_may_pass_unless_the_endpoint_is_gone(status: int) -> None:
    """Decided by its status: which messages it is about, and whether it is for good."""
    session = requests.Session()
    session.mount("https://", Refusing(status))
    http = RequestsClient((HOOK_HOST,), session=session, now=lambda: NOW)
    made = webhook(http=http)

    with pytest.raises(DeliveryError) as caught:
        made.send(made.render(NOTICES["all-fixed"]))

    error = caught.value
    if not isinstance(error, PermanentDeliveryError):
        assert status in (408, 429)
        return
    assert error.may_pass is (status != 410)
    assert error.broken is (status < 400 or status in (401, 403, 404, 405, 410))
    assert error.degradable is (status in (400, 413))
    assert (error.reason, error.answer) == (f"http-{status}", "no, …")
    assert HOOK_TOKEN not in str(error)


def test_an_impossible_request_is_no_answer() -> None:
    """Nothing that a receiver does makes it possible."""
    made = webhook(http=ScriptedHttp([PermanentDeliveryError("no", reason="invalid-request")]))

    with pytest.raises(PermanentDeliveryError) as caught:
        made.send(made.render(NOTICES["all-fixed"]))

    assert not caught.value.may_pass


def test_a_repeat_has_the_same_id_and_a_time_of_its_own() -> None:
    """Receivers drop what they have, and refuse what is too old to be from us."""
    http = ScriptedHttp([AmbiguousDeliveryError("no answer"), ACCEPTED])
    given = tools(http=http)
    times = iter((NOW, NOW + timedelta(minutes=9)))
    made = WebhookNotifier(OPTIONS["webhook"], replace(given, now=lambda: next(times)))
    payload = made.render(NOTICES["all-fixed"])

    with pytest.raises(AmbiguousDeliveryError):
        made.send(payload)
    made.send(payload)

    first, second = http.calls
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    late = int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"])
    assert late == 9 * 60
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_another_host_than_the_one_that_was_named_is_not_called() -> None:
    """Whoever may write the secret does not choose who is called."""
    http = RequestsClient(("hooks.example.org",), session=requests.Session(), now=lambda: NOW)
    made = webhook(http=http)

    with pytest.raises(ConfigError, match=r"'hooks\.example\.com' is not allowed here"):
        made.send(made.render(NOTICES["all-fixed"]))
