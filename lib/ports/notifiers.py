"""
The ports of `lib.notifiers`: a receiver, and the tools with which a notifier does its I/O.

Tests fake the tools.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import ClassVar, Protocol, runtime_checkable

from lib.models import (
    SHORT_ANSWER,
    DeliveryCheck,
    Destination,
    HttpAnswer,
    Message,
    Receipt,
    Upload,
    Usage,
)
from lib.models.diagnostics import Check
from lib.models.immutable import immutable
from lib.models.names import Json
from lib.ports.store import PageReader, SecretReader


class Notifier(Protocol):
    """One kind of receiver. `render` is pure, `send` does the I/O and nothing else."""

    threaded: ClassVar[bool] = False
    """Whether messages of a stream belong together, so that only one may be the first."""
    interval: ClassVar[float] = 0.0
    """Seconds between two messages that the receiver asks for; 0: as fast as it answers."""

    def render(self, alert: Message, *, thread: str | None = None) -> Json:
        """Return the payload within the receiver's limits; what did not fit is counted in it."""

    def plain(self, alert: Message, *, thread: str | None = None) -> Json:
        """Return the smallest, plainest payload, for the one attempt after a malformed or large."""

    def usage(self, payload: Json) -> tuple[Usage, ...]:
        """Return how much of each of the receiver's limits a payload uses."""

    def send(self, payload: Json) -> Receipt:
        """Deliver and return the receipt. Raises a `DeliveryError` of the right class."""


@runtime_checkable
class Verifiable(Protocol):
    """A notifier that can ask about a message whose answer was lost; others send it again."""

    def verify(
        self,
        alert: Message,
        *,
        since: datetime,
        now: datetime,
        thread: str | None = None,
        tried_at: datetime | None = None,
    ) -> DeliveryCheck:
        """
        Return whether the receiver has an alert whose answer was lost. Only reads.

        The receipt is for this very delivery: another message of its stream proves nothing.
        `since`: nothing was sent before. `tried_at`: the last send without an answer; None: the
        same as `since`. A receiver that cannot tell returns `NotReceived`. Raises a
        `DeliveryError`.
        """


@immutable(frozen=True, slots=True)
class DestinationTest:
    """A test of one destination. It is no alert: no ledger row, no stream, no thread."""

    id: str
    time: datetime
    origin: str
    """Who sends it, for its reader: "stage prod", "an operator's machine"."""
    send: bool = True
    """False: only look; readers of the receiver must not see anything."""
    create: bool = False
    """Where alerts are issues: create one, too, and delete it again."""
    page: bool = False
    """Where alerts wake people: open an incident, too, and resolve it."""


@runtime_checkable
class Testable(Protocol):
    """A notifier whose destination can be tested without an alert."""

    def test(self, test: DestinationTest) -> Iterator[Check]:
        """
        Look at what sending needs; with `test.send`, send a message that is marked as TEST, too.

        Yields each fact as soon as it is known. Raises `ScanAlertError` for what ends the test;
        see `lib.flows.destination_test`.
        """


class NotifierFactory(Protocol):
    """How a notifier is made from its options in alerts.yml."""

    hosts: tuple[str, ...]
    """
    The vendor's hosts that may be called; ".atlassian.net" stands for all hosts below it.

    Without a vendor there are none: then the option `host` of a destination names its only one.
    """

    def __call__(self, options: Mapping[str, Json], tools: "NotifierTools") -> Notifier:
        """Bind a notifier to one destination."""


class HttpClient(Protocol):
    """
    HTTP with the retry class of each answer already decided. See `lib.http_client`.

    All calls of an attempt share its time. A call for which none is left is not made.
    """

    def post(
        self,
        url: str,
        body: Json,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        limit: int = SHORT_ANSWER,
        any_answer: bool = False,
    ) -> HttpAnswer:
        """
        Send JSON, or bytes as they are, and return a 2xx answer.

        `secrets`: what of the body the answer must not repeat; of address and credentials that is
        known. `limit`: bytes that the answer may have. `any_answer`: a 2xx is an acceptance,
        whatever its body is, and if it cannot be read; otherwise that is ambiguous. Raises a
        `DeliveryError` for any other outcome.
        """

    def put(self, url: str, body: Json, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Like `post`; any 2xx is an acceptance."""

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limit: int = SHORT_ANSWER,
        any_answer: bool = False,
    ) -> HttpAnswer:
        """Like `post`, without a body."""

    def delete(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Like `put`, without a body."""

    def upload(
        self, url: str, file: Upload, *, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """Like `put`, with a file in the field "file" of a form."""

    def reserve_call(self) -> AbstractContextManager[None]:
        """Keep the time of one call free, for one that matters more than those within."""


class TopicPublisher(Protocol):
    """SNS, as far as a notifier needs it."""

    def publish(self, topic_arn: str, request: Mapping[str, Json]) -> str:
        """Publish and return the message id. Raises a `DeliveryError`."""


@immutable(frozen=True, slots=True)
class NotifierTools:
    """What notifiers may use: everything that does I/O, made once by `lib.bootstrap`."""

    http: HttpClient
    secrets: SecretReader
    topics: TopicPublisher
    destination: Destination
    now: Callable[[], datetime]
    pages: PageReader | None = None
    """Report pages for receivers that take files; None where there are none."""
    stage: str = ""
    """
    The deployed stage; "" outside a deployment.

    Two stages may share a receiver and have destinations of the same names. What a receiver keeps
    for later (an issue, an incident) belongs to one stage.
    """
