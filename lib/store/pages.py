"""Report pages in S3: rendered once for each pinned message, compressed, opened by signed links."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from lib.models import Notice, Page
from lib.models.streams import HistoryPoint, StreamState
from lib.ports.streams import StreamHistory
from lib.store.items import store_errors
from lib.store.objects import MISSING, read_object, write_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HTML: Final = "text/html; charset=utf-8"
_PINNED: Final = "pinned/"
_PAGES: Final = "pages/"
_HISTORY: Final = timedelta(days=180)
"""The age up to which a page shows the history of its stream."""
_ENTRIES: Final = 500
_LEVEL: Final = 4
"""Of compression: a third of the time of the highest level, for a tenth more bytes."""
_REDIRECT: Final = 300
"""Seconds for the browser to follow the redirect to S3."""


class S3NoticePages:
    """See `lib.ports.store.NoticePages` and `PageReader`. `link` signs a key, or returns None."""

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        *,
        history: StreamHistory,
        render: Callable[[Notice, Sequence[HistoryPoint]], str],
        link: Callable[[str], str | None],
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._history = history
        self._render = render
        self._link = link

    def publish(self, key: str, notice: Notice) -> Page:
        """See `NoticePages.publish`."""
        page = notice_page_key(key)
        if not exists(self._client, self._bucket, page):
            html = self._render(notice, self._points(notice.message.state))
            write_object(
                self._client,
                self._bucket,
                page,
                html.encode("utf-8", "replace"),
                media_type=HTML,
                level=_LEVEL,
            )
        return Page(page, self._link(page))

    def _points(self, state: StreamState) -> Sequence[HistoryPoint]:
        """Return the history of a stream up to a state of it."""
        since = state.at - _HISTORY
        points = self._history.points(state.stream, since=since, limit=_ENTRIES)
        return [point for point in points if point.version <= state.version]

    def read(self, key: str) -> bytes | None:
        """See `PageReader.read`."""
        return read_object(self._client, self._bucket, key)


def notice_page_key(pinned_key: str) -> str:
    """Return the key of the page of a pinned message."""
    name = pinned_key.removeprefix(_PINNED).removesuffix(".json.gz")
    return f"{_PAGES}{name}.html"


def exists(client: "S3Client", bucket: str, key: str) -> bool:
    """Whether an object exists. Raises `StoreError`."""
    with store_errors(f"looking for {key}"):
        try:
            client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return False
            raise
    return True


def redirect(client: "S3Client", bucket: str, key: str) -> str | None:
    """Return a presigned URL that is valid for some minutes; None if the object does not exist."""
    if not exists(client, bucket, key):
        return None
    with store_errors(f"signing {key}"):
        return client.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=_REDIRECT
        )
