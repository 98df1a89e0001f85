"""Digests in S3: small, immutable, named by destination and due time."""

import hashlib
import json
from typing import TYPE_CHECKING

from lib.models import DIGESTS, Digest
from lib.store.objects import read_object, write_object
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
        write_object(
            self._client,
            self._bucket,
            key,
            json.dumps(digest_to_json(digest)).encode(),
            media_type="application/json",
        )
        return key

    def get(self, key: str) -> Digest | None:
        """See `DigestStore.get`."""
        content = read_object(self._client, self._bucket, key)
        return None if content is None else digest_from_json(json.loads(content))
