"""
Any HTTPS receiver: a CloudEvent that holds the document for programs, signed.

Signed as Standard Webhooks specifies, whose libraries verify it; the id of a message is that of its
delivery, so that receivers can drop a repeat.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

import base64
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from lib.errors import ConfigError, PermanentDeliveryError
from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import Destination, Digest, Json, Message, Notice, Receipt, Usage
from lib.models.diagnostics import Check
from lib.models.program import SCHEMAS
from lib.notifiers import document, testing
from lib.ports.notifiers import DestinationTest, Notifier, NotifierTools
from lib.text import short
from lib.urls.arns import repository_arn
from lib.wire.values import time_to_json

MAX_BYTES: Final = 262_144
"""Ours: what queues and gateways behind a receiver take, a quarter of what web servers do."""
MIN_KEY: Final = 24
"""Bytes of a secret, as the specification asks for."""
EVENT_TYPE: Final = "ecr_scan_alerts.alert.v1"
DIGEST_TYPE: Final = "ecr_scan_alerts.digest.v1"
TEST_TYPE: Final = "ecr_scan_alerts.test.v1"
CONTENT_TYPE: Final = "application/cloudevents+json"
_ALERT_SCHEMA: Final = f"{SCHEMAS}{document.SCHEMA}.json"
_DIGEST_SCHEMA: Final = f"{SCHEMAS}digest-1.0.0.json"
_TEST_SCHEMA: Final = f"{SCHEMAS}{testing.SCHEMA}.json"
_SUBJECT: Final = 400
_HTTP: Final = "http-"
_REDIRECT: Final = "http-3"
_NO_POST: Final = "http-405"
_GONE: Final = "http-410"
_SYMMETRIC: Final = "whsec_"
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_NO_KEY: Final = (
    f"The secret of a webhook must be Base64 of at least {MIN_KEY} bytes, with or without "
    f"{_SYMMETRIC} before it: `echo {_SYMMETRIC}$(openssl rand -base64 32)` makes one. A password "
    "is none. While a secret is replaced, store the new one and the old one with a blank between "
    "them"
)

_REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("http-401", "http-403"),
            "The receiver does not accept the signature: store the same secret on both sides. "
            "While it is replaced, store the new one and the old one with a blank between them",
        ),
        "answered 3": "Store the address that the receiver redirects to: no redirect is followed",
        **dict.fromkeys(
            ("http-404", "http-405", "http-410"),
            "Check the path of the URL that the secret of `url` holds",
        ),
    }
)


class WebhookNotifier(Notifier):
    """
    Options: `url` and `secret`, references to secrets, and `host`, the only one to call.

    A webhook cannot be asked about a lost answer; receivers compare `webhook-id`.
    """

    hosts: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: Mapping[str, Json], tools: NotifierTools) -> None:
        self._url = options["url"]
        self._secret = options["secret"]
        self._tools = tools

    def render(self, alert: Message, **_thread: str | None) -> Json:
        """See `Notifier.render`."""
        return _event(alert, MAX_BYTES)

    def plain(self, alert: Message, **_thread: str | None) -> Json:
        """See `Notifier.plain`: without items, which are counted."""
        return _event(alert, 0)

    def usage(self, payload: Json) -> tuple[Usage, ...]:
        """See `Notifier.usage`."""
        return (Usage("bytes", _size(payload), MAX_BYTES),)

    def send(self, payload: Json) -> Receipt:
        """
        See `Notifier.send`. Any 2xx is an acceptance, whatever its body says.

        A refusal may pass: while an endpoint is rolled out, moved or given another secret, whatever
        stands before it answers 404, 403, 401, 400 or a redirect. Only 410 is for good:
        https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
        """
        url = self._tools.secrets.read(self._url).strip()
        keys = _keys(self._tools.secrets.read(self._secret))
        body = document.dump(payload).encode("ascii")
        timestamp = str(int(self._tools.now().timestamp()))
        headers = {
            "Content-Type": CONTENT_TYPE,
            "webhook-id": payload["id"],
            "webhook-timestamp": timestamp,
            "webhook-signature": signatures(keys, payload["id"], timestamp, body),
        }
        try:
            self._tools.http.post(url, body, headers=headers, any_answer=True)
        except PermanentDeliveryError as error:
            raise _refusal(error) from None
        return Receipt(payload["id"])

    def test(self, test: DestinationTest) -> Iterator[Check]:
        """See `Testable.test`. An event of a type of its own, with test-1.0.0."""
        url = self._tools.secrets.read(self._url).strip()
        _keys(self._tools.secrets.read(self._secret))
        yield testing.readable(self._url, self._secret)
        if not test.send:
            yield testing.reachable(self._tools.http, url)
            return
        event = _test_event(self._tools.destination, test)
        yield testing.attempt(testing.MESSAGE, lambda: self._sent(event), _REMEDIES)

    def _sent(self, event: Json) -> str:
        self.send(event)
        return f"the receiver accepted an event of type {TEST_TYPE}"


def _event(message: Message, most: int) -> dict[str, Json]:
    """Return the event of a message, within `most` bytes as far as its items go."""
    if isinstance(message, Digest):
        event = _digest_event(message)
        return event | {"data": document.render_digest(message, most - _size(event))}
    text = text_of(message, rows=document.UPGRADES, listed=0)
    event = _notice_event(message, text)
    return event | {"data": document.render(message, text, most - _size(event))[0]}


def _notice_event(notice: Notice, text: AlertText) -> dict[str, Json]:
    """Return the event with empty data. Its type belongs to no domain: this runs in many."""
    return {
        "specversion": "1.0",
        "id": notice.delivery_id,
        "source": repository_arn(text.image),
        "type": EVENT_TYPE,
        "subject": short(text.image.name, _SUBJECT),
        "time": time_to_json(notice.message.state.at),
        "datacontenttype": "application/json",
        "dataschema": _ALERT_SCHEMA,
        "data": {},
    }


def _digest_event(digest: Digest) -> dict[str, Json]:
    return {
        "specversion": "1.0",
        "id": digest.delivery_id,
        "source": f"urn:ecr-scan-alerts:digest:{digest.destination}",
        "type": DIGEST_TYPE,
        "time": time_to_json(digest.until),
        "datacontenttype": "application/json",
        "dataschema": _DIGEST_SCHEMA,
        "data": {},
    }


def _test_event(destination: Destination, test: DestinationTest) -> dict[str, Json]:
    return {
        "specversion": "1.0",
        "id": test.id,
        "source": f"urn:ecr-scan-alerts:test:{destination}",
        "type": TEST_TYPE,
        "time": time_to_json(test.time),
        "datacontenttype": "application/json",
        "dataschema": _TEST_SCHEMA,
        "data": testing.document(destination, test),
    }


def _size(payload: Json) -> int:
    return len(document.dump(payload))


def _refusal(error: PermanentDeliveryError) -> PermanentDeliveryError:
    """Return the refusal of a request with what the specification says about its status."""
    # Without an answer the request itself is impossible.
    if error.reason == _GONE or not error.reason.startswith(_HTTP):
        return error
    return PermanentDeliveryError(
        str(error),
        degradable=error.degradable,
        # A redirect, or another method, is about the address, and so about every message.
        broken=error.broken or error.reason.startswith(_REDIRECT) or error.reason == _NO_POST,
        may_pass=True,
        answer=error.answer,
        reason=error.reason,
    )


# --- the signature ----------------------------------------------------------------------------


def signatures(keys: Sequence[bytes], id_: str, timestamp: str, body: bytes) -> str:
    """Sign with each key; receivers need to know one of them."""
    signed = f"{id_}.{timestamp}.".encode() + body
    digests = (hmac.digest(key, signed, "sha256") for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode('ascii')}" for digest in digests)


def _keys(secret: str) -> list[bytes]:
    """Return the keys. Raises `ConfigError`, outside of any handler that holds the secret."""
    keys = [_key(text) for text in secret.split()]
    if not keys or min(map(len, keys)) < MIN_KEY:
        raise ConfigError(_NO_KEY)
    return keys


def _key(text: str) -> bytes:
    """
    Return the key that Base64 stands for; an empty one for anything else.

    The prefix may be missing, and so may the padding: the libraries that verify take both. They
    would read a password as Base64, too, and find another key than its characters.
    """
    encoded = text.removeprefix(_SYMMETRIC)
    if not _BASE64.fullmatch(encoded):
        return b""
    digits = encoded.rstrip("=")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4))
    except ValueError:
        return b""
