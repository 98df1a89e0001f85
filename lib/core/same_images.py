"""The name of an image in another stream: what a promoted tag was before. Pure."""

from collections.abc import Collection, Iterable, Sequence

from lib.core.tags import is_deleted
from lib.models import Image
from lib.models.streams import UNTAGGED, TagRow
from lib.models.views import OtherName, PinnedMessage, View


def is_new_here(message: PinnedMessage) -> bool:
    """Return whether the current image of a message is not the one that its view agreed with."""
    current, before = message.state.current, message.before
    if current is None or current.image.is_repository:
        return False
    return before is None or before.current is None or before.current.key != current.image.key


def other_name(
    image: Image,
    streams: Iterable[tuple[Sequence[TagRow], View | None]],
    reported: Collection[str] = (),
) -> OtherName | None:
    """
    Return the tag of another stream that points to an image; None: no tag does.

    `streams`: the tags of each, and the view of the destination. `reported`: the ids that its
    message reports. A name that the destination was
    notified of comes first, then the tag that was pushed last.
    """
    names = [
        (is_reported, row.pushed_at, row.tag, view.thread if is_reported and view else None)
        for rows, view in streams
        for is_reported in (_is_reported(image, view, reported),)
        for row in rows
        if row.digest == image.digest and row.tag != UNTAGGED and _points(row, rows)
    ]
    if not names:
        return None
    is_reported, _, tag, thread = max(names, key=lambda name: name[:3])
    return OtherName(f"{image.repository}:{tag}", is_reported, thread)


def _points(row: TagRow, rows: Sequence[TagRow]) -> bool:
    """Return whether a tag still points to the image of its row."""
    last = max(other.pushed_at for other in rows if other.tag == row.tag)
    return not is_deleted(row) and row.pushed_at == last


def _is_reported(image: Image, view: View | None, reported: Collection[str]) -> bool:
    """Return whether a view shows findings of an image, and all that are to be reported."""
    if view is None or not view.reported or view.agreement is None:
        return False
    current = view.agreement.current
    is_current = current is not None and current.key == image.key
    return is_current and all(id_ in view.reported for id_ in reported)
