"""Whether something runs an image, and when it did last: three things that must stay apart."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lib.core.merging import merged
from lib.exports import EXPORTS
from lib.models import AnyReport, Image, ImageIndex, Member
from lib.normalizer.documents import normalize_document
from lib.normalizer.images import image_of_resource
from lib.wire.report import report_from_json, report_to_json
from tests.support.builders import NOW, a_report, an_image
from tests.support.documents import case, checked, document

LAST = datetime(2026, 11, 19, 22, 0, tzinfo=UTC)


def report_of(value: Any) -> AnyReport:
    (report,) = normalize_document(value).reports
    return report


def uses(image: Image) -> tuple[int | None, datetime | None]:
    return image.in_use_count, image.last_in_use_at


@pytest.mark.parametrize(
    ("name", "expected"), [("three", (3, LAST)), ("zero", (0, LAST)), ("absent", (None, None))]
)
def test_in_use_idle_and_not_known_stay_apart(
    name: str, expected: tuple[int | None, datetime | None]
) -> None:
    """An image that ran yesterday is not one that never ran, in any format."""
    report = report_of(case(f"in-use/{name}.json"))

    assert uses(report.image) == expected
    assert uses(report_from_json(checked(report)).image) == expected
    (row,) = csv.DictReader(io.StringIO(EXPORTS["csv"]([report]), newline=""))
    count, last = expected
    time = "2026-11-19T22:00:00Z" if last else ""
    assert (row["in_use_count"], row["last_in_use_at"]) == (
        "" if count is None else str(count),
        time,
    )
    (run,) = json.loads(EXPORTS["sarif"]([report]))["runs"]
    assert (run["properties"]["inUseCount"], run["properties"]["lastInUseAt"] or "") == (
        count,
        time,
    )
    (event,) = map(json.loads, EXPORTS["ocsf"]([report]).splitlines())
    data = event["resources"][0]["data"]
    assert (data.get("in_use_count"), data.get("last_in_use_at", "")) == (count, time)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("ecr-enhanced/aws-docs-example.json", datetime(2025, 6, 9, 4, 43, 20, 427000, UTC)),
        ("inspector2-finding/ecr-2021-format.json", datetime(2021, 12, 3, 18, 2, 13, tzinfo=UTC)),
    ],
)
def test_real_documents_say_when(path: str, expected: datetime) -> None:
    """In both ways in which AWS writes times."""
    assert report_of(document(path)).image.last_in_use_at == expected


@pytest.mark.parametrize("value", [None, "", "yesterday", 12.5, {}, "9999-99-99T00:00:00Z"])
def test_what_is_no_time_is_not_known(value: Any) -> None:
    """Nothing is made up, and nothing fails."""
    details = {"inUseCount": value, "lastInUseAt": value}

    image = image_of_resource({"details": {"awsEcrContainerImage": details}})

    assert image.last_in_use_at is None or isinstance(value, float)
    assert image.in_use_count is None or isinstance(value, float)


def test_an_index_ran_when_one_of_its_platforms_ran_last() -> None:
    """The sum of uses, and the latest time."""
    index = ImageIndex(an_image(1), tuple(Member(f"sha256:{n}", f"linux/{n}") for n in "abc"))
    reports = [
        a_report(image=an_image(2, in_use_count=0, last_in_use_at=NOW - timedelta(days=1))),
        a_report(image=an_image(3, in_use_count=2, last_in_use_at=NOW)),
        a_report(image=an_image(4)),
    ]

    assert uses(merged(index, reports).image) == (2, NOW)
    assert uses(merged(index, [a_report()] * 3).image) == (None, None)


def test_a_report_of_before_has_no_time() -> None:
    """Documents that were written without the field are read."""
    written = report_to_json(a_report())
    del written["image"]["last_in_use_at"]

    assert report_from_json(written).image.last_in_use_at is None
