"""
Tags that moved to another image: detection, and the finding about it. Pure.

A tag is represented by an image without a digest that has this tag.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from shlex import quote
from types import MappingProxyType
from typing import Final

from lib.checks.caches import is_build_cache
from lib.checks.expectations import Expectations
from lib.checks.findings import CLOUDFORMATION, COMMAND, MANAGER, REMARK
from lib.checks.remedies import Remedy
from lib.models import (
    Finding,
    Image,
    Package,
    PushEvent,
    Severity,
    TagTarget,
)

TAG_MOVED: Final = "ECR-TAG-MOVED"
MOVED: Final = "MOVED"
"""The status of a scan that only reports a moved tag."""

_ATTACHED: Final = re.compile(r"sha(?:256|512)-[0-9a-f]{64,128}(\.[a-z]+)?")
"""Tags of signatures and lists of referrers, which are overwritten by design:
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema"""
_AROUND: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Move:
    """A move of a tag from one image to another."""

    tag: Image
    before: str
    """The digest of the earlier image."""
    after: str
    at: datetime


def protected_tag(event: PushEvent, expected: Expectations) -> Image | None:
    """Return the tag of a push that must not move; None for tags that may."""
    tag = next(iter(event.image.tags), None)
    if tag is None or is_build_cache(event.artifact) or _ATTACHED.fullmatch(tag):
        return None
    globs = expected.mutable_tags(event.image.repository)
    if any(fnmatchcase(tag, glob) for glob in globs):
        return None
    return replace(event.image, digest="", tags=(tag,))


def move_of(tag: Image, event: PushEvent, target: TagTarget | None) -> Move | None:
    """
    Return the move that a push causes; None for a new tag, a repeated or a late event.

    Event times have a resolution of one second. The order of two events within a second is
    unknown: an event with the earlier digest counts as a repeat.
    """
    after = event.image.digest
    if target is None or event.time < target.pushed_at or after == target.digest:
        return None
    if event.time == target.pushed_at and after == target.before:
        return None
    return Move(tag, target.digest, after, event.time)


def next_target(event: PushEvent, target: TagTarget | None) -> TagTarget | None:
    """Return the new target of a tag after a push; None where the stored target is newer."""
    digest = event.image.digest
    if target is None:
        return TagTarget(digest, event.time)
    if digest == target.digest:
        return replace(target, pushed_at=event.time) if event.time > target.pushed_at else None
    late = event.time < target.pushed_at
    repeated = event.time == target.pushed_at and digest == target.before
    return None if late or repeated else TagTarget(digest, event.time, target.digest)


def finding_of(move: Move) -> Finding:
    """Return a move as a finding about its tag."""
    image, tag = move.tag, move.tag.tags[0]
    remedy = _remedy(move, tag)
    return Finding(
        vulnerability_id=TAG_MOVED,
        # The path makes every move a finding of its own.
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
    start, end = (f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in (move.at - _AROUND, move.at + _AROUND))
    lookup = (
        f"aws cloudtrail lookup-events --region {quote(image.region)} --lookup-attributes "
        f"AttributeKey=EventName,AttributeValue=PutImage --start-time {start} --end-time {end}"
    )
    manifest = (
        f"aws ecr batch-get-image {place} --image-ids imageDigest={quote(move.before)} "
        "--query 'images[0].imageManifest' --output text"
    )
    back = f'aws ecr put-image {place} --image-tag {quote(tag)} --image-manifest "$({manifest})"'
    return Remedy(
        f"{lookup}\n{back}",
        "AWS::ECR::Repository",
        "ImageTagMutability: IMMUTABLE",
        "The first command asks CloudTrail who pushed it. Before you run the second, which puts it "
        "back: ask them, because whatever pulls the tag then gets the earlier image again.",
    )
