"""
The provenance of an image: commit, repository and build, as the image states them. Pure.

    normalize_provenance    annotations and labels -> Provenance: every text cleaned, cut, checked
    completed               the rest, from a tag that names a commit and `sources` of alerts.yml
    commit_url, compare_url the pages of the commit and of the comparison

An image inherits the labels of its base image, so they can be about the base image.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, Final

from lib.errors import ScanAlertError
from lib.models import Basis, BasisKind, Image, Notice, Provenance
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
# and the older names: http://label-schema.org/rc1/
_KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "commit": (REVISION, "org.label-schema.vcs-ref"),
        "repository": (SOURCE, "org.label-schema.vcs-url"),
        "build_url": ("org.opencontainers.image.url",),
        "created_at": ("org.opencontainers.image.created", "org.label-schema.build-date"),
        "base_image": ("org.opencontainers.image.base.name",),
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
"""Texts of build scripts without a commit."""
_BASE_IMAGE: Final = re.compile(r"[a-z0-9][\w./:@-]{1,199}", re.ASCII)
_URL: Final = re.compile(r"https://[!#-;=?-\[\]_a-z~]+")
_OLDEST: Final = datetime(1981, 1, 1, tzinfo=UTC)
"""Reproducible builds give a constant time: the beginning of 1970, or of 1980."""

# "1a2b3c4", "git-1a2b3c4", "sha-1a2b3c4", "v1.2.0-14-g1a2b3c4", "main-1a2b3c4-arm64"
_TAG: Final = re.compile(
    r"(?:.*?[-_.])??(?P<marked>(?:git|sha|commit)[-_.]|(?<=[0-9]-)g)?(?P<commit>[0-9a-f]{7,40})"
    r"(?:[-_.](?:amd64|arm64|x86_64|aarch64|dirty))?"
)
_DATE: Final = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[a-f]?\d{0,2}")
_LENGTHS: Final = (*range(7, 17), 40)
"""Lengths of commits in tags without a mark: 32 digits are a UUID."""


def normalize_provenance(
    sources: Iterable[tuple[str, Any]], *, created_at: Any = None
) -> Provenance:
    """
    Return the provenance in annotations and labels, given with their kinds; the first value counts.

    `created_at` is the time in the configuration of the image. It counts where nothing else does.
    Never fails: an unreadable value is ignored.
    """
    values: dict[str, Any] = {}
    evidence: dict[str, str] = {}
    for kind, texts in sources:
        for name, keys in _KEYS.items():
            for key in keys:
                value = _READERS[name](_text(texts, key))
                if value is not None and name not in values:
                    values[name], evidence[name] = value, f"{kind} {key}"
    built = _moment(created_at if isinstance(created_at, str) else "")
    if built is not None and "created_at" not in values:
        values["created_at"], evidence["created_at"] = built, "image configuration"
    # Builders often repeat the repository here, which says nothing about the build.
    build = values.get("build_url")
    if build is not None and forges.repository_url(build) == values.get("repository"):
        del values["build_url"], evidence["build_url"]
    return Provenance(**values, evidence=MappingProxyType(evidence))


def _text(texts: Any, key: str) -> str:
    value = texts.get(key) if isinstance(texts, dict) else None
    return one_line(value) if isinstance(value, str) else ""


def _revision(text: str) -> str | None:
    if not _REVISION.fullmatch(text) or text.lower() in _NO_REVISION or not text.strip("0"):
        return None
    return text.lower() if forges.is_commit(text.lower()) else text


def _base_image(text: str) -> str | None:
    """Return the name of a base image that is one: no blanks, no markup, not too long."""
    return text if _BASE_IMAGE.fullmatch(text) else None


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
        "base_image": _base_image,
    }
)


def not_read(error: Exception) -> Provenance:
    """Return a provenance that could not be read, with the reason."""
    reason = str(error) if isinstance(error, ScanAlertError) else type(error).__name__
    return Provenance(unread_reason=truncate(one_line(reason), _UNREAD) or type(error).__name__)


def kept(now: Provenance | None, before: Provenance | None) -> Provenance | None:
    """Return the provenance to keep, so that the next scan of the image need not read it."""
    return now if now is not None and now.unread_reason is None else before


def completed(
    provenance: Provenance, image: Image, sources: Sequence[tuple[str, str]] = ()
) -> Provenance | None:
    """
    Fill in commit and repository from the image's tags and from `sources` in alerts.yml.

    Earlier values from tags and alerts.yml are dropped first, because both change. None if reading
    is switched off and the tags name no commit.
    """
    evidence = {
        name: origin
        for name, origin in provenance.evidence.items()
        if origin not in {TAG, CONFIGURED}
    }
    values = {
        field.name: getattr(provenance, field.name)
        for field in fields(provenance)
        if field.name in evidence
    }
    commit = commit_of(image.tags)
    if "commit" not in values and commit is not None:
        values["commit"], evidence["commit"] = commit, TAG
    configured = next((url for glob, url in sources if fnmatchcase(image.repository, glob)), None)
    if "repository" not in values and configured is not None:
        values["repository"] = forges.repository_url(configured)
        evidence["repository"] = CONFIGURED
    reason = provenance.unread_reason
    if reason == _SWITCHED_OFF and "commit" not in values:
        return None
    return Provenance(**values, evidence=MappingProxyType(evidence), unread_reason=reason)


def traced(notice: Notice, sources: Sequence[tuple[str, str]] = ()) -> Notice:
    """Return a notice with the provenance of its current image, and of the one compared with."""
    current, before = notice.message.state.current, notice.message.before
    now = then = None
    if current is not None:
        now = completed(current.provenance or NOT_ASKED, current.image, sources)
    if before is not None and before.current is not None:
        then = completed(before.provenance or NOT_ASKED, before.current, sources)
    return replace(notice, provenance=now, provenance_before=then)


def commit_of(tags: Iterable[str]) -> str | None:
    """Return the longest commit that a tag names; None without such a tag."""
    commits = [commit for tag in tags if (commit := _commit_of(tag)) is not None]
    return max(commits, key=len, default=None)


def _commit_of(tag: str) -> str | None:
    """Return the commit that a tag names. Dates, numbers of builds and plain words are none."""
    match = _TAG.fullmatch(tag)
    if match is None or not forges.is_commit(match["commit"]):
        return None
    commit = match["commit"]
    if match["marked"]:
        return commit
    mixed = any(map(str.isdigit, commit)) and any(map(str.isalpha, commit))
    likely = mixed and len(commit) in _LENGTHS and not _DATE.fullmatch(commit)
    return commit if likely else None


# --- pages ------------------------------------------------------------------------------------


def commit_url(provenance: Provenance | None) -> str | None:
    """Return the page of the commit of an image."""
    if provenance is None:
        return None
    return forges.commit_url(provenance.repository, provenance.commit)


def compare_url(provenance: Provenance | None, basis: Basis) -> str | None:
    """Return the page that compares the code with that of the previous image."""
    before = basis.provenance
    if basis.kind is not BasisKind.PREVIOUS_IMAGE or before is None or provenance is None:
        return None
    if before.repository != provenance.repository:
        return None
    return forges.compare_url(provenance.repository, before.commit, provenance.commit)
