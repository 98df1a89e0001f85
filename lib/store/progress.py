"""Reports fetched by an invocation for the next one, in S3 with a lifecycle rule."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from lib.models import AnyReport, Json
from lib.ports.store import Progress
from lib.store.objects import FASTEST, read_object, write_object
from lib.store.typed import converter

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX: Final = "progress/"
_REPORTS: Final = converter(Mapping[str, AnyReport])


class S3ProgressStore:
    """See `lib.ports.store.ProgressStore`."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, progress: Progress) -> str:
        """See `ProgressStore.put`. Equal progress has the same key."""
        text = json.dumps(_to_json(progress), separators=(",", ":"), default=str).encode()
        key = f"{PREFIX}{hashlib.sha256(text).hexdigest()[:32]}.json.gz"
        write_object(
            self._client, self._bucket, key, text, media_type="application/json", level=FASTEST
        )
        return key

    def get(self, key: str) -> Progress | None:
        """See `ProgressStore.get`."""
        if not key.startswith(PREFIX):
            return None
        content = read_object(self._client, self._bucket, key)
        return None if content is None else _from_json(json.loads(content))


def _to_json(progress: Progress) -> dict[str, Json]:
    return {
        "reports": _REPORTS.write(progress.reports),
        "digest": progress.digest,
        # Times of boto3 become text, which the normalizer can read.
        "pages": [_without_metadata(page) for page in progress.pages],
    }


def _from_json(document: Json) -> Progress:
    return Progress(_REPORTS.read(document["reports"]), document["digest"], document["pages"])


def _without_metadata(page: Json) -> dict[str, Json]:
    return {name: value for name, value in page.items() if name != "ResponseMetadata"}
