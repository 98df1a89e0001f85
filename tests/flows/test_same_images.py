"""By which tag of another stream the image of a notice is known."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from cli.simulation.memory import MemoryStreams
from lib.core.streams import StreamRule
from lib.flows.same_images import SameImages
from lib.models import Notice, StreamId
from lib.models.streams import ImageRow, TagRow
from lib.models.views import OtherName
from lib.ports.streams import ImageRecord, StreamRow
from tests.support.builders import NOW, a_finding, an_image
from tests.support.notices import a_notice
from tests.support.streams import STREAM, a_state, a_view, a_watched, an_agreement

RELEASES = StreamId(f"{STREAM}|[0-9]*")
IMAGE = an_image(1)


RULES = (StreamRule(("[0-9]*",), repository=("payments/*",)),)


def completed(notice: Notice, rules: Sequence[StreamRule] = RULES) -> Notice:
    store = MemoryStreams()
    store.put(ImageRecord(ImageRow(IMAGE, NOW)), streams=[STREAM, RELEASES])
    row = StreamRow(RELEASES, tags=(TagRow("3.2.1", IMAGE.digest, NOW),))
    store.write(StreamRow(RELEASES), row, ())
    return SameImages(store, store, rules).completed(notice)


def test_a_promoted_image_is_known_by_the_tag_of_another_stream() -> None:
    """Its own stream is not asked."""
    notice = a_notice(a_state(a_watched(a_finding(), image=IMAGE)), a_view())

    assert completed(notice).other_name == OtherName("payments/api:3.2.1", is_reported=False)


def test_nobody_is_asked_about_an_image_that_was_there_before() -> None:
    """The message is about a scan."""
    agreed = replace(an_agreement(), current=IMAGE)
    notice = a_notice(a_state(a_watched(a_finding(), image=IMAGE)), a_view(agreed=agreed))

    assert completed(notice) is notice


@pytest.mark.parametrize("rules", [(), (StreamRule(("[0-9]*",), repository=("shop/*",)),)])
def test_nobody_is_asked_where_all_tags_are_one_stream(rules: Sequence[StreamRule]) -> None:
    """There is no other stream whose tag could point to the image."""
    notice = a_notice(a_state(a_watched(a_finding(), image=IMAGE)), a_view())

    assert completed(notice, rules) is notice
