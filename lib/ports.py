"""
The ports: what the pipeline needs from the outside, in its own words.

`lib.normalizer.readers`, `lib.store` and `lib.notifiers` implement them; tests fake them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

from lib.models import (
    SHORT_ANSWER,
    AnyReport,
    Delivery,
    DeliveryId,
    Destination,
    Digest,
    Evaluation,
    HistoryEntry,
    HttpAnswer,
    Image,
    ImageIndex,
    Known,
    LastScan,
    Message,
    Pause,
    Provenance,
    Receipt,
    RepositorySettings,
    Scan,
    StreamId,
    TagTarget,
    Upload,
    Usage,
    Verdict,
    Workload,
)
from lib.models.deliveries import NotClaimed, Page, WakeUp
from lib.models.diagnostics import Check
from lib.models.names import Json
from lib.models.state import Commit, ImageState, Place, Stored, StreamHead

FETCH_RESERVE: Final = 45.0
"""Seconds before the end of a function in which no further page is fetched."""


@dataclass(frozen=True, slots=True)
class Fetching:
    """How long findings may be fetched, and the pages that an earlier invocation fetched."""

    seconds_left: Callable[[], float] = lambda: float("inf")
    """Until the function ends."""
    pages: Sequence[Json] = ()
    """The first pages of the list, as the source returned them."""

    @property
    def is_over(self) -> bool:
        """Whether the rest of the time is needed for what was fetched."""
        return self.seconds_left() < FETCH_RESERVE


ALL_THE_TIME: Final = Fetching()


@dataclass(frozen=True, slots=True)
class Progress:
    """The findings fetched of an image, or of the images of an index, when the time was over."""

    reports: Mapping[str, AnyReport] = field(default_factory=dict)
    """The complete ones, by digest."""
    digest: str = ""
    pages: Sequence[Json] = ()
    """The first pages of the image `digest`, whose list goes on."""


class ProgressStore(Protocol):
    """Keeps for some days what one invocation fetched for the next one."""

    def put(self, progress: Progress) -> str:
        """Store progress; return its key. Raises `StoreError`."""

    def get(self, key: str) -> Progress | None:
        """Return progress; None where it is not kept. Raises `StoreError`."""


class FindingSource(Protocol):
    """Fetches the findings of one image and understands them."""

    def report(
        self,
        image: Image,
        scan: Scan,
        *,
        announced: int | None = None,
        fetching: Fetching = ALL_THE_TIME,
    ) -> AnyReport:
        """
        Return everything the scanner listed for this image, from all pages.

        `scan` is what the event said, `announced` how many findings it counted. At least one page
        is fetched. Raises `OutOfTimeError` when `fetching` is over before the last page,
        `FindingsNotReadyError` (also when fewer are listed than announced), `ImageGoneError`,
        `SourceError`, and `EventError` for an image that cannot be asked for from here.
        """

    def describe(self, image: Image) -> Image:
        """
        Return the image with what its registry knows: when it was pushed, and its tags.

        Raises `ImageGoneError`, `NotAnImageError`, `SourceError`.
        """

    def index(self, image: Image) -> ImageIndex | None:
        """
        Return what an image consists of when it is an index; None for an image of its own.

        Raises `ImageGoneError`, `SourceError`.
        """


class Workloads(Protocol):
    """Knows what runs where."""

    def running(self, image: Image, *, members: Sequence[str] = ()) -> tuple[Workload, ...]:
        """
        Return what runs an image; `members`: of an index, the digests of its images.

        What changed in the last minutes may be missing. Raises `SourceError`.
        """


class ProvenanceSource(Protocol):
    """Reads what images say about where they were made from."""

    def provenance(self, image: Image, member: str | None = None) -> Provenance:
        """
        Return what its annotations and labels say.

        `member`: of an index, the digest of the image whose labels count. Raises `SourceError`.
        """


class ImageRegistry(Protocol):
    """What the registry holds, and how far its scans are."""

    def repositories(self) -> Sequence[str]:
        """Return the names of all repositories. Raises `SourceError`."""

    def images(self, repository: str, *, since: datetime) -> Sequence[Image | ImageIndex]:
        """
        Return what was pushed into a repository since then and can have a scan, in no order.

        An index stands for the untagged images in it. Raises `SourceError`.
        """

    def last_scan(self, image: Image) -> LastScan:
        """Return how far the last scan of an image is. Raises `ImageGoneError`, `SourceError`."""


class RepositorySource(Protocol):
    """How repositories are set up."""

    def repositories(self) -> Sequence[Image]:
        """Return all repositories, as images without a digest. Raises `SourceError`."""

    def settings(self, repository: Image) -> RepositorySettings:
        """
        Return how a repository is set up.

        Raises `ImageGoneError`, `NotAllowedError` for what may not be read, and `SourceError`.
        """


class StateStore(Protocol):
    """Image states and stream heads, and the one transaction that changes them."""

    def image(self, image: Image) -> ImageState | None:
        """Return what was evaluated last for this digest."""

    def images(self, images: Sequence[Image]) -> Mapping[str, ImageState]:
        """
        Return what is known of many images, by their keys; those never evaluated are absent.

        What was committed just now may be missing.
        """

    def installed_at(self) -> datetime:
        """Return when this deployment began to keep states."""

    def look_up(self, image: Image) -> Stored:
        """Return the same, and the index that the image is part of, with one read."""

    def record(self, index: ImageIndex, *, pushed_at: datetime) -> None:
        """Remember what belongs to an index. Older indexes take nothing from newer ones."""

    def head(self, stream: StreamId) -> StreamHead | None:
        """Return the newest image of a stream."""

    def commit(self, commit: Commit) -> None:
        """
        Write image state, stream head and delivery rows, all or nothing.

        Raises `ConflictError` when what was `known` is not what is stored any more.
        """


class TagStore(Protocol):
    """Where tags point to."""

    def tag(self, image: Image) -> TagTarget | None:
        """Return where a tag points to; None: it was never pushed, as far as is known."""

    def point(self, image: Image, target: TagTarget) -> None:
        """Remember where a tag points to, unless a later push is known."""


class History(Protocol):
    """How streams went."""

    def entries(self, stream: StreamId, *, since: datetime, limit: int) -> Sequence[HistoryEntry]:
        """
        Return what was evaluated in a stream since then, oldest first, the newest `limit` of it.

        Raises `StoreError`.
        """

    def heads(self) -> Iterable[tuple[StreamId, StreamHead]]:
        """Return all streams and the newest image of each. Reads all of the table."""


class PageReader(Protocol):
    """Reads report pages back."""

    def read(self, key: str) -> bytes | None:
        """Return the HTML; None when it is not there (any more). Raises `StoreError`."""


class Pages(Protocol):
    """Report pages, kept where people can open them."""

    def publish(self, key: str, evaluation: Evaluation) -> Page:
        """
        Make sure that the page of an evaluation is stored, and return where it is.

        `key`: that of the stored evaluation. Raises `StoreError`.
        """


class DigestStore(Protocol):
    """Digests as immutable objects, under keys that begin with `DIGESTS`."""

    def put(self, digest: Digest) -> str:
        """Store it and return its key. The same digest gets the same key. Raises `StoreError`."""

    def get(self, key: str) -> Digest | None:
        """Return a stored digest; None when its retention is over. Raises `StoreError`."""


class ReportStore(Protocol):
    """Evaluations as immutable objects."""

    def put(self, evaluation: Evaluation) -> str:
        """Store it and return its key. The same evaluation gets the same key."""

    def get(self, key: str) -> Evaluation | None:
        """Return a stored evaluation; None when its retention is over. Raises `StoreError`."""

    def known(self, key: str) -> Known | None:
        """
        Return what a later scan is compared with; much cheaper than `get`.

        None when its retention is over, or when its report is not usable. Raises `StoreError`.
        """


class Ledger(Protocol):
    """The truth about every delivery. Queues only wake; rows decide."""

    def delivery(self, delivery_id: DeliveryId) -> Delivery | None:
        """Return a delivery as it stands; None: there is none (any more)."""

    def claim(self, delivery_id: DeliveryId, *, now: datetime, token: str) -> Delivery | NotClaimed:
        """Take the right to send, for the length of a lease. Counts an attempt."""

    def open_thread(self, delivery: Delivery, *, now: datetime) -> DeliveryId | None:
        """
        Reserve the beginning of a stream's thread, before its first message is sent.

        None: it is this delivery's to begin. Else the one that has begun it, or may have: its
        answer was lost, or its worker died. One that failed for certain leaves it to the next.
        """

    def sent(
        self,
        delivery: Delivery,
        receipt: Receipt,
        *,
        now: datetime,
        told_at: datetime | None = None,
    ) -> None:
        """
        Record the receipt, and the thread for the next message of the stream. SENT is final.

        `told_at`: when the evaluation that it tells of was made; None: now.
        """

    def retry(
        self,
        delivery: Delivery,
        *,
        due_at: datetime,
        reason: str,
        counts: bool,
        unsure: bool,
        now: datetime,
    ) -> None:
        """
        Give the claim back; the sweep wakes it when due.

        `counts`: it was a failure, not throttling. `unsure`: the receiver may have it (UNKNOWN).
        """

    def dead(self, delivery: Delivery, *, reason: str, now: datetime) -> None:
        """Give up for good; kept, alarmed, and can be sent again by a command."""

    def defer(self, delivery_id: DeliveryId, *, until: datetime, reason: str) -> None:
        """Let a delivery that nobody holds wait. One that is final or held is left alone."""

    def add(self, delivery: Delivery) -> bool:
        """Write a delivery that belongs to no evaluation; False when it is there already."""

    def pause(self, destination: Destination, pause: Pause) -> bool:
        """Hold a destination's deliveries back; False when a longer pause is in force."""

    def paused(self, destination: Destination, *, now: datetime) -> Pause | None:
        """Return the pause in force."""

    def resume(self, destination: Destination) -> None:
        """End a pause."""

    def due(self, *, now: datetime, limit: int) -> Iterable[WakeUp]:
        """
        Return deliveries to wake: due, or claimed by somebody whose lease has run out.

        Those that have waited longest, up to `limit` of each part of the index, and of each
        destination that is not among these, some.
        """

    def woken(self, wake_ups: Iterable[WakeUp], *, again_at: datetime) -> None:
        """
        Let others have their turn: what was woken is not due for a wake-up before `again_at`.

        What was taken or deferred meanwhile keeps its own time.
        """


class Waker(Protocol):
    """The queues, which only wake."""

    def wake(self, wake_ups: Iterable[WakeUp]) -> int:
        """Ask for an attempt at each; returns how many were queued. Repeats are harmless."""

    def revisit(self, event: Mapping[str, Json], *, delay_seconds: int) -> None:
        """Bring a scan event back later, unchanged."""


class ScanEvents(Protocol):
    """The way into the queue of scan events."""

    def put(self, events: Sequence[Mapping[str, Json]]) -> None:
        """Have these events processed as if they came from EventBridge. Repeats are harmless."""


class Places(Protocol):
    """Remembers where a pass stopped, for the next one to go on."""

    def place(self) -> Place | None:
        """Return where to go on; None: from the beginning."""

    def keep(self, place: Place) -> None:
        """Remember a place instead of the one before."""

    def forget(self) -> None:
        """Begin anew the next time."""


class Notifier(Protocol):
    """One kind of receiver. `render` is pure, `send` does the I/O and nothing else."""

    @property
    def threaded(self) -> bool:
        """Whether messages of a stream belong together, so that only one may be the first."""

    @property
    def interval(self) -> float:
        """Seconds between two messages that the receiver asks for; 0: as fast as it answers."""

    def render(self, alert: Message, *, thread: str | None = None) -> Json:
        """Return the payload within the receiver's limits; what did not fit is counted in it."""

    def plain(self, alert: Message, *, thread: str | None = None) -> Json:
        """Return the smallest, plainest payload, for the one attempt after a malformed or large."""

    def verify(
        self,
        alert: Message,
        *,
        since: datetime,
        now: datetime,
        thread: str | None = None,
        tried_at: datetime | None = None,
    ) -> Verdict:
        """
        Say whether the receiver has an alert whose answer was lost. Only reads.

        The receipt is for this very delivery: another message of its stream proves nothing.
        `since`: nothing was sent before. `tried_at`: the last send without an answer; None: the
        same as `since`. A receiver that cannot tell answers `NotThere`. Raises a `DeliveryError`.
        """

    def usage(self, payload: Json) -> tuple[Usage, ...]:
        """Return how much of each of the receiver's limits a payload uses."""

    def send(self, payload: Json) -> Receipt:
        """Deliver and return the receipt. Raises a `DeliveryError` of the right class."""


@dataclass(frozen=True, slots=True)
class DestinationTest:
    """A test of one destination. It is no alert: no ledger row, no stream, no thread."""

    id: str
    time: datetime
    origin: str
    """Who sends it, for its reader: "stage prod", "an operator's machine"."""
    send: bool = True
    """False: only look; whoever reads the receiver must not see anything."""
    create: bool = False
    """Where alerts are issues: create one, too, and delete it again."""
    page: bool = False
    """Where alerts wake people: open an incident, too, and resolve it."""


@runtime_checkable
class Testable(Protocol):
    """A notifier whose destination can be tested without an alert."""

    def test(self, test: DestinationTest) -> Iterator[Check]:
        """
        Look at what sending needs, then send a message that is marked as TEST, unless told not to.

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


class SecretReader(Protocol):
    """Reads secrets by name, cached for minutes."""

    def read(self, reference: Mapping[str, str]) -> str:
        """Return the text behind `{secret: name}` or `{parameter: name}`. Raises `ConfigError`."""

    def renew(self) -> bool:
        """Read again what was read, past the cache; say whether anything is different now."""


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


@dataclass(frozen=True, slots=True)
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
