"""The expected settings of repositories: `repositories` of alerts.yml. Pure."""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class MutableTags:
    """Tags that may be moved to another image: globs over tags, in some repositories."""

    tags: tuple[str, ...] = ("*",)
    repositories: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True)
class Expectations:
    """The expected settings of repositories: `repositories` of alerts.yml."""

    keep: int = 20
    """The number of images that a repository keeps at most."""
    allow_mutable: tuple[MutableTags, ...] = ()
    """Tags that may move."""
    encryption: str | None = None
    """"KMS" where a KMS key is expected."""
    scanned_within: int = 30
    """Maximum age of the newest image's last scan, in days."""
    price: float = 0.10
    """USD for a GB and month: https://aws.amazon.com/ecr/pricing/"""

    def mutable_tags(self, repository: str) -> tuple[str, ...]:
        """Return globs over the tags of a repository that may move."""
        return tuple(
            glob
            for allowed in self.allow_mutable
            if any(fnmatchcase(repository, name) for name in allowed.repositories)
            for glob in allowed.tags
        )
