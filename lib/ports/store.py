"""
The ports of `lib.store`: data in DynamoDB, S3 and SQS in the terms of the flows.

Tests use fakes, which pass the contract tests of the stores.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from lib.models import (
    AnyReport,
    Baseline,
    Evaluation,
    HistoryEntry,
    Image,
    ImageIndex,
    Notice,
    StreamId,
    TagTarget,
)
from lib.models.deliveries import Page, WakeUp
from lib.models.names import Json
from lib.models.state import Commit, ImageRecord, ImageState, StreamHead


@dataclass(frozen=True, slots=True)
class Progress:
    """Findings fetched before the time was over, of an image or of an index's members."""

    reports: Mapping[str, AnyReport] = field(default_factory=dict)
    """Complete reports by digest."""
    digest: str = ""
    pages: Sequence[Json] = ()
    """The first pages of the incomplete image `digest`."""


class ProgressStore(Protocol):
    """Keeps fetched findings for the next invocation, for some days."""

    def put(self, progress: Progress) -> str:
        """Store progress; return its key. Raises `StoreError`."""

    def get(self, key: str) -> Progress | None:
        """Return progress; None if its retention is over. Raises `StoreError`."""


class StateStore(Protocol):
    """Image states and stream heads, and the transaction that updates them."""

    def image(self, image: Image) -> ImageState | None:
        """Return the state of an image after its last evaluation."""

    def images(self, images: Sequence[Image]) -> Mapping[str, ImageState]:
        """
        Return the states of many images by key. Images without an evaluation are left out.

        Commits of the last second may be missing.
        """

    def installed_at(self) -> datetime:
        """Return the time of the installation, since which states are kept."""

    def look_up(self, image: Image) -> ImageRecord:
        """Return the state of an image, and its index, with one read."""

    def record(self, index: ImageIndex, *, pushed_at: datetime) -> None:
        """Store the members of an index. A newer index keeps its members."""

    def head(self, stream: StreamId) -> StreamHead | None:
        """Return the head of a stream: its newest image."""

    def commit(self, commit: Commit) -> None:
        """
        Write image state, stream head and delivery rows in one transaction.

        Raises `ConflictError` if the stored versions are not the `known` ones.
        """


class TagStore(Protocol):
    """Targets of tags."""

    def tag(self, image: Image) -> TagTarget | None:
        """Return the target of a tag; None if no push of the tag is known."""

    def point(self, image: Image, target: TagTarget) -> None:
        """Store the target of a tag, unless a later push is stored."""


class History(Protocol):
    """The evaluations of streams over time."""

    def entries(self, stream: StreamId, *, since: datetime, limit: int) -> Sequence[HistoryEntry]:
        """
        Return the evaluations of a stream since a time: the newest `limit`, oldest first.

        Raises `StoreError`.
        """

    def heads(self) -> Iterable[tuple[StreamId, StreamHead]]:
        """Return all streams with their newest image. Scans the whole table."""


class PageReader(Protocol):
    """Reads report pages."""

    def read(self, key: str) -> bytes | None:
        """Return the HTML of a page; None if it does not exist (any more). Raises `StoreError`."""


class NoticePages(Protocol):
    """Stores report pages of notifications where people can open them."""

    def publish(self, key: str, notice: Notice) -> Page:
        """
        Store the page of a notification if it is missing, and return its address.

        `key`: of its pinned message. Raises `StoreError`; alerts go out without a page then.
        """


class Pages(Protocol):
    """Stores report pages where people can open them."""

    def publish(self, key: str, evaluation: Evaluation) -> Page:
        """
        Store the page of an evaluation if it is missing, and return its address.

        `key` is the key of the stored evaluation. Raises `StoreError`.
        """


class EvaluationStore(Protocol):
    """Evaluations as immutable objects."""

    def put(self, evaluation: Evaluation) -> str:
        """Store an evaluation and return its key. Equal evaluations have the same key."""

    def get(self, key: str) -> Evaluation | None:
        """Return a stored evaluation; None if its retention is over. Raises `StoreError`."""

    def baseline(self, key: str) -> Baseline | None:
        """
        Return an evaluation as the baseline of a later scan. It is much cheaper than `get`.

        None if its retention is over, or its report is unusable. Raises `StoreError`.
        """


class Waker(Protocol):
    """The queues. Their messages only wake workers."""

    def wake(self, wake_ups: Iterable[WakeUp]) -> int:
        """Queue an attempt for each delivery, and return their number. Repeats are harmless."""

    def revisit(self, event: Mapping[str, Json], *, delay_seconds: int) -> None:
        """Return a scan event to its queue with a delay, unchanged."""


class ScanEvents(Protocol):
    """The entrance to the queue of scan events."""

    def put(self, events: Sequence[Mapping[str, Json]]) -> None:
        """Queue events as if they came from EventBridge. Repeats are harmless."""


class SecretReader(Protocol):
    """Reads secrets by name, with a cache of some minutes."""

    def read(self, reference: Mapping[str, str]) -> str:
        """Return the text behind `{secret: name}` or `{parameter: name}`. Raises `ConfigError`."""

    def renew(self) -> bool:
        """Read all cached secrets again, and return whether one has changed."""
