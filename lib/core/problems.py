"""Scans without a usable result: the reason in plain words, and what a person can do."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from shlex import quote
from types import MappingProxyType
from typing import Final

from lib.core.conditions import UNSUPPORTED
from lib.core.evidence import NOT_THERE
from lib.core.scanners import scanner_of
from lib.models import ChangeKind, Image, ScanProblem, ScanSource, UnusableReport
from lib.text import capitalized
from lib.urls.partitions import pull_address

# The statuses and their meaning, whatever the scanner:
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html
_SYSTEM: Final = "UNSUPPORTED_SYSTEM"
_MANIFEST: Final = "UNSUPPORTED_MANIFEST"
_REASONS: Final = MappingProxyType({
    "FAILED": "{scanner} could not finish the scan.",
    _SYSTEM: "{scanner} does not support the operating system or the package manager of this "
    "image.",
    _MANIFEST: "{scanner} does not scan this kind of manifest.",
    UNSUPPORTED: "{scanner} does not support this image (its operating system, or its kind of "
    "manifest).",
    "SCAN_ELIGIBILITY_EXPIRED": "The image is older than the re-scan duration, so Inspector "
    "stopped watching it. Its earlier findings are not resolved.",
    "FINDINGS_UNAVAILABLE": "The findings of this image are not available, for example after a "
    "change of scanner.",
    "LIMIT_EXCEEDED": "A scanning limit is used up: 100,000 basic scans a day, or one in 24 h for "
    "an image.",
    "IMAGE_ARCHIVED": "The image is archived, and archived images are not scanned.",
    "IMAGE_SIZE_EXCEEDED": "The image is larger than {scanner} takes.",
    "PENDING": "The scan was announced but has no result yet.",
    "SCAN_NOT_FOUND": "No scan of this image exists.",
    NOT_THERE: "The repository does not have this image, which the index names.",
    "COMPLETE": "The scan is complete, but its findings do not fit what it counted.",
})  # fmt: skip
_IN_SHORT: Final = MappingProxyType({
    "FAILED": "its scan failed",
    _SYSTEM: "operating system or package manager not supported",
    _MANIFEST: "this kind of manifest is not scanned",
    UNSUPPORTED: "not supported by the scanner",
    "SCAN_ELIGIBILITY_EXPIRED": "not watched by Inspector any more",
    "MONITORING_ENDED": "not known to be watched by Inspector",
    "FINDINGS_UNAVAILABLE": "its findings are not available",
    "LIMIT_EXCEEDED": "a scanning limit is used up",
    "IMAGE_ARCHIVED": "archived, so not scanned",
    "IMAGE_SIZE_EXCEEDED": "larger than the scanner takes",
    "PENDING": "no result yet",
    "SCAN_NOT_FOUND": "never scanned",
    NOT_THERE: "not in the repository",
    "COMPLETE": "its findings do not fit what was counted",
})  # fmt: skip
_CAUSES: Final = MappingProxyType(
    _IN_SHORT
    | {
        "FAILED": "",
        "MONITORING_ENDED": "",
        "IMAGE_ARCHIVED": "the image is archived",
        "SCAN_NOT_FOUND": "no scan of it exists",
    }
)
"""The same behind "not scanned"; empty where that says it all."""
_UNKNOWN: Final = "The scan has a status that is not known here, so nothing is said about findings."
_KINDS: Final = (
    (_SYSTEM, re.compile("operating system|package manager", re.IGNORECASE)),
    (_MANIFEST, re.compile("manifest|media ?type|artifact", re.IGNORECASE)),
)
"""What the scanner's words about an image that it does not support mean."""
_UNSUPPORTED_ERROR: Final = "UnsupportedImageError"
_NO_SYSTEM: Final = (
    f"{_UNSUPPORTED_ERROR}: The operating system and/or package manager are not supported."
)
"""Words that say no more than the reason."""
_SAME_AS: Final = MappingProxyType({"IN_PROGRESS": "PENDING", "ACTIVE": "COMPLETE"})


def kind_of_problem(status: str) -> ChangeKind:
    """Return whether a scan failed, or does not exist."""
    return ChangeKind.SCAN_FAILED if status == "FAILED" else ChangeKind.NOT_SCANNED


def in_short(key: str, reason: str) -> str:
    """
    Return a condition of a part in a few words, for a list of images.

    `key`: meaning and part, as `lib.core.conditions` writes them. A meaning without words here is
    named as it is, with its `reason`.
    """
    meaning, _, part = key.partition(" ")
    words = _IN_SHORT.get(_kind(meaning, reason), f"{meaning}: {reason}")
    cause = reason.removeprefix(f"{meaning}: ")
    if meaning == "FAILED" and cause != reason:
        words = f"{words} ({cause})"
    return f"{part}: {words}" if part else words


def cause_of(key: str, reason: str) -> str:
    """
    Return why a part has no result, behind "scan failed" or "not scanned".

    Empty where there is no more to say than that. The scanner's own words stand in for a meaning
    without words here.
    """
    meaning = key.partition(" ")[0]
    return _CAUSES.get(_kind(meaning, reason), reason)


def is_unsupported(key: str) -> bool:
    """Return whether a scan failed because the scanner does not take the image at all."""
    return key.partition(" ")[0] == UNSUPPORTED


def _kind(meaning: str, words: str) -> str:
    """Return the meaning of a status; what is not supported, as far as the scanner says it."""
    if meaning != UNSUPPORTED:
        return meaning
    return next((kind for kind, pattern in _KINDS if pattern.search(words)), meaning)


def problem_of(report: UnusableReport) -> ScanProblem:
    """
    Return the meaning of a scan without a usable result, and its remedy.

    The remedy is the scanner's. It names a command where there is one; the arguments are quoted for
    a shell.
    """
    if report.scan.source is ScanSource.REPOSITORY:
        return _not_checked(report)
    status, description = report.scan.status, report.scan.reason or ""
    # An index itself is never scanned: what helps is done to an image in it.
    image = report.image
    if report.parts:
        image = replace(image, digest=report.parts[0].digest, tags=())
    # Basic scanning says FAILED of images that it does not support, and why in words.
    # Reasons of fetched reports begin with the status.
    words = description.removeprefix(f"{status}: ")
    unsupported = words.startswith(_UNSUPPORTED_ERROR)
    meaning = _kind(UNSUPPORTED if unsupported else _SAME_AS.get(status, status), words)
    scanner = scanner_of(report.scan.source)
    remedy = scanner.remedies.get(meaning, scanner.remedy)
    return ScanProblem(
        kind=kind_of_problem(status),
        status=status,
        reason=capitalized(_REASONS.get(meaning, _UNKNOWN).format(scanner=scanner.name)),
        remedy=remedy.format_map({**commands(image), "source": report.scan.source.value}),
        quote="" if words in (status, f"status {status}", _NO_SYSTEM) else words,
        pages=scanner.pages.get(meaning, ()),
    )


def _not_checked(report: UnusableReport) -> ScanProblem:
    reason = report.scan.reason or report.scan.status
    return ScanProblem(
        kind=ChangeKind.NOT_SCANNED,
        status=report.scan.status,
        reason=f"{reason}.",
        remedy="Allow it to the role of the function process_scan, which serverless.yml describes, "
        "and look for what denies it: a policy of the organization, or one of the repository.",
    )


def commands(image: Image) -> Mapping[str, str]:
    """
    Return the commands that a remedy can name, by the field that stands for each.

    A word in capitals stands for what is unknown.
    """
    region = quote(image.region) if image.region else "REGION"
    account = quote(image.account) if image.account else "ACCOUNT"
    repository = quote(image.repository) if image.repository else "REPOSITORY"
    digest = quote(image.digest) if image.digest else "DIGEST"
    image_arguments = (
        f"--region {region} --registry-id {account} --repository-name {repository} "
        f"--image-id imageDigest={digest}"
    )
    criteria = json.dumps(
        {
            "ecrRepositoryName": [{"comparison": "EQUALS", "value": image.repository}],
            "resourceType": [{"comparison": "EQUALS", "value": "AWS_ECR_CONTAINER_IMAGE"}],
        }
    )
    storage = "--target-storage-class STANDARD"
    return {
        "region": region,
        "address": quote(pull_address(image)) if image.account and image.region else "IMAGE",
        "describe": f"aws ecr describe-image-scan-findings {image_arguments} "
        "--query imageScanStatus",
        "start": f"aws ecr start-image-scan {image_arguments}",
        "restore": f"aws ecr update-image-storage-class {image_arguments} {storage}",
        "coverage": f"aws inspector2 list-coverage --region {region} "
        f"--filter-criteria {quote(criteria)}",
    }
