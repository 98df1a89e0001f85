"""The copies of streams, in S3 and in memory: one contract."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lib.core.current import current_copy
from lib.errors import StoreError
from lib.models import StreamId
from lib.models.current import CurrentCopy
from lib.ports.current import CurrentCopies
from lib.store.current import S3CurrentCopies, key_of
from tests.support.builders import a_finding
from tests.support.current import MemoryCopies
from tests.support.streams import STREAM, a_state, a_watched

PATTERN = StreamId(f"{STREAM}|prod-*,v[0-9]?")


def a_copy(stream: StreamId = STREAM, version: int = 1, **fields: Any) -> CurrentCopy:
    """Return the copy of a stream with one finding."""
    state = a_state(a_watched(a_finding()), version=version)
    return current_copy(replace(state, stream=stream, **fields), ())


def _in_s3(request: pytest.FixtureRequest) -> CurrentCopies:
    boto: Callable[[str], Any] = request.getfixturevalue("moto").client
    bucket = f"current-{uuid.uuid4().hex[:12]}"
    boto("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return S3CurrentCopies(boto("s3"), bucket)


@pytest.fixture(params=["memory", "moto"])
def copies(request: pytest.FixtureRequest) -> CurrentCopies:
    """Return each implementation, empty."""
    return MemoryCopies() if request.param == "memory" else _in_s3(request)


def test_a_copy_comes_back_with_its_version(copies: CurrentCopies) -> None:
    """The newest one that was written."""
    copies.put(a_copy())
    copies.put(a_copy(version=2))

    assert copies.get(STREAM) == a_copy(version=2)
    assert copies.version(STREAM) == 2


def test_a_stream_without_a_copy_is_none(copies: CurrentCopies) -> None:
    """It is no error."""
    assert copies.get(STREAM) is None
    assert copies.version(STREAM) is None
    assert list(copies.streams()) == []


def test_a_stream_without_images_has_no_copy(copies: CurrentCopies) -> None:
    """Deleted repositories do not stay in lists; to delete again changes nothing."""
    copies.put(a_copy())

    copies.put(a_copy(images=()))
    copies.put(a_copy(images=()))

    assert copies.get(STREAM) is None
    assert list(copies.streams()) == []


def test_streams_are_listed_from_a_place(copies: CurrentCopies) -> None:
    """Patterns keep their characters; the place need not exist any more."""
    names = [STREAM, PATTERN, StreamId(f"{STREAM}/web"), StreamId("1/eu-west-1/a|pr-17")]
    for name in names:
        copies.put(a_copy(name))
    listed = list(copies.streams())

    copies.put(a_copy(listed[1], images=()))

    assert sorted(listed) == sorted(names)
    assert copies.get(PATTERN) == a_copy(PATTERN)
    assert list(copies.streams(listed[0])) == listed[2:]
    assert list(copies.streams(listed[1])) == listed[2:]
    assert list(copies.streams(listed[3])) == []


class _RefusingClient:
    """An S3 that denies."""

    def get_object(self, **_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")


def test_a_refusal_is_no_missing_copy() -> None:
    """Nothing would be counted, as if all were well."""
    client: Any = _RefusingClient()

    with pytest.raises(StoreError, match=r"reading current/.*AccessDenied"):
        S3CurrentCopies(client, "bucket").get(STREAM)


def test_a_key_names_its_stream() -> None:
    """People find the file."""
    assert key_of(STREAM) == f"current/{STREAM}.jsonl.gz"
    assert key_of(PATTERN) == f"current/{STREAM}%7Cprod-%2A%2Cv%5B0-9%5D%3F.jsonl.gz"
