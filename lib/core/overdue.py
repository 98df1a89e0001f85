"""
Images whose stored report is behind what registry and scanner say now. Pure.

`lib.flows.passes` looks at all images and asks here which reports have to be fetched, and why.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from lib.core.evidence import ENDED
from lib.core.streams import StreamRule, streams_of
from lib.core.watching import COMPARED_FOR
from lib.models import Image, LastScan, ScanProgress
from lib.models.immutable import immutable
from lib.models.streams import CoveredImage
from lib.ports.streams import ImageRecord

RECENT: Final = timedelta(days=1)
"""Images that were pushed since then are looked at, whether they are watched or not."""
_SOON: Final = timedelta(hours=1)
_LATEST: Final = timedelta(days=1)
"""How long at least, and at most, an incomplete report is left as it is."""
_FAILED: Final = "FAILED"
"""The status in events of every scan without a result. ECR may have a more specific one."""
_EVER: Final = datetime.min.replace(tzinfo=UTC)


@immutable(frozen=True, slots=True)
class PresentImage:
    """An image in the list of its repository, with what Inspector covers of it."""

    image: Image
    covered: tuple[CoveredImage, ...] = ()
    """Its own row, or those of its parts."""
    watched: bool = False
    newest: bool = False
    """No image of one of its streams was pushed later."""
    recent: bool = False
    """It was pushed lately."""

    @property
    def runs(self) -> bool:
        """Whether Inspector counts tasks or pods that run it."""
        return any(row.in_use_count for row in self.covered)

    @property
    def scanned_at(self) -> datetime:
        """When Inspector scanned it last; of the parts of an index, any of them."""
        times = (row.scanned_at for row in self.covered)
        return max((time for time in times if time is not None), default=_EVER)


def reason_to_fetch(present: PresentImage, record: ImageRecord | None, now: datetime) -> str | None:
    """Return why the report of an image has to be fetched; None: it has not."""
    if record is None:
        return _never_seen(present)
    if record.row.gone_at is not None and not present.image.doubts:
        return _never_seen(present, "it was taken for deleted")
    if not (present.watched or present.recent or present.runs):
        return None
    if record.stale:
        return "its report is stale"
    if present.scanned_at > (record.fetched_at or _EVER):
        return "scanned again since its report was fetched"
    return _incomplete(record, now)


def _never_seen(present: PresentImage, words: str = "nothing is known of it") -> str | None:
    reasons = (
        (present.watched, f"watched, and {words}"),
        (present.runs, f"it runs, and {words}"),
        (present.recent, f"pushed lately, and {words}"),
        (present.newest, f"the newest of its stream, and {words}"),
    )
    return next((reason for holds, reason in reasons if holds), None)


def _incomplete(record: ImageRecord, now: datetime) -> str | None:
    """Return why a report that lacks findings is fetched again: with growing patience."""
    scan, fetched_at = record.scan, record.fetched_at
    if scan is None or scan.complete or fetched_at is None:
        return None
    age = fetched_at - (record.row.scan_ended_at or record.row.known_since)
    patience = min(max(age, _SOON), _LATEST)
    return "its report is incomplete" if now >= fetched_at + patience else None


def must_ask(present: PresentImage, record: ImageRecord | None) -> bool:
    """Return whether the scanner has to be asked about an image that coverage says nothing of."""
    exists = record is not None and record.row.gone_at is None
    return exists and not present.covered and (present.watched or present.recent)


def new_result(scan: LastScan, record: ImageRecord) -> str | None:
    """Return how the last scan of an image differs from the stored one; None: it does not."""
    if scan.progress in (ScanProgress.NONE, ScanProgress.RUNNING):
        return None
    stored = record.scan
    if stored is None:
        return f"its scan has ended: {scan.status}"
    usable = stored.reason is None
    if scan.progress is ScanProgress.UNUSABLE:
        same = stored.status in (scan.status, _FAILED) or (usable and scan.status in ENDED)
        return None if same else f"{scan.status}, was {stored.status}"
    if not usable:
        return f"has a result now, was {stored.status}"
    completed_at = stored.completed_at or record.fetched_at or _EVER
    newer = scan.completed_at is not None and scan.completed_at > completed_at
    return "scanned again since its report was fetched" if newer else None


def newest_of_streams(
    images: Iterable[Image], rules: Sequence[StreamRule], now: datetime
) -> frozenset[str]:
    """
    Return the digests of the images that were pushed last in each of their streams.

    A stream that is compared with another one ends some time after its last push.
    """
    last: dict[str, tuple[datetime, str]] = {}
    for image in images:
        if not image.tags:
            continue
        place = (image.pushed_at or _EVER, image.digest)
        for stream in streams_of(image, rules):
            over = stream.compare_with is not None and place[0] + COMPARED_FOR <= now
            if not over:
                last[stream.id] = max(place, last.get(stream.id, place))
    return frozenset(digest for _, digest in last.values())


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
