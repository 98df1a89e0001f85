"""Report pages in S3: made once, read back, opened by an address of S3."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import requests

from cli.simulation.memory import MemoryStreams
from lib.core.history import history_point
from lib.errors import StoreError
from lib.models import Evaluation, HistoryEntry, Notice, StreamId
from lib.models.streams import HistoryPoint
from lib.ports.streams import StreamRow
from lib.store.pages import S3NoticePages, S3Pages, notice_page_key, page_key, redirect
from tests.support.builders import NOW, a_finding, a_report
from tests.support.fakes import MemoryStore
from tests.support.notices import a_notice
from tests.support.streams import STREAM, a_state, a_watched

KEY = "reports/000474600478/eu-central-1/payments/api/sha256-1/000001-a.jsonl.gz"
PAGE = "pages/000474600478/eu-central-1/payments/api/sha256-1/000001-a.html"
EVALUATION = Evaluation(a_report(), StreamId("stream"), 1, NOW)


class Pages:
    """Pages over a bucket, and how often one was made."""

    def __init__(self, client: Any, bucket: str) -> None:
        self.client, self.bucket, self.made = client, bucket, 0
        self.pages = S3Pages(
            client,
            bucket,
            history=MemoryStore(),
            render=self.render,
            link=lambda key: f"https://links.example/{key}",
        )

    def render(self, evaluation: Evaluation, history: Sequence[HistoryEntry]) -> str:
        self.made += 1
        return f"<p>{evaluation.report.image.name} \N{SNOWMAN} \ud800 {len(history)}</p>"


@pytest.fixture
def world(boto: Callable[[str], Any]) -> Pages:
    name = f"pages-{uuid.uuid4().hex[:12]}"
    boto("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return Pages(boto("s3"), name)


def test_a_page_is_made_once_for_all_destinations(world: Pages) -> None:
    """The second destination gets the same one, and the same link."""
    first = world.pages.publish(KEY, EVALUATION)

    assert world.pages.publish(KEY, EVALUATION) == first
    assert (first.key, first.url) == (PAGE, f"https://links.example/{PAGE}")
    assert world.made == 1


def test_a_page_is_read_back(world: Pages) -> None:
    """As text that every browser reads; one that is not there is None."""
    page = world.pages.publish(KEY, EVALUATION)

    assert world.pages.read(page.key) == "<p>payments/api:1.4.1 \N{SNOWMAN} ? 0</p>".encode()
    assert world.pages.read("pages/another.html") is None


def test_a_browser_gets_it_from_s3(world: Pages) -> None:
    """The address opens without credentials, as a page and not as a download."""
    page = world.pages.publish(KEY, EVALUATION)

    address = redirect(world.client, world.bucket, page.key)

    assert address is not None
    answer = requests.get(address, timeout=10)
    assert answer.content == world.pages.read(page.key), (address, answer.text)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert redirect(world.client, world.bucket, "pages/another.html") is None


def test_a_bucket_that_cannot_be_read_is_an_error(boto: Callable[[str], Any]) -> None:
    """Missing is something else than forbidden or gone."""
    pages = Pages(boto("s3"), "no-such-bucket-0192837465").pages

    with pytest.raises(StoreError, match="storing pages/"):
        pages.publish(KEY, EVALUATION)
    with pytest.raises(StoreError, match="reading pages/one"):
        Pages(boto("s3"), "no-such-bucket-0192837465").pages.read("pages/one")


def test_a_page_stands_beside_its_evaluation() -> None:
    """The same name in another folder."""
    assert page_key(KEY) == PAGE


# --- notifications ------------------------------------------------------------------------------

PINNED = "pinned/000474600478/eu-central-1/payments/api/000002-0123456789ab.json.gz"
NOTICE = a_notice(a_state(a_watched(a_finding()), version=2))


def test_the_page_of_a_message_is_made_once_with_the_history_of_its_stream(
    boto: Callable[[str], Any],
) -> None:
    """Up to the state that the message is about: what came later is not known to it."""
    name = f"pages-{uuid.uuid4().hex[:12]}"
    boto("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    store, asked = MemoryStreams(), []
    for version in (1, 2, 3):
        point = replace(history_point(NOTICE.message.state), version=version)
        store.write(StreamRow(STREAM, version - 1), StreamRow(STREAM, version), [], point=point)

    def render(notice: Notice, history: Sequence[HistoryPoint]) -> str:
        asked.append([point.version for point in history])
        return f"<p>{notice.message.state.version}</p>"

    pages = S3NoticePages(
        boto("s3"), name, history=store, render=render, link=lambda key: f"https://l.example/{key}"
    )

    page = pages.publish(PINNED, NOTICE)

    assert pages.publish(PINNED, NOTICE) == page
    assert asked == [[1, 2]]
    assert page.key == notice_page_key(PINNED)
    assert page.key == "pages/000474600478/eu-central-1/payments/api/000002-0123456789ab.html"
    assert page.url == f"https://l.example/{page.key}"
    assert pages.read(page.key) == b"<p>2</p>"
