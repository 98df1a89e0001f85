"""Findings of Inspector as Security Hub hands them on."""

import copy
from typing import Any

import pytest

from lib.models import Report, ScanSource, Severity
from lib.normalizer.documents import normalize_document
from tests.support.documents import case, checked

ASFF = "security-hub/asff-get-findings.json"
DIGEST = f"sha256:{'a1' * 32}"
ARN = f"arn:aws:ecr:eu-central-1:111122223333:repository/shop/api/{DIGEST}"


def only(raw: Any) -> Report:
    """Return the one usable report of a document, checked against its schema."""
    (report,) = normalize_document(raw).reports
    checked(report)
    assert isinstance(report, Report)
    return report


def asff(**fields: Any) -> dict[str, Any]:
    """Return the finding of the document with other fields."""
    finding: dict[str, Any] = copy.deepcopy(case(ASFF)["Findings"][0])
    return finding | fields


def ocsf(**fields: Any) -> dict[str, Any]:
    """Return a finding of Security Hub in OCSF."""
    finding = {
        "class_uid": 2002,
        "class_name": "Vulnerability Finding",
        "severity": "Critical",
        "status": "New",
        "metadata": {"product": {"name": "Inspector"}, "version": "1.6.0"},
        "finding_info": {
            "uid": "arn:aws:inspector2:eu-central-1:111122223333:finding/1",
            "title": "CVE-2024-6119 - openssl",
            "desc": "Name checks may read an invalid address.",
            "first_seen_time_dt": "2026-11-20T10:05:00Z",
            "last_seen_time": 1_795_169_100_000,
            "modified_time": True,
        },
        "resources": [{"uid": ARN, "type": "AWS::ECR::Image", "region": "eu-central-1"}],
        "vulnerabilities": [
            {
                "cve": {
                    "uid": "CVE-2024-6119",
                    "cvss": [{"base_score": 9.1, "version": "3.1", "vendor_name": "NVD"}],
                    "epss": {"score": "0.0005"},
                },
                "is_fix_available": True,
                "is_exploit_available": False,
                "references": ["https://ubuntu.com/security/CVE-2024-6119"],
                "affected_packages": [
                    {
                        "name": "openssl",
                        "version": "3.0.13",
                        "release": "0ubuntu3.2",
                        "package_manager": "OS",
                        "fixed_in_version": "0:3.0.13-0ubuntu3.4",
                        "path": "usr/lib",
                    }
                ],
            }
        ],
    }
    return finding | fields


@pytest.mark.parametrize("path", [ASFF, "security-hub/asff-event.json"])
def test_asff_is_read_whole(path: str) -> None:
    """`aws securityhub get-findings`, and the event about an import."""
    report = only(case(path))

    assert report.image.key == f"111122223333/eu-central-1/shop/api@{DIGEST}"
    assert report.image.tags == ("v1.2.3",)
    assert report.image.platform == "linux/arm64"
    assert report.image.os == "UBUNTU_24_04"
    assert report.scan.source is ScanSource.INSPECTOR2
    assert [finding.package.name for finding in report.findings] == ["libssl3t64", "openssl"]
    first = report.findings[0]
    assert first.vulnerability_id == "CVE-2024-6119"
    assert first.severity is Severity.CRITICAL
    assert first.fixed_version == "3.0.13-0ubuntu3.4"
    assert (first.fix_available, first.exploit_available, first.epss) == ("YES", "NO", 0.0005)
    assert first.title == "CVE-2024-6119 - libssl3t64, openssl"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "ACTIVE"),
        ({"RecordState": "ARCHIVED"}, "CLOSED"),
        ({"Workflow": {"Status": "SUPPRESSED"}}, "SUPPRESSED"),
        ({"Workflow": {"Status": "RESOLVED"}}, "CLOSED"),
        ({"ProductFields": {"aws/inspector/FindingStatus": "CLOSED"}}, "CLOSED"),
        ({"ProductFields": {}}, "ACTIVE"),
    ],
)
def test_what_security_hub_closed_is_not_open(fields: dict[str, Any], status: str) -> None:
    """Record and workflow are Security Hub's own, the status is Inspector's."""
    report = only(asff(**fields))

    assert {finding.source_status for finding in report.findings} == {status}


def test_severity_is_that_of_the_provider() -> None:
    """People overwrite the other one in Security Hub."""
    changed = asff(Severity={"Label": "LOW"})

    assert {one.severity for one in only(changed).findings} == {Severity.CRITICAL}
    del changed["FindingProviderFields"]
    assert {one.severity for one in only(changed).findings} == {Severity.LOW}


@pytest.mark.parametrize("score", [None, "none", True])
def test_a_score_that_is_no_number_is_left_out(score: Any) -> None:
    """The finding is kept."""
    assert len(only(asff(ProductFields={"aws/inspector/inspectorScore": score})).findings) == 2


def test_a_finding_about_something_else_is_named() -> None:
    """A check of Security Hub about an instance is no scan of an image."""
    instance = asff(Resources=[{"Type": "AwsEc2Instance", "Id": "i-1"}], Vulnerabilities=[])

    normalized = normalize_document([asff(), instance])

    assert len(normalized.reports) == 1
    assert normalized.left_out == ("a finding about AwsEc2Instance, not an ECR image, at [1]",)


@pytest.mark.parametrize(
    "raw",
    [
        ocsf(),
        {"detail-type": "Findings Imported V2", "detail": {"findings": [ocsf()]}},
        {"Findings": [ocsf()]},
        [ocsf(resources=[{"uid": ARN, "data": {"AwsEcrContainerImage": {"ImageTags": ["1"]}}}])],
    ],
)
def test_ocsf_is_read_whole(raw: Any) -> None:
    """Bare, in the event of Security Hub, and in the answer of GetFindingsV2."""
    report = only(raw)

    (finding,) = report.findings
    assert report.image.key == f"111122223333/eu-central-1/shop/api@{DIGEST}"
    assert (finding.vulnerability_id, finding.severity) == ("CVE-2024-6119", Severity.CRITICAL)
    assert finding.package.name == "openssl"
    assert finding.fixed_version == "3.0.13-0ubuntu3.4"
    assert (finding.fix_available, finding.exploit_available, finding.epss) == ("YES", "NO", 0.0005)
    assert finding.first_observed_at is not None
    assert finding.last_observed_at is not None


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("New", "ACTIVE"),
        ("In Progress", "ACTIVE"),
        ("Suppressed", "SUPPRESSED"),
        ("Resolved", "CLOSED"),
        ("Archived", "CLOSED"),
        (None, "ACTIVE"),
    ],
)
def test_what_is_closed_in_ocsf_is_not_open(status: str | None, expected: str) -> None:
    """By the words of OCSF's finding status."""
    (finding,) = only(ocsf(status=status)).findings

    assert finding.source_status == expected


def test_ocsf_about_something_else_is_named() -> None:
    """A finding about an instance, and one about a repository without a digest."""
    other = ocsf(resources=[{"uid": "i-1", "type": "AWS::EC2::Instance"}], vulnerabilities=[])
    whole = ocsf(resources=[{"uid": ARN.rpartition("/sha256")[0], "type": "AWS::ECR::Repository"}])

    normalized = normalize_document([ocsf(), other, whole])

    assert len(normalized.reports) == 1
    assert len(normalized.left_out) == 2
