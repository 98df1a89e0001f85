"""What a notice says about where its images were made from."""

from dataclasses import replace

import pytest

from lib.core.provenance import traced
from lib.messages.text import text_of
from lib.models import Notice, Provenance
from tests.support.builders import a_finding, an_image
from tests.support.notices import a_notice
from tests.support.streams import a_state, a_view, a_watched, an_agreement

SOURCE = "https://github.com/example/payments"
EVIDENCE = {"commit": "label", "repository": "label"}
NEW = Provenance("2" * 40, SOURCE, evidence=EVIDENCE)
OLD = Provenance("1" * 40, SOURCE, evidence=EVIDENCE)


def a_message(now: Provenance | None, then: Provenance | None = None) -> Notice:
    """Return a notice about the image after 1.4.1."""
    watched = replace(a_watched(a_finding(), image=an_image(2, tags=("1.5",))), provenance=now)
    agreed = replace(an_agreement(), current=an_image(1), provenance=then)
    return traced(a_notice(a_state(watched, version=2), a_view(agreed=agreed)))


def test_the_commits_since_the_image_before_are_linked() -> None:
    """Both are pinned with the message."""
    text = text_of(a_message(NEW, OLD))

    addresses = [link.url for link in text.sources]
    assert f"{SOURCE}/commit/{'2' * 40}" in addresses
    assert f"{SOURCE}/compare/{'1' * 40}...{'2' * 40}" in addresses


def test_what_was_not_read_is_filled_in_from_tags_and_alerts_yml() -> None:
    """As they are when the message is sent."""
    watched = a_watched(a_finding(), image=an_image(2, tags=("main-1a2b3c4",)))

    notice = traced(a_notice(a_state(watched)), [("payments/*", SOURCE)])

    assert notice.provenance is not None
    assert (notice.provenance.commit, notice.provenance.repository) == ("1a2b3c4", SOURCE)
    assert notice.provenance_before is None


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (Provenance(), "unknown: build with --label org.opencontainers.image.revision="),
        (Provenance(unread_reason="ECR did not answer"), "not read: ECR did not answer"),
    ],
)
def test_an_image_that_says_nothing_says_what_to_add(stated: Provenance, words: str) -> None:
    """Or why it was not read."""
    text = text_of(a_message(stated))

    assert text.source is None
    assert text.advice is not None
    assert text.advice.value.startswith(words)


def test_a_commit_without_a_link_stands_in_the_small_print() -> None:
    """A link names its commit, so it is said once."""
    unlinked = text_of(a_message(Provenance("2" * 40, evidence=EVIDENCE)))
    linked = text_of(a_message(NEW))

    assert "commit 2222222; for a link, name its repository" in "".join(unlinked.small)
    assert "2222222" not in "".join(linked.small)
    assert "Commit 2222222" in [link.label for link in linked.sources]


def test_where_nobody_asks_there_is_no_word_about_it() -> None:
    """Traceability is switched off."""
    assert text_of(a_message(None)).source is None


def test_nothing_is_stated_without_an_image() -> None:
    """All images of the stream were deleted."""
    assert traced(a_notice(a_state())).provenance is None
