"""Copies of streams for readers: what is open in the watched images now."""

from dataclasses import dataclass

from lib.models.streams import StreamState


@dataclass(frozen=True, slots=True)
class CurrentCopy:
    """The copy of one stream: enough to ask what today's rules make of it."""

    state: StreamState
    """With the rows that are open, without their long texts, and without departures."""
    alternating: tuple[str, ...] = ()
    """Two kinds of tags between which the stream goes back and forth; empty: it does not."""
