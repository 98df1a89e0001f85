"""Digests in S3: what is put comes back, under a key that says what it is."""

import uuid
from typing import Any

from lib.models import DIGESTS
from lib.store.digests import S3DigestStore
from tests.support.digests import a_digest_of


def test_a_digest_comes_back(boto: Any) -> None:
    """The same one has the same key; what is not there is None."""
    bucket = f"digests-{uuid.uuid4().hex[:12]}"
    boto("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    store = S3DigestStore(boto("s3"), bucket)

    key = store.put(a_digest_of())

    assert key == store.put(a_digest_of())
    assert key.startswith(DIGESTS)
    assert store.get(key) == a_digest_of()
    assert store.get(f"{DIGESTS}nothing") is None
