"""Settings of a repository and of the registry's scanning."""

from dataclasses import dataclass
from datetime import datetime

from lib.models.scans import Image, LastScan


@dataclass(frozen=True, slots=True)
class NameFilter:
    """A filter of ECR over names: WILDCARD or PREFIX_MATCH."""

    filter: str
    type: str = "WILDCARD"


@dataclass(frozen=True, slots=True)
class ScanningRule:
    """SCAN_ON_PUSH, CONTINUOUS_SCAN or MANUAL, for the repositories that a filter matches."""

    frequency: str
    filters: tuple[NameFilter, ...]


@dataclass(frozen=True, slots=True)
class RepositorySettings:
    """The settings of a repository, its registry's scanning, and facts about its images."""

    image: Image
    """The repository, as an image without a digest."""
    tag_mutability: str
    """IMMUTABLE, MUTABLE, IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION."""
    exclusions: tuple[NameFilter, ...] = ()
    """Filters of tags for which the opposite setting applies."""
    scan_on_push: bool = False
    """The repository's own setting."""
    scan_type: str = "BASIC"
    """The scan type of the registry: BASIC or ENHANCED."""
    scan_rules: tuple[ScanningRule, ...] = ()
    """The scanning rules of the registry."""
    encryption: str = "AES256"
    kms_key: str | None = None
    lifecycle_policy: str | None = None
    """The text of the policy; None without one."""
    images: int = 0
    tag_sets: tuple[tuple[str, ...], ...] = ()
    """The tags of each tagged image."""
    stored_bytes: int = 0
    """The sum over all images. Shared layers are counted each time."""
    newest: Image | None = None
    """The image that was pushed last, a tagged one if there is any."""
    last_scan: "LastScan | None" = None
    """The last scan of `newest`."""

    @property
    def untagged(self) -> int:
        """The number of untagged images."""
        return self.images - len(self.tag_sets)


@dataclass(frozen=True, slots=True)
class TagTarget:
    """The target of a tag, according to its pushes."""

    digest: str
    pushed_at: datetime
    before: str | None = None
    """The digest of the target before; None if it is unknown."""
