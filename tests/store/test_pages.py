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
from lib.models import Notice
from lib.models.streams import HistoryPoint
from lib.ports.streams import StreamRow
from lib.store.pages import S3NoticePages, notice_page_key, redirect
from tests.support.builders import a_finding
from tests.support.notices import a_notice
from tests.support.streams import STREAM, a_state, a_watched

PINNED = "pinned/000474600478/eu-central-1/payments/api/000002-0123456789ab.json.gz"
PAGE = "pages/000474600478/eu-central-1/payments/api/000002-0123456789ab.html"
NOTICE = a_notice(a_state(a_watched(a_finding()), version=2))


class World:
    """Pages over a bucket, and with how much history each was made."""

    def __init__(self, client: Any, bucket: str) -> None:
        self.client, self.bucket = client, bucket
        self.made: list[list[int]] = []
        self.history = MemoryStreams()
        self.pages = S3NoticePages(
            client,
            bucket,
            history=self.history,
            render=self.render,
            link=lambda key: f"https://links.example/{key}",
        )

    def render(self, notice: Notice, history: Sequence[HistoryPoint]) -> str:
        self.made.append([point.version for point in history])
        return f"<p>{notice.message.state.version} \N{SNOWMAN} \ud800</p>"


@pytest.fixture
def world(boto: Callable[[str], Any]) -> World:
    name = f"pages-{uuid.uuid4().hex[:12]}"
    boto("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return World(boto("s3"), name)


def test_a_page_is_made_once_with_the_history_of_its_stream(world: World) -> None:
    """Up to the state that the message is about: what came later is not known to it."""
    for version in (1, 2, 3):
        point = replace(history_point(NOTICE.message.state), version=version)
        before, after = StreamRow(STREAM, version - 1), StreamRow(STREAM, version)
        world.history.write(before, after, [], point=point)

    page = world.pages.publish(PINNED, NOTICE)

    assert world.pages.publish(PINNED, NOTICE) == page
    assert world.made == [[1, 2]]
    assert (page.key, page.url) == (PAGE, f"https://links.example/{PAGE}")
    assert notice_page_key(PINNED) == PAGE


def test_a_page_is_read_back(world: World) -> None:
    """As text that every browser reads; one that is not there is None."""
    page = world.pages.publish(PINNED, NOTICE)

    assert world.pages.read(page.key) == "<p>2 \N{SNOWMAN} ?</p>".encode()
    assert world.pages.read("pages/another.html") is None


def test_a_browser_gets_it_from_s3(world: World) -> None:
    """The address opens without credentials, as a page and not as a download."""
    page = world.pages.publish(PINNED, NOTICE)

    address = redirect(world.client, world.bucket, page.key)

    assert address is not None
    answer = requests.get(address, timeout=10)
    assert answer.content == world.pages.read(page.key), (address, answer.text)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert redirect(world.client, world.bucket, "pages/another.html") is None


def test_a_bucket_that_cannot_be_read_is_an_error(boto: Callable[[str], Any]) -> None:
    """Missing is something else than forbidden or gone."""
    pages = World(boto("s3"), "no-such-bucket-0192837465").pages

    with pytest.raises(StoreError, match="storing pages/"):
        pages.publish(PINNED, NOTICE)
    with pytest.raises(StoreError, match="reading pages/one"):
        pages.read("pages/one")
