"""The owners of images, as alerts.yml names them by repository. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from lib.core.streams import repository_image
from lib.models import Digest, Notice, Owner

Owners = Sequence[tuple[str, Owner]]
"""Owners by globs of repositories; the first match counts."""


def owner_of(repository: str, owners: Owners) -> Owner | None:
    """Return the owner of a repository; None where no glob matches its name."""
    return next((owner for glob, owner in owners if fnmatchcase(repository, glob)), None)


def owned(notice: Notice, owners: Owners) -> Notice:
    """Return a notice with the owner of the repository that its stream is in."""
    return replace(notice, owner=owner_of(repository_image(notice.stream).repository, owners))


def with_owners(digest: Digest, owners: Owners) -> Digest:
    """Return a digest with the owner of each of its repositories."""
    repositories = [
        replace(row, owner=owner_of(row.repository, owners)) for row in digest.repositories
    ]
    return replace(digest, repositories=tuple(repositories))
