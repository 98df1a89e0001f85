"""Which first agreement of a view comes without a message: what was there before, and no more."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lib.core.sync import SyncRules, silence_of
from lib.core.worth_notifying import Profile
from lib.models.streams import Stamp, StreamState
from lib.models.views import View
from tests.support.builders import NOW, an_image
from tests.support.streams import (
    STREAM,
    TEAM,
    a_part,
    a_state,
    a_watched,
    an_unscanned_part,
    some_rules,
)

DAY = timedelta(days=1)
INSTALLED, DESTINATION = NOW - 10 * DAY, NOW
OLD_IMAGE = "its images are older than the installation"
OLD_STREAM = "the stream is older than the destination"


def silence(
    state: StreamState, *, destination: datetime = INSTALLED, announces: bool = False
) -> str | None:
    """Return why the view of a destination begins without a message."""
    rules = SyncRules(
        some_rules(),
        (),
        {TEAM: Profile(announces=announces)},
        INSTALLED,
        destinations_since={TEAM: destination},
    )
    return silence_of(View(TEAM, STREAM), state, rules)


def stream(
    *,
    pushed: datetime,
    created: datetime,
    result: datetime | None = None,
    failed: datetime | None = None,
) -> StreamState:
    """Return a stream of one image, with a first result or a failed scan."""
    image = replace(an_image(), pushed_at=pushed)
    scanned = a_part(image=image) if result is not None else an_unscanned_part()
    if result is not None:
        own = replace(scanned.evidence[0], at=result)
        scanned = replace(scanned, evidence=(own,))
    return replace(
        a_state(a_watched(image=image, parts=(scanned,))),
        created_at=created,
        conditions={"failed": Stamp(1, failed)} if failed is not None else {},
        first_result_at=result,
    )


BEFORE, AFTER = INSTALLED - DAY, INSTALLED + DAY / 24


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (stream(pushed=BEFORE, created=AFTER, result=AFTER + DAY / 24), OLD_IMAGE),
        (stream(pushed=BEFORE, created=AFTER, result=AFTER + 8 * DAY), None),
        (stream(pushed=BEFORE, created=AFTER, failed=AFTER), None),
        (stream(pushed=AFTER, created=AFTER, result=AFTER), None),
    ],
    ids=["there before", "first result a week later", "no result", "pushed after it"],
)
def test_an_installation_is_silent_about_what_was_there(
    state: StreamState, expected: str | None
) -> None:
    """An old image whose first result comes a week later was unknown: its findings are news."""
    assert silence(state) == expected


LATER = DESTINATION + DAY


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (stream(pushed=AFTER, created=AFTER, result=AFTER), OLD_STREAM),
        (stream(pushed=AFTER, created=AFTER, result=LATER), None),
        (stream(pushed=AFTER, created=AFTER, failed=AFTER), OLD_STREAM),
        (stream(pushed=AFTER, created=AFTER, failed=LATER), None),
        (stream(pushed=LATER, created=LATER, result=LATER), None),
    ],
    ids=["result before", "result after", "failed before", "failed after", "all after"],
)
def test_a_new_destination_is_silent_about_what_was_there(
    state: StreamState, expected: str | None
) -> None:
    """It gets that in one summary; what comes later is in no summary."""
    assert silence(state, destination=DESTINATION) == expected
    assert silence(state, destination=DESTINATION, announces=True) is None


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (stream(pushed=AFTER, created=LATER, result=AFTER), OLD_STREAM),
        (stream(pushed=AFTER, created=LATER, failed=LATER), OLD_STREAM),
        (stream(pushed=AFTER, created=LATER, result=LATER), None),
        (stream(pushed=AFTER, created=LATER, failed=LATER + DAY), None),
    ],
    ids=["scanned before", "failed", "scanned after", "failed later"],
)
def test_a_stream_of_new_rules_is_as_old_as_its_scans(
    state: StreamState, expected: str | None
) -> None:
    """alerts.yml names a destination and divides repositories anew at once."""
    assert silence(state, destination=DESTINATION) == expected


def test_a_state_of_an_earlier_version_had_its_result_from_the_beginning() -> None:
    """It was stored without the time of its first result."""
    stored = replace(stream(pushed=AFTER, created=AFTER, result=AFTER), first_result_at=None)

    assert stored.result_since == AFTER
    assert silence(stored, destination=DESTINATION) == OLD_STREAM
