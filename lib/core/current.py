"""The copy of a stream for readers, from its state. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import repeat
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from lib.core.disputes import dispute_of
from lib.core.endings import unlisted
from lib.core.named_versions import named_version
from lib.core.streams import alternating_tags
from lib.models import Finding, UnlistedVulnerability
from lib.models.current import CurrentCopy
from lib.models.streams import Evidence, PartState, StreamState, TagRow, WatchedImage

LEFT_OUT: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "remediation": None,
        "links": (),
        "extra": MappingProxyType({}),
        "last_observed_at": None,
    }
)
"""
Fields of a row that fill pages and decide nothing, with the values that stand for them. So do most
descriptions; those that name the version of a fix, or a dispute, stay.
"""
_NAMES: Final = tuple([field.name for field in fields(Finding)])


def current_copy(state: StreamState, tags: Iterable[TagRow]) -> CurrentCopy:
    """Return the copy of a stream for readers. `tags`: the rows of the stream, in any order."""
    images = tuple([_image(watched) for watched in state.images])
    return CurrentCopy(
        replace(state, images=images, departures=MappingProxyType({})),
        alternating=alternating_tags(tags) or (),
        unlisted=_unlisted(state),
    )


def _unlisted(state: StreamState) -> tuple[UnlistedVulnerability, ...]:
    return tuple(
        [
            UnlistedVulnerability(
                id_,
                departure.lifecycle.severity,
                next((package.name for package in departure.packages), ""),
                state.images[0].image.name,
                departure.lifecycle.fixable,
                departure.lifecycle.exploitable,
            )
            for id_, departure in unlisted(state.images, state.departures).items()
        ]
    )


def _image(watched: WatchedImage) -> WatchedImage:
    image = replace(watched.image, doubts=())
    return replace(watched, image=image, parts=tuple(map(_part, watched.parts)))


def _part(part: PartState) -> PartState:
    return replace(part, evidence=tuple(map(_evidence, part.evidence)))


def _evidence(evidence: Evidence) -> Evidence:
    rows = [finding for finding in evidence.findings if finding.open]
    return replace(evidence, image=replace(evidence.image, doubts=()), findings=_rows(rows))


def _rows(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return rows without what is left out; field by field, in a tenth of the time of `replace`."""
    columns = [_column(name, findings) for name in _NAMES]
    return tuple(map(Finding, *columns))


def _column(name: str, findings: Sequence[Finding]) -> Iterable[Any]:
    if name == "description":
        return map(_description, findings)
    return repeat(LEFT_OUT[name]) if name in LEFT_OUT else map(attrgetter(name), findings)


def _description(finding: Finding) -> str | None:
    """Return a description that names the version of a fix, or a dispute; None for all others."""
    names_version = not finding.fixable and named_version(finding) is not None
    return finding.description if names_version or dispute_of((finding,)) else None
