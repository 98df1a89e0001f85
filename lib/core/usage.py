"""Whether an image runs, by the answers of all sources that know. Pure."""

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from lib.models.streams import ImageRow, Use


def used(row: ImageRow, source: str, at: datetime, *, runs: bool | None) -> ImageRow:
    """
    Return an image after a source answered whether something runs it.

    No answer (None) changes nothing, nor does an answer that is older than the last one. A source
    that never saw the image running has nothing to say about its end: its numbers can come days
    late.
    """
    use = row.uses.get(source)
    if runs is None or (use is None and not runs):
        return row
    answered = _answered(use, at, runs=runs)
    if answered == use:
        return row
    return replace(row, uses=MappingProxyType({**row.uses, source: answered}))


def unseen(row: ImageRow, at: datetime) -> ImageRow:
    """
    Return an image that was deleted at a time: what ran it then is no longer seen.

    The next answer of a source may be missing for good, and what is missing changes nothing.
    """
    uses = {
        source: replace(use, stopped_at=use.stopped_at or at) for source, use in row.uses.items()
    }
    return replace(row, uses=MappingProxyType(uses))


def _answered(use: Use | None, at: datetime, *, runs: bool) -> Use:
    if use is None:
        return Use(at)
    if runs:
        return Use(at) if at > (use.stopped_at or use.running_at) else use
    first = use.stopped_at is None or at < use.stopped_at
    return replace(use, stopped_at=at) if first and at > use.running_at else use
