"""A pinned message as it is stored: the same message, and each row once."""

import json
from dataclasses import replace

from lib.models.views import PinnedMessage
from lib.store.documents import text_of
from lib.store.packed import message_from_json, packed
from tests.store.test_streaming import LARGE
from tests.support.builders import a_finding
from tests.support.every import every
from tests.support.notices import notices

MESSAGES = {name: notice.message for name, notice in notices().items()}


def stored(message: PinnedMessage) -> PinnedMessage:
    """Return a message after it was written and read."""
    return message_from_json(json.loads(text_of(packed(message))))


@every("message", [*MESSAGES.values(), LARGE])
def test_a_packed_message_is_the_same_message(message: PinnedMessage) -> None:
    """Kinds, reasons, rows, images and conditions of all items, in their order."""
    assert stored(message) == message


def test_a_message_of_an_older_object_is_read() -> None:
    """Its items were written one by one; its link can be opened for a year."""
    assert message_from_json(json.loads(text_of(LARGE))) == LARGE


def test_the_rows_of_items_are_those_of_the_state() -> None:
    """They are neither written nor kept twice."""
    message = stored(LARGE)
    rows = message.state.images[0].parts[0].evidence[0].findings
    listed = [row for item in message.delta.items if item.desired for row in item.desired.findings]

    assert {id(row) for row in listed} <= {id(row) for row in rows}
    assert len(text_of(packed(LARGE))) < len(text_of(LARGE)) / 2


def test_a_row_that_the_state_lacks_is_stored_with_the_items() -> None:
    """And once, if several items have it."""
    message = next(
        message
        for message in MESSAGES.values()
        if any(item.desired for item in message.delta.items)
    )
    other = a_finding("CVE-2001-0001", description="in no state")
    items = [
        replace(item, desired=replace(item.desired, findings=(*item.desired.findings, other)))
        for item in message.delta.items
        if item.desired is not None
    ]
    changed = replace(message, delta=replace(message.delta, items=(*items, *items)))

    assert stored(changed) == changed
    assert text_of(packed(changed)).count("in no state") == 1
