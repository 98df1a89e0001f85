"""A tag that was put on an image of another stream: no first scan, and no news twice."""

from dataclasses import replace

from lib.messages.text import text_of
from lib.models import DeliveryId, Notice
from lib.models.views import Dispatch, OtherName
from tests.support.notices import notices

RELEASE = "payments/api:3.2.1"


def named(story: str, *, is_reported: bool) -> Notice:
    """Return the notice of a story about an image that another stream names."""
    notice = notices()[story]
    dispatch = Dispatch(DeliveryId("1"), other_name=OtherName(RELEASE, is_reported))
    return replace(notice, message=replace(notice.message, dispatch=dispatch))


def test_a_promotion_is_no_first_scan() -> None:
    """The headline says which image it is; one line says that it was reported."""
    first = text_of(notices()["baseline"])
    promoted = text_of(named("baseline", is_reported=True))

    assert first.verdict.startswith("First scan: ")
    assert promoted.verdict == first.verdict.replace("First scan", "Same image as 3.2.1")
    assert promoted.lead.startswith(f"The same image was reported here as {RELEASE}.")


def test_what_another_receiver_was_told_is_not_said() -> None:
    """The headline has the name."""
    promoted = text_of(named("baseline", is_reported=False))

    assert promoted.verdict.startswith("Same image as 3.2.1: ")
    assert promoted.lead == text_of(notices()["baseline"]).lead


def test_a_tag_that_moves_on_or_back_keeps_what_changed_in_the_headline() -> None:
    """The name of the image stands before what to do."""
    before = text_of(notices()["new-and-resolved"])
    moved = text_of(named("new-and-resolved", is_reported=False))

    assert moved.verdict == before.verdict
    assert moved.lead == f"It is the same image as {RELEASE}."
