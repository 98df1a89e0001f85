"""
Reports, states of streams and pinned messages in S3: compressed, immutable, named by their content.

Only this code reads them. The same data gets the same key, so that a repeat writes nothing new.
"""

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lib.models import AnyReport, Digest, Image, Report, StreamId, UnusableReport
from lib.models.streams import StreamState
from lib.models.views import PinnedMessage
from lib.store.objects import FASTEST, compressed, read_object, write_compressed
from lib.store.packed import message_from_json, packed
from lib.store.streaming import parts_of
from lib.store.typed import from_json

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_Data = TypeVar("_Data")
_USABLE: Final = "usable"
_KEPT: Final = 8
"""Objects that are kept in memory. Of one event, report and state are asked for several times."""
_LARGEST: Final = 100_000
"""Characters of an object that is kept in memory."""
_DIGEST: Final = "pinned/digest/"


class S3StreamObjects:
    """See `lib.ports.streams.StreamObjects`."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._kept: dict[str, Any] = {}
        self._written: dict[str, AnyReport] = {}
        """The last report, however large: the sync that follows asks for it, once."""

    def put_report(self, report: AnyReport) -> str:
        """See `StreamObjects.put_report`."""
        kind = _USABLE if isinstance(report, Report) else "unusable"
        key = self._put(f"reports/{_place(report.image)}/{kind}", report)
        self._written = {key: report}
        return key

    def report(self, key: str) -> AnyReport | None:
        """See `StreamObjects.report`."""
        if key in self._written:
            return self._written.pop(key)
        usable = key.rpartition("/")[2].startswith(_USABLE)
        return self._get(Report, key) if usable else self._get(UnusableReport, key)

    def put_state(self, state: StreamState) -> str:
        """See `StreamObjects.put_state`."""
        return self._put(f"states/{_name(state.stream)}/{state.version:06d}", state)

    def state(self, key: str) -> StreamState | None:
        """See `StreamObjects.state`."""
        return self._get(StreamState, key)

    def put_pinned(self, message: PinnedMessage | Digest) -> str:
        """See `StreamObjects.put_pinned`."""
        if isinstance(message, Digest):
            return self._put(f"{_DIGEST}{message.until:%Y-%m-%dT%H-%M}", message)
        stream = _name(message.view.stream)
        name = f"pinned/{stream}/{message.view.version:06d}"
        return self._put(name, message, stored=packed(message))

    def pinned(self, key: str) -> PinnedMessage | Digest | None:
        """See `StreamObjects.pinned`."""
        if key.startswith(_DIGEST):
            return self._get(Digest, key)
        return self._get(PinnedMessage, key, read=message_from_json)

    def _put(self, name: str, data: Any, *, stored: Any = None) -> str:
        """Store an object, in another form where one is given; return its key."""
        text = compressed(parts_of(stored or data), FASTEST)
        key = f"{name}-{text.digest[:12]}.json.gz"
        write_compressed(
            self._client, self._bucket, key, text.content, media_type="application/json"
        )
        self._keep(key, data, text.size)
        return key

    def _get(
        self, model: type[_Data], key: str, *, read: Callable[[Any], _Data] | None = None
    ) -> _Data | None:
        if key in self._kept:
            kept: _Data = self._kept[key]
            return kept
        text = _read_text(self._client, self._bucket, key)
        if text is None:
            return None
        size, document = len(text), json.loads(text)
        del text  # of a large state it takes as much memory as the data
        data = from_json(model, document) if read is None else read(document)
        self._keep(key, data, size)
        return data

    def _keep(self, key: str, data: Any, size: int) -> None:
        """Keep an object in memory, for it never changes; the oldest one goes."""
        if size <= _LARGEST:
            self._kept[key] = data
            for oldest in list(self._kept)[:-_KEPT]:
                del self._kept[oldest]


def _read_text(client: "S3Client", bucket: str, key: str) -> str | None:
    """Return the text of an object; its bytes are freed before the text is read as JSON."""
    content = read_object(client, bucket, key)
    return None if content is None else content.decode()


def _place(image: Image) -> str:
    return f"{image.account}/{image.region}/{image.repository}/{image.digest.replace(':', '-')}"


def _name(stream: StreamId) -> str:
    """Return a stream as a part of a key; a pattern may hold any character."""
    place, bar, pattern = stream.partition("|")
    return f"{place}/{hashlib.sha256(pattern.encode()).hexdigest()[:12]}" if bar else place
