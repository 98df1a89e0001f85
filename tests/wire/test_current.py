"""Copies of streams as lines: they come back, they are as described, and they stay small."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lib.core.current import current_copy
from lib.models import Doubt, ScanSource
from lib.models.streams import Comparison, Role, StreamState
from lib.wire.current import copy_from_lines, copy_to_lines
from tests.support.builders import NOW, a_finding, an_image
from tests.support.streams import (
    AMD,
    a_departure,
    a_lifecycle,
    a_part,
    a_stamp,
    a_state,
    a_watched,
    an_unscanned_part,
    show,
)

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "schemas/current-1.0.0.json").read_text("utf-8"))
)


def a_rich_state(**fields: Any) -> StreamState:
    """Return a current image of two parts, and an image behind it that has a row of it, too."""
    shared = a_finding("CVE-1", aliases=("GHSA-1",), first_observed_at=NOW)
    own = a_finding("CVE-2", severity="CRITICAL", fixed_version="2", epss=0.5)
    earlier = a_part(shared, image=an_image(2)).evidence
    current = a_watched(
        parts=(a_part(shared, own), an_unscanned_part("FAILED", *earlier, part="linux/arm64"))
    )
    behind = a_watched(shared, image=an_image(2), role=Role.RUNNING, running=True)
    defaults: dict[str, Any] = {
        "lifecycles": {
            "CVE-1": a_lifecycle(raised=a_stamp(2), left_current=a_stamp(3)),
            "CVE-2": a_lifecycle(),
        },
        "conditions": {"FAILED linux/arm64": a_stamp()},
    }
    return a_state(current, behind, version=3, **{**defaults, **fields})


COMPARED = Comparison("sha256:1", frozenset({"CVE-9"}), frozenset({"CVE-1"}))


@pytest.mark.parametrize(
    "state",
    [
        a_rich_state(),
        a_rich_state(comparison=COMPARED),
        a_rich_state(comparison=replace(COMPARED, first=None)),
        a_state(a_watched(a_finding())),
        a_state(a_watched(parts=(an_unscanned_part("PENDING", source=None),))),
        a_state(a_watched(a_finding("CVE-2"), image=an_image(2)), departures={"X": a_departure()}),
    ],
    ids=["rich", "compared", "not yet compared", "bare", "never scanned", "unlisted"],
)
def test_a_copy_comes_back(state: StreamState) -> None:
    """Each line is as described; only the order of rows in a scan may differ."""
    copy = current_copy(state, ())

    lines = list(copy_to_lines(copy))
    read = copy_from_lines(lines)

    for line in lines:
        SCHEMA.validate(json.loads(line))
    assert list(copy_to_lines(read)) == lines
    assert show(read.state) == show(copy.state)
    assert read.state.lifecycles == state.lifecycles
    assert replace(read.state, images=()) == replace(copy.state, images=())
    for ours, theirs in zip(read.state.images, copy.state.images, strict=True):
        assert (ours.image, ours.role, ours.running) == (theirs.image, theirs.role, theirs.running)
        assert [len(part.evidence) for part in ours.parts] == [
            len(part.evidence) for part in theirs.parts
        ]


def test_a_row_is_written_once_wherever_it_is_listed() -> None:
    """Images of one stream have most rows in common."""
    lines = [json.loads(line) for line in copy_to_lines(current_copy(a_rich_state(), ()))]

    shared = next(line for line in lines if line.get("id") == "CVE-1")
    assert [row["places"] for row in shared["findings"]] == [[[0, 0, 0], [0, 1, 0], [1, 0, 0]]]


def test_lines_are_worst_first_behind_the_stream_and_its_images() -> None:
    """A reader that stops early has what matters."""
    lines = [json.loads(line) for line in copy_to_lines(current_copy(a_rich_state(), ()))]

    assert [line["line"] for line in lines] == [
        "stream",
        "image",
        "image",
        "vulnerability",
        "vulnerability",
    ]
    assert [line.get("id") for line in lines[3:]] == ["CVE-2", "CVE-1"]


def test_closed_rows_long_texts_departures_and_doubts_are_left_out() -> None:
    """Readers ask what is open."""
    long = a_finding(
        "CVE-1",
        description="long",
        remediation="long",
        links=("https://example.com/long",),
        extra={"a": "long"},
        last_observed_at=NOW,
    )
    image = replace(an_image(), doubts=(Doubt.ARCHIVED,))
    watched = a_watched(long, a_finding("CVE-2", source_status="CLOSED"), image=image)

    copy = current_copy(a_state(watched, departures={"CVE-3": a_departure()}), ())

    (kept,) = copy.state.images[0].parts[0].evidence[0].findings
    assert kept == a_finding("CVE-1")
    assert not copy.state.departures
    assert "long" not in "\n".join(copy_to_lines(copy))
    assert copy_from_lines(copy_to_lines(copy)).state == copy.state


def test_the_source_of_a_part_comes_back() -> None:
    """Routes can ask for it."""
    part = a_part(a_finding(), source=ScanSource.ECR_BASIC, part=AMD)

    read = copy_from_lines(copy_to_lines(current_copy(a_state(a_watched(parts=(part,))), ())))

    assert read.state.images[0].parts == (part,)


def test_one_list_is_written_as_several_are() -> None:
    """Its rows are not compared with those of other lists; a list of nothing makes it two."""
    rows = (a_finding("CVE-2024-0001"), a_finding("CVE-2024-0002", package="zlib"))
    part = a_part(*rows)
    alone = a_watched(parts=(part,))
    beside = a_watched(parts=(part, a_part(part="linux/arm64")))

    lines = [list(copy_to_lines(current_copy(a_state(image), ()))) for image in (alone, beside)]

    assert lines[0][2:] == lines[1][2:]
    assert len(lines[0]) == 4
