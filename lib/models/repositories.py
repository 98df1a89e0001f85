"""Settings of a repository and of the registry's scanning."""

from datetime import datetime
from typing import Final

from lib.models.immutable import immutable
from lib.models.scans import Image, LastScan


@immutable(frozen=True, slots=True)
class NameFilter:
    """A filter of ECR over names: WILDCARD or PREFIX_MATCH."""

    filter: str
    type: str = "WILDCARD"


@immutable(frozen=True, slots=True)
class ScanningRule:
    """SCAN_ON_PUSH, CONTINUOUS_SCAN or MANUAL, for the repositories that a filter matches."""

    frequency: str
    filters: tuple[NameFilter, ...]


ROOT: Final = "ROOT"
"""The prefix of a rule or a template for all names that have no other one."""


@immutable(frozen=True, slots=True)
class PullThroughCache:
    """A rule of a registry: what is pulled below a prefix is fetched from another registry."""

    prefix: str
    """The first part of the names, without the slash; ROOT: names that no other prefix has."""
    upstream: str

    @property
    def is_root(self) -> bool:
        """Whether the rule is for all names: also for repositories that nothing is cached in."""
        return self.prefix == ROOT

    def covers(self, repository: str) -> bool:
        """Return whether the rule is for a repository."""
        return self.is_root or repository.startswith(f"{self.prefix.rstrip('/')}/")


@immutable(frozen=True, slots=True)
class CreationTemplate:
    """A template by which ECR creates repositories below a prefix."""

    prefix: str
    """The first part of the names, without the slash; ROOT: names that no other template has."""
    applied_for: tuple[str, ...] = ()
    """PULL_THROUGH_CACHE, REPLICATION, CREATE_ON_PUSH."""
    resource_tags: tuple[str, ...] = ()
    """The keys of the tags of new repositories."""
    role: str | None = None
    """The ARN of the role with which ECR creates repositories; None: its own."""

    @property
    def cached(self) -> bool:
        """Whether repositories of pull-through caches are created by it."""
        return "PULL_THROUGH_CACHE" in self.applied_for

    @property
    def name(self) -> str:
        """The name of the template in the place of a repository's, which never ends in a slash."""
        return self.prefix if self.prefix == ROOT else f"{self.prefix.rstrip('/')}/"


def is_template(name: str) -> bool:
    """Return whether a name is that of a creation template; else it is that of a repository."""
    return name == ROOT or name.endswith("/")


@immutable(frozen=True, slots=True)
class StoredImage:
    """An image, an index or another artifact in a repository, as lifecycle policies select it."""

    digest: str
    tags: tuple[str, ...] = ()
    pushed_at: datetime | None = None
    pulled_at: datetime | None = None
    """The last pull that ECR recorded, or the end of a restoration from the archive."""
    archived: bool = False
    archived_at: datetime | None = None
    size: int = 0
    """Bytes. Layers that images share count in each of them."""
    kind: str = ""
    """The media type of its configuration; empty where ECR gives none."""
    is_index: bool = False
    parts: tuple[str, ...] = ()
    """The digests that an index refers to, where they were read."""


@immutable(frozen=True, slots=True)
class RunningImage:
    """An image that something runs: by digest, or by tag where the digest is not known."""

    digest: str
    tags: tuple[str, ...]
    runs: str
    """The tasks or pods that run it, in words: "3 tasks or pods"."""


@immutable(frozen=True, slots=True)
class Refusal:
    """A call about a repository without an answer. What it would have said is not known."""

    action: str
    """The permission of the call: "ecr:GetLifecyclePolicy"."""
    reason: str
    denied: bool = True
    """Whether the permission is missing; else AWS did not answer for another reason."""


@immutable(frozen=True, slots=True)
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
    cache: PullThroughCache | None = None
    """The pull-through cache that the repository belongs to."""
    template: CreationTemplate | None = None
    """The template that has these settings; None: a repository has them."""
    stored: tuple[StoredImage, ...] = ()
    """The images, indexes and other artifacts in it."""
    running: tuple[RunningImage, ...] | None = None
    """The images of it that something runs; None: not known."""
    newest: Image | None = None
    """The image that was pushed last, a tagged one if there is any."""
    last_scan: "LastScan | None" = None
    """The last scan of `newest`."""
    refusals: tuple[Refusal, ...] = ()
    """The calls that AWS refused. Fields of theirs have their defaults, which say nothing."""

    def lacks(self, *actions: str) -> tuple[str, ...]:
        """Return those of some actions that AWS refused."""
        refused = {refusal.action for refusal in self.refusals}
        return tuple(action for action in actions if action in refused)

    @property
    def images(self) -> int:
        """The number of stored images."""
        return len(self.stored)

    @property
    def untagged(self) -> int:
        """The number of untagged images."""
        return sum(not image.tags for image in self.stored)

    @property
    def stored_bytes(self) -> int:
        """The size of all images in bytes. Shared layers are counted each time."""
        return sum(image.size for image in self.stored)


@immutable(frozen=True, slots=True)
class TagTarget:
    """The target of a tag, according to its pushes."""

    digest: str
    pushed_at: datetime
    before: str | None = None
    """The digest of the target before; None if it is unknown."""
