"""Frozen data as JSON: it comes back equal, and says briefly what it holds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.models import AnyReport, Image, Severity, StreamId
from lib.models.streams import Comparison, ImageRow, StreamState, Use
from lib.models.views import Condition, ReportedItem, View
from lib.ports.streams import ImageRecord, StreamRow
from lib.store.documents import attributes, data_of, hash_of
from lib.store.reported import reported_from_json, reported_to_json
from lib.store.typed import converter, from_json, to_json
from tests.support.builders import NOW, a_finding, a_report, an_image, an_unusable_report
from tests.support.streams import (
    STREAM,
    a_departure,
    a_lifecycle,
    a_reported,
    a_reported_condition,
    a_state,
    a_view,
    a_watched,
    an_agreement,
)


@dataclass(frozen=True)
class Example:
    """Fields with and without default."""

    needed: int
    day: date | None = None
    names: Mapping[str, int] = field(default_factory=dict)


STATE = a_state(
    a_watched(a_finding(), a_finding("CVE-2024-0002", path="/app"), running=True),
    lifecycles={"CVE-2024-0001": a_lifecycle()},
    departures={"CVE-2024-0003": a_departure()},
    comparison=Comparison("sha256:1", frozenset({"b", "a"})),
)
IMAGE = ImageRecord(ImageRow(an_image(), NOW, uses={"ecs": Use(NOW)}), revision=3, usable_at=NOW)
VIEW = a_view(a_reported(), a_reported_condition(), agreed=an_agreement(CVE_1="one"))


@pytest.mark.parametrize(
    "data", [STATE, IMAGE, VIEW, StreamRow(STREAM), a_report(a_finding()), an_unusable_report()]
)
def test_data_come_back_as_they_were_written(data: Any) -> None:
    """By way of JSON text."""
    assert from_json(type(data), json.loads(json.dumps(to_json(data)))) == data


def test_equal_lifecycles_are_written_once() -> None:
    """The same text for the same data, whichever objects and whatever order it has."""
    worse = a_lifecycle(severity=Severity.CRITICAL)
    one = {"CVE-1": a_lifecycle(), "CVE-2": worse, "CVE-3": a_lifecycle()}
    shared = {"CVE-3": one["CVE-1"], "CVE-2": worse, "CVE-1": one["CVE-1"]}

    written = to_json(a_state(lifecycles=one))

    assert len(written["lifecycles"]["distinct"]) == 2
    assert json.dumps(to_json(a_state(lifecycles=shared))) == json.dumps(written)
    assert from_json(StreamState, written).lifecycles == one


def test_lifecycles_of_older_objects_are_read() -> None:
    """They were written by their ids."""
    written = {"CVE-1": to_json(a_lifecycle())}

    read = from_json(StreamState, to_json(a_state()) | {"lifecycles": written})

    assert read.lifecycles == {"CVE-1": a_lifecycle()}


@pytest.mark.parametrize("report", [a_report(a_finding()), an_unusable_report()])
def test_one_of_several_kinds_is_written_with_its_name(report: Any) -> None:
    """So that it comes back as the same kind."""
    convert = converter(AnyReport)

    assert convert.read(convert.write(report)) == report
    assert convert.write(report)[0] == type(report).__name__


def test_what_has_its_default_is_left_out() -> None:
    """Most fields of most rows have."""
    assert to_json(Example(1)) == {"needed": 1}
    assert from_json(Example, {"needed": 1}) == Example(1)
    assert from_json(Example, {"needed": 1, "day": None}) == Example(1)
    assert to_json(Example(1, date(2026, 11, 28))) == {"needed": 1, "day": "2026-11-28"}


def test_a_missing_field_is_an_error() -> None:
    """No value is invented."""
    with pytest.raises(KeyError, match="needed"):
        from_json(Example, {})


@pytest.mark.parametrize("kind", [object, list[int], frozenset[int], tuple[int, str]])
def test_a_type_without_json_is_an_error(kind: Any) -> None:
    """It is found by the first test that writes it."""
    with pytest.raises(TypeError, match="no JSON is known"):
        converter(kind)


ITEMS = st.builds(
    ReportedItem,
    id=st.text(min_size=1, max_size=5),
    severity=st.sampled_from(Severity),
    exploitable=st.booleans(),
    fixable=st.booleans(),
    names=st.lists(st.text(max_size=3), max_size=2).map(tuple),
    routes=st.lists(st.sampled_from(["all", "prod"]), max_size=2).map(tuple),
    condition=st.none() | st.sampled_from(Condition),
)


@given(st.lists(ITEMS, max_size=5, unique_by=lambda item: item.id))
def test_reported_items_come_back_as_they_were_written(items: list[ReportedItem]) -> None:
    """Whatever their names, routes and flags are; their order does not count."""
    reported = {item.id: item for item in items}

    columns = json.loads(json.dumps(reported_to_json(reported)))

    assert reported_from_json(columns) == reported
    assert reported_to_json(dict(reversed(reported.items()))) == columns


def test_routes_are_written_once() -> None:
    """Items name their place among them."""
    items = [a_reported("A"), a_reported("B", routes=("prod",)), a_reported("C")]
    reported = {item.id: item for item in items}

    columns = reported_to_json(reported)

    assert (columns["routes"], columns["route"]) == ([["all"], ["prod"]], [0, 1, 0])
    assert reported_from_json(columns) == reported


def test_an_item_under_another_key_keeps_it() -> None:
    """The key is what the view knows it by."""
    reported = {"GHSA-1": a_reported()}

    assert reported_from_json(reported_to_json(reported)) == reported
    assert reported_to_json({}) == {}


def many_items() -> View:
    """Return a view with 10,000 vulnerabilities, every third with an alias."""
    return a_view(
        *[
            a_reported(
                f"CVE-{2010 + number % 15}-{number * 7:05}",
                severity=Severity(1 + number % 5),
                fixable=number % 3 == 0,
                names=(f"CVE-{2010 + number % 15}-{number * 7:05}",)
                + (
                    (f"GHSA-{hash_of(Image(str(number), '', '', '', '', ()))[:8]}",)
                    * (number % 3 == 0)
                ),
            )
            for number in range(10_000)
        ]
    )


def test_a_view_of_ten_thousand_vulnerabilities_is_below_100_kb() -> None:
    """A fourth of what DynamoDB takes as an item."""
    view = many_items()

    row = attributes(view)

    assert isinstance(row["document"], bytes)
    assert len(row["document"]) < 100_000
    assert data_of(View, row) == view


def test_a_small_row_is_text_that_people_can_read() -> None:
    """Its hash is that by which the next writer names it."""
    row = attributes(StreamRow(StreamId("1/eu/api")))

    assert row == {
        "document": '{"stream":"1/eu/api"}',
        "hash": hash_of(StreamRow(StreamId("1/eu/api"))),
    }
    assert hash_of(VIEW) != hash_of(replace(VIEW, version=8))
