"""
Checks of a repository's settings: each deviation is a finding with its remedy. Pure.

    ECR-TAG-MUTABILITY    tags can be overwritten, other than those of caches
    ECR-CACHE-IMMUTABLE   tags of a pull-through cache cannot be refreshed
    ECR-SCAN-ON-PUSH      images are not scanned when they are pushed
    ECR-NOT-SCANNED       the newest image has no scan, or an old one
    ECR-LIFECYCLE-…       see `lib.checks.retention`
    ECR-TEMPLATE-ROLE     a creation template lacks the role that ECR needs
    ECR-ENCRYPTION        no key of KMS, where one is expected
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

from lib.checks import remedies
from lib.checks.caches import build_cache_tags
from lib.checks.expectations import Expectations
from lib.checks.findings import (
    CACHE_IMMUTABLE,
    ENCRYPTION,
    NOT_SCANNED,
    SCAN_ON_PUSH,
    TAG_MUTABILITY,
    TEMPLATE_ROLE,
    finding,
)
from lib.checks.retention import check_retention
from lib.models import (
    Finding,
    NameFilter,
    PullThroughCache,
    RepositorySettings,
    ScanProgress,
    Severity,
)

_GRACE: Final = timedelta(days=1)
"""A newly pushed image without a scan is no finding for this long."""
_FIRST_TAGS: Final = (
    "for tags that move add `--allow latest` and list them under allow_mutable in alerts.yml"
)
_MORE_TAGS: Final = (
    "for others that move add them behind `--allow` and to allow_mutable in alerts.yml"
)


def check(
    settings: RepositorySettings, expected: Expectations, *, now: datetime
) -> tuple[Finding, ...]:
    """Return a finding for each setting that deviates, worst first."""
    findings = [
        *_creation(settings),
        *_tag_mutability(settings, expected),
        *_scan_on_push(settings, expected),
        *_not_scanned(settings, expected, now),
        *check_retention(settings, expected, now),
        *_encryption(settings, expected),
    ]
    if settings.template is not None:
        findings = [
            replace(deviation, title=f"new repositories: {deviation.title}")
            for deviation in findings
        ]
    return tuple(
        sorted(findings, key=lambda deviation: (-deviation.severity, deviation.vulnerability_id))
    )


def _creation(settings: RepositorySettings) -> Iterator[Finding]:
    """
    Yield a finding about a template by which ECR may create no repository.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-create.html
    """
    template = settings.template
    if template is None or template.role is not None:
        return
    needs = [
        *(["resource tags"] if template.resource_tags else []),
        *(["a key of KMS"] if settings.kms_key is not None else []),
    ]
    if not needs:
        return
    yield finding(
        TEMPLATE_ROLE,
        Severity.HIGH,
        "creation template",
        "no role",
        title="ECR cannot create them",
        risk=f"The template has {' and '.join(needs)}, for which ECR needs a role, and names none: "
        "the first pull through a cache, a push or a replication to a new name fails.",
        remedy=remedies.role(settings),
    )


# --- tags -------------------------------------------------------------------------------------


def _tag_mutability(settings: RepositorySettings, expected: Expectations) -> Iterator[Finding]:
    if settings.cache is not None:
        yield from _cache(settings, settings.cache)
        return
    allowed = allowed_tags(settings, expected)
    movable = movable_tags(settings, expected)
    if not movable:
        return
    more = _MORE_TAGS if expected.mutable_tags(settings.image.repository) else _FIRST_TAGS
    tags = sum(len(image.tags) for image in settings.stored)
    some = "" if "*" in movable else f" that match {', '.join(movable)}"
    tag_text = f" It holds {tags:,} tag{'s' if tags != 1 else ''} now." if tags and not some else ""
    yield finding(
        TAG_MUTABILITY,
        Severity.HIGH,
        "tag mutability",
        settings.tag_mutability,
        title=f"tags{some} can be overwritten",
        risk="Anyone who may push can put another image under a tag that is in use: what runs next "
        f"may not be what was scanned.{tag_text}",
        remedy=remedies.guided(
            remedies.immutable_tags(settings, allowed),
            settings,
            expected,
            f"a tag can no longer be pushed twice{remedies.unless(allowed)}; {more}",
        ),
    )


def allowed_tags(settings: RepositorySettings, expected: Expectations) -> tuple[str, ...]:
    """Return globs over the tags that may move: by the configuration, and those of build caches."""
    return (
        *expected.mutable_tags(settings.image.repository),
        *build_cache_tags(settings.stored),
    )


def movable_tags(settings: RepositorySettings, expected: Expectations) -> Sequence[str]:
    """Return patterns of the tags that can be overwritten, and may not."""
    allowed = allowed_tags(settings, expected)
    return [pattern for pattern in _movable(settings) if not _allowed(pattern, allowed)]


def _cache(settings: RepositorySettings, cache: PullThroughCache) -> Iterator[Finding]:
    """Yield a finding about a cache that ECR cannot keep current. Exclusions are a decision."""
    if settings.tag_mutability != "IMMUTABLE" or cache.is_root:
        return
    yield finding(
        CACHE_IMMUTABLE,
        Severity.MEDIUM,
        "tag mutability",
        settings.tag_mutability,
        title="the tags of a pull-through cache cannot be refreshed",
        risk=f"It caches {cache.upstream}. ECR cannot move a tag that changed there, so what is "
        "pulled here stays as old as its first pull, with its vulnerabilities.",
        remedy=remedies.mutable_tags(settings),
    )


def _movable(settings: RepositorySettings) -> Sequence[str]:
    """Return patterns of the tags that can be overwritten; "*" for all tags."""
    match settings.tag_mutability:
        case "IMMUTABLE":
            return ()
        case "IMMUTABLE_WITH_EXCLUSION":
            return [exclusion.filter for exclusion in settings.exclusions]
        case _:
            return ["*"]


def _allowed(pattern: str, globs: Sequence[str]) -> bool:
    """
    Whether a glob allows every tag that a pattern of ECR matches.

    A * in the glob covers a * in the pattern. ? and [ab] do not, although fnmatch would match
    them with the character *.
    """
    return any(
        fnmatchcase(pattern, glob) and ("*" not in pattern or not re.search(r"[?\[]", glob))
        for glob in globs
    )


# --- scanning ---------------------------------------------------------------------------------


def _scan_on_push(settings: RepositorySettings, expected: Expectations) -> Iterator[Finding]:
    if scans_on_push(settings):
        return
    if is_unruled(settings):
        is_own = settings.template is None
        own = "Scan on push is off here" if is_own else "The template does not set scan on push"
        value, why = "off", f"{own}, and no rule of the registry turns it on."
        remedy = remedies.guided(remedies.scan_on_push(settings), settings, expected)
    else:
        remedy = remedies.scan_on_push(settings)
        value = f"no {settings.scan_type.lower()} rule"
        why = f"No rule of the registry's {settings.scan_type.lower()} scanning matches its name."
    yield finding(
        SCAN_ON_PUSH,
        Severity.HIGH,
        "scan on push",
        value,
        title="images are not scanned when they are pushed",
        risk=f"{why} Vulnerabilities in new images raise no alert.",
        remedy=remedy,
    )


def scans_on_push(settings: RepositorySettings) -> bool:
    """
    Whether pushed images are scanned.

    The registry's rules decide where it has some: other repositories are scanned manually (basic)
    or not at all (enhanced). Without rules, basic scanning follows the repository's setting.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    """
    if is_unruled(settings):
        return settings.scan_on_push
    return any(
        rule.frequency in ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")
        and any(matches(filter_, settings.image.repository) for filter_ in rule.filters)
        for rule in settings.scan_rules
    )


def is_unruled(settings: RepositorySettings) -> bool:
    """Whether the registry has no rule about scanning, so that each repository's setting counts."""
    return settings.scan_type == "BASIC" and not settings.scan_rules


def matches(filter_: NameFilter, name: str) -> bool:
    """Whether a filter matches a repository; a filter without * matches any part of the name."""
    if filter_.type == "PREFIX_MATCH":
        return name.startswith(filter_.filter)
    if "*" not in filter_.filter:
        return filter_.filter in name
    pattern = ".*".join(map(re.escape, filter_.filter.split("*")))
    return re.fullmatch(pattern, name) is not None


def _not_scanned(
    settings: RepositorySettings, expected: Expectations, now: datetime
) -> Iterator[Finding]:
    newest, last = settings.newest, settings.last_scan
    if newest is None or not is_due(settings, now):
        return
    usable = last is not None and last.progress is ScanProgress.USABLE
    scanned_at = last.completed_at if last is not None and usable else None
    if scanned_at is not None and now - scanned_at <= timedelta(days=expected.scanned_within):
        return
    if last is not None and usable and scanned_at is None:
        # The scan is usable and has no date.
        return
    if scanned_at is not None:
        days = (now - scanned_at).days
        title = f"the newest image was scanned {days} days ago"
        risk = f"What became known about {newest.name} since {scanned_at:%Y-%m-%d} is not listed."
    else:
        title = "the newest image has no scan"
        status = f" Its last scan ended as {last.status}." if last is not None else ""
        doubts = "".join(f" Not known: {doubt}." for doubt in newest.doubts)
        risk = f"Nothing is known about the vulnerabilities of {newest.name}.{status}{doubts}"
    yield finding(
        NOT_SCANNED,
        Severity.HIGH,
        "last scan",
        f"{scanned_at:%Y-%m-%d}" if scanned_at is not None else "none",
        title=title,
        risk=risk,
        remedy=remedies.start_scan(settings),
    )


def is_due(settings: RepositorySettings, now: datetime) -> bool:
    """Whether the newest image is there for long enough that it should be scanned."""
    newest = settings.newest
    return newest is not None and newest.pushed_at is not None and now - newest.pushed_at >= _GRACE


# --- encryption -------------------------------------------------------------------------------


def _encryption(settings: RepositorySettings, expected: Expectations) -> Iterator[Finding]:
    if expected.encryption != "KMS" or settings.encryption.startswith("KMS"):
        return
    yield finding(
        ENCRYPTION,
        Severity.MEDIUM,
        "encryption",
        settings.encryption,
        title="not encrypted with a key of KMS",
        risk="Its images are encrypted with a key of Amazon S3, which nobody here can revoke, or "
        "see the use of.",
        remedy=remedies.encryption(settings),
    )
