"""The expected settings of repositories: `repositories` of alerts.yml. Pure."""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Expectations:
    """The expected settings of repositories: `repositories` of alerts.yml."""

    keep: int = 20
    """The number of images that a repository keeps at most."""
    allow_mutable: tuple[str, ...] = ()
    """Globs over tags that may move."""
    encryption: str | None = None
    """"KMS" where a KMS key is expected."""
    scanned_within: int = 30
    """Maximum age of the newest image's last scan, in days."""
    price: float = 0.10
    """USD for a GB and month: https://aws.amazon.com/ecr/pricing/"""

    def may_move(self, tag: str) -> bool:
        """Whether a tag may be moved to another image."""
        return any(fnmatchcase(tag, glob) for glob in self.allow_mutable)
