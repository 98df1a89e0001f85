"""
The ports of `lib.store`: what is kept in DynamoDB, S3 and SQS, in the words of the flows.

Tests fake them, and the fakes pass the contract tests of the stores.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from lib.models import (
    AnyReport,
    Delivery,
    DeliveryId,
    Destination,
    Digest,
    Evaluation,
    HistoryEntry,
    Image,
    ImageIndex,
    Known,
    Pause,
    Receipt,
    StreamId,
    TagTarget,
)
from lib.models.deliveries import NotClaimed, Page, WakeUp
from lib.models.names import Json
from lib.models.state import Commit, ImageState, Place, Stored, StreamHead


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


class SecretReader(Protocol):
    """Reads secrets by name, cached for minutes."""

    def read(self, reference: Mapping[str, str]) -> str:
        """Return the text behind `{secret: name}` or `{parameter: name}`. Raises `ConfigError`."""

    def renew(self) -> bool:
        """Read again what was read, past the cache; say whether anything is different now."""
