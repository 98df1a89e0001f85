"""The name of an image in another stream: for a promotion, a rollback, and a tag without a past."""

from dataclasses import replace
from datetime import timedelta

from lib.core.same_images import is_new_here, other_name
from lib.models import Image
from lib.models.streams import UNTAGGED, TagRow
from lib.models.views import Agreement, OtherName, View
from tests.support.builders import NOW, a_finding, an_image
from tests.support.notices import a_notice
from tests.support.streams import (
    a_reported,
    a_state,
    a_view,
    a_watched,
    an_agreement,
)

IMAGE = an_image(1)
LATER = NOW + timedelta(hours=1)


def a_row(tag: str, image: int = 1, **fields: object) -> TagRow:
    return TagRow(tag, an_image(image).digest, **{"pushed_at": NOW, **fields})  # type: ignore[arg-type]  # of a row


def agreed_on(image: Image) -> Agreement:
    return replace(an_agreement(), current=image)


def shown(image: int) -> View:
    """Return the view of a destination that was notified of an image."""
    return a_view(a_reported("CVE-1"), agreed=agreed_on(an_image(image)))


def test_a_promoted_image_has_the_name_of_its_release() -> None:
    """Whether the same receiver had a message by that name is known, too."""
    rows = (a_row("3.2.1"),)

    assert other_name(IMAGE, [(rows, shown(1))]) == OtherName("payments/api:3.2.1", True)
    assert other_name(IMAGE, [(rows, shown(2))]) == OtherName("payments/api:3.2.1", False)
    assert other_name(IMAGE, [(rows, None)]) == OtherName("payments/api:3.2.1", False)
    assert other_name(IMAGE, [(rows, a_view(agreed=agreed_on(IMAGE)))]) == OtherName(
        "payments/api:3.2.1", False
    )


def test_a_name_is_reported_where_all_of_a_message_was() -> None:
    """A tag can be routed to more than its release was. The thread is that of the other message."""
    rows, view = (a_row("3.2.1"),), replace(shown(1), thread="SEC-2")

    assert other_name(IMAGE, [(rows, view)], {"CVE-1"}) == OtherName(
        "payments/api:3.2.1", True, "SEC-2"
    )
    assert other_name(IMAGE, [(rows, view)], {"CVE-1", "CVE-2"}) == OtherName(
        "payments/api:3.2.1", False
    )


def test_of_several_names_a_reported_one_comes_first_then_the_newest() -> None:
    """One is enough to find the image by."""
    old, new = (a_row("3.2.1"),), (a_row("candidate", pushed_at=LATER),)

    assert other_name(IMAGE, [(old, None), (new, None)]) == OtherName(
        "payments/api:candidate", False
    )
    assert other_name(IMAGE, [(old, shown(1)), (new, None)]) == OtherName(
        "payments/api:3.2.1", True
    )


def test_a_tag_that_points_elsewhere_by_now_is_no_name() -> None:
    """It moved, or it was deleted; an image without a tag has no name, either."""
    moved = (a_row("latest"), a_row("latest", 2, pushed_at=LATER))
    deleted = (a_row("3.2.1", deleted_at=LATER),)
    untagged = (a_row(UNTAGGED),)

    assert [other_name(IMAGE, [(rows, None)]) for rows in (moved, deleted, untagged, ())] == [
        None
    ] * 4


def test_only_an_image_that_is_new_in_its_stream_is_asked_about() -> None:
    """A scan of the image that was reported before changes no name."""
    message = a_notice(a_state(a_watched(a_finding(), image=IMAGE)), a_view()).message

    assert is_new_here(replace(message, before=None))
    assert is_new_here(replace(message, before=agreed_on(an_image(2))))
    assert is_new_here(replace(message, before=an_agreement()))
    assert not is_new_here(replace(message, before=agreed_on(IMAGE)))


def test_a_repository_has_no_other_name() -> None:
    """Nor has a stream without an image."""
    settings = a_state(a_watched(image=an_image(digest="", tags=())))
    message = a_notice(settings, a_view()).message

    assert not is_new_here(message)
    assert not is_new_here(replace(message, state=replace(settings, images=())))
