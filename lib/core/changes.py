"""Before and after -> changes, each with its reason; and what no result means. Pure."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from shlex import quote
from types import MappingProxyType
from typing import Final

from lib.models import (
    Basis,
    BasisKind,
    Change,
    ChangeKind,
    Comparison,
    Finding,
    FindingId,
    Image,
    Known,
    Report,
    Scan,
    ScanProblem,
    ScanSource,
    Standing,
    Suppressed,
    UnusableReport,
)

Suppress = Callable[[Finding], Suppressed | None]

_SAME: Final = (ChangeKind.UNCHANGED, "listed before, nothing about it got worse")
_STILL: Final = (ChangeKind.UNCHANGED, "was so in the check before")
_CLOSED: Final = "the source lists it as closed now"
_UNSUPPRESSED: Final = "its suppression in alerts.yml has ended"


def compare(
    before: Known | None,
    after: Report,
    *,
    basis: Basis,
    suppress: Suppress,
    now: datetime,
) -> Comparison:
    """
    Say what is different from `before`, and leave out what an entry of alerts.yml suppresses.

    Every finding of `after` that is open and not suppressed stands in the changes once, in the
    order of the report; RESOLVED ones follow. What the source itself lists as closed or suppressed
    is no change, but can resolve one. What was not known before is known since `now`.
    """
    words = _Words(before, after, basis)
    gone = dict(before.standings) if before is not None else {}
    unsuppressed = before.suppressed if before is not None else frozenset()
    changes: list[Change] = []
    resolved: dict[FindingId, str] = {}
    suppressed: list[Suppressed] = []
    known_since = before.since if before is not None else {}
    since: list[datetime] = []
    for finding in after.findings:
        identity = finding.id
        since.append(known_since.get(identity, now))
        old = gone.pop(identity, None)
        if not finding.open:
            if finding.source_status == "CLOSED" and old is not None and old.open:
                resolved[identity] = _CLOSED
            continue
        kind, reason = words.difference(old, finding)
        left_out = suppress(finding)
        if left_out is not None:
            suppressed.append(replace(left_out, kind=kind))
        elif identity in unsuppressed:
            changes.append(Change(ChangeKind.NEW, finding, _UNSUPPRESSED))
        else:
            changes.append(Change(kind, finding, reason))
    if words.absence_counts:
        resolved |= {identity: words.gone for identity, old in gone.items() if old.open}
    changes += _resolved(before, resolved)
    return Comparison(
        basis,
        tuple(changes),
        tuple(suppressed),
        _unscanned(before, after, basis),
        tuple(since),
    )


def _unscanned(before: Known | None, after: Report, basis: Basis) -> tuple[ChangeKind, ...]:
    """Return what to tell of parts without a result; a re-scan does not repeat it."""
    told = before.parts if before is not None and basis.kind is BasisKind.RESCAN else ()
    known = {(each.digest, each.status) for each in told if each.counts is None}
    return tuple(
        [
            kind_of_problem(each.status)
            for each in after.parts
            if each.counts is None and (each.digest, each.status) not in known
        ]
    )


def _resolved(before: Known | None, reasons: Mapping[FindingId, str]) -> Iterator[Change]:
    """Tell of what is gone; who was never told of a finding is not told of its end either."""
    if before is None:
        return
    for identity, reason in reasons.items():
        if identity not in before.suppressed:
            yield Change(ChangeKind.RESOLVED, before.finding(identity), reason)


class _Words:
    """What two results are to each other, and the words for it."""

    def __init__(self, before: Known | None, after: Report, basis: Basis) -> None:
        where = _where(basis)
        self.gone = f"listed {where}, not in this one"
        if basis.kind is BasisKind.RESCAN:
            self.gone = "no longer listed in a complete scan of the same image"
        self.absence_counts = False
        self._unknown = (ChangeKind.BASELINE, "first scan known here")
        self._same = _SAME
        if after.scan.source is ScanSource.REPOSITORY:
            self._about_a_repository(before, after)
            return
        if before is None:
            return
        # Absence proves something only in a complete list, and only for the scanner that listed
        # the finding before: another one looks for other things.
        same_scanner = _is_basic(before.scan) is _is_basic(after.scan)
        self.absence_counts = after.scan.complete and same_scanner
        new = f"not listed {where}"
        if not before.scan.complete:
            new += ", whose list was incomplete"
        if not same_scanner:
            new += f", which {before.scan.source.value} scanned"
        self._unknown = (ChangeKind.NEW, new)

    def _about_a_repository(self, before: Known | None, after: Report) -> None:
        """Say the same of a check, which asks the same questions every time."""
        self.gone = "as it should be now"
        self.absence_counts = after.scan.complete
        self._same = _STILL
        if before is None:
            self._unknown = (ChangeKind.BASELINE, "first check known here")
        elif after.scan.complete:
            self._unknown = (ChangeKind.NEW, "was not so in the check before")
        else:
            self._unknown = (ChangeKind.NEW, "told as it happens")

    def difference(self, old: Standing | None, new: Finding) -> tuple[ChangeKind, str]:
        """Return the first kind that holds; the reason names every one that does."""
        if old is None:
            return self._unknown
        if not old.open:
            return ChangeKind.NEW, f"open again: {str(old.source_status).lower()} before"
        # Most findings are the same as before; this test is all that they cost.
        if (
            new.severity == old.severity
            and new.exploitable <= old.exploitable
            and new.fixable <= old.fixable
        ):
            return self._same
        return _worsened(old, new)


def _worsened(old: Standing, new: Finding) -> tuple[ChangeKind, str]:
    found: list[tuple[ChangeKind, str]] = []
    if new.severity > old.severity:
        found.append((ChangeKind.RAISED, f"raised from {old.severity.name} to {new.severity.name}"))
    if new.exploitable and not old.exploitable:
        found.append((ChangeKind.EXPLOIT_KNOWN, "an exploit is known now"))
    if new.fixable and not old.fixable:
        version = f": {new.fixed_version}" if new.fixed_version else ""
        found.append((ChangeKind.FIX_AVAILABLE, f"a fix is available now{version}"))
    if new.severity < old.severity:
        lowered = f"lowered from {old.severity.name} to {new.severity.name}"
        found.append((ChangeKind.UNCHANGED, lowered))
    return found[0][0], "; ".join(reason for _, reason in found)


def _is_basic(scan: Scan) -> bool:
    """Tell the two scanners apart: enhanced findings are Inspector's own."""
    return scan.source is ScanSource.ECR_BASIC


def _where(basis: Basis) -> str:
    if basis.kind is BasisKind.RESCAN:
        return "in the scan before"
    return f"in {basis.image.name}" if basis.image is not None else "in the image before"


# --- scans without a result -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Advice:
    """What a status means in plain words, and what a person can do, for each scanner."""

    reason: str
    basic: str
    enhanced: str


_INSPECT: Final = "Look at what AWS says: `{describe}`"
_COVERAGE: Final = "Ask Inspector why: `{coverage}`"
_RESCAN: Final = "Scan it again (once in 24 h per image): `{start}`"

# The statuses and their meaning:
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html
_ADVICE: Final[Mapping[str, _Advice]] = MappingProxyType({
    "FAILED": _Advice(
        "The scanner could not finish, so nothing is known about this image.",
        f"{_INSPECT}. If its operating system is supported, scan it again "
        "(once in 24 h per image): `{start}`",
        f"{_COVERAGE}. Then push the image again.",
    ),
    "UNSUPPORTED_IMAGE": _Advice(
        "The scanner does not support this image: its operating system, or its kind of manifest.",
        "Rebuild it on a supported, maintained distribution, or turn on enhanced scanning. "
        "A signature, an attestation or an image index is never scanned: nothing to do.",
        "Rebuild it on an operating system that Inspector supports "
        "(https://docs.aws.amazon.com/inspector/latest/user/supported.html). "
        "A signature, an attestation or an image index is never scanned: nothing to do.",
    ),
    "SCAN_ELIGIBILITY_EXPIRED": _Advice(
        "The image is older than the re-scan duration, so Inspector stopped watching it. "
        "Its earlier findings are not resolved.",
        "Push the image again if it is still used, else delete it.",
        "If it is still used, push it again or lengthen the duration: "
        "`aws inspector2 update-configuration --region {region} "
        "--ecr-configuration rescanDuration=LIFETIME`",
    ),
    "FINDINGS_UNAVAILABLE": _Advice(
        "The findings of this image are not available, for example after a change of scanner.",
        _RESCAN,
        f"Push the image again. {_COVERAGE}",
    ),
    "LIMIT_EXCEEDED": _Advice(
        "A scanning limit is used up: 100,000 basic scans a day, or one in 24 h for an image.",
        "Wait 24 hours, then scan it again: `{start}`",
        "Wait 24 hours, then push the image again.",
    ),
    "IMAGE_ARCHIVED": _Advice(
        "The image is archived, and archived images are not scanned.",
        "Restore it if it is still used: `{restore}`",
        "Restore it if it is still used: `{restore}`",
    ),
    "IMAGE_SIZE_EXCEEDED": _Advice(
        "The image is larger than the scanner takes.",
        "Make it smaller: a multi-stage build, fewer and smaller layers.",
        "Make it smaller: a multi-stage build, fewer and smaller layers.",
    ),
    "PENDING": _Advice(
        "The scan was announced but has no result yet.",
        f"{_INSPECT}. If it stays like this, scan it again: `{{start}}`",
        _COVERAGE,
    ),
    "SCAN_NOT_FOUND": _Advice(
        "No scan of this image exists.",
        "Turn on scan on push for its repository "
        "(`aws ecr get-registry-scanning-configuration --region {region}` shows the rules), "
        "then: `{start}`",
        f"Check that the repository is part of enhanced scanning. {_COVERAGE}",
    ),
    "COMPLETE": _Advice(
        "The scan is complete, but its findings do not fit what it counted.", _INSPECT, _INSPECT
    ),
})  # fmt: skip
_UNSUPPORTED: Final = "UnsupportedImageError"
_SAME_AS: Final = MappingProxyType({"IN_PROGRESS": "PENDING", "ACTIVE": "COMPLETE"})
_UNKNOWN: Final = _Advice(
    "AWS answered with a status that is not known here, so nothing is said about findings.",
    _INSPECT,
    _INSPECT,
)


def kind_of_problem(status: str) -> ChangeKind:
    """Tell a scan that failed from one that there is not."""
    return ChangeKind.SCAN_FAILED if status == "FAILED" else ChangeKind.NOT_SCANNED


def problem_of(report: UnusableReport) -> ScanProblem:
    """
    Say what a scan without a usable result means and what a person can do about it.

    The remedy names an AWS CLI command where there is one; its arguments are quoted for a shell.
    """
    if report.scan.source is ScanSource.REPOSITORY:
        return _not_checked(report)
    status, said = report.scan.status, report.scan.reason or ""
    # An index itself is never scanned: what helps is done to an image in it.
    image = replace(report.image, digest=report.parts[0].digest) if report.parts else report.image
    # Basic scanning says FAILED of images that it does not support, and why in words.
    meaning = "UNSUPPORTED_IMAGE" if said.startswith(_UNSUPPORTED) else _SAME_AS.get(status, status)
    advice = _ADVICE.get(meaning, _UNKNOWN)
    basic = report.scan.source is ScanSource.ECR_BASIC
    commands = _commands(image)
    return ScanProblem(
        kind=kind_of_problem(status),
        status=status,
        reason=f"{advice.reason} ({said})" if said else advice.reason,
        remedy=(advice.basic if basic else advice.enhanced).format_map(commands),
    )


def _not_checked(report: UnusableReport) -> ScanProblem:
    said = report.scan.reason or report.scan.status
    return ScanProblem(
        kind=ChangeKind.NOT_SCANNED,
        status=report.scan.status,
        reason=f"{said}.",
        remedy="Allow it to the role of the function process_scan, which serverless.yml describes, "
        "and look for what denies it: a policy of the organization, or one of the repository.",
    )


def _commands(image: Image) -> Mapping[str, str]:
    region = quote(image.region)
    one = (
        f"--region {region} --registry-id {quote(image.account)} "
        f"--repository-name {quote(image.repository)} "
        f"--image-id imageDigest={quote(image.digest)}"
    )
    criteria = json.dumps(
        {
            "ecrRepositoryName": [{"comparison": "EQUALS", "value": image.repository}],
            "resourceType": [{"comparison": "EQUALS", "value": "AWS_ECR_CONTAINER_IMAGE"}],
        }
    )
    return {
        "region": region,
        "describe": f"aws ecr describe-image-scan-findings {one} --query imageScanStatus",
        "start": f"aws ecr start-image-scan {one}",
        "restore": f"aws ecr update-image-storage-class {one} --target-storage-class STANDARD",
        "coverage": f"aws inspector2 list-coverage --region {region} "
        f"--filter-criteria {quote(criteria)}",
    }
