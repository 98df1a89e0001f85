"""Report pages in S3: compressed, opened by addresses that S3 signs for some minutes."""

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from lib.store.items import store_errors
from lib.store.objects import MISSING, read_object, write_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HTML: Final = "text/html; charset=utf-8"
_LEVEL: Final = 4
"""Of compression: a third of the time of the highest level, for a tenth more bytes."""
_REDIRECT: Final = 300
"""Seconds for the browser to follow the redirect to S3."""


class S3Pages:
    """See `lib.ports.store.PageStore`."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def has(self, key: str) -> bool:
        """See `PageStore.has`."""
        with store_errors(f"looking for {key}"):
            try:
                self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if error.response["Error"]["Code"] in MISSING:
                    return False
                raise
        return True

    def put(self, key: str, content: bytes) -> None:
        """See `PageStore.put`."""
        write_object(self._client, self._bucket, key, content, media_type=HTML, level=_LEVEL)

    def read(self, key: str) -> bytes | None:
        """See `PageStore.read`."""
        return read_object(self._client, self._bucket, key)

    def address(self, key: str) -> str:
        """See `PageStore.address`."""
        with store_errors(f"signing {key}"):
            return self._client.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=_REDIRECT
            )
