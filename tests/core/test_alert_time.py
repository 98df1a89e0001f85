"""The time to an alert begins when the scan that it is about was completed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lib.core.alert_time import time_to_alert
from lib.core.notification_rows import new_row
from lib.models.streams import Role, WatchedImage
from lib.models.views import Basis, Notification, PinnedMessage, RowState, View
from tests.support.builders import NOW, a_finding, an_image
from tests.support.notices import a_message
from tests.support.streams import (
    STREAM,
    TEAM,
    TODAY,
    a_part,
    a_reported,
    a_state,
    a_view,
    a_watched,
    an_agreement,
    an_unscanned_part,
)

SENT_AT = NOW + timedelta(seconds=4)


def a_sent_row(**fields: Any) -> Notification:
    row = new_row(
        View(TEAM, STREAM), basis=Basis(1, "rules", TODAY), cause="scan", now=NOW, quiet=False
    )
    return replace(row, **{"state": RowState.SENT, "tried_at": SENT_AT, **fields})


def a_message_about(*parts: Any) -> PinnedMessage:
    return a_message(a_state(a_watched(parts=parts)))


def test_the_time_is_that_from_the_end_of_the_last_scan() -> None:
    """An index is scanned platform by platform; one without a result has an older list."""
    earlier = a_part(a_finding(), part="linux/arm64")
    older = replace(earlier.evidence[0], at=NOW - timedelta(seconds=60))
    newer = replace(earlier.evidence[0], at=NOW + timedelta(hours=1))
    message = a_message_about(
        a_part(a_finding()),
        replace(earlier, evidence=(older,)),
        an_unscanned_part("FAILED", newer, part="linux/s390x"),
    )

    assert time_to_alert(a_sent_row(), message) == timedelta(seconds=4)


def a_running_image(*, scanned: timedelta, **fields: Any) -> WatchedImage:
    """Return an older image that something still runs, with one vulnerability of its own."""
    part = a_part(a_finding("CVE-2026-7"), image=an_image(2))
    scan = replace(part.evidence[0], at=NOW + scanned, **fields)
    parts = (replace(part, evidence=(scan,)),)
    return a_watched(parts=parts, image=an_image(2), role=Role.RUNNING, running=True)


def test_a_new_scan_of_an_older_running_image_is_the_end() -> None:
    """The current image was scanned days ago, and has none of it."""
    current = a_watched(parts=(a_part(),))
    days_ago = replace(current.parts[0].evidence[0], at=NOW - timedelta(days=3))
    current = replace(current, parts=(replace(current.parts[0], evidence=(days_ago,)),))
    message = a_message(a_state(current, a_running_image(scanned=timedelta())))

    assert time_to_alert(a_sent_row(), message) == timedelta(seconds=4)


def test_a_scan_of_an_image_that_the_message_is_not_about_is_no_end() -> None:
    """It says nothing, and came later."""
    running = a_running_image(scanned=timedelta(seconds=3), findings=())
    message = a_message(a_state(a_watched(a_finding()), running))

    assert time_to_alert(a_sent_row(), message) == timedelta(seconds=4)


def test_what_ended_is_timed_by_the_last_scan() -> None:
    """It is in no image any more."""
    before = a_view(a_reported("CVE-2024-0001"), agreed=an_agreement())
    message = a_message(a_state(a_watched()), before)

    assert [item.desired for item in message.delta.items] == [None]
    assert time_to_alert(a_sent_row(), message) == timedelta(seconds=4)


def test_clocks_that_differ_make_no_negative_time() -> None:
    row = a_sent_row(tried_at=NOW - timedelta(seconds=1))

    assert time_to_alert(row, a_message_about(a_part(a_finding()))) == timedelta()


@pytest.mark.parametrize(
    "fields",
    [{"cause": "rules"}, {"quiet": True}, {"state": RowState.DEAD}, {"tried_at": None}],
    ids=str,
)
def test_what_no_scan_caused_or_what_was_not_sent_has_no_time(fields: dict[str, Any]) -> None:
    message = a_message_about(a_part(a_finding()))

    assert time_to_alert(a_sent_row(**fields), message) is None


@pytest.mark.parametrize(
    "message", [None, a_message(a_state()), a_message_about(an_unscanned_part())]
)
def test_a_message_without_a_result_has_no_time(message: PinnedMessage | None) -> None:
    """Nothing was scanned, or the message is not stored any more."""
    assert time_to_alert(a_sent_row(), message) is None
