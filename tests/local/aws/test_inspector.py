"""Inspector's continuous scanning in the embedded AWS."""

from lib.models import Severity
from lib.normalizer.events import parse_event
from local.aws.ecr_scanning import ENHANCED, Place, PushedImage, Recording, Scans
from local.aws.inspector import find
from local.demo.story import recording

NOW = 1_795_000_000.0
IMAGE = PushedImage(Place("000474600478", "eu-central-1", "web/checkout"), "sha256:1", ("5.4.0",))
(FINDING,) = recording("web-checkout-5.4.0")["imageScanFindings"][ENHANCED]


def test_a_finding_joins_the_result_of_the_scan() -> None:
    """ECR lists it from then on, beside those before."""
    scans = Scans()
    scans.record(IMAGE.place, IMAGE.digest, Recording.of({"imageScanFindings": {ENHANCED: []}}, {}))
    scans.scan(IMAGE, NOW - 60)
    assert scans.describe(IMAGE, None, None)["imageScanFindings"][ENHANCED] == []

    find(scans, IMAGE, FINDING, NOW)
    (row,) = scans.describe(IMAGE, None, None)["imageScanFindings"][ENHANCED]

    assert row["packageVulnerabilityDetails"]["vulnerabilityId"] == "CVE-2024-6119"
    assert row["firstObservedAt"] == NOW
    assert row["resources"][0]["id"].endswith("repository/web/checkout/sha256:1")


def test_the_event_of_a_finding_is_one_that_the_app_reads() -> None:
    """It names this image, and was observed now."""
    event = find(Scans(), IMAGE, FINDING, NOW)

    body = {
        "id": event.id,
        "time": "2026-11-18T11:06:40Z",
        "source": event.source,
        "detail-type": event.detail_type,
        "account": event.place.account,
        "region": event.place.region,
        "detail": event.detail,
    }
    report = parse_event(body).report

    assert report.image.repository == "web/checkout"
    assert {finding.severity for finding in report.findings} == {Severity.MEDIUM}
