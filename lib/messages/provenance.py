"""The source commit of an image, in words, with its links. Pure."""

from collections.abc import Iterable
from typing import Final

from lib.core.provenance import REVISION, commit_of, commit_url, compare_url
from lib.models import Basis, Provenance
from lib.text import truncate
from lib.urls import forges

_WHERE: Final = 100


COMMITS: Final = "Commits since "
_NO_COMMIT: Final = f"unknown: build with --label {REVISION}=$(git rev-parse HEAD)"


_NO_REPOSITORY: Final = "; for a link, name its repository under sources in alerts.yml"


def in_words(provenance: Provenance | None, tags: Iterable[str]) -> str:
    """
    Return "org/repo at 1a2b3c4 (built 2026-11-23)", or what to do so that an image says so.

    `tags`: of the image, in case they say another commit. Empty when nobody asked.
    """
    if provenance is None:
        return ""
    where = truncate(forges.name(provenance.repository), _WHERE) if provenance.repository else ""
    built = f" (built {provenance.created_at:%Y-%m-%d})" if provenance.created_at else ""
    if provenance.commit is not None:
        commit = forges.short_commit(provenance.commit)
        other = _contradiction(provenance.commit, tags)
        doubt = f", but its tag says {forges.short_commit(other)}" if other else ""
        name = f"{where} at {commit}" if where else f"commit {commit}"
        return f"{name}{built}{doubt}{'' if where else _NO_REPOSITORY}"
    if provenance.unread_reason is not None:
        return f"not read: {provenance.unread_reason}"
    return f"{where}{built}, commit {_NO_COMMIT}" if where else f"{_NO_COMMIT} and …source=URL"


def _contradiction(commit: str, tags: Iterable[str]) -> str | None:
    """Return the commit that a tag names where labels say another: they are the base image's."""
    tagged = commit_of(tags)
    if tagged is None or not forges.is_commit(commit):
        return None
    return None if commit.startswith(tagged) or tagged.startswith(commit) else tagged


def links(provenance: Provenance | None, basis: Basis, since: str) -> list[tuple[str, str]]:
    """
    Return what there is to click: commit, comparison with the image before, build.

    `since`: what people call the image before.
    """
    if provenance is None:
        return []
    named = (
        (f"Commit {forges.short_commit(provenance.commit or '')}", commit_url(provenance)),
        (f"{COMMITS}{since}", compare_url(provenance, basis)),
        ("Build", provenance.build_url),
    )
    return [(label, url) for label, url in named if url is not None]
