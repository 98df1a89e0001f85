"""
The 31 traps of ECR's and Inspector's data, one test for each.

Each stands for something that was seen in real documents or in AWS's documentation, and that makes
a naive reader wrong. Tests that need more than a line of explanation say where it was seen.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lib.errors import EventError, FindingsNotReadyError
from lib.models import (
    FindingEvent,
    IgnoredEvent,
    Image,
    Report,
    ScanEvent,
    ScanSource,
    Severity,
    UnusableReport,
)
from lib.normalizer.documents import normalize_document
from lib.normalizer.events import parse_event
from lib.normalizer.images import image_of_detail, image_of_resource
from lib.normalizer.pages import normalize_ecr
from lib.normalizer.readers import SOURCES
from lib.normalizer.values import moment
from lib.wire.report import report_to_json
from tests.sources.test_ecr import FakeEcr, refusal, source
from tests.support.documents import checked, document
from tests.support.every import every
from tests.support.shapes import (
    DIGEST,
    IMAGE,
    REPOSITORY_ARN,
    SCAN,
    attributes,
    basic_row,
    finding_event,
    inspector_row,
    package,
    page,
    resource,
    scan_event,
)

read_basic = SOURCES[ScanSource.ECR_BASIC]
read_enhanced = SOURCES[ScanSource.ECR_ENHANCED]
read_inspector = SOURCES[ScanSource.INSPECTOR2]


def usable(*pages: Any) -> Report:
    report = normalize_ecr(pages, IMAGE, SCAN)
    assert isinstance(report, Report)
    return report


def scan_of(body: Any) -> ScanEvent:
    event = parse_event(body)
    assert isinstance(event, ScanEvent)
    return event


# --- identity and naming ----------------------------------------------------------------------


def test_trap_01_repository_is_a_name_or_an_arn() -> None:
    """Names contain slashes; a finding's resource is the repository's ARN and the digest."""
    by_name = scan_of(scan_event(**{"repository-name": "payments/api"}))
    by_arn = scan_of(scan_event(**{"repository-name": REPOSITORY_ARN}))

    assert by_name.image == by_arn.image == IMAGE
    assert image_of_resource({"id": f"{REPOSITORY_ARN}/{DIGEST}"}).repository == "payments/api"
    assert image_of_resource({"id": f"{REPOSITORY_ARN}/{DIGEST}"}).digest == DIGEST


def test_trap_02_tags_are_labels_under_four_names() -> None:
    """`image-tags`, `imageTags`, `imageId.imageTag`; none, one or several; the digest counts."""
    untagged = scan_of(document("ecr-image-scan/aws-docs-untagged.json")).image
    several = scan_of(scan_event(**{"image-tags": ["1.4.2", "latest"]})).image
    tagged = page(basic_row(), imageId={"imageDigest": DIGEST, "imageTag": "1.4.2"})

    assert untagged.tags == ()
    assert several.tags == ("1.4.2", "latest")
    assert several.key == IMAGE.key
    assert image_of_resource(resource(imageTags=["a", "b"])).tags == ("a", "b")
    assert normalize_ecr([tagged], replace(IMAGE, tags=()), SCAN).image.tags == ("1.4.2",)


@every(
    "name",
    [
        "RHSA-2020:3908",
        "ALAS2023-2025-1128",
        "GHSA-f772-66g8-q5h3",
        "SNYK-GOLANG-GOLANGORGXNET-1",
        "IN1-PYTHON-1",
        "RUSTSEC-2023-0001",
        "CWE-117,93",
        "85151",
    ],
)
def test_trap_03_ids_are_not_always_cves(name: str) -> None:
    """Ids pass as they are; no link is made from them; an advisory's CVEs are aliases."""
    (basic,) = read_basic(basic_row(name))
    (enhanced,) = read_enhanced(
        inspector_row(name, details={"relatedVulnerabilities": ["CVE-2020-1", "CVE-2020-2"]})
    )

    assert basic.vulnerability_id == enhanced.vulnerability_id == name
    assert basic.links == enhanced.links == ()
    assert enhanced.aliases == ("CVE-2020-1", "CVE-2020-2")


def test_trap_03_one_advisory_for_several_packages_is_several_findings() -> None:
    """Basic scanning repeats an advisory for each package."""
    rows = [basic_row("RHSA-2020:4076", name) for name in ("nss", "nspr", "nss-util")]

    assert len(usable(page(*rows)).findings) == 3


def test_trap_04_one_finding_is_about_many_packages() -> None:
    """Each package and each path is a finding of its own, and each of them once."""
    row = inspector_row(
        "CVE-1",
        package("flask", filePath="a/METADATA"),
        package("flask", filePath="b/METADATA"),
        package("jinja2"),
        package("jinja2"),
    )

    assert {finding.id for finding in usable(page(row)).findings} == {
        ("CVE-1", "flask", "a/METADATA"),
        ("CVE-1", "flask", "b/METADATA"),
        ("CVE-1", "jinja2", ""),
    }


def test_trap_05_titles_are_not_read() -> None:
    """Titles are cut ("and 2 more") and repeat themselves: packages come from their list."""
    row = inspector_row("CVE-1", package("libxml2"), title="CVE-1 - a, b and 2 more")

    assert [finding.package.name for finding in read_inspector(row)] == ["libxml2"]


# --- severity and score -----------------------------------------------------------------------


@pytest.mark.parametrize("word", ["UNDEFINED", "UNTRIAGED", None, "Moderate", "not yet assigned"])
def test_trap_06_severities_off_the_scale_are_unknown(word: Any) -> None:
    """Every word passes: off the scale it is UNKNOWN, below all others, and kept."""
    (found,) = read_basic(basic_row(severity=word))
    (vendor,) = read_inspector(inspector_row(details={"vendorSeverity": "medium"}))

    assert found.severity is Severity.UNKNOWN
    assert found.source_severity == word
    assert vendor.severity is Severity.HIGH
    assert vendor.extra["vendor_severity"] == "medium"


def test_trap_07_severity_is_not_computed_from_scores() -> None:
    """Vendor and NVD disagree in a quarter of all findings; the scanner's word stands."""
    row = inspector_row(
        severity="LOW",
        details={"cvss": [{"baseScore": 9.8, "version": "3.1", "source": "NVD"}]},
    )

    (found,) = read_inspector(row)

    assert found.severity is Severity.LOW
    assert found.score is not None
    assert found.score.value == 9.8


def test_trap_08_no_score_is_not_a_score_of_zero() -> None:
    """Scores are absent with real severities, and 0.0 where there is none."""
    (absent,) = read_inspector(inspector_row(details={"cvss": []}))
    untriaged = normalize_document(document("ecr-enhanced/moto-untriaged.json")).reports[0]

    assert (absent.severity, absent.score) == (Severity.HIGH, None)
    assert isinstance(untriaged, Report)
    assert untriaged.findings[-1].severity is Severity.UNKNOWN
    assert untriaged.findings[-1].score is None


@pytest.mark.parametrize(
    ("stated", "value", "version"),
    [
        ({"CVSS2_SCORE": "4.6", "CVSS2_VECTOR": "AV:L/AC:L"}, 4.6, "2.0"),
        ({"CVSS3_SCORE": "5", "CVSS3_VECTOR": "CVSS:3.1/AV:N"}, 5.0, "3.1"),
        ({"CVSS3_SCORE": "5", "CVSS3_VECTOR": "AV:N", "CVSS2_SCORE": "9"}, 5.0, "3"),
    ],
)
def test_trap_09_basic_scores_are_text(stated: dict[str, str], value: float, version: str) -> None:
    """Numbers as text, two versions side by side, vectors with and without a prefix."""
    (found,) = read_basic(basic_row(attributes=attributes(package_name="a", **stated)))

    assert found.score is not None
    assert (found.score.value, found.score.version) == (value, version)


def test_trap_10_total_is_no_severity() -> None:
    """TOTAL is more than the sum of the levels; missing levels are zero; counts cover all pages."""
    event = scan_of(document("inspector2-scan/ecr-2021.json"))
    (first_page,) = normalize_document(document("ecr-basic/first-page.json")).reports

    assert event.counts is not None
    assert set(event.counts) == set(Severity)
    assert sum(event.counts.values()) == 158
    assert first_page.scan.warnings[0] == "715 findings are counted, 4 are listed"


# --- completeness -----------------------------------------------------------------------------


def test_trap_11_all_pages_are_read() -> None:
    """Enhanced pages hold 100 findings whatever is asked for; a list cut short is said."""
    ecr = FakeEcr([inspector_row(f"CVE-{number}") for number in range(101)], status="ACTIVE")

    report = source(ecr).report(IMAGE, SCAN)
    cut = page(basic_row())
    cut["imageScanFindings"]["findingSeverityCounts"] = {"HIGH": 101}

    assert isinstance(report, Report)
    assert len(report.findings) == 101
    assert not usable(cut).scan.complete


@pytest.mark.parametrize("body", [None, {}])
def test_trap_12_absent_findings_are_not_none(body: Any) -> None:
    """`imageScanFindings` can be null, absent or empty; old SDKs drop `enhancedFindings`."""
    dropped = page(status="ACTIVE")
    dropped["imageScanFindings"]["findingSeverityCounts"] = {"HIGH": 2}
    absent = page()
    del absent["imageScanFindings"]

    for raw in (page(imageScanFindings=body), absent, dropped):
        assert isinstance(normalize_ecr([raw], IMAGE, SCAN), UnusableReport)


@every(
    "status",
    [
        "FAILED",
        "UNSUPPORTED_IMAGE",
        "PENDING",
        "SCAN_ELIGIBILITY_EXPIRED",
        "FINDINGS_UNAVAILABLE",
        "LIMIT_EXCEEDED",
        "IMAGE_ARCHIVED",
        "IMAGE_SIZE_EXCEEDED",
        "A_STATUS_OF_2030",
    ],
)
def test_trap_13_not_scanned_is_not_clean(status: str) -> None:
    """Every status but two, known today or not, says nothing about findings."""
    result = checked(normalize_ecr([page(status=status)], IMAGE, SCAN))

    assert "findings" not in result
    assert result["scan"]["usable"] is False
    assert status in result["scan"]["reason"]


def test_trap_14_the_summary_of_describe_images_is_not_used() -> None:
    """DescribeImages has no summary for today's scanners; it only tells which image it is."""
    detail = {
        "registryId": "000474600478",
        "repositoryName": "payments/api",
        "imageDigest": DIGEST,
        "imageTags": ["1.4.2"],
        "imageScanFindingsSummary": {"findingSeverityCounts": {"HIGH": 99}},
        "imageScanStatus": {"status": "COMPLETE"},
    }

    assert image_of_detail(detail, partition="aws", region="eu-central-1") == IMAGE


def test_trap_15_finding_events_of_one_image_belong_together() -> None:
    """A push of a large image gives hundreds of events, one for each finding."""
    events = [finding_event(vulnerability_id=f"CVE-{number}") for number in range(300)]

    (report,) = normalize_document(events).reports

    assert isinstance(report, Report)
    assert len(report.findings) == 300
    assert not report.scan.complete


# --- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "fixed"),
    [
        ({}, None),
        ({"fixedInVersion": "NotAvailable"}, None),
        ({"fixedInVersion": "0:2.63+22.04ubuntu0.1", "epoch": 0}, "2.63+22.04ubuntu0.1"),
        ({"fixedInVersion": "1:2.63", "epoch": 0}, "1:2.63"),
    ],
)
def test_trap_16_fixed_versions_have_an_epoch_or_none(stated: Any, fixed: str | None) -> None:
    """A placeholder is no version, an epoch of 0 is not written, PARTIAL is a fix."""
    (found,) = read_inspector(inspector_row("CVE-1", package(**stated)))
    (partial,) = read_inspector(inspector_row(fixAvailable="PARTIAL"))

    assert found.fixed_version == fixed
    assert found.fix_available is None
    assert partial.fixable


def test_trap_17_placeholders_are_absent_values() -> None:
    """Words that stand for "no value" never reach a person."""
    row = inspector_row(
        "CVE-1",
        package(fixedInVersion="NotAvailable"),
        details={"source": "null", "vendorSeverity": "not yet assigned"},
        description="None Provided",
        remediation={"recommendation": {"text": "None Provided"}},
        resources=[resource(platform="N/A") | {"partition": "N/A", "region": "N/A"}],
    )

    result = json.dumps(report_to_json(usable(page(row))))

    for word in ("None Provided", "N/A", '"null"', "not yet assigned", "NotAvailable"):
        assert word not in result


def test_trap_18_versions_are_one_string() -> None:
    """Inspector's epoch, version and release read like the version of a basic finding."""
    (inspector,) = read_inspector(
        inspector_row("CVE-1", package(epoch=1, version="7.9p1", release="10+deb10u2"))
    )
    (basic,) = read_basic(
        basic_row(attributes=attributes(package_version="1:7.9p1-10+deb10u2", package_name="a"))
    )

    assert inspector.package.version == basic.package.version == "1:7.9p1-10+deb10u2"


@pytest.mark.parametrize(
    ("uri", "links"),
    [
        ("https://a.example/CVE-2023-45871 ", ("https://a.example/CVE-2023-45871",)),
        ("http://people.ubuntu.com/x", ("https://people.ubuntu.com/x",)),
        (
            "http://cve.mitre.org/cgi-bin/cvename.cgi?name=CVE-2019-5188",
            ("https://www.cve.org/CVERecord?id=CVE-2019-5188",),
        ),
        (None, ()),
    ],
)
def test_trap_19_links_are_trimmed_and_https(uri: Any, links: tuple[str, ...]) -> None:
    """Trailing blanks, http and retired addresses; Alpine has neither link nor description."""
    (found,) = read_basic(basic_row(uri=uri))

    assert found.links == links
    assert found.description is None


def test_trap_20_descriptions_keep_their_text_only() -> None:
    """Indentation and CRLF go; Markdown stays as text, to be escaped for each receiver."""
    said = "\n        A `<!channel>` & *b*\r\n[x](https://a.example)  "

    (found,) = read_basic(basic_row(description=said))

    assert found.description == "A `<!channel>` & *b*\n[x](https://a.example)"


def test_trap_21_attributes_have_no_order_and_may_be_missing() -> None:
    """Keys are looked up, not counted; `value` is optional in the API's model."""
    listed = attributes(package_version="1", package_name="a", CVSS3_SCORE="5")

    assert read_basic(basic_row(attributes=listed)) == read_basic(
        basic_row(attributes=list(reversed(listed)))
    )
    (bare,) = read_basic(basic_row(attributes=[{"key": "package_name"}, {"key": "CVSS3_SCORE"}]))
    assert (bare.package.name, bare.score) == ("", None)


def test_trap_22_a_bad_date_never_costs_a_finding() -> None:
    """Nine formats, and impossible dates in AWS's own samples; see `test_values` for all."""
    row = inspector_row(firstObservedAt="2023-02-29T02:36:48Z", lastObservedAt="yesterday")

    (found,) = read_inspector(row)

    assert (found.first_observed_at, found.last_observed_at) == (None, None)
    assert moment("Dec 3, 2021, 6:02:30 PM") == datetime(2021, 12, 3, 18, 2, 30, tzinfo=UTC)


def test_trap_23_casing_is_never_missed() -> None:
    """Step Functions and Go write PascalCase, events kebab-case, and `Url` stands for `url`."""
    pascal = {
        "ImageScanStatus": {"Status": "COMPLETE"},
        "RepositoryName": "payments/api",
        "RegistryId": "000474600478",
        "ImageId": {"ImageDigest": DIGEST},
        "ImageScanFindings": {
            "FindingSeverityCounts": {"HIGH": 1},
            "Findings": [
                {
                    "Name": "CVE-2024-0001",
                    "Severity": "HIGH",
                    "Uri": "https://a.example",
                    "Attributes": [{"Key": "package_name", "Value": "openssl"}],
                }
            ],
        },
    }

    (report,) = normalize_document(pascal).reports
    (found,) = read_inspector(
        inspector_row(remediation={"recommendation": {"Url": "https://b.example"}})
    )

    assert isinstance(report, Report)
    assert report.findings[0].id == ("CVE-2024-0001", "openssl", "")
    assert report.findings[0].links == ("https://a.example",)
    assert found.links == ("https://b.example",)


@pytest.mark.parametrize(
    "wrapped",
    [
        {"Records": [{"Sns": {"Message": json.dumps(page(basic_row()))}}]},
        {"Records": [{"body": json.dumps(page(basic_row()))}]},
        {"data": page(basic_row())},
        [page(basic_row())],
        {"Findings": [inspector_row()]},
    ],
)
def test_trap_24_wrappings_are_taken_off(wrapped: Any) -> None:
    """SNS, SQS, `data`, arrays, `Findings`."""
    (report,) = normalize_document(wrapped).reports

    assert isinstance(report, Report)
    assert len(report.findings) == 1


def test_trap_25_account_ids_are_text() -> None:
    """Leading zeros stay; a number in their place is refused. Epochs come as numbers and text."""
    assert scan_of(scan_event()).image.account == "000474600478"
    with pytest.raises(EventError):
        parse_event({**scan_event(), "account": 474600478})
    for epoch in (1, "1"):
        (found,) = read_inspector(inspector_row("CVE-1", package(epoch=epoch)))
        assert found.package.version == "1:3.0.11"
    (scored,) = read_inspector(inspector_row(epss={"score": "0.5"}))
    assert scored.epss == 0.5


# --- scope ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["ec2-closed", "azurecontainerimage"])
def test_trap_26_findings_of_other_resources_are_left_out(path: str) -> None:
    """EC2, Lambda and other clouds have the same event; a finding can name ten resources."""
    ignored = parse_event(document(f"inspector2-finding/{path}.json"))
    mixed = parse_event(finding_event(resources=[{"type": "AWS_EC2_INSTANCE"}, resource()]))

    assert isinstance(ignored, IgnoredEvent)
    assert isinstance(mixed, FindingEvent)
    assert mixed.report.image == IMAGE


def test_trap_27_stray_keys_are_harmless() -> None:
    """AWS's sample has a key literally named "detail.resources.tags.testkey"."""
    raw = document("inspector2-finding/ecr-2024-format.json")

    event = parse_event(raw)

    assert "detail.resources.tags.testkey" in raw
    assert isinstance(event, FindingEvent)
    assert len(event.report.findings) == 2


def test_trap_28_closed_is_a_status_and_not_resolved() -> None:
    """CLOSED can mean fixed, deleted or expired: it is kept as it is, and nothing is left out."""
    (report,) = normalize_document(document("inspector2/many.json")).reports

    assert isinstance(report, Report)
    (closed,) = [finding for finding in report.findings if finding.source_status == "CLOSED"]
    assert not closed.open


def test_trap_29_the_arn_says_where_an_image_is() -> None:
    """The registry can be in another account, region and partition than the event."""
    event = {
        **scan_event(),
        "account": "111122223333",
        "region": "us-east-1",
        "resources": ["arn:aws-cn:ecr:cn-north-1:000474600478:repository/payments/api"],
    }

    image = scan_of(event).image

    assert image == Image(
        "aws-cn", "000474600478", "cn-north-1", "payments/api", DIGEST, ("1.4.2",)
    )


def test_trap_30_no_waiter_and_no_other_call_is_used() -> None:
    """Waiters never succeed with enhanced scanning, and take a missing scan as fatal."""
    active = FakeEcr([inspector_row()], status="ACTIVE")

    assert isinstance(source(active).report(IMAGE, SCAN), Report)
    with pytest.raises(FindingsNotReadyError):
        source(FakeEcr(error=refusal("ScanNotFoundException"))).report(IMAGE, SCAN)


def test_trap_31_repeated_findings_differ_in_their_times_only() -> None:
    """An event that comes again has another id and later times: it is the same finding."""
    first = finding_event(lastObservedAt="Wed Sep 04 16:55:38.411 UTC 2024")
    again = {
        **finding_event(lastObservedAt="Thu Sep 05 07:55:39.411 UTC 2024"),
        "id": "another",
        "time": "2026-11-24T00:00:00Z",
    }

    (report,) = normalize_document([first, again]).reports

    assert isinstance(report, Report)
    (found,) = report.findings
    assert found.last_observed_at == datetime(2024, 9, 5, 7, 55, 39, 411000, tzinfo=UTC)
