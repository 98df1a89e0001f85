"""Copies of streams in S3: `current/<stream>.jsonl.gz`, one mutable object a stream."""

import gzip
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from botocore.exceptions import ClientError

from lib.models import StreamId
from lib.models.current import CurrentCopy
from lib.store.items import store_errors
from lib.store.objects import FASTEST, MISSING, compressed
from lib.wire.current import copy_from_lines, copy_to_lines

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX: Final = "current/"
_END: Final = ".jsonl.gz"
_VERSION: Final = "version"
_LINES: Final = 500
"""Lines that are compressed at a time."""


class S3CurrentCopies:
    """See `lib.ports.current.CurrentCopies`."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, copy: CurrentCopy) -> None:
        """See `CurrentCopies.put`."""
        state = copy.state
        key = key_of(state.stream)
        if not state.images:
            with store_errors(f"deleting {key}"):
                self._client.delete_object(Bucket=self._bucket, Key=key)
            return
        text = compressed(_text(copy), FASTEST)
        with store_errors(f"storing {key}"):
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=text.content,
                ContentType="application/jsonl",
                ContentEncoding="gzip",
                Metadata={_VERSION: str(state.version)},
            )

    def version(self, stream: StreamId) -> int | None:
        """See `CurrentCopies.version`."""
        answer = self._asked("head_object", stream)
        return None if answer is None else int(answer["Metadata"][_VERSION])

    def get(self, stream: StreamId) -> CurrentCopy | None:
        """See `CurrentCopies.get`."""
        answer = self._asked("get_object", stream)
        if answer is None:
            return None
        return copy_from_lines(gzip.decompress(answer["Body"].read()).split(b"\n"))

    def streams(self, after: StreamId | None = None) -> Iterator[StreamId]:
        """See `CurrentCopies.streams`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket,
            Prefix=PREFIX,
            StartAfter=PREFIX if after is None else key_of(after),
        )
        with store_errors(f"listing {PREFIX}"):
            for page in pages:
                for entry in page.get("Contents", ()):
                    name = entry["Key"].removeprefix(PREFIX).removesuffix(_END)
                    yield StreamId(unquote(name))

    def _asked(self, question: str, stream: StreamId) -> Any:
        """Return S3's answer about a copy; None: there is none."""
        key = key_of(stream)
        with store_errors(f"reading {key}"):
            try:
                return getattr(self._client, question)(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if error.response["Error"]["Code"] in MISSING:
                    return None
                raise


def _text(copy: CurrentCopy) -> Iterator[str]:
    """Yield the lines of a copy, some at a time: all of them together would be there twice."""
    lines, end = copy_to_lines(copy), ""
    while some := list(islice(lines, _LINES)):
        yield end + "\n".join(some)
        end = "\n"


def key_of(stream: StreamId) -> str:
    """Return the key of a copy, from which the stream can be read: patterns have any characters."""
    return f"{PREFIX}{quote(stream, safe='/')}{_END}"
