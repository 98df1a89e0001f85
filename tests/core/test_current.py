"""The copy of a stream for readers; `tests/wire/test_current.py` has what it leaves out."""

from datetime import timedelta

import pytest

from lib.core.current import current_copy
from lib.models.streams import UNTAGGED, TagRow
from tests.support.builders import NOW, a_digest, a_finding
from tests.support.streams import a_state, a_watched


@pytest.mark.parametrize(
    ("tags", "kinds"),
    [
        (("main-1", "pr-1", "main-2", "pr-2"), ("main", "pr")),
        (("main-1", "main-2", "pr-1", "pr-2"), ()),
        (("main-1", UNTAGGED, "main-2", UNTAGGED), ()),
        ((), ()),
    ],
)
def test_tags_of_two_kinds_that_alternate_are_named(
    tags: tuple[str, ...], kinds: tuple[str, ...]
) -> None:
    """By the order in which they were pushed, whatever the order of the rows."""
    rows = [
        TagRow(tag, a_digest(number), NOW + timedelta(hours=number))
        for number, tag in enumerate(tags)
    ]
    shuffled = rows[::2] + rows[1::2]

    assert current_copy(a_state(a_watched(a_finding())), shuffled).alternating == kinds
