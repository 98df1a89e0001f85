"""What ECR holds against what was evaluated, one image at a time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lib.core.evaluation import already_evaluated
from lib.core.missed import (
    Baselines,
    MissedScan,
    Outcome,
    PendingScan,
    UpToDate,
    found_id,
    look,
    together,
)
from lib.models import Doubt, ImageIndex, ImageState, LastScan, Member, ScanEvent, ScanProgress
from lib.normalizer.events import parse_event
from lib.wire.own_events import scan_found
from tests.support.builders import NOW, a_digest, a_last_scan, an_image

LATER = NOW + timedelta(hours=1)
PUSHED = NOW - timedelta(hours=1)
IMAGE = an_image(pushed_at=PUSHED)
FAILED = a_last_scan("UNUSABLE", "FAILED")


def known(**fields: Any) -> ImageState:
    defaults: dict[str, Any] = {
        "version": 1,
        "order": PUSHED,
        "event_time": NOW,
        "event_id": "event-1",
        "status": "COMPLETE",
        "usable": True,
        "completed_at": NOW,
        "report_key": "reports/one",
    }
    return ImageState(**{**defaults, **fields})


def looked(scan: LastScan, state: ImageState | None = None, **baselines: Any) -> Outcome:
    installed = Baselines(**{"installed_at": PUSHED - timedelta(days=1), **baselines})
    return look(IMAGE, scan, state, baselines=installed, now=LATER)


def found(scan: LastScan, state: ImageState | None = None, **baselines: Any) -> ScanEvent:
    outcome = looked(scan, state, **baselines)
    assert isinstance(outcome, MissedScan)
    return outcome.event


@pytest.mark.parametrize(
    ("scan", "state", "expected", "reason"),
    [
        (a_last_scan(), None, MissedScan, "never evaluated"),
        (FAILED, None, MissedScan, "never evaluated"),
        (a_last_scan(), known(), UpToDate, "evaluated: COMPLETE"),
        (a_last_scan(completed_at=LATER), known(), MissedScan, "scanned again"),
        (a_last_scan(), known(completed_at=None), MissedScan, "scanned again"),
        (a_last_scan(completed_at=None), known(), UpToDate, "evaluated"),
        (a_last_scan(completed_at=PUSHED), known(), UpToDate, "evaluated"),
        (FAILED, known(), MissedScan, "FAILED, was COMPLETE"),
        (a_last_scan("UNUSABLE", "SCAN_ELIGIBILITY_EXPIRED"), known(), UpToDate, "evaluated"),
        (FAILED, known(status="FAILED", usable=False), UpToDate, "evaluated: FAILED"),
        (
            a_last_scan("UNUSABLE", "UNSUPPORTED_IMAGE"),
            known(status="FAILED", usable=False),
            UpToDate,
            "evaluated: UNSUPPORTED_IMAGE",
        ),
        (FAILED, known(status="PENDING", usable=False), MissedScan, "FAILED, was PENDING"),
        (a_last_scan(), known(status="FAILED", usable=False), MissedScan, "was FAILED"),
        (a_last_scan("RUNNING", "IN_PROGRESS"), None, PendingScan, "IN_PROGRESS"),
        (a_last_scan("NONE", "SCAN_NOT_FOUND"), known(), PendingScan, "SCAN_NOT_FOUND"),
    ],
)
def test_what_was_missed_is_found_and_nothing_else(
    scan: LastScan, state: ImageState | None, expected: type[Outcome], reason: str
) -> None:
    """Never evaluated, scanned again, failed since, usable since; the rest waits or is in order."""
    outcome = looked(scan, state)

    assert type(outcome) is expected
    assert reason in outcome.reason


@pytest.mark.parametrize(
    ("scan", "state"),
    [
        (a_last_scan(), None),
        (a_last_scan(completed_at=LATER), known()),
        # The evaluation read a list that was older than its event.
        (a_last_scan(completed_at=NOW), known(completed_at=PUSHED, event_time=LATER)),
        (FAILED, known()),
        (FAILED, known(event_time=LATER)),
        (a_last_scan(completed_at=PUSHED), known(status="FAILED", usable=False)),
    ],
)
def test_what_is_found_is_news_and_its_repeat_is_not(
    scan: LastScan, state: ImageState | None
) -> None:
    """The event passes the check for repeats; once evaluated, it does not, nor is it found."""
    event = found(scan, state)
    usable = scan.progress is ScanProgress.USABLE
    after = known(
        event_time=event.time,
        event_id=event.event_id,
        status=scan.status,
        usable=usable,
        completed_at=scan.completed_at,
    )

    assert already_evaluated(event, state, index=False) is None
    assert already_evaluated(event, after, index=False) is not None
    assert isinstance(looked(scan, after), UpToDate)


def test_a_scan_that_cannot_be_read_is_found_once() -> None:
    """COMPLETE without a usable list is not found again each hour, but when it is scanned again."""
    event = found(a_last_scan(), known(usable=False))
    after = known(usable=False, event_id=event.event_id)

    assert isinstance(looked(a_last_scan(), after), UpToDate)
    assert isinstance(looked(a_last_scan(completed_at=LATER), after), MissedScan)


def test_an_unusable_scan_of_what_may_be_no_image_is_not_found() -> None:
    """A referrer that an older boto3 lists as an image is never scanned, and that is no news."""
    installed = Baselines(installed_at=PUSHED - timedelta(days=1))
    doubtful = replace(IMAGE, doubts=(Doubt.REFERRER,))
    archived = replace(IMAGE, doubts=(Doubt.ARCHIVED,))

    outcome = look(doubtful, FAILED, None, baselines=installed, now=LATER)

    assert isinstance(outcome, UpToDate)
    assert "not known whether it belongs to another image" in outcome.reason
    assert isinstance(look(archived, FAILED, None, baselines=installed, now=LATER), MissedScan)
    assert isinstance(
        look(doubtful, a_last_scan(), None, baselines=installed, now=LATER), MissedScan
    )
    assert isinstance(look(doubtful, FAILED, known(), baselines=installed, now=LATER), MissedScan)


def test_a_late_event_of_aws_keeps_its_order() -> None:
    """That of the scan that was found is a repeat, that of a newer scan is not."""
    event = found(a_last_scan(completed_at=LATER), known())
    after = known(event_time=event.time, event_id=event.event_id, completed_at=LATER)
    late = replace(event, event_id="aws-1", time=LATER - timedelta(seconds=1))
    newer = replace(late, time=LATER + timedelta(seconds=1))

    assert already_evaluated(late, after, index=False) is not None
    assert already_evaluated(newer, after, index=False) is None


def test_an_id_is_that_of_a_scan() -> None:
    """Whenever it is found; a failure is told by its status, as it has no time of its own."""
    again = a_last_scan("UNUSABLE", "FAILED", completed_at=LATER)

    assert found_id(IMAGE, FAILED) == found_id(IMAGE, again)
    assert found_id(IMAGE, a_last_scan()) != found_id(IMAGE, a_last_scan(completed_at=LATER))
    assert found_id(IMAGE, a_last_scan()) != found_id(an_image(2), a_last_scan())


@pytest.mark.parametrize(
    ("state", "baselines", "quiet"),
    [
        (None, {"installed_at": NOW}, True),
        (None, {"installed_at": NOW, "notify": True}, False),
        (None, {"installed_at": PUSHED}, False),
        (known(), {"installed_at": NOW}, False),
    ],
)
def test_only_first_evaluations_of_old_images_are_quiet(
    state: ImageState | None, baselines: dict[str, Any], *, quiet: bool
) -> None:
    """Pushed before the installation and never evaluated, unless asked otherwise."""
    assert found(a_last_scan(completed_at=LATER), state, **baselines).quiet is quiet


def test_an_image_of_unknown_age_is_told() -> None:
    """A message too many is better than one too few."""
    image = an_image(pushed_at=None)

    assert not Baselines(LATER).quiet(image, None)


@pytest.mark.parametrize(
    ("scans", "progress", "completed_at"),
    [
        ((a_last_scan(), a_last_scan("RUNNING", "PENDING")), ScanProgress.RUNNING, None),
        ((a_last_scan("NONE", "SCAN_NOT_FOUND"), FAILED), ScanProgress.NONE, None),
        ((FAILED, a_last_scan(), a_last_scan(completed_at=LATER)), ScanProgress.USABLE, LATER),
        ((FAILED, FAILED), ScanProgress.UNUSABLE, None),
    ],
)
def test_an_index_is_as_far_as_its_images(
    scans: tuple[LastScan, ...], progress: ScanProgress, completed_at: Any
) -> None:
    """Unfinished while any is; then usable when any is, and as new as the newest."""
    scan = together(scans)

    assert scan is not None
    assert (scan.progress, scan.completed_at) == (progress, completed_at)
    assert together(()) is None


def test_an_index_is_one_event() -> None:
    """About the index itself, whose images are fetched when it is evaluated."""
    index = ImageIndex(IMAGE, (Member(a_digest(2), "linux/amd64"),))

    outcome = look(index, a_last_scan(), None, baselines=Baselines(PUSHED), now=NOW)

    assert isinstance(outcome, MissedScan)
    assert (outcome.event.image, outcome.event.index) == (IMAGE, True)


@pytest.mark.parametrize(
    ("scan", "state"),
    [(a_last_scan(), None), (FAILED, known()), (a_last_scan(status="ACTIVE"), None)],
)
def test_our_own_event_is_understood(scan: LastScan, state: ImageState | None) -> None:
    """What is put on the queue is read as what was meant, with the age of the image."""
    event = found(scan, state, installed_at=NOW)

    assert parse_event(scan_found(MissedScan(event, "why"))) == event
