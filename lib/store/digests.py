"""Digests in S3: small, immutable, named by destination and due time."""

import gzip
import hashlib
import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lib.models import DIGESTS, Digest
from lib.store.items import store_errors
from lib.wire.digest import digest_from_json, digest_to_json

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3DigestStore:
    """See `lib.ports.store.DigestStore`."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, digest: Digest) -> str:
        """See `DigestStore.put`."""
        name = hashlib.sha256(digest.destination.encode("utf-8", "replace")).hexdigest()[:16]
        key = f"{DIGESTS}{name}/{digest.until:%Y-%m-%dT%H-%M}.json.gz"
        with store_errors(f"storing {key}"):
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=gzip.compress(json.dumps(digest_to_json(digest)).encode(), mtime=0),
                ContentType="application/json",
                ContentEncoding="gzip",
            )
        return key

    def get(self, key: str) -> Digest | None:
        """See `DigestStore.get`."""
        with store_errors(f"reading {key}"):
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchKey":
                    return None
                raise
        return digest_from_json(json.loads(gzip.decompress(body)))
