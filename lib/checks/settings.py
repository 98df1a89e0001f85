"""
Checks of a repository's settings: each deviation is a finding with its remedy. Pure.

    ECR-TAG-MUTABILITY    tags can be overwritten
    ECR-SCAN-ON-PUSH      images are not scanned when they are pushed
    ECR-NOT-SCANNED       the newest image has no scan, or an old one
    ECR-LIFECYCLE-…       no policy, a broken one, or one that keeps untagged or old images
    ECR-ENCRYPTION        no key of KMS, where one is expected
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from lib.checks import remedies
from lib.checks.expiry import expiring, kept_for_ever, read_policy
from lib.checks.lifecycle import LifecyclePolicy, can_expire_untagged
from lib.checks.remedies import Remedy
from lib.models import (
    Finding,
    NameFilter,
    Package,
    RepositorySettings,
    ScanProgress,
    Severity,
)

MANAGER: Final = "ECR"
"""The package manager of findings about settings."""
COMMAND: Final = "command"
CLOUDFORMATION: Final = "cloudformation"
REMARK: Final = "remark"
"""Keys of `Finding.extra`: the command, the CloudFormation lines, and the warning before both."""

TAG_MUTABILITY: Final = "ECR-TAG-MUTABILITY"
SCAN_ON_PUSH: Final = "ECR-SCAN-ON-PUSH"
NOT_SCANNED: Final = "ECR-NOT-SCANNED"
LIFECYCLE_MISSING: Final = "ECR-LIFECYCLE-MISSING"
LIFECYCLE_INVALID: Final = "ECR-LIFECYCLE-INVALID"
LIFECYCLE_UNTAGGED: Final = "ECR-LIFECYCLE-UNTAGGED"
LIFECYCLE_OLD: Final = "ECR-LIFECYCLE-OLD"
ENCRYPTION: Final = "ECR-ENCRYPTION"

_GRACE: Final = timedelta(days=1)
"""A newly pushed image without a scan is no finding for this long."""
_GB: Final = 1024**3
_DOCS: Final = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/"
_PAGES: Final = MappingProxyType(
    {
        TAG_MUTABILITY: "image-tag-mutability.html",
        SCAN_ON_PUSH: "image-scanning-filters.html",
        NOT_SCANNED: "image-scanning.html",
        LIFECYCLE_MISSING: "LifecyclePolicies.html",
        LIFECYCLE_INVALID: "lifecycle_policy_parameters.html",
        LIFECYCLE_UNTAGGED: "lifecycle_policy_examples.html",
        LIFECYCLE_OLD: "lifecycle_policy_examples.html",
        ENCRYPTION: "encryption-at-rest.html",
    }
)


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


def check(
    settings: RepositorySettings, expected: Expectations, *, now: datetime
) -> tuple[Finding, ...]:
    """Return a finding for each setting that deviates, worst first."""
    findings = [
        *_tag_mutability(settings, expected),
        *_scan_on_push(settings),
        *_not_scanned(settings, expected, now),
        *_lifecycle(settings, expected),
        *_encryption(settings, expected),
    ]
    return tuple(
        sorted(findings, key=lambda deviation: (-deviation.severity, deviation.vulnerability_id))
    )


def finding(
    identifier: str,
    severity: Severity,
    setting: str,
    value: str,
    *,
    title: str,
    risk: str,
    remedy: Remedy,
) -> Finding:
    """Return a deviation as a finding."""
    return Finding(
        vulnerability_id=identifier,
        package=Package(setting, value, MANAGER),
        severity=severity,
        title=title,
        description=risk,
        fix_available="YES",
        remediation=remedy.text,
        links=(_DOCS + _PAGES[identifier],),
        extra=MappingProxyType(
            {
                COMMAND: remedy.command,
                CLOUDFORMATION: f"{remedy.resource}\n{remedy.properties}",
                **({REMARK: remedy.remark} if remedy.remark else {}),
            }
        ),
    )


# --- tags -------------------------------------------------------------------------------------


def _tag_mutability(settings: RepositorySettings, expected: Expectations) -> Iterator[Finding]:
    movable = [
        pattern for pattern in _movable(settings) if not _allowed(pattern, expected.allow_mutable)
    ]
    if not movable:
        return
    tags = sum(map(len, settings.tag_sets))
    some = "" if "*" in movable else f" that match {', '.join(movable)}"
    tag_text = f" It holds {tags:,} tag{'s' if tags != 1 else ''} now." if tags and not some else ""
    yield finding(
        TAG_MUTABILITY,
        Severity.HIGH,
        "tag mutability",
        settings.tag_mutability,
        title=f"tags{some} can be overwritten",
        risk="Whoever may push can put another image under a tag that is in use: what was scanned "
        f"and approved is not what runs next.{tag_text}",
        remedy=remedies.immutable_tags(settings, expected.allow_mutable),
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


def _scan_on_push(settings: RepositorySettings) -> Iterator[Finding]:
    if scans_on_push(settings):
        return
    if settings.scan_type == "BASIC" and not settings.scan_rules:
        value, why = "off", "Scan on push is off, and the registry has no rule about scanning."
    else:
        value = f"no {settings.scan_type.lower()} rule"
        why = f"No rule of the registry's {settings.scan_type.lower()} scanning matches its name."
    yield finding(
        SCAN_ON_PUSH,
        Severity.HIGH,
        "scan on push",
        value,
        title="images are not scanned when they are pushed",
        risk=f"{why} Nobody hears of vulnerabilities in what is pushed here.",
        remedy=remedies.scan_on_push(settings),
    )


def scans_on_push(settings: RepositorySettings) -> bool:
    """
    Whether pushed images are scanned.

    The registry's rules decide where it has some: other repositories are scanned manually (basic)
    or not at all (enhanced). Without rules, basic scanning follows the repository's setting.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    """
    if settings.scan_type == "BASIC" and not settings.scan_rules:
        return settings.scan_on_push
    return any(
        rule.frequency in ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")
        and any(matches(filter_, settings.image.repository) for filter_ in rule.filters)
        for rule in settings.scan_rules
    )


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
    if newest is None or newest.pushed_at is None or now - newest.pushed_at < _GRACE:
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


# --- lifecycle --------------------------------------------------------------------------------


def _lifecycle(settings: RepositorySettings, expected: Expectations) -> Iterator[Finding]:
    remedy = remedies.lifecycle(settings, expected.keep)
    if settings.lifecycle_policy is None:
        yield finding(
            LIFECYCLE_MISSING,
            Severity.MEDIUM,
            "lifecycle policy",
            "none",
            title="there is no lifecycle policy",
            risk=f"Nothing is ever deleted. {cost(settings, expected)}",
            remedy=remedy,
        )
        return
    policy = read_policy(settings.lifecycle_policy)
    if isinstance(policy, str):
        yield finding(
            LIFECYCLE_INVALID,
            Severity.MEDIUM,
            "lifecycle policy",
            "not valid",
            title=f"the lifecycle policy is not valid: {policy}",
            risk=f"It may delete nothing, or not what was meant. {cost(settings, expected)}",
            remedy=remedy,
        )
        return
    if not can_expire_untagged(policy):
        yield _untagged(settings, expected, remedy)
    yield from _old(settings, expected, policy, remedy)


def _untagged(settings: RepositorySettings, expected: Expectations, remedy: Remedy) -> Finding:
    return finding(
        LIFECYCLE_UNTAGGED,
        Severity.LOW,
        "untagged images",
        "kept",
        title="untagged images are kept for ever",
        risk=f"No rule expires them; {settings.untagged:,} are there now. "
        f"{cost(settings, expected)}",
        remedy=remedy,
    )


def _old(
    settings: RepositorySettings,
    expected: Expectations,
    policy: LifecyclePolicy,
    remedy: Remedy,
) -> Iterator[Finding]:
    rules = expiring(policy, expected.keep)
    kept_count = kept_for_ever(rules, settings.tag_sets)
    if rules and kept_count <= expected.keep:
        return
    if rules:
        why = (
            f"{kept_count:,} images with tags match none of its rules, "
            f"and {expected.keep:,} may stay."
        )
    else:
        why = f"No rule expires images with tags by age, or leaves at most {expected.keep:,}."
    yield finding(
        LIFECYCLE_OLD,
        Severity.LOW,
        "old images",
        "kept",
        title="old images with tags are kept for ever",
        risk=f"{why} {cost(settings, expected)}",
        remedy=remedy,
    )


def cost(settings: RepositorySettings, expected: Expectations) -> str:
    """Describe the stored images and their maximum cost: shared layers are billed once."""
    if not settings.images:
        return "It is empty now."
    size = settings.stored_bytes / _GB
    amount = f"{size:,.1f} GB" if size >= 1 else f"{settings.stored_bytes / 1024**2:,.0f} MB"
    images = f"{settings.images:,} image{'s' if settings.images > 1 else ''}"
    return (
        f"It holds {images} of up to {amount}, up to {size * expected.price:,.2f} USD a month "
        "(layers that images share are stored once)."
    )


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
