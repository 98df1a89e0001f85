"""Fingerprints of rows: the same where the same is compared, another one where anything else is."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.evidence import facts
from lib.models import Report, SameReport
from lib.normalizer.fingerprints import fingerprint
from lib.normalizer.pages import compared_ecr, normalize_ecr
from tests.support.shapes import (
    IMAGE,
    SCAN,
    attributes,
    basic_row,
    inspector_row,
    package,
    page,
    resource,
)


def changed(row: Any) -> Iterator[Any]:
    """Yield a row with each of its values changed once, however deep it is."""
    match row:
        case dict():
            for name in row:
                yield from ({**row, name: value} for value in changed(row[name]))
        case list():
            for place, item in enumerate(row):
                yield from ([*row[:place], value, *row[place + 1 :]] for value in changed(item))
        case str():
            yield f"{row}x"
        case _:
            yield None


BASIC = basic_row(
    description="An attacker may.",
    uri="https://example.org/1",
    attributes=attributes(package_name="openssl", package_version="1", CVSS3_SCORE="7.5"),
)
ENHANCED = inspector_row(
    "CVE-2024-0001",
    package(fixedInVersion="2", filePath="usr/lib/x", sourceLayerHash="sha256:1", arch="X86_64"),
    fixAvailable="YES",
    exploitAvailable="NO",
    exploitabilityDetails={"lastKnownExploitAt": 1_700_000_000},
    resources=[resource()],
)


@pytest.mark.parametrize("row", [BASIC, ENHANCED], ids=["basic", "enhanced"])
def test_whatever_is_compared_of_a_row_is_in_its_fingerprint(row: Any) -> None:
    """Each value of a row is changed: where another finding follows, the fingerprint differs."""
    before = normalize_ecr([page(row)], IMAGE, SCAN)
    assert isinstance(before, Report)
    differing = 0

    for other in changed(row):
        after = normalize_ecr([page(other)], IMAGE, SCAN)
        assert isinstance(after, Report)
        if facts(after.findings) != facts(before.findings):
            differing += 1
            assert fingerprint([other]) != fingerprint([row]), other

    assert differing >= 4


@given(st.permutations(range(6)))
def test_neither_the_order_of_rows_nor_that_of_attributes_counts(order: list[int]) -> None:
    rows = [basic_row(f"CVE-{number}") for number in range(6)]
    shuffled = [{**rows[place], "attributes": rows[place]["attributes"][::-1]} for place in order]

    assert fingerprint(shuffled) == fingerprint(rows)


@pytest.mark.parametrize(
    "fields",
    [
        {"lastObservedAt": 1_800_000_000},
        {"updatedAt": 1_800_000_000},
        {"epss": {"score": 0.9}},
        {"resources": [resource(inUseCount=7, imageTags=["1.5"])]},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_changes_by_itself_does_not_count(fields: Any) -> None:
    """A scanner states it anew each time it looks."""
    assert fingerprint([{**ENHANCED, **fields}]) == fingerprint([ENHANCED])


def test_odd_rows_have_a_fingerprint_too() -> None:
    """Rows of other types, names that are no text, attributes without a key."""
    odd = [None, 1, "x", {"name": 3}, basic_row(attributes=[{"value": 1}]), {"attributes": 1}]

    assert fingerprint(odd) == fingerprint(odd[::-1][::-1]) != fingerprint(odd[1:])


def test_dates_that_boto3_has_read_have_none() -> None:
    """Then the report is made in full."""
    assert not fingerprint([{**ENHANCED, "firstObservedAt": datetime(2026, 1, 1, tzinfo=UTC)}])


def test_rows_of_the_stored_fingerprint_are_not_read_again() -> None:
    """The report can be made in full all the same."""
    full = compared_ecr([page(BASIC)], IMAGE, SCAN, "")
    assert isinstance(full, Report)

    same = compared_ecr([page(BASIC)], IMAGE, SCAN, full.fingerprint)

    assert isinstance(same, SameReport)
    assert (same.image, same.scan, same.fingerprint) == (full.image, full.scan, full.fingerprint)
    assert same.full() == full
    assert normalize_ecr([page(BASIC)], IMAGE, SCAN) == full


@pytest.mark.parametrize(
    "pages",
    [
        [page(BASIC, imageScanFindings={"findings": [BASIC], "findingSeverityCounts": {"LOW": 2}})],
        [page(BASIC, imageScanFindings={"findings": [BASIC, "x"]})],
        [page(BASIC, status="FAILED")],
        [page()],
    ],
    ids=["cut", "unreadable", "failed", "nothing"],
)
def test_a_list_that_may_not_be_whole_is_read_again(pages: Any) -> None:
    """Whatever its fingerprint is."""
    body = pages[0]["imageScanFindings"]
    known = fingerprint(body.get("findings", ()))

    assert not isinstance(compared_ecr(pages, IMAGE, SCAN, known), SameReport)
