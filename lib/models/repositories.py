"""How a repository and the registry's scanning are set up."""

from dataclasses import dataclass
from datetime import datetime

from lib.models.scans import Image, LastScan


@dataclass(frozen=True, slots=True)
class NameFilter:
    """A filter over names as ECR has it: WILDCARD or PREFIX_MATCH."""

    filter: str
    type: str = "WILDCARD"


@dataclass(frozen=True, slots=True)
class ScanningRule:
    """SCAN_ON_PUSH, CONTINUOUS_SCAN or MANUAL, for the repositories that a filter matches."""

    frequency: str
    filters: tuple[NameFilter, ...]


@dataclass(frozen=True, slots=True)
class RepositorySettings:
    """How a repository is set up, what its registry says about scanning, and what it holds."""

    image: Image
    """The repository itself: an image without a digest."""
    tag_mutability: str
    """IMMUTABLE, MUTABLE, IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION."""
    exclusions: tuple[NameFilter, ...] = ()
    """Tags for which the opposite holds."""
    scan_on_push: bool = False
    """The repository's own setting."""
    scan_type: str = "BASIC"
    """BASIC or ENHANCED, of the registry."""
    scan_rules: tuple[ScanningRule, ...] = ()
    """Those of the registry."""
    encryption: str = "AES256"
    kms_key: str | None = None
    lifecycle_policy: str | None = None
    """Its text; None: there is no policy."""
    images: int = 0
    tag_sets: tuple[tuple[str, ...], ...] = ()
    """The tags of each image that has any."""
    stored_bytes: int = 0
    """All images added up; layers that they share are counted each time."""
    newest: Image | None = None
    """The image that was pushed last; one with a tag, where there is any."""
    last_scan: "LastScan | None" = None
    """How far the scan of `newest` is."""

    @property
    def untagged(self) -> int:
        """How many images have no tag."""
        return self.images - len(self.tag_sets)


@dataclass(frozen=True, slots=True)
class TagTarget:
    """Where a tag points to, as the pushes told."""

    digest: str
    pushed_at: datetime
    before: str | None = None
    """The digest that it pointed to before; None where that is not known."""
