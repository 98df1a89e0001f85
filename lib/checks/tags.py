"""
Whether a tag moved to another image, and what is told of it. Pure.

The tag of a repository stands as an image without a digest that has this one tag: its evaluations
and their stream are its own.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from shlex import quote
from types import MappingProxyType
from typing import Final

from lib.checks.remedies import Remedy
from lib.checks.settings import CLOUDFORMATION, COMMAND, MANAGER, REMARK, Expectations
from lib.models import (
    AnyReport,
    BasisKind,
    Finding,
    FindingId,
    Image,
    Known,
    Package,
    PushEvent,
    Report,
    Scan,
    ScanSource,
    Severity,
    TagTarget,
)

TAG_MOVED: Final = "ECR-TAG-MOVED"
MOVED: Final = "MOVED"
"""The status of a scan that only says that a tag moved."""

_ATTACHED: Final = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")
"""Tags of signatures and lists of referrers, which are replaced as more come:
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema"""
_AROUND: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Move:
    """A tag that pointed to another image before."""

    tag: Image
    before: str
    """The digest that it pointed to."""
    after: str
    at: datetime


def watched(event: PushEvent, expected: Expectations) -> Image | None:
    """Return the tag that a push is about, when it is one that must not move."""
    tag = next(iter(event.image.tags), None)
    if tag is None or expected.may_move(tag) or _ATTACHED.fullmatch(tag):
        return None
    return replace(event.image, digest="", tags=(tag,))


def move_of(tag: Image, event: PushEvent, known: TagTarget | None) -> Move | None:
    """
    Return the move that a push is; None for a first sight, a repeat, or a push that comes late.

    Events tell the time in seconds. Of two in the same one nobody knows which was first; one that
    names the digest before is taken for a repeat.
    """
    after = event.image.digest
    if known is None or event.time < known.pushed_at or after == known.digest:
        return None
    if event.time == known.pushed_at and after == known.before:
        return None
    return Move(tag, known.digest, after, event.time)


def pointed(event: PushEvent, known: TagTarget | None) -> TagTarget | None:
    """Return what is to be remembered of a tag after a push; None: what is known is newer."""
    digest = event.image.digest
    if known is None:
        return TagTarget(digest, event.time)
    if digest == known.digest:
        return replace(known, pushed_at=event.time) if event.time > known.pushed_at else None
    late = event.time < known.pushed_at
    repeated = event.time == known.pushed_at and digest == known.before
    return None if late or repeated else TagTarget(digest, event.time, known.digest)


def report_of(move: Move) -> Report:
    """Return the move as a report of one finding; of another move it says nothing."""
    scan = Scan(ScanSource.REPOSITORY, MOVED, completed_at=move.at, complete=False)
    return Report(move.tag, scan, (_finding(move),))


def nothing_known(report: AnyReport) -> tuple[BasisKind, Known] | None:
    """Return with what a move is compared, nothing: each one is new. None for other reports."""
    if report.scan.source is not ScanSource.REPOSITORY or report.scan.status != MOVED:
        return None
    nothing: dict[FindingId, Finding] = {}
    known = Known(report.image, report.scan, {}, frozenset(), nothing.__getitem__)
    return BasisKind.PREVIOUS_IMAGE, known


def _finding(move: Move) -> Finding:
    image, tag = move.tag, move.tag.tags[0]
    remedy = _remedy(move, tag)
    return Finding(
        vulnerability_id=TAG_MOVED,
        # The path makes each move a finding of its own.
        package=Package(tag, move.before, MANAGER, path=move.after),
        severity=Severity.HIGH,
        title=f"the tag {tag} points to another image now",
        description=f"It was {move.before} and is {move.after} since {move.at:%Y-%m-%d %H:%M:%S} "
        f"UTC. Whatever pulls {image.name} gets something else than before; what was scanned and "
        "approved under this tag is not what runs next.",
        fix_available="YES",
        remediation=remedy.text,
        links=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html",),
        extra=MappingProxyType(
            {
                COMMAND: remedy.command,
                CLOUDFORMATION: f"{remedy.resource}\n{remedy.properties}",
                REMARK: remedy.remark,
            }
        ),
    )


def _remedy(move: Move, tag: str) -> Remedy:
    image = move.tag
    place = f"--region {quote(image.region)} --registry-id {quote(image.account)} "
    place += f"--repository-name {quote(image.repository)}"
    start, end = (f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (move.at - _AROUND, move.at + _AROUND))
    who = (
        f"aws cloudtrail lookup-events --region {quote(image.region)} --lookup-attributes "
        f"AttributeKey=EventName,AttributeValue=PutImage --start-time {start} --end-time {end}"
    )
    manifest = (
        f"aws ecr batch-get-image {place} --image-ids imageDigest={quote(move.before)} "
        "--query 'images[0].imageManifest' --output text"
    )
    back = f'aws ecr put-image {place} --image-tag {quote(tag)} --image-manifest "$({manifest})"'
    return Remedy(
        f"{who}\n{back}",
        "AWS::ECR::Repository",
        "ImageTagMutability: IMMUTABLE",
        "CloudTrail says who pushed it, which the event does not; the second command puts it back:",
    )
