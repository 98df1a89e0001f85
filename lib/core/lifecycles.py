"""
When the vulnerabilities of a stream came, changed and left. Pure.

Compares what the watched images list as open with what they listed before. A notification is no
part of it: the stamps made here give its items their kinds and reasons later.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from lib.core.vulnerabilities import find, vulnerabilities_of
from lib.models import Finding
from lib.models.immutable import immutable
from lib.models.streams import (
    Arrival,
    Departure,
    Evidence,
    Lifecycle,
    PackageVersion,
    Role,
    Stamp,
    StreamState,
    VulnerabilityId,
    WatchedImage,
)


class Course(NamedTuple):
    """The vulnerabilities that are open, and those that left, by id."""

    lifecycles: Mapping[VulnerabilityId, Lifecycle]
    departures: Mapping[VulnerabilityId, Departure]


def course(
    before: StreamState, images: Sequence[WatchedImage], *, arrival: Arrival, stamp: Stamp
) -> Course:
    """
    Return what is open in the watched images since when, and what left them and how.

    `arrival`: how the current image became current. What returns after it left is opened anew.
    """
    change = _change(before, images, arrival, stamp)
    earlier = _earlier(before)
    ids = {name.upper(): id_ for id_, old in earlier.items() for name in old.listing.names}
    # Many vulnerabilities, few that differ in what their lifecycles are made of.
    made: dict[tuple[object, ...], Lifecycle] = {}
    lifecycles: dict[VulnerabilityId, Lifecycle] = {}
    stayed: set[VulnerabilityId] = set()
    names: set[str] = set()
    closed: dict[VulnerabilityId, str | None] = {}
    for listing in _listings(images):
        upper = [name.upper() for name in listing.names]
        same = {ids[name] for name in upper if name in ids} if ids else set()
        if listing.rows:
            stayed |= same
            names.update(upper)
            olds = [earlier[id_] for id_ in same]
            key = (listing.facts, *[(id(old.lifecycle), old.listing.facts) for old in olds])
            if key not in made:
                made[key] = change.lifecycle(listing, olds)
            lifecycles[listing.names[0]] = made[key]
        else:
            closed |= dict.fromkeys(same, listing.closed)
    departures = {
        id_: replace(departure, parts=change.renamed(departure.parts))
        for id_, departure in before.departures.items()
        if names.isdisjoint(name.upper() for name in departure.names)
    }
    departures |= {
        id_: change.departure(old, closed.get(id_))
        for id_, old in earlier.items()
        if id_ not in stayed
    }
    return Course(MappingProxyType(lifecycles), MappingProxyType(departures))


class _Place(NamedTuple):
    """A list of rows in a watched image."""

    watched: WatchedImage
    part: str
    evidence: Evidence


class _Row(NamedTuple):
    """An open finding, and where it is listed."""

    place: _Place
    finding: Finding


@dataclass(slots=True)
class _Listing:
    """A vulnerability as the watched images list it."""

    names: tuple[str, ...]
    rows: list[_Row] = field(default_factory=list)
    """Those that are open."""
    closed: str | None = None
    """The source's own word for a row that is not open."""

    @property
    def facts(self) -> tuple[object, ...]:
        """The parts of lifecycles: equal where they are alike, as long as the rows are kept."""
        return tuple(
            [
                (
                    id(place),
                    finding.severity,
                    finding.exploitable,
                    finding.fixable,
                    finding.first_observed_at,
                )
                for place, finding in self.rows
            ]
        )

    @property
    def in_current(self) -> bool:
        """Whether the current image has it."""
        return any(row.place.watched.role is Role.CURRENT for row in self.rows)

    @property
    def scanned(self) -> frozenset[str]:
        """Digests of the images whose scans say that the current image has it."""
        rows = (row for row in self.rows if row.place.watched.role is Role.CURRENT)
        return frozenset(row.place.evidence.image.digest for row in rows)

    @property
    def last(self) -> _Row:
        """Where it was listed last."""
        return max(self.rows, key=lambda row: row.place.evidence.at)


class _Earlier(NamedTuple):
    """A vulnerability that was open before."""

    listing: _Listing
    lifecycle: Lifecycle


@immutable(frozen=True, slots=True)
class _Change:
    """The difference that a new version of the state makes to the watched images."""

    stamp: Stamp
    arrival: Arrival
    """Of what is new in the current image."""
    cause: Arrival
    """Of what left."""
    watched: frozenset[str]
    """Digests of the images that were watched before."""
    began: frozenset[str]
    """Digests of the images that run now and did not before."""
    current: str | None
    """Digest of the image that is current now."""
    parts: tuple[str, ...]
    """Of the image that is current."""

    def lifecycle(self, listing: _Listing, olds: Sequence[_Earlier]) -> Lifecycle:
        """Return the lifecycle of an open vulnerability; `olds`: what was open of it before."""
        rows, stamp = listing.rows, self.stamp
        observed = (row.finding.first_observed_at for row in rows)
        new = Lifecycle(
            opened=stamp,
            arrival=self._arrival(listing),
            severity=max(row.finding.severity for row in rows),
            exploitable=any(row.finding.exploitable for row in rows),
            fixable=any(row.finding.fixable for row in rows),
            scanner=listing.last.place.evidence.scanner,
            first_observed_at=min([stamp.at, *filter(None, observed)]),
            deployed=stamp if self._deploys(rows) else None,
        )
        return self._continued(new, listing, olds) if olds else new

    def _continued(self, new: Lifecycle, listing: _Listing, olds: Sequence[_Earlier]) -> Lifecycle:
        """
        Return the lifecycle of a vulnerability that was open before.

        Only the scanner that listed it before can say that it got worse or has a fix: what another
        one knows is taken over in silence. An exploit counts, whichever scanner knows it.
        """
        stamp, earlier = self.stamp, [old.lifecycle for old in olds]
        old = min(earlier, key=lambda lifecycle: lifecycle.opened)
        scanners = {lifecycle.scanner for lifecycle in earlier}
        same = [row.finding for row in listing.rows if row.place.evidence.scanner in scanners]
        worst = max(lifecycle.severity for lifecycle in earlier)
        raised = any(finding.severity > worst for finding in same)
        exploited = new.exploitable and not any(item.exploitable for item in earlier)
        fixed = any(row.fixable for row in same) and not any(item.fixable for item in earlier)
        left = any(self._leaves(item.listing) for item in olds)
        return replace(
            new,
            opened=old.opened,
            arrival=old.arrival,
            first_observed_at=min(old.first_observed_at, new.first_observed_at),
            raised=stamp if raised else old.raised,
            exploit_known=stamp if exploited else old.exploit_known,
            fix_available=stamp if fixed else old.fix_available,
            deployed=new.deployed or old.deployed,
            left_current=None if listing.in_current else stamp if left else old.left_current,
        )

    def _leaves(self, old: _Listing) -> bool:
        """
        Return whether the image that is current now does not have what was in the current one.

        What its own scan listed before is not fixed: there the scanner changed its mind.
        """
        return self.current is not None and old.in_current and self.current not in old.scanned

    def departure(self, old: _Earlier, closed: str | None) -> Departure:
        """Return a vulnerability that no watched image lists as open any more."""
        rows, last = old.listing.rows, old.listing.last
        packages = (row.finding.package for row in rows)
        return Departure(
            at=self.stamp,
            lifecycle=old.lifecycle,
            names=old.listing.names,
            image=last.place.evidence.image,
            scanner=last.place.evidence.scanner,
            parts=self.renamed(tuple(dict.fromkeys(row.place.part for row in rows))),
            packages=tuple(
                dict.fromkeys(PackageVersion(item.name, item.version or "") for item in packages)
            ),
            closed=closed,
            cause=self.cause,
        )

    def renamed(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of parts, with those of today for a part whose platform nobody knew."""
        if "" not in parts or not self.parts:
            return parts
        return tuple(dict.fromkeys([*filter(None, parts), *self.parts]))

    def _arrival(self, listing: _Listing) -> Arrival:
        if listing.in_current:
            return self.arrival
        digests = {row.place.watched.image.digest for row in listing.rows}
        return Arrival.SCAN if digests & self.watched else Arrival.DEPLOYMENT

    def _deploys(self, rows: Sequence[_Row]) -> bool:
        return any(row.place.watched.image.digest in self.began for row in rows)


def _change(
    before: StreamState, images: Sequence[WatchedImage], arrival: Arrival, stamp: Stamp
) -> _Change:
    old = before.current
    new = next((item for item in images if item.role is Role.CURRENT), None)
    same_current = (old and old.image.digest) == (new and new.image.digest)
    watched = frozenset(item.image.digest for item in before.images)
    ran = {item.image.digest for item in before.images if item.running}
    runs = {item.image.digest for item in images if item.running}
    running = Arrival.SCAN if ran == runs else Arrival.DEPLOYMENT
    return _Change(
        stamp=stamp,
        arrival=Arrival.SCAN if same_current else arrival,
        cause=running if same_current else arrival,
        watched=watched,
        began=frozenset(runs - ran),
        current=None if new is None else new.image.digest,
        parts=() if new is None else tuple([state.part for state in new.parts]),
    )


def _earlier(before: StreamState) -> dict[VulnerabilityId, _Earlier]:
    """Return what was open before, by id, with its lifecycle under whatever name that is kept."""
    earlier = {}
    for listing in _listings(before.images):
        lifecycle = find(before.lifecycles, listing.names)
        if listing.rows and lifecycle is not None:
            earlier[listing.names[0]] = _Earlier(listing, lifecycle)
    return earlier


def _listings(images: Sequence[WatchedImage]) -> list[_Listing]:
    """Return the vulnerabilities of watched images, each with its open rows and where they are."""
    listings: list[_Listing] = []
    owners: dict[str, _Listing] = {}
    for group in vulnerabilities_of(images):
        listing = _Listing(group.names)
        listings.append(listing)
        for finding in group.findings:
            owners[finding.vulnerability_id] = listing
    for place in _places(images):
        for finding in place.evidence.findings:
            listing = owners[finding.vulnerability_id]
            if finding.open:
                listing.rows.append(_Row(place, finding))
            else:
                listing.closed = finding.source_status
    return listings


def _places(images: Sequence[WatchedImage]) -> Iterator[_Place]:
    for watched in images:
        for state in watched.parts:
            for evidence in state.evidence:
                yield _Place(watched, state.part, evidence)
