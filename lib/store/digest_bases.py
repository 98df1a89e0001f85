"""
Bases of digests in S3: one object for each time, and one for the digest that is begun.

    digests/basis/2026-11-23T07-00.jsonl.gz     complete, and never written again
    digests/basis/begun.jsonl.gz                the shares of a run that had no time left
"""

import gzip
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from lib.models.current import DigestBasis
from lib.store.items import store_errors
from lib.wire.digest_basis import basis_from_lines, basis_to_lines

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX: Final = "digests/basis/"
_BEGUN: Final = f"{PREFIX}begun.jsonl.gz"
_LEVEL: Final = 1  # the fastest, as for reports


class S3DigestBases:
    """See `lib.ports.digests.DigestBases`."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, basis: DigestBasis) -> None:
        """See `DigestBases.put`."""
        key = _key(basis.until) if basis.complete else _BEGUN
        with store_errors(f"storing {key}"):
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=_compressed(basis),
                ContentType="application/jsonl",
                ContentEncoding="gzip",
            )

    def get(self, until: datetime) -> DigestBasis | None:
        """See `DigestBases.get`."""
        complete = self._read(_key(until))
        if complete is not None:
            return complete
        begun = self._read(_BEGUN)
        return begun if begun is not None and begun.until == until else None

    def before(self, until: datetime) -> DigestBasis | None:
        """See `DigestBases.before`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=PREFIX
        )
        with store_errors(f"listing {PREFIX}"):
            keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        # The text order of keys is the order of times.
        earlier = [key for key in keys if key != _BEGUN and key < _key(until)]
        return self._read(max(earlier)) if earlier else None

    def _read(self, key: str) -> DigestBasis | None:
        with store_errors(f"reading {key}"):
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchKey":
                    return None
                raise
        with gzip.open(BytesIO(body)) as lines:
            return basis_from_lines(lines)


def _compressed(basis: DigestBasis) -> bytes:
    """Return a basis as it is stored, line by line: all of its text at once can be 100 MB."""
    body = BytesIO()
    with gzip.GzipFile(fileobj=body, mode="wb", compresslevel=_LEVEL, mtime=0) as file:
        for line in basis_to_lines(basis):
            file.write(f"{line}\n".encode())
    return body.getvalue()


def _key(until: datetime) -> str:
    return f"{PREFIX}{until:%Y-%m-%dT%H-%M}.jsonl.gz"
