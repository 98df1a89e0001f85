"""
The published configuration in S3: `config/current.json`, and a copy of each document beside it.

    config/current.json             in force; written on condition of what was read
    config/documents/HASH.json      for a rollback; named by its content, and never changed
    config/last-good.json           what a stage had in force last; in its own bucket

A stage may read the object of another bucket, such as one for a whole organization.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lib.errors import ConflictError, DocumentError
from lib.ports.publications import Absence, StoredText
from lib.store.items import store_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY: Final = "config/current.json"
"""The key in the bucket of reports, where the deployment names no other one."""
COPY: Final = "config/last-good.json"
"""The key of the copy in a stage's own bucket."""
_PUBLISHED_AT: Final = "published-at"
_MISSING: Final = ("NoSuchKey", "404")
_UNCHANGED: Final = ("304", "NotModified")
_CONFLICTS: Final = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""


class S3Publications:
    """See `lib.ports.publications.PublicationStore`."""

    def __init__(
        self, client: "S3Client", bucket: str, key: str = KEY, *, copies: str = ""
    ) -> None:
        """Create the store; `copies` is the bucket for the last good object, empty for no copy."""
        self._client = client
        self._copies = copies
        self.bucket = bucket
        self.key = key

    @property
    def address(self) -> str:
        """The address of the object, for people."""
        return f"s3://{self.bucket}/{self.key}"

    def read(self, having: str = "") -> StoredText | Absence:
        """See `PublicationStore.read`."""
        condition: dict[str, Any] = {"IfNoneMatch": having} if having else {}
        with store_errors(f"reading {self.address}"):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=self.key, **condition)
                text = answer["Body"].read()
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in _UNCHANGED:
                    return Absence.UNCHANGED
                if code in _MISSING:
                    return Absence.MISSING
                raise
        return StoredText(text, answer["ETag"], answer["LastModified"])

    def recall(self) -> StoredText | None:
        """See `PublicationStore.recall`."""
        if not self._copies:
            return None
        with store_errors(f"reading s3://{self._copies}/{COPY}"):
            try:
                answer = self._client.get_object(Bucket=self._copies, Key=COPY)
                text = answer["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in _MISSING:
                    return None
                raise
        published_at = answer["Metadata"].get(_PUBLISHED_AT)
        # An object that somebody put there by hand has no such metadata.
        at = datetime.fromisoformat(published_at) if published_at else answer["LastModified"]
        return StoredText(text, "", at)

    def remember(self, text: StoredText) -> None:
        """See `PublicationStore.remember`."""
        if not self._copies:
            return
        with store_errors(f"writing s3://{self._copies}/{COPY}"):
            self._client.put_object(
                Bucket=self._copies,
                Key=COPY,
                Body=text.text,
                ContentType="application/json",
                Metadata={_PUBLISHED_AT: text.at.isoformat()},
            )


class S3PublicationWriter(S3Publications):
    """The published configuration for those who publish it; functions only read."""

    def __init__(self, client: "S3Client", bucket: str, key: str = KEY) -> None:
        super().__init__(client, bucket, key)
        self._s3 = client

    def put(self, text: str, *, over: str) -> None:
        """
        Write the object over the version that was read; `over` is empty where there was none.

        Raises `ConflictError` where somebody else has written meanwhile, and `StoreError`.
        """
        condition: dict[str, Any] = {"IfMatch": over} if over else {"IfNoneMatch": "*"}
        with store_errors(f"writing {self.address}"):
            try:
                self._put(self.key, text, **condition)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in _CONFLICTS or (over and code in _MISSING):
                    raise ConflictError(f"{self.address} was changed meanwhile") from error
                raise

    def keep(self, name: str, text: str) -> None:
        """Keep a copy of a document under its hash. Raises `StoreError`."""
        with store_errors(f"writing {self._copy(name)}"):
            self._put(self._copy(name), text)

    def kept(self, name: str) -> bytes:
        """Return a copy by its hash. Raises `DocumentError` where there is none, `StoreError`."""
        key = self._copy(name)
        with store_errors(f"reading {key}"):
            try:
                body = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"]
                return body.read()
            except ClientError as error:
                if error.response["Error"]["Code"] not in _MISSING:
                    raise
        raise DocumentError(f"The bucket {self.bucket} holds no {key} any more")

    def _copy(self, name: str) -> str:
        folder = self.key.rpartition("/")[0]
        return f"{folder}/documents/{name}.json" if folder else f"documents/{name}.json"

    def _put(self, key: str, text: str, **condition: Any) -> None:
        self._s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=text.encode(),
            ContentType="application/json",
            **condition,
        )
