"""
Missed scans: the last scan of an image in ECR, compared with its last evaluation. Pure.

`lib.flows.reconciliation` reads both sides, and queues the events that are returned here.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lib.models import Doubt, Image, ImageIndex, ImageState, LastScan, Scan, ScanEvent, ScanProgress

_FAILED: Final = "FAILED"
"""The status in events of every scan without a result. ECR may have a more specific one."""
_OVER: Final = frozenset({"FINDINGS_UNAVAILABLE", "IMAGE_ARCHIVED", "SCAN_ELIGIBILITY_EXPIRED"})
"""Statuses that end the monitoring of an image. They are no failure: its findings stand."""
_JUST_AFTER: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class MissedScan:
    """A scan that was not evaluated, with an event that has it evaluated."""

    event: ScanEvent
    reason: str


@dataclass(frozen=True, slots=True)
class PendingScan:
    """A scan without a result yet."""

    reason: str


@dataclass(frozen=True, slots=True)
class UpToDate:
    """An image whose last scan was evaluated."""

    reason: str


Outcome = MissedScan | PendingScan | UpToDate
"""The judgement about an image."""


@dataclass(frozen=True, slots=True)
class Baselines:
    """First evaluations that only set a baseline: those of images older than the installation."""

    installed_at: datetime
    notify: bool = False
    """Whether older images are notified, too."""

    def quiet(self, image: Image, state: ImageState | None) -> bool:
        """Whether the next evaluation of an image only sets a baseline."""
        if state is not None or self.notify or image.pushed_at is None:
            return False
        return image.pushed_at < self.installed_at


def look(
    unit: Image | ImageIndex,
    scan: LastScan,
    state: ImageState | None,
    *,
    baselines: Baselines,
    now: datetime,
) -> Outcome:
    """Judge whether the last scan of an image, or of the members of an index, was evaluated."""
    image = image_of(unit)
    if scan.progress in (ScanProgress.NONE, ScanProgress.RUNNING):
        return PendingScan(f"no result yet: {scan.status}")
    unusable = scan.progress is ScanProgress.UNUSABLE
    if state is None and unusable and Doubt.REFERRER in image.doubts:
        return UpToDate(f"{scan.status}, and not known {Doubt.REFERRER}")
    event_id = found_id(image, scan)
    reason = _missing(scan, state, event_id)
    if reason is None:
        return UpToDate(f"evaluated: {scan.status}")
    event = ScanEvent(
        event_id=event_id,
        time=_time(scan, state, now),
        image=image,
        scan=Scan(scan.source, scan.status, completed_at=scan.completed_at),
        index=isinstance(unit, ImageIndex),
        quiet=baselines.quiet(image, state),
        found_at=now,
    )
    return MissedScan(event, reason)


def image_of(unit: Image | ImageIndex) -> Image:
    """Return an image itself, and the image of an index."""
    return unit.image if isinstance(unit, ImageIndex) else unit


def found_id(image: Image, scan: LastScan) -> str:
    """
    Return an id that is the same whenever this scan is missed.

    The completion time beside an unusable status may belong to an earlier scan, so only the status
    counts then.
    """
    usable = scan.progress is ScanProgress.USABLE
    mark = scan.completed_at.isoformat() if usable and scan.completed_at else scan.status
    content = f"{image.key}\n{mark}".encode()
    return f"found-{hashlib.sha256(content).hexdigest()[:32]}"


def _missing(scan: LastScan, state: ImageState | None, event_id: str) -> str | None:
    """Return why a finished scan has to be evaluated; None if it was evaluated."""
    if state is None:
        return "never evaluated"
    if state.event_id == event_id:
        return None
    if scan.progress is ScanProgress.UNUSABLE:
        was_evaluated = state.status in (scan.status, _FAILED) or (
            state.usable and scan.status in _OVER
        )
        return None if was_evaluated else f"{scan.status}, was {state.status}"
    if not state.usable:
        return f"has a result now, was {state.status}"
    newer = scan.completed_at is not None and (
        state.completed_at is None or scan.completed_at > state.completed_at
    )
    return "scanned again since it was evaluated" if newer else None


def _time(scan: LastScan, state: ImageState | None, now: datetime) -> datetime:
    """
    Return the time of the event. AWS's own events about the scan keep their order with it.

    An unusable scan has no time of completion, so it is now. The time is later than the last event
    of the image, because an older event would be dropped as a repeat.
    """
    usable = scan.progress is ScanProgress.USABLE
    completed = scan.completed_at if usable and scan.completed_at else now
    return completed if state is None else max(completed, state.event_time + _JUST_AFTER)


def together(scans: Iterable[LastScan]) -> LastScan | None:
    """
    Merge the scans of an index's members into one; None without scans.

    The result is unfinished while any scan is. Then it is usable if any scan is, because its
    findings are worth a notification.
    """
    order = (ScanProgress.NONE, ScanProgress.RUNNING, ScanProgress.USABLE, ScanProgress.UNUSABLE)
    ranked = sorted(scans, key=lambda scan: order.index(scan.progress))
    if not ranked:
        return None
    first = ranked[0]
    completed = [
        scan.completed_at
        for scan in ranked
        if scan.progress is first.progress and scan.completed_at is not None
    ]
    return LastScan(
        first.source, first.status, first.progress, max(completed) if completed else None
    )
