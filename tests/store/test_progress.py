"""Progress in S3: what one invocation stores is what the next one reads."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lib.errors import StoreError
from lib.ports.store import Progress
from lib.store.progress import S3ProgressStore
from tests.support.builders import a_digest, a_finding, a_report, an_unusable_report


@pytest.fixture
def store(boto: Callable[[str], Any]) -> S3ProgressStore:
    name = f"progress-{uuid.uuid4().hex[:12]}"
    boto("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return S3ProgressStore(boto("s3"), name)


def test_progress_is_read_as_it_was_stored(store: S3ProgressStore) -> None:
    """Complete reports, usable or not, and the pages of the list that goes on."""
    reports = {a_digest(1): a_report(a_finding(), a_finding("CVE-2")), a_digest(2): a_failed()}
    page = {"nextToken": "2", "imageScanFindings": {"findings": [{"name": "CVE-2026-0001"}]}}

    found = store.get(store.put(Progress(reports, a_digest(3), [page])))

    assert found == Progress(reports, a_digest(3), [page])


def a_failed() -> Any:
    return an_unusable_report()


def test_times_of_boto3_are_stored_as_text(store: S3ProgressStore) -> None:
    """And what boto3 says about its own request is left out."""
    moment = datetime(2026, 11, 23, 9, tzinfo=UTC)
    page = {"imageScanFindings": {"imageScanCompletedAt": moment}, "ResponseMetadata": {"a": 1}}

    found = store.get(store.put(Progress(pages=[page])))

    assert found is not None
    assert found.pages == [{"imageScanFindings": {"imageScanCompletedAt": str(moment)}}]


@pytest.mark.parametrize("key", ["progress/nothing", "reports/one", ""])
def test_what_is_not_kept_is_nothing(store: S3ProgressStore, key: str) -> None:
    """A key from elsewhere is not read at all."""
    assert store.get(key) is None


def test_a_store_that_cannot_be_read_is_an_error(boto: Callable[[str], Any]) -> None:
    with pytest.raises(StoreError, match="reading progress/one"):
        S3ProgressStore(boto("s3"), "no-such-bucket-0192837465").get("progress/one")
