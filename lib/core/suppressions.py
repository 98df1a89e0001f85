"""
Suppressions: entries of alerts.yml that exclude findings until a date, for a reason. Pure.

Applied in `lib.core.verdicts`; gate and audit of the command match by themselves.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from fnmatch import fnmatchcase
from itertools import product

from lib.models import Finding, Image, Suppressed
from lib.models.immutable import immutable
from lib.urls.packages import read_package_url

_Scope = tuple[str | None, ...]


@immutable(frozen=True, slots=True)
class Suppression:
    """One entry: a vulnerability, its limits, the last day, and the reason."""

    id: str
    expires: date
    """The last day on which it holds, in UTC."""
    reason: str
    package: str | None = None
    path: str | None = None
    """A glob over the path of the package in the image."""
    repository: str | None = None
    """A glob over the repository's name."""
    version: str | None = None
    """The installed version, exactly as the scan has it."""
    purl: str | None = None
    """A package URL that covers the package's own; see `PackageUrl.covers`."""
    digest: str | None = None
    """The digest of the only image for which it holds."""

    @property
    def name(self) -> str:
        """The name in messages: the id and the limits."""
        limits = (
            ("in", self.package),
            ("version", self.version),
            ("in", self.purl),
            ("at", self.path),
            ("for", self.repository),
            ("in", self.digest and self.digest[:19]),
        )
        return " ".join((self.id, *(f"{word} {value}" for word, value in limits if value)))

    @property
    def scope(self) -> tuple[str | None, ...]:
        """The id and the limits. Two entries with the same scope exclude the same findings."""
        limits = (self.package, self.version, self.purl, self.path, self.repository, self.digest)
        return (self.key, *limits)

    @property
    def key(self) -> str:
        """The id as it is compared: scanners and people write them in different case."""
        return self.id.upper()

    def covers(self, other: "Suppression") -> bool:
        """Whether this entry excludes every finding of `other`, and holds as long."""
        return self.expires >= other.expires and all(
            mine in (None, theirs) for mine, theirs in zip(self.scope, other.scope, strict=True)
        )


def covered(suppressions: Sequence[Suppression]) -> Iterator[tuple[int, int]]:
    """
    Yield the index of every entry that another one covers, with the index of that other entry.

    Of entries that cover each other, the first stays. The effort is linear in their number: an
    entry can be covered only by its own scope, or by one of at most 63 wider ones.
    """
    longest: dict[_Scope, int] = {}
    for index, entry in enumerate(suppressions):
        kept = longest.setdefault(entry.scope, index)
        if suppressions[kept].expires < entry.expires:
            longest[entry.scope] = index
    for index, entry in enumerate(suppressions):
        covering = (longest.get(scope) for scope in _wider(entry.scope))
        for by in covering:
            if by is not None and by != index and suppressions[by].expires >= entry.expires:
                yield index, by
                break


def _wider(scope: _Scope) -> Iterator[_Scope]:
    """Yield a scope, and every scope that lacks some of its limits. The id is no limit."""
    name, *limits = scope
    choices = ((limit,) if limit is None else (limit, None) for limit in limits)
    return ((name, *chosen) for chosen in product(*choices))


def matcher(
    suppressions: Sequence[Suppression], image: Image, today: date
) -> Callable[[Finding], Suppressed | None]:
    """
    Return a function that gives the suppression of a finding of this image; None without one.

    An entry holds for its id or an alias of the finding, through its last day. The first entry that
    matches counts.
    """
    by_id: defaultdict[str, list[Suppression]] = defaultdict(list)
    for entry in suppressions:
        if entry.expires >= today and _concerns(entry, image):
            by_id[entry.key].append(entry)
    if not by_id:
        return _nothing

    def suppressed(finding: Finding) -> Suppressed | None:
        for identifier in (finding.vulnerability_id, *finding.aliases):
            for entry in by_id.get(identifier.upper(), ()):
                if _applies(entry, finding):
                    expires = entry.expires.isoformat()
                    return Suppressed(finding, entry.name, entry.reason, expires)
        return None

    return suppressed


def _nothing(_: Finding) -> None:
    return None


def _concerns(entry: Suppression, image: Image) -> bool:
    if entry.digest not in (None, image.digest):
        return False
    return entry.repository is None or fnmatchcase(image.repository, entry.repository)


def _applies(entry: Suppression, finding: Finding) -> bool:
    package = finding.package
    if entry.package not in (None, package.name) or entry.version not in (None, package.version):
        return False
    if entry.purl is not None and not _is_of(entry.purl, package.purl):
        return False
    return entry.path is None or fnmatchcase(package.path or "", entry.path)


def _is_of(limit: str, purl: str | None) -> bool:
    """Whether a package URL is within a limit. A package without one is not."""
    wanted, actual = read_package_url(limit), read_package_url(purl or "")
    return wanted is not None and actual is not None and wanted.covers(actual)
