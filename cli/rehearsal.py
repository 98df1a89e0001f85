"""
A rehearsal of a pass: the real flows of a stage, over a layer that nothing is written through.

    pass -> images that would be fetched -> are fetched      -> are kept in the layer
         -> streams that would be synced -> are synced there -> messages that would be sent
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lib.bootstrap.app import App
from lib.core.attempts import is_open
from lib.errors import SourceError
from lib.flows.images import ImageFlow
from lib.flows.passes import ImagePass, PassResult, Scope
from lib.flows.syncs import StreamSync
from lib.models import AnyReport, Destination, Image, ScanEvent, StreamId
from lib.models.streams import HistoryPoint, StreamState
from lib.models.views import Notification
from lib.normalizer.events import parse_event
from lib.ports.streams import (
    ImageRecord,
    ImageStore,
    StoredImage,
    StreamObjects,
    StreamPartition,
    StreamRow,
    StreamStore,
    ViewWrite,
)
from lib.sources.registry import EcrRegistry

CAUSE = "reconcile"


class Layer:
    """The stores of streams, images and objects, with what a rehearsal changes kept apart."""

    def __init__(self, streams: StreamStore, images: ImageStore, objects: StreamObjects) -> None:
        self._streams = streams
        self._images = images
        self._objects = objects
        self._partitions: dict[StreamId, StreamPartition] = {}
        self._records: dict[str, ImageRecord] = {}
        self._memberships: defaultdict[str, set[StreamId]] = defaultdict(set)
        self._kept: dict[str, Any] = {}

    # --- streams -------------------------------------------------------------------------------

    def read(self, stream: StreamId, *, only: Destination | None = None) -> StreamPartition:  # noqa: ARG002  # nothing is sent
        """See `StreamStore.read`."""
        if stream not in self._partitions:
            self._partitions[stream] = self._streams.read(stream)
        return self._partitions[stream]

    def write(
        self,
        before: StreamRow,
        after: StreamRow,
        views: Sequence[ViewWrite],
        *,
        point: HistoryPoint | None = None,  # noqa: ARG002  # nobody draws a chart of a rehearsal
    ) -> None:
        """See `StreamStore.write`."""
        stored = self.read(before.stream)
        rows: dict[Destination, Notification] = {
            write.view.destination: write.row for write in views if write.row is not None
        }
        self._partitions[before.stream] = StreamPartition(
            after,
            {**stored.views, **{write.view.destination: write.view for write in views}},
            {**stored.notifications, **rows},
        )

    def streams(self, *, after: StreamId | None = None) -> Iterable[StreamId]:
        """See `StreamStore.streams`."""
        return self._streams.streams(after=after)

    # --- images --------------------------------------------------------------------------------

    def records(self, images: Sequence[Image]) -> Mapping[str, ImageRecord]:
        """See `ImageStore.records`."""
        own = {
            image.key: self._records[image.key] for image in images if image.key in self._records
        }
        left = [image for image in images if image.key not in own]
        return {**self._images.records(left), **own}

    def put(self, record: ImageRecord, *, streams: Sequence[StreamId] = ()) -> None:
        """See `ImageStore.put`."""
        key = record.row.image.key
        self._records[key] = replace(record, revision=record.revision + 1)
        self._memberships[key].update(streams)

    def stored(self, image: Image) -> StoredImage:
        """See `ImageStore.stored`."""
        record, streams = self._images.stored(image)
        own = self._memberships[image.key]
        return StoredImage(self._records.get(image.key, record), tuple(sorted({*streams, *own})))

    # --- objects -------------------------------------------------------------------------------

    def put_report(self, report: AnyReport) -> str:
        """See `StreamObjects.put_report`."""
        return self._put(report)

    def report(self, key: str) -> AnyReport | None:
        """See `StreamObjects.report`."""
        report: AnyReport | None = self._kept.get(key) or self._objects.report(key)
        return report

    def put_state(self, state: StreamState) -> str:
        """See `StreamObjects.put_state`."""
        return self._put(state)

    def state(self, key: str) -> StreamState | None:
        """See `StreamObjects.state`."""
        state: StreamState | None = self._kept.get(key) or self._objects.state(key)
        return state

    def _put(self, document: Any) -> str:
        key = f"rehearsal/{len(self._kept)}"
        self._kept[key] = document
        return key


@dataclass(slots=True)
class Rehearsal:
    """The result of a pass that changed nothing."""

    result: PassResult
    messages: Counter[Destination] = field(default_factory=Counter)
    """How many messages each destination would get."""
    quiet: Counter[Destination] = field(default_factory=Counter)
    """How many updates without a message."""
    unread: dict[str, str] = field(default_factory=dict)
    """Images whose report could not be fetched, with the reason."""


class _Stage:
    """The flows of a stage, over a layer."""

    def __init__(self, application: App, registry: EcrRegistry) -> None:
        flows, stores = application.streams, application.stores
        self.streams: dict[StreamId, None] = {}
        self.unread: dict[str, str] = {}
        layer: Any = Layer(stores.streams, stores.images, stores.objects)
        self.syncs = StreamSync(
            streams=layer,
            images=layer,
            objects=layer,
            rules=lambda: flows.rules_as_stored,
            now=application.now,
        )
        self._images = ImageFlow(
            source=application.source,
            images=layer,
            objects=layer,
            progress=stores.progress,
            syncs=self.syncs,
            coverage=lambda: application.coverage,
            rules=lambda: flows.rules_as_stored.streams,
            now=application.now,
        )
        self.image_pass = ImagePass(
            registry=registry,
            repositories=application.repositories,
            coverage=application.coverage,
            images=self._images,
            records=layer,
            streams=layer,
            listing=stores.streams,
            rules=lambda: flows.rules_as_stored.streams,
            events=self,
            queue=_Queue(self.streams),
            now=application.now,
        )

    def put(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Fetch at once what a pass queues. See `ScanEvents.put`."""
        for raw in events:
            event = parse_event(raw)
            if isinstance(event, ScanEvent):
                try:
                    outcome = self._images.scanned(event)
                except SourceError as error:
                    self.unread[event.image.name] = str(error)
                else:
                    self.syncs.keep(outcome.news, outcome.news.streams)
                    self.streams |= dict.fromkeys(outcome.streams)


class _Queue:
    """Keeps the streams that a pass queues. See `SyncQueue`."""

    def __init__(self, streams: dict[StreamId, None]) -> None:
        self._streams = streams

    def put(self, streams: Iterable[StreamId], cause: str) -> int:  # noqa: ARG002  # the port's
        """See `SyncQueue.put`."""
        before = len(self._streams)
        self._streams.update(dict.fromkeys(streams))
        return len(self._streams) - before


def rehearse(application: App, registry: EcrRegistry, scope: Scope) -> Rehearsal:
    """Run a pass, fetch and sync what follows, and count the messages. Nothing is written."""
    stage = _Stage(application, registry)
    rehearsal = Rehearsal(stage.image_pass.run(scope), unread=stage.unread)
    left = list(stage.streams)
    while left:
        outcome = stage.syncs.sync(left.pop(), CAUSE)
        left += outcome.concerned
        for view in outcome.views:
            row = view.step.row
            if row is not None and row != view.row_before and is_open(row):
                (rehearsal.quiet if row.quiet else rehearsal.messages)[row.destination] += 1
    return rehearsal
