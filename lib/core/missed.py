"""
What ECR holds against what was evaluated, image by image: what is to be made good, and why. Pure.

`lib.flows.reconciliation` asks for both sides, and puts the events that come out here on the queue.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lib.models import Doubt, Image, ImageIndex, ImageState, LastScan, Scan, ScanEvent, ScanProgress

_FAILED: Final = "FAILED"
"""What events say of every scan without a result; ECR itself can have a narrower word for it."""
_OVER: Final = frozenset({"FINDINGS_UNAVAILABLE", "IMAGE_ARCHIVED", "SCAN_ELIGIBILITY_EXPIRED"})
"""The end of an image's scans, not a failure: what was found stands, and is no news."""
_JUST_AFTER: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Found:
    """A scan that was not evaluated, as the event that makes it good."""

    event: ScanEvent
    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """There is no result yet: not this time."""

    reason: str


@dataclass(frozen=True, slots=True)
class InOrder:
    """What ECR has was evaluated."""

    reason: str


Outcome = Found | Waiting | InOrder
"""What came of looking at one image."""


@dataclass(frozen=True, slots=True)
class Baselines:
    """Which first evaluations are told of: those of images that came after the installation."""

    installed_at: datetime
    announce: bool = False
    """Of older images, too."""

    def quiet(self, image: Image, known: ImageState | None) -> bool:
        """Say whether nobody is to be told of an image's next evaluation."""
        if known is not None or self.announce or image.pushed_at is None:
            return False
        return image.pushed_at < self.installed_at


def look(
    unit: Image | ImageIndex,
    scan: LastScan,
    known: ImageState | None,
    *,
    baselines: Baselines,
    now: datetime,
) -> Outcome:
    """Say whether the last scan of an image, or of the images in an index, was evaluated."""
    image = image_of(unit)
    if scan.progress in (ScanProgress.NONE, ScanProgress.RUNNING):
        return Waiting(f"no result yet: {scan.status}")
    unusable = scan.progress is ScanProgress.UNUSABLE
    if known is None and unusable and Doubt.REFERRER in image.doubts:
        return InOrder(f"{scan.status}, and not known {Doubt.REFERRER}")
    event_id = found_id(image, scan)
    reason = _missing(scan, known, event_id)
    if reason is None:
        return InOrder(f"evaluated: {scan.status}")
    event = ScanEvent(
        event_id=event_id,
        time=_time(scan, known, now),
        image=image,
        scan=Scan(scan.source, scan.status, completed_at=scan.completed_at),
        index=isinstance(unit, ImageIndex),
        quiet=baselines.quiet(image, known),
        found_at=now,
    )
    return Found(event, reason)


def image_of(unit: Image | ImageIndex) -> Image:
    """Return an image as it is, and the index itself of an index."""
    return unit.image if isinstance(unit, ImageIndex) else unit


def found_id(image: Image, scan: LastScan) -> str:
    """
    Return the same id for the same scan, whenever it is found.

    What stands beside an unusable status may come from the scan before: only the status counts.
    """
    usable = scan.progress is ScanProgress.USABLE
    said = scan.completed_at.isoformat() if usable and scan.completed_at else scan.status
    content = f"{image.key}\n{said}".encode()
    return f"found-{hashlib.sha256(content).hexdigest()[:32]}"


def _missing(scan: LastScan, known: ImageState | None, event_id: str) -> str | None:
    """Return why a finished scan is to be evaluated; None when it was."""
    if known is None:
        return "never evaluated"
    if known.event_id == event_id:
        return None
    if scan.progress is ScanProgress.UNUSABLE:
        told = known.status in (scan.status, _FAILED) or (known.usable and scan.status in _OVER)
        return None if told else f"{scan.status}, was {known.status}"
    if not known.usable:
        return f"has a result now, was {known.status}"
    newer = scan.completed_at is not None and (
        known.completed_at is None or scan.completed_at > known.completed_at
    )
    return "scanned again since it was evaluated" if newer else None


def _time(scan: LastScan, known: ImageState | None, now: datetime) -> datetime:
    """
    Return when the scan completed: events of AWS about it, late or early, keep their order.

    An unusable one has no such time, and was seen now. Of an image that is known it comes after the
    last event in any case, whose evaluation did not hold it: an older time would drop it as known.
    """
    usable = scan.progress is ScanProgress.USABLE
    completed = scan.completed_at if usable and scan.completed_at else now
    return completed if known is None else max(completed, known.event_time + _JUST_AFTER)


def together(scans: Iterable[LastScan]) -> LastScan | None:
    """
    Return the scans of an index's images as one; None when there is none.

    Unfinished while any is; then usable when any is, as its findings are worth telling.
    """
    order = (ScanProgress.NONE, ScanProgress.RUNNING, ScanProgress.USABLE, ScanProgress.UNUSABLE)
    ranked = sorted(scans, key=lambda each: order.index(each.progress))
    if not ranked:
        return None
    first = ranked[0]
    completed = [
        each.completed_at
        for each in ranked
        if each.progress is first.progress and each.completed_at is not None
    ]
    return LastScan(
        first.source, first.status, first.progress, max(completed) if completed else None
    )
