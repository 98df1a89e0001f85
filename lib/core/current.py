"""The copy of a stream for readers, from its state. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

from lib.core.streams import alternating_tags
from lib.models import Finding
from lib.models.current import CurrentCopy
from lib.models.streams import Evidence, PartState, StreamState, TagRow, WatchedImage


def current_copy(state: StreamState, tags: Iterable[TagRow]) -> CurrentCopy:
    """Return the copy of a stream for readers. `tags`: the rows of the stream, in any order."""
    images = tuple([_image(watched) for watched in state.images])
    return CurrentCopy(
        replace(state, images=images, departures=MappingProxyType({})),
        alternating=alternating_tags(tags) or (),
    )


def _image(watched: WatchedImage) -> WatchedImage:
    image = replace(watched.image, doubts=())
    return replace(watched, image=image, parts=tuple(map(_part, watched.parts)))


def _part(part: PartState) -> PartState:
    return replace(part, evidence=tuple(map(_evidence, part.evidence)))


def _evidence(evidence: Evidence) -> Evidence:
    rows = [_row(finding) for finding in evidence.findings if finding.open]
    return replace(evidence, image=replace(evidence.image, doubts=()), findings=tuple(rows))


def _row(finding: Finding) -> Finding:
    """Return a row without what fills pages and decides nothing."""
    return replace(
        finding,
        description=None,
        remediation=None,
        links=(),
        extra=MappingProxyType({}),
        last_observed_at=None,
    )
