"""The published configuration in S3: conditional reads and writes, in two AWS."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lib.errors import ConflictError, DocumentError, StoreError
from lib.ports.publications import Absence, StoredText
from lib.store.publications import COPY, KEY, S3Publications, S3PublicationWriter
from tests.store.conftest import CLOUDS
from tests.support.builders import NOW


@pytest.fixture(params=CLOUDS)
def store(request: pytest.FixtureRequest) -> S3PublicationWriter:
    """Return the store on an empty bucket."""
    boto: Callable[[str], Any] = request.getfixturevalue(CLOUDS[request.param]).client
    bucket = f"config-{uuid.uuid4().hex[:12]}"
    boto("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return S3PublicationWriter(boto("s3"), bucket)


def stored(store: S3PublicationWriter) -> StoredText:
    answer = store.read()
    assert isinstance(answer, StoredText)
    return answer


def test_nothing_is_published_at_first(store: S3PublicationWriter) -> None:
    """That is no error."""
    assert store.read() is Absence.MISSING
    assert store.address == f"s3://{store.bucket}/{KEY}"


def test_an_object_is_sent_once(store: S3PublicationWriter) -> None:
    """A reader who has its version learns that nothing changed."""
    store.put("one", over="")
    first = stored(store)

    assert first.text == b"one"
    assert store.read(first.version) is Absence.UNCHANGED
    store.put("two", over=first.version)
    second = store.read(first.version)
    assert isinstance(second, StoredText)
    assert second.text == b"two"
    assert second.at >= first.at


def test_two_writers_never_overwrite_each_other(store: S3PublicationWriter) -> None:
    """The slower one reads again; also where both are the first."""
    store.put("one", over="")
    version = stored(store).version
    store.put("two", over=version)

    for over in ("", version):
        with pytest.raises(ConflictError, match="was changed meanwhile"):
            store.put("three", over=over)
    assert stored(store).text == b"two"


def test_an_object_that_was_deleted_meanwhile_is_a_conflict(store: S3PublicationWriter) -> None:
    """Its version is no longer there."""
    with pytest.raises(ConflictError):
        store.put("two", over='"0123456789abcdef0123456789abcdef"')


def test_copies_are_kept_by_their_hash(store: S3PublicationWriter) -> None:
    """For a rollback; one that is gone is named."""
    store.keep("abc", "text")

    assert store.kept("abc") == b"text"
    with pytest.raises(DocumentError, match=r"holds no config/documents/def\.json any more"):
        store.kept("def")


def test_the_last_good_file_is_recalled_as_it_was_read(store: S3PublicationWriter) -> None:
    """With the time of its publication, which is older than that of its copy."""
    copying = S3Publications(store._s3, store.bucket, copies=store.bucket)  # noqa: SLF001  # same client
    assert copying.recall() is None
    first, second = (StoredText(text, "1", NOW) for text in ("Ä".encode(), b"two"))

    copying.remember(first)
    copying.remember(second)

    assert copying.recall() == replace(second, version="")


def test_a_copy_that_somebody_put_there_counts_from_then(store: S3PublicationWriter) -> None:
    """It has no time of a publication."""
    copying = S3Publications(store._s3, store.bucket, copies=store.bucket)  # noqa: SLF001  # same client
    store._s3.put_object(Bucket=store.bucket, Key=COPY, Body=b"one")  # noqa: SLF001  # same client

    copy = copying.recall()

    assert copy is not None
    assert copy.text == b"one"
    assert copy.at.tzinfo is not None


def test_without_a_place_for_copies_none_is_kept(store: S3PublicationWriter) -> None:
    """Such as for the command, which publishes."""
    store.remember(StoredText(b"one", "1", NOW))

    assert store.recall() is None


def test_copies_lie_beside_the_object() -> None:
    """Also at the root of a bucket."""
    keys: list[str] = []

    class Client:
        def put_object(self, **request: Any) -> None:
            keys.append(request["Key"])

    for key in ("alerts.json", "stages/prod/alerts.json"):
        S3PublicationWriter(Client(), "bucket", key).keep("abc", "")  # type: ignore[arg-type]  # a fake

    assert keys == ["documents/abc.json", "stages/prod/documents/abc.json"]


@pytest.mark.parametrize("call", ["read", "put", "kept"])
def test_a_refusal_is_no_absence(call: str) -> None:
    """What is denied is not known."""

    class Client:
        def get_object(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

        put_object = get_object

    store = S3PublicationWriter(Client(), "bucket")  # type: ignore[arg-type]  # a fake
    calls: dict[str, Callable[[], Any]] = {
        "read": store.read,
        "put": lambda: store.put("", over=""),
        "kept": lambda: store.kept("abc"),
    }

    with pytest.raises(StoreError, match="AccessDenied"):
        calls[call]()
