"""CompressedText objects in S3."""

import gzip
import hashlib
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from botocore.exceptions import ClientError

from lib.store.items import store_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MISSING: Final = ("404", "NoSuchKey", "NotFound")
"""Codes for an object that does not exist; HeadObject has no body to say more."""
_GZIP: Final = 31
"""The window of zlib with the header of gzip: https://docs.python.org/3/library/zlib.html"""
FASTEST: Final = 1
"""The level of compression for what is written often; see `make bench`."""


class CompressedText(NamedTuple):
    """A text as it is stored, and what names it."""

    content: bytes
    digest: str
    """Of the text."""
    size: int
    """Bytes of the text."""


def compressed(parts: Iterable[str], level: int) -> CompressedText:
    """Compress a text that comes in parts, with a fixed time. The same text gives the same."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    digest, written, size = hashlib.sha256(), [], 0
    for part in parts:
        content = part.encode()
        digest.update(content)
        size += len(content)
        written.append(compressor.compress(content))
    return CompressedText(b"".join([*written, compressor.flush()]), digest.hexdigest(), size)


def write_compressed(
    client: "S3Client", bucket: str, key: str, content: bytes, *, media_type: str
) -> None:
    """Store what is compressed already. Raises `StoreError`."""
    with store_errors(f"storing {key}"):
        client.put_object(
            Bucket=bucket,
            Key=key,
            Body=content,
            ContentType=media_type,
            ContentEncoding="gzip",
        )


def write_object(
    client: "S3Client", bucket: str, key: str, content: bytes, *, media_type: str, level: int
) -> None:
    """
    Store an object, compressed. Raises `StoreError`.

    The compressed form has a fixed time, so that the same content gives the same bytes.
    """
    body = gzip.compress(content, level, mtime=0)
    write_compressed(client, bucket, key, body, media_type=media_type)


def read_object(client: "S3Client", bucket: str, key: str) -> bytes | None:
    """Return the content of a compressed object; None where there is none. Raises `StoreError`."""
    with store_errors(f"reading {key}"):
        try:
            body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise
    return gzip.decompress(body)
