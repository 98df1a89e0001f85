"""
Whether the reports of watched images prove that a vulnerability is fixed. Pure.

Absence proves something only in a complete report, by the scanner that listed the vulnerability
last, for each part that had it. A package that is still there in the same version is not fixed:
then the scanner knows better now.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from lib.models import Finding
from lib.models.immutable import immutable
from lib.models.streams import Departure, PackageVersion, PartState, WatchedImage

UNLISTED: Final = "the scanner no longer lists it"
"""How the doubt begins that says all there is to say."""


@immutable(frozen=True, slots=True)
class Listing:
    """Where a vulnerability was listed last."""

    names: tuple[str, ...]
    scanner: str
    parts: tuple[str, ...]
    packages: tuple[PackageVersion, ...]


def listing_of(departure: Departure) -> Listing:
    """Return where a vulnerability was listed that no watched image lists any more."""
    return Listing(departure.names, departure.scanner, departure.parts, departure.packages)


class Proof:
    """The reports of some watched images, asked about one vulnerability after the other."""

    def __init__(self, images: Sequence[WatchedImage]) -> None:
        self._reports = [
            _PartReport(image, part, alone=len(image.parts) == 1)
            for image in images
            for part in image.parts
        ]

    def doubt(self, listing: Listing) -> str | None:
        """Return why a vulnerability is not proven fixed, in words; None where it is."""
        for part in listing.parts:
            reports = [report for report in self._reports if report.is_about(part)]
            if not reports:
                return f"no image has a part for {part or 'its platform'} any more"
            for report in reports:
                doubt = report.doubt(listing)
                if doubt is not None:
                    return doubt
        return None


class _PartReport:
    """The report of one part of a watched image."""

    def __init__(self, watched: WatchedImage, part: PartState, *, alone: bool) -> None:
        self._name = watched.image.name
        self._part = part
        self._alone = alone
        own = next(iter(part.evidence), None)
        is_own = own is not None and own.image.key == watched.image.key
        self._own = own if own is not None and is_own and own.complete else None
        rows = self._own.findings if self._own is not None else ()
        self._ids = {row.vulnerability_id for row in rows}
        self._aliases = {alias for row in rows for alias in row.aliases}
        self._packages = set(packages_of(rows))

    def is_about(self, part: str) -> bool:
        """Whether it is about this part; one of unknown platform is the only one there is."""
        return part == self._part.part or (self._alone and "" in (part, self._part.part))

    def doubt(self, listing: Listing) -> str | None:
        """Return why the report does not prove that a vulnerability is fixed."""
        if self._own is None:
            return f"{self._name} has no complete report of its own"
        if self._own.scanner != listing.scanner:
            return (
                f"another scanner: {listing.scanner} listed it, "
                f"{self._own.scanner} scanned {self._name}"
            )
        shown_by = listing.names[:1]
        if not (self._ids.isdisjoint(listing.names) and self._aliases.isdisjoint(shown_by)):
            return f"{self._name} lists it, though not as open"
        same = next((package for package in listing.packages if self._has(package)), None)
        if same is not None:
            return (
                f"{UNLISTED} although {same.name} {same.version} is unchanged "
                f"in {self._name}, so it may not be fixed"
            )
        return None

    def _has(self, package: PackageVersion) -> bool:
        return not self._packages.isdisjoint(_versions(package.name, package.version))


def packages_of(findings: Iterable[Finding]) -> Iterable[PackageVersion]:
    """Yield each package of findings in each of its versions; a finding can have several."""
    for finding in findings:
        yield from _versions(finding.package.name, finding.package.version)


def _versions(name: str, versions: str | None) -> Iterable[PackageVersion]:
    for version in (versions or "").split(", "):
        if name and version:
            yield PackageVersion(name, version)


def listings(images: Iterable[WatchedImage]) -> Mapping[str, tuple[set[str], set[PackageVersion]]]:
    """Return, by the ids of the rows that are open, the parts and packages that have it."""
    found: dict[str, tuple[set[str], set[PackageVersion]]] = {}
    for image in images:
        for part in image.parts:
            for evidence in part.evidence:
                for finding in evidence.findings:
                    if finding.open:
                        parts, packages = found.setdefault(finding.vulnerability_id, (set(), set()))
                        parts.add(part.part)
                        packages.update(packages_of((finding,)))
    return found
