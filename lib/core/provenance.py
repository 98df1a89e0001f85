"""
Where an image was made from, as far as anything says so. Pure.

    normalize_provenance    annotations and labels -> Provenance: every text cleaned, cut, checked
    completed               what they leave open: a tag that names a commit, `sources` of alerts.yml
    in_words, links         what people read, and what they can click

Labels of a base image pass to the images made from it, so what they say can be about another one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, Final

from lib.errors import ScanAlertError
from lib.models import Basis, BasisKind, Image, Provenance
from lib.text import one_line, truncate
from lib.urls import forges
from lib.urls.addresses import AddressError, read_address

TAG: Final = "tag"
CONFIGURED: Final = "alerts.yml"
_SWITCHED_OFF: Final = "traceability is switched off"
NOT_ASKED: Final = Provenance(unread_reason=_SWITCHED_OFF)
_UNREAD: Final = 200

REVISION: Final = "org.opencontainers.image.revision"
SOURCE: Final = "org.opencontainers.image.source"
# https://github.com/opencontainers/image-spec/blob/main/annotations.md#pre-defined-annotation-keys
# and what was used before it: http://label-schema.org/rc1/
_KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "commit": (REVISION, "org.label-schema.vcs-ref"),
        "repository": (SOURCE, "org.label-schema.vcs-url"),
        "build_url": ("org.opencontainers.image.url",),
        "created_at": ("org.opencontainers.image.created", "org.label-schema.build-date"),
    }
)
_REVISION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{1,63}", re.ASCII)
_NO_REVISION: Final = frozenset(
    {
        "dev",
        "head",
        "latest",
        "local",
        "main",
        "master",
        "n-a",
        "na",
        "nil",
        "none",
        "not-available",
        "null",
        "undefined",
        "unknown",
        "unset",
    }
)
"""What build scripts write where they know no commit."""
_URL: Final = re.compile(r"https://[!#-;=?-\[\]_a-z~]+")
_OLDEST: Final = datetime(1981, 1, 1, tzinfo=UTC)
"""Reproducible builds give a constant time: the beginning of 1970, or of 1980."""

# "1a2b3c4", "git-1a2b3c4", "sha-1a2b3c4", "v1.2.0-14-g1a2b3c4", "main-1a2b3c4-arm64"
_TAG: Final = re.compile(
    r"(?:.*?[-_.])??(?P<said>(?:git|sha|commit)[-_.]|(?<=[0-9]-)g)?(?P<commit>[0-9a-f]{7,40})"
    r"(?:[-_.](?:amd64|arm64|x86_64|aarch64|dirty))?"
)
_DATE: Final = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[a-f]?\d{0,2}")
_LENGTHS: Final = (*range(7, 17), 40)
"""Of commits in tags that do not say that they are one: 32 digits are a UUID."""


def normalize_provenance(said: Iterable[tuple[str, Any]], *, created_at: Any = None) -> Provenance:
    """
    Return what annotations and labels say, each given with its name; the first that says it counts.

    `created_at`: what the configuration of the image says, for want of anything else. Never fails:
    what cannot be read is left out.
    """
    known: dict[str, Any] = {}
    evidence: dict[str, str] = {}
    for kind, texts in said:
        for name, keys in _KEYS.items():
            for key in keys:
                found = _READERS[name](_text(texts, key))
                if found is not None and name not in known:
                    known[name], evidence[name] = found, f"{kind} {key}"
    built = _moment(created_at if isinstance(created_at, str) else "")
    if built is not None and "created_at" not in known:
        known["created_at"], evidence["created_at"] = built, "image configuration"
    # Builders often repeat the repository here, which says nothing about the build.
    build = known.get("build_url")
    if build is not None and forges.repository_url(build) == known.get("repository"):
        del known["build_url"], evidence["build_url"]
    return Provenance(**known, evidence=MappingProxyType(evidence))


def _text(texts: Any, key: str) -> str:
    value = texts.get(key) if isinstance(texts, dict) else None
    return one_line(value) if isinstance(value, str) else ""


def _revision(text: str) -> str | None:
    if not _REVISION.fullmatch(text) or text.lower() in _NO_REVISION or not text.strip("0"):
        return None
    return text.lower() if forges.is_commit(text.lower()) else text


def _url(text: str) -> str | None:
    if len(text) > forges.MAX_URL or not _URL.fullmatch(text):
        return None
    try:
        return text if "." in read_address(text).host else None
    except AddressError:
        return None


def _moment(text: str) -> datetime | None:
    # Docker writes nanoseconds: https://www.rfc-editor.org/rfc/rfc3339 sets no limit.
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment >= _OLDEST else None


_READERS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "commit": _revision,
        "repository": forges.repository_url,
        "build_url": _url,
        "created_at": _moment,
    }
)


def not_read(error: Exception) -> Provenance:
    """Return what is known when reading failed: why."""
    said = str(error) if isinstance(error, ScanAlertError) else type(error).__name__
    return Provenance(unread_reason=truncate(one_line(said), _UNREAD) or type(error).__name__)


def kept(now: Provenance | None, before: Provenance | None) -> Provenance | None:
    """Return what need not be read again for another scan of the same image."""
    return now if now is not None and now.unread_reason is None else before


def completed(
    found: Provenance, image: Image, sources: Sequence[tuple[str, str]] = ()
) -> Provenance | None:
    """
    Return the same with what the image's tags and alerts.yml say about what is not known.

    What they said the last time is forgotten: tags and alerts.yml change. None when nothing was
    asked, and nothing is known.
    """
    kept = {name: by for name, by in found.evidence.items() if by not in {TAG, CONFIGURED}}
    known = {each.name: getattr(found, each.name) for each in fields(found) if each.name in kept}
    commit = commit_of(image.tags)
    if "commit" not in known and commit is not None:
        known["commit"], kept["commit"] = commit, TAG
    configured = next((url for glob, url in sources if fnmatchcase(image.repository, glob)), None)
    if "repository" not in known and configured is not None:
        known["repository"] = forges.repository_url(configured)
        kept["repository"] = CONFIGURED
    if found.unread_reason == _SWITCHED_OFF and "commit" not in known:
        return None
    return Provenance(**known, evidence=MappingProxyType(kept), unread_reason=found.unread_reason)


def commit_of(tags: Iterable[str]) -> str | None:
    """Return the commit that one of these tags names, the longest; None without such a tag."""
    named = [commit for each in tags if (commit := _commit_of(each)) is not None]
    return max(named, key=len, default=None)


def _commit_of(tag: str) -> str | None:
    """Return the commit that a tag names. Dates, numbers of builds and plain words are none."""
    match = _TAG.fullmatch(tag)
    if match is None or not forges.is_commit(match["commit"]):
        return None
    commit = match["commit"]
    if match["said"]:
        return commit
    mixed = any(map(str.isdigit, commit)) and any(map(str.isalpha, commit))
    likely = mixed and len(commit) in _LENGTHS and not _DATE.fullmatch(commit)
    return commit if likely else None


# --- what people read -------------------------------------------------------------------------


def commit_url(found: Provenance | None) -> str | None:
    """Return the page of the commit that an image was made from."""
    return None if found is None else forges.commit_url(found.repository, found.commit)


def compare_url(found: Provenance | None, basis: Basis) -> str | None:
    """Return the page of what changed in the code since the image before."""
    before = basis.provenance
    if basis.kind is not BasisKind.PREVIOUS_IMAGE or before is None or found is None:
        return None
    if before.repository != found.repository:
        return None
    return forges.compare_url(found.repository, before.commit, found.commit)
