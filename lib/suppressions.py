"""Findings that a named, dated entry of alerts.yml leaves out, and why. Pure."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from lib.models import Finding, Image, Suppressed


@dataclass(frozen=True, slots=True)
class Suppression:
    """One entry: a vulnerability, where it does not matter, until when, and why."""

    id: str
    expires: date
    """The last day on which it holds, in UTC."""
    reason: str
    package: str | None = None
    path: str | None = None
    """A glob over the path of the package in the image."""
    repository: str | None = None
    """A glob over the repository's name."""

    @property
    def name(self) -> str:
        """How messages call it: the id, and what it is limited to."""
        limits = (("in", self.package), ("at", self.path), ("for", self.repository))
        return " ".join((self.id, *(f"{word} {value}" for word, value in limits if value)))

    @property
    def key(self) -> str:
        """The id as it is compared: scanners and people write them in different case."""
        return self.id.upper()

    def covers(self, other: "Suppression") -> bool:
        """Whether `other` leaves out nothing, and holds no longer, than this entry does."""
        return (
            self.key == other.key
            and self.expires >= other.expires
            and self.package in (None, other.package)
            and self.path in (None, other.path)
            and self.repository in (None, other.repository)
        )


def matcher(
    suppressions: Sequence[Suppression], image: Image, today: date
) -> Callable[[Finding], Suppressed | None]:
    """
    Return what says whether an entry leaves out a finding of this image.

    An entry holds for its id or an alias of the finding, through its last day. The first that
    matches is named.
    """
    by_id: defaultdict[str, list[Suppression]] = defaultdict(list)
    for entry in suppressions:
        if entry.expires < today:
            continue
        if entry.repository is None or fnmatchcase(image.repository, entry.repository):
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


def _applies(entry: Suppression, finding: Finding) -> bool:
    if entry.package is not None and entry.package != finding.package.name:
        return False
    return entry.path is None or fnmatchcase(finding.package.path or "", entry.path)
