"""Report pages in S3: stored, read back, opened by an address of S3."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests

from lib.errors import StoreError
from lib.store.pages import S3Pages

PAGE = "pages/000474600478/eu-central-1/payments/api/000002-0123456789ab.html"
HTML = "<p>2 \N{SNOWMAN}</p>".encode()


@pytest.fixture
def pages(boto: Callable[[str], Any]) -> S3Pages:
    name = f"pages-{uuid.uuid4().hex[:12]}"
    boto("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return S3Pages(boto("s3"), name)


def test_a_page_is_read_back(pages: S3Pages) -> None:
    """One that is not there is None; a second writer of the same page does no harm."""
    before = (pages.has(PAGE), pages.read(PAGE))
    pages.put(PAGE, HTML)
    pages.put(PAGE, HTML)

    assert before == (False, None)
    assert (pages.has(PAGE), pages.read(PAGE)) == (True, HTML)


def test_a_browser_gets_it_from_s3(pages: S3Pages) -> None:
    """The address opens without credentials, as a page and not as a download."""
    pages.put(PAGE, HTML)

    answer = requests.get(pages.address(PAGE), timeout=10)

    assert answer.content == HTML
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


def test_a_bucket_that_cannot_be_read_is_an_error(boto: Callable[[str], Any]) -> None:
    """Missing is something else than forbidden or gone."""
    pages = S3Pages(boto("s3"), "no-such-bucket-0192837465")

    with pytest.raises(StoreError, match="storing pages/"):
        pages.put(PAGE, HTML)
    with pytest.raises(StoreError, match="reading pages/one"):
        pages.read("pages/one")
