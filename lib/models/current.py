"""Copies of streams for readers, and the shares that digests make of them."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from lib.models.immutable import immutable
from lib.models.messages import Moment, Omitted, UnlistedVulnerability, UnscannedImage
from lib.models.names import Destination, Severity, StreamId
from lib.models.scans import Image
from lib.models.streams import StreamState

_NOTHING: Final[Omitted] = MappingProxyType({})


@immutable(frozen=True, slots=True)
class CurrentCopy:
    """The copy of one stream: enough to ask what today's rules make of it."""

    state: StreamState
    """
    With the rows that are open, and without departures. Of their long texts only descriptions that
    name the version of a fix, or a dispute.
    """
    alternating: tuple[str, ...] = ()
    """Two kinds of tags between which the stream goes back and forth; empty: it does not."""
    unlisted: tuple[UnlistedVulnerability, ...] = ()
    """What its scanner lists no more though its package is unchanged."""


class OpenItem(NamedTuple):
    """A vulnerability of a stream that a destination's routes ask for, as digests count it."""

    id: str
    names: tuple[str, ...]
    """Further ids by which it is found."""
    severity: Severity
    fixable: bool
    exploitable: bool
    package: str
    """The worst one."""
    first_observed_at: datetime
    image: str
    """The key of the first watched image that has it: the current one, where that has it."""
    others: int = 0
    """Further packages that have it."""
    installed: str = ""
    """The version of the package; empty where the scanner does not say."""
    fixed: str = ""
    """The version that fixes it; empty where the scanner names none."""
    fix_unknown: bool = False
    """The scanner does not say whether there is a fix."""
    exploit_unknown: bool = False
    """The scanner does not say whether there is an exploit."""
    of_distribution: bool = False
    """The package is one of the distribution: it comes with the base image."""
    described: str = ""
    """The version that its description names ("1.8.0", "TensorFlow 2.12.0"), where the scanner
    names none and it is the only package."""
    disputed: str = ""
    """Who disputes it, in words; empty where no description says so."""
    undated: bool = False
    """
    No scanner says since when it knows it: `first_observed_at` is the first time that it was seen
    here.
    """
    other: str = ""
    """The further package, where it is one, with the same versions."""
    epss: float = 0.0
    """The highest one; 0 where no scanner says it."""
    score: float = 0.0
    """The highest CVSS score, of whatever version; 0 where there is none."""


class CountedImage(NamedTuple):
    """A watched image with a result."""

    image: Image
    clean: bool
    """Nothing is open, by a complete result of every part that is kept up to date."""
    complete: bool
    """False: fewer findings are listed than counted."""
    omitted: Omitted = _NOTHING
    """What is open and not asked for, each vulnerability at the first image that has it."""

    @property
    def key(self) -> str:
        """The identity of the image."""
        return self.image.key


@immutable(frozen=True, slots=True)
class StreamShare:
    """The share of one stream in the digest of one destination."""

    stream: StreamId
    routes: tuple[str, ...]
    images: tuple[CountedImage, ...] = ()
    items: tuple[OpenItem, ...] = ()
    troubles: tuple[UnscannedImage, ...] = ()
    """Images without a result, or without a new one."""
    alternating: tuple[str, ...] = ()
    """See `CurrentCopy`."""
    oldest_here_since: datetime | None = None
    """When the item that the scanner has known longest came into the stream."""
    unlisted: tuple[UnlistedVulnerability, ...] = ()
    """What routes asked for and its scanner lists no more, though its package is unchanged."""


@immutable(frozen=True, slots=True)
class DigestBasis:
    """The shares that digests of one time are made of, and that the next ones compare with."""

    until: datetime
    rules: str
    """The hash of the rules by which they were made."""
    shares: Mapping[Destination, tuple[StreamShare, ...]]
    trends: Mapping[Destination, tuple[Moment, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Of complete ones: what was open at each time, this one last."""
    place: StreamId | None = None
    """The last stream that was read; None: not one was."""
    complete: bool = False
    """Whether every stream was read."""
