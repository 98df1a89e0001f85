"""The name that an image has in another stream, read when it is new in the stream of a message."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lib.core.same_images import is_new_here, other_name
from lib.core.streams import StreamRule
from lib.models import Notice
from lib.ports.streams import ImageStore, StreamStore

_STREAMS: Final = 5
"""Other streams that are read."""


class SameImages:
    """
    Adds to a notice by which tag of another stream its image is known.

    Nothing is read where the rules put all tags of the repository into one stream.
    """

    def __init__(
        self,
        images: ImageStore,
        streams: StreamStore,
        rules: Sequence[StreamRule],
    ) -> None:
        self._images = images
        self._streams = streams
        self._rules = rules

    def completed(self, notice: Notice) -> Notice:
        """Return a notice with the other name of its image. Raises `StoreError`."""
        current = notice.message.state.current
        if current is None or not is_new_here(notice.message):
            return notice
        image = current.image
        if not any(rule.concerns(image) for rule in self._rules):
            return notice
        others = [one for one in self._images.stored(image).streams if one != notice.stream]
        read = [self._streams.read(stream, only=notice.destination) for stream in others[:_STREAMS]]
        named = other_name(
            image,
            [(one.row.tags, one.views.get(notice.destination)) for one in read],
            notice.message.delta.after,
        )
        return replace(notice, other_name=named)
