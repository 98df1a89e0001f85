"""
SNS: an e-mail that people can read, documents for machines, or a message that Amazon Q shows.

SNS gives no way to ask whether a message was taken, so after a lost answer it may appear twice; a
FIFO topic drops the repeat itself, for five minutes.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from lib.errors import (
    ConfigError,
)
from lib.messages.digest import digest_text_of
from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import Digest, Json, Message, Notice, Receipt, Usage
from lib.models.diagnostics import Check, ok
from lib.notifiers import document, testing
from lib.notifiers.sns import amazon_q, ocsf
from lib.notifiers.sns import digest as sns_digest
from lib.notifiers.sns import testing as sns_testing
from lib.notifiers.sns import text as sns_text
from lib.notifiers.sns.headline import MAX_SUBJECT, Headline, fitting_subject, headline_of
from lib.notifiers.sns.publisher import region_of
from lib.ports.notifiers import DestinationTest, Notifier, NotifierTools
from lib.text import ascii_only, one_line, truncate

# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
MAX_BYTES: Final = 262_144
"""Body and attributes together."""

_Render = Callable[[Notice, AlertText, int], tuple[str, bool]]
"""A body of at most so many bytes, and whether anything is missing in it."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a topic's messages are written."""

    full: _Render
    plain: _Render
    digest: Callable[[Digest, int], str] | None
    """None: a digest has no place in this format."""
    rows: int = 0
    """Rows of a list in the text that is laid out."""


def _document(notice: Notice, text: AlertText, room: int) -> tuple[str, bool]:
    body, truncated = document.render(notice, text, room)
    return document.dump(body), truncated


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "text": Format(
            sns_text.render, sns_text.render_plain, sns_digest.text, rows=sns_text.LISTED
        ),
        "json": Format(
            _document,
            lambda notice, text, _: _document(notice, text, 0),
            sns_digest.document,
            rows=document.UPGRADES,
        ),
        "ocsf": Format(ocsf.render, lambda notice, text, _: ocsf.render(notice, text, 0), None),
        "amazon-q": Format(
            amazon_q.render, amazon_q.render_plain, sns_digest.amazon_q, rows=amazon_q.LISTED
        ),
    }
)
"""By the option `format`."""

_FIFO: Final = ".fifo"
_GROUP: Final = re.compile(r"[!-~]{1,128}")
_ATTRIBUTE: Final = 256
_ROUTES: Final = 20
_TEST: Final = "TEST"
_REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AuthorizationError": (
            "Whoever sends needs sns:Publish for this topic: deploy again after a change of "
            "alerts.yml, and look at the policy of the topic and of its KMS key"
        ),
        "NotFound": "There is no such topic: create it, or correct topic_arn",
        "KMS": "The role that publishes needs kms:GenerateDataKey and kms:Decrypt for the key",
    }
)
"""By SNS's words. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors"""


class SnsNotifier(Notifier):
    """
    Options: `topic_arn`, and `format`, one of `FORMATS`.

    A topic cannot be asked about a lost answer; subscribers compare `delivery_id`.
    """

    hosts: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: Mapping[str, Json], tools: NotifierTools) -> None:
        self._topic_arn = str(options["topic_arn"])
        self._format = FORMATS[options.get("format", "text")]
        self._test_body = sns_testing.BODIES[options.get("format", "text")]
        self._tools = tools

    def render(self, alert: Message, **_thread: str | None) -> Json:
        """See `Notifier.render`."""
        return self._request(alert, self._format.full)

    def plain(self, alert: Message, **_thread: str | None) -> Json:
        """See `Notifier.plain`: the verdict and where to look, in the format of the topic."""
        return self._request(alert, self._format.plain)

    def usage(self, payload: Json) -> tuple[Usage, ...]:
        """See `Notifier.usage`."""
        return (
            Usage("bytes", _size(payload), MAX_BYTES),
            Usage("characters of the subject", len(payload["Subject"]), MAX_SUBJECT),
        )

    def send(self, payload: Json) -> Receipt:
        """See `Notifier.send`."""
        return Receipt(self._tools.topics.publish(self._topic_arn, payload))

    def test(self, test: DestinationTest) -> Iterator[Check]:
        """See `Testable.test`. A topic can only be published to: there is nothing else to ask."""
        region = region_of(self._topic_arn)
        yield ok("topic", f"{self._topic_arn} in {region}")
        if test.send:
            yield testing.attempt(testing.MESSAGE, lambda: self._tested(test), _REMEDIES)

    def _tested(self, test: DestinationTest) -> str:
        request = {
            "Subject": testing.TITLE,
            "Message": self._test_body(self._tools.destination, test),
            "MessageAttributes": {
                "kind": _array((_TEST,)),
                "severity": _string("NONE"),
                "delivery_id": _string(test.id),
            },
        }
        if self._topic_arn.endswith(_FIFO):
            request |= {"MessageGroupId": _TEST, "MessageDeduplicationId": test.id}
        self.send(request)
        return (
            "SNS accepted it, with the attribute kind=TEST; subscriptions whose filter policy "
            "asks for another kind do not get it"
        )

    def _request(self, message: Message, render: _Render) -> Json:
        if isinstance(message, Digest):
            attributes = _digest_attributes(message)
            body = self._digest(message, MAX_BYTES - _size({"Message": "", **attributes}))
            subject = ascii_only(digest_text_of(message, lines=0, characters=0).title)
        else:
            text = text_of(message, rows=self._format.rows)
            headline = headline_of(message, text)
            room = MAX_BYTES - _size({"Message": "", **_attributes(headline, truncated=True)})
            body, truncated = render(message, text, room)
            attributes = _attributes(headline, truncated=truncated)
            subject = headline.subject
        request = {"Subject": fitting_subject(subject), "Message": body, **attributes}
        return request | _place(message) if self._topic_arn.endswith(_FIFO) else request

    def _digest(self, digest: Digest, room: int) -> str:
        if self._format.digest is None:
            raise ConfigError("The format of this topic has no digests; `digest` must not name it")
        return self._format.digest(digest, room)


# --- the request ------------------------------------------------------------------------------


def _place(alert: Message) -> Json:
    """
    Return what a FIFO topic asks for: the alerts of a stream in order, the same one only once.

    https://docs.aws.amazon.com/sns/latest/dg/fifo-message-dedup.html
    """
    group = alert.group if isinstance(alert, Notice) else str(alert.stream)
    if not _GROUP.fullmatch(group):
        group = hashlib.sha256(group.encode("utf-8", "replace")).hexdigest()
    return {"MessageGroupId": group, "MessageDeduplicationId": alert.delivery_id}


def _attributes(headline: Headline, *, truncated: bool) -> Json:
    """
    Return what filter policies match on. Lists are arrays, so that each of their values matches.

    https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
    """
    attributes = {
        "severity": _string(headline.severity),
        "repository": _string(headline.image.repository),
        "account": _string(headline.image.account),
        "kind": _array(headline.kinds),
        "route": _array(headline.routes),
        "delivery_id": _string(headline.delivery_id),
    }
    if truncated:
        attributes["truncated"] = _string("true")
    return {"MessageAttributes": attributes}


def _digest_attributes(digest: Digest) -> Json:
    worst = next((severity.name for severity in digest.counts), "NONE")
    attributes = {
        "severity": _string(worst),
        "kind": _array(("DIGEST",)),
        "route": _array(digest.routes),
        "delivery_id": _string(digest.delivery_id),
    }
    return {"MessageAttributes": attributes}


def _string(value: str) -> Json:
    text = truncate(one_line(value), _ATTRIBUTE)
    return {"DataType": "String", "StringValue": text or "-"}


def _array(values: Iterable[str]) -> Json:
    texts = [truncate(one_line(value), _ATTRIBUTE) for value in values][:_ROUTES]
    return {"DataType": "String.Array", "StringValue": json.dumps(texts)}


def _size(payload: Json) -> int:
    """Count bytes as SNS does: the body, and name, type and value of every attribute."""
    size = len(payload["Message"].encode("utf-8", "replace"))
    for name, value in payload["MessageAttributes"].items():
        parts = (name, value["DataType"], value["StringValue"])
        size += sum(len(text.encode("utf-8", "replace")) for text in parts)
    return size


# --- publishing -------------------------------------------------------------------------------
