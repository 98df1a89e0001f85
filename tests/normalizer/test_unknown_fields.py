"""What AWS adds next is kept: fields of images and findings that no reader knows."""

import copy
import json
from typing import Any

import pytest

from cli.terminal import print_report
from lib.core.evidence import says_the_same
from lib.core.merging import merged
from lib.models import AnyReport, ImageIndex, Member, Report
from lib.models.events import FindingEvent
from lib.normalizer.documents import normalize_document
from lib.normalizer.events import parse_event
from lib.normalizer.inspector_csv import rows_of_export
from lib.normalizer.unknown_fields import MOST
from lib.notifiers.document import shortened_image
from lib.wire.report import report_from_json
from tests.support.builders import a_report, an_image
from tests.support.documents import CASES, checked, document

EVENT = "inspector2-finding/ecr-2024-format.json"
PAGES = "ecr-enhanced/aws-docs-example.json"
NEW = {
    "signedBy": "arn:aws:signer:eu-west-1:1:/x",
    "layers": [{"digest": "sha256:1"}],
    "isBase": False,
}
"""Fields that AWS has not invented yet, by their values: a text, a list, no."""
AS_TEXT = {
    "isBase": "false",
    "layers": '[{"digest":"sha256:1"}]',
    "signedBy": "arn:aws:signer:eu-west-1:1:/x",
}


def finding_in(value: Any) -> dict[str, Any]:
    """Return the first Inspector finding of an event or a page."""
    if "detail" in value:
        return value["detail"]
    return value["imageScanFindings"]["enhancedFindings"][0]


def image_in(value: Any) -> dict[str, Any]:
    """Return what a document says about the image of its first finding."""
    return finding_in(value)["resources"][0]["details"]["awsEcrContainerImage"]


def with_new_fields(path: str) -> Any:
    """Return a real document whose image has new fields."""
    value = copy.deepcopy(document(path))
    image_in(value).update(NEW)
    return value


def report_of(value: Any) -> AnyReport:
    (report,) = normalize_document(value).reports
    return report


def new_fields(report: AnyReport) -> dict[str, str]:
    """Return the fields of an image that were added here: the documents have others."""
    return {name: text for name, text in report.image.extra.items() if name in NEW}


@pytest.mark.parametrize("path", [EVENT, PAGES])
def test_a_new_field_of_an_image_is_in_what_is_stored(path: str) -> None:
    """By AWS's own name, as text, from an event and from an answer, and read back the same."""
    report = report_of(with_new_fields(path))

    assert new_fields(report) == AS_TEXT
    stored = json.loads(json.dumps(checked(report)))
    assert new_fields(report_from_json(stored)) == AS_TEXT


def test_an_event_has_it_where_the_flow_begins() -> None:
    """What a function makes of the event keeps the field as well."""
    event = parse_event(with_new_fields(EVENT))

    assert isinstance(event, FindingEvent)
    assert new_fields(event.report) == AS_TEXT


def test_people_see_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The table names it."""
    print_report(report_of(with_new_fields(PAGES)))

    assert "signedBy: arn:aws:signer:eu-west-1:1:/x\n" in capsys.readouterr().out


def test_the_resource_around_the_image_has_fields_too() -> None:
    """They have their path; `author` and resource tags were there all the time."""
    value = document(PAGES)
    finding = finding_in(value)
    image_in(value)["author"] = "team-a"
    finding["resources"][0] |= {"tags": {"cost": "7"}, "criticality": "HIGH"}
    finding["resources"][0]["details"]["signer"] = {"name": "x"}

    extra = report_of(value).image.extra

    assert extra["author"] == "team-a"
    assert extra["resource.tags"] == '{"cost":"7"}'
    assert extra["resource.criticality"] == "HIGH"
    assert extra["resource.details.signer"] == '{"name":"x"}'


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ((), "reachable"),
        (("epss",), "epss.percentile"),
        (("exploitabilityDetails",), "exploitabilityDetails.maturity"),
        (("remediation",), "remediation.deadline"),
        (("remediation", "recommendation"), "remediation.recommendation.effort"),
        (("scoreDetails", "cvss"), "scoreDetails.cvss.threat"),
        (("packageVulnerabilityDetails",), "weakness"),
    ],
)
def test_a_new_field_of_a_finding_is_kept(place: tuple[str, ...], name: str) -> None:
    """Also within objects of which one field is read."""
    value = document(PAGES)
    owner = finding_in(value)
    for key in place:
        owner = owner.setdefault(key, {})
    owner[name.rpartition(".")[2]] = {"level": 0.5}

    report = report_of(value)

    assert isinstance(report, Report)
    assert report.findings[0].extra[name] == '{"level":0.5}'


def test_a_new_field_of_a_score_is_kept() -> None:
    """With the place of the score in its list."""
    value = document(PAGES)
    score = {"baseScore": 7, "version": "4.0", "source": "NVD", "threat": "E:A"}
    finding_in(value)["packageVulnerabilityDetails"]["cvss"] = [{"baseScore": 5}, score]

    report = report_of(value)

    assert isinstance(report, Report)
    assert report.findings[0].extra["cvss[1].threat"] == "E:A"


def test_a_field_that_becomes_another_type_is_not_lost() -> None:
    """An object that is a text from now on, or a list."""
    value = document(PAGES)
    finding_in(value).update({"epss": "high", "exploitabilityDetails": ["poc"]})
    finding_in(value)["resources"][0]["details"] = "arn:aws:ecr:image"

    report = report_of(value)

    assert isinstance(report, Report)
    assert report.findings[0].extra["epss"] == "high"
    assert report.findings[0].extra["exploitabilityDetails[0]"] == "poc"
    assert report.image.extra["resource.details"] == "arn:aws:ecr:image"


def test_a_page_that_is_there_twice_counts_once() -> None:
    """Logs and archives deliver at least once."""
    report = report_of([document(PAGES), document(PAGES)])

    assert not report.scan.warnings


def test_a_new_field_of_a_basic_finding_is_kept() -> None:
    """A new attribute, and one beside the attributes."""
    row = {
        "name": "CVE-2026-1",
        "severity": "HIGH",
        "attributes": [
            {"key": "package_name", "value": "a"},
            {"key": "FIX_STATE", "value": "wontfix"},
        ],
        "firstSeen": 12,
    }
    page = {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {"findings": [row], "findingSeverityCounts": {"HIGH": 1}},
    }

    report = report_of(page)

    assert isinstance(report, Report)
    assert dict(report.findings[0].extra) == {"FIX_STATE": "wontfix", "firstSeen": "12"}


def test_columns_of_the_export_that_are_no_fields_are_kept() -> None:
    """By their titles, also one that the export gets next year."""
    text = (CASES / "exported" / "inspector.csv").read_text(encoding="utf-8")
    head, row, *_ = text.splitlines()

    (first,) = rows_of_export(f"{head},Signed By\n{row},me\n")

    assert first["Signed By"] == "me"
    assert first["Age (Days)"]


def test_what_is_kept_is_clean_and_has_a_limit() -> None:
    """Whoever can write a field can write neither control characters nor megabytes."""
    value = document(PAGES)
    image_in(value).update(
        {"bad\u202ename": "a\x1b[2Jb", "long": "x" * 10_000} | {f"z{n:03}": n for n in range(500)}
    )

    extra = report_of(value).image.extra

    assert extra["badname"] == "a[2Jb"
    assert len(extra["long"]) == 4096
    assert len([name for name in extra if not name.startswith("resource.")]) == MOST


def test_it_is_no_news() -> None:
    """A field that changes with every answer causes no message, and is in none."""
    before, after = (a_report(image=an_image(1, extra={"pulls": number})) for number in ("1", "2"))

    assert says_the_same(before, after)
    assert not shortened_image(after.image).extra


def test_parts_of_an_index_may_differ() -> None:
    """What all say stands once, else each with its platform."""
    index = ImageIndex(an_image(1), (Member("sha256:a", "linux/a"), Member("sha256:b", "linux/b")))
    reports = [
        a_report(image=an_image(2, extra={"author": "me", "layers": "1"})),
        a_report(image=an_image(3, extra={"author": "me", "layers": "2", "gpu": "yes"})),
    ]

    assert dict(merged(index, reports).image.extra) == {
        "author": "me",
        "layers": "linux/a: 1; linux/b: 2",
        "gpu": "linux/b: yes",
    }
