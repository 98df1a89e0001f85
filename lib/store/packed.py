"""
A pinned message as it is stored: its items as columns, without a second copy of their rows. Pure.

The rows of an item are rows of the state that the message speaks of. An item has their places in
it: 0 is the first row of the first list. Only rows that the state lacks are stored with the items.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from lib.models import Finding, Image
from lib.models.immutable import immutable
from lib.models.streams import StreamState
from lib.models.views import DeltaItem, DesiredItem, Kind, PinnedMessage
from lib.store.columns import Columns, columns_to_json, findings_from_json
from lib.store.reported import items_from_json, items_to_json
from lib.store.typed import converter, from_json

Json = Any
_IMAGES: Final = converter(tuple[Image, ...])


@immutable(frozen=True, slots=True)
class PackedMessage:
    """A pinned message whose items are columns."""

    message: PinnedMessage
    """Without the items of its delta."""
    items: Columns


def packed(message: PinnedMessage) -> PackedMessage:
    """Return a message as it is stored."""
    items, rows = message.delta.items, tuple(_rows(message.state))
    rest = replace(message, delta=replace(message.delta, items=()))
    return PackedMessage(rest, _items_to_json(items, rows))


def message_from_json(document: Json) -> PinnedMessage:
    """Return the message of an object; in older ones items are whole."""
    if "delta" in document:
        return from_json(PinnedMessage, document)
    return _unpacked(from_json(PackedMessage, document))


def _unpacked(stored: PackedMessage) -> PinnedMessage:
    """Return the message that `packed` made smaller."""
    message = stored.message
    items = _items_from_json(stored.items, tuple(_rows(message.state)))
    return replace(message, delta=replace(message.delta, items=tuple(items)))


def _rows(state: StreamState) -> Iterator[Finding]:
    for watched in state.images:
        for part in watched.parts:
            for evidence in part.evidence:
                yield from evidence.findings


def _items_to_json(items: Sequence[DeltaItem], rows: Sequence[Finding]) -> dict[str, Json]:
    desired = [item.desired for item in items if item.desired is not None]
    return {
        "kind": [item.kind.value for item in items],
        "reason": [item.reason for item in items],
        "item": items_to_json([item.item for item in items]),
        "worth": "".join(["01"[item.worth] for item in items]),
        "desired": "".join(["01"[item.desired is not None] for item in items]),
        **_desired_to_json(desired, rows),
    }


def _items_from_json(columns: Json, rows: Sequence[Finding]) -> Iterator[DeltaItem]:
    desired = _desired_from_json(columns, rows)
    for kind, reason, item, worth, has_desired in zip(
        map(Kind, columns["kind"]),
        columns["reason"],
        items_from_json(columns["item"]),
        columns["worth"],
        columns["desired"],
        strict=True,
    ):
        wanted = next(desired) if has_desired == "1" else None
        yield DeltaItem(kind, reason, item, wanted, worth == "1")


def _desired_to_json(desired: Sequence[DesiredItem], rows: Sequence[Finding]) -> dict[str, Json]:
    listed = list(chain.from_iterable([item.findings for item in desired]))
    places = {id(row): place for place, row in enumerate(rows)}
    others = [row for row in {id(row): row for row in listed}.values() if id(row) not in places]
    places |= {id(row): place for place, row in enumerate(others, start=len(rows))}
    images = list(dict.fromkeys([item.images for item in desired]))
    place_of = {one: place for place, one in enumerate(images)}
    return {
        "reported": items_to_json([item.reported for item in desired]),
        "rows": [places[id(row)] for row in listed],
        "row_counts": [len(item.findings) for item in desired],
        "other_rows": columns_to_json(others),
        "distinct_images": list(map(_IMAGES.write, images)),
        "images": [place_of[item.images] for item in desired],
        "condition": [item.reason for item in desired],
    }


def _desired_from_json(columns: Json, rows: Sequence[Finding]) -> Iterator[DesiredItem]:
    all_rows = (*rows, *findings_from_json(columns["other_rows"]))
    listed = iter([all_rows[place] for place in columns["rows"]])
    images = list(map(_IMAGES.read, columns["distinct_images"]))
    return map(
        DesiredItem,
        items_from_json(columns["reported"]),
        [tuple([next(listed) for _ in range(count)]) for count in columns["row_counts"]],
        [images[place] for place in columns["images"]],
        columns["condition"],
    )
