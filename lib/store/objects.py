"""Compressed objects in S3."""

import gzip
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from lib.store.items import store_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MISSING: Final = ("404", "NoSuchKey", "NotFound")
"""Codes for an object that does not exist; HeadObject has no body to say more."""
FASTEST: Final = 1
"""The level of compression for what is written often; see `make bench`."""


def write_object(
    client: "S3Client", bucket: str, key: str, content: bytes, *, media_type: str, level: int
) -> None:
    """
    Store an object, compressed. Raises `StoreError`.

    The compressed form has a fixed time, so that the same content gives the same bytes.
    """
    with store_errors(f"storing {key}"):
        client.put_object(
            Bucket=bucket,
            Key=key,
            Body=gzip.compress(content, level, mtime=0),
            ContentType=media_type,
            ContentEncoding="gzip",
        )


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
