"""Versions of a stream's state in numbers."""

from lib.core.history import history_point, is_scanned
from lib.models import Severity
from tests.support.builders import a_finding
from tests.support.streams import (
    a_departure,
    a_lifecycle,
    a_part,
    a_state,
    a_watched,
    an_unscanned_part,
)


def test_a_point_counts_what_is_open_what_came_and_what_left() -> None:
    """Vulnerabilities, by the worst severity that a watched image has."""
    low = a_lifecycle(1, severity=Severity.LOW)
    state = a_state(
        a_watched(a_finding()),
        version=2,
        lifecycles={"CVE-1": a_lifecycle(2), "CVE-2": low, "CVE-3": a_lifecycle(1)},
        departures={"CVE-4": a_departure(2, lifecycle=low), "CVE-5": a_departure(1)},
    )

    point = history_point(state)

    assert (point.version, point.at, point.scanned) == (2, state.at, True)
    assert point.image == state.images[0].image
    assert list(point.open.items()) == [(Severity.HIGH, 2), (Severity.LOW, 1)]
    assert (point.came, point.left) == ({Severity.HIGH: 1}, {Severity.LOW: 1})


def test_a_stream_without_images_has_a_point() -> None:
    """Nothing is known of it: it is not scanned."""
    point = history_point(a_state())

    assert (point.image, point.scanned, point.open) == (None, False, {})


def test_a_part_without_a_complete_result_makes_a_gap() -> None:
    """Also where the numbers of an earlier image stand in."""
    assert is_scanned(a_state(a_watched(a_finding())))
    for part in (an_unscanned_part(), a_part(complete=False)):
        assert not is_scanned(a_state(a_watched(parts=(a_part(), part))))
