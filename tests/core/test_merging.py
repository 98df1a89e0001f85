"""The results of an index's images as one: what is shared, what is missing, what is said of it."""

from dataclasses import replace
from datetime import timedelta

from lib.core.evidence import NOT_THERE
from lib.core.merging import merged
from lib.core.overdue import new_result
from lib.models import (
    ImageIndex,
    LastScan,
    Member,
    Part,
    Report,
    ScanProgress,
    ScanSource,
    Severity,
    UnusableReport,
)
from lib.models.streams import ImageRow
from lib.ports.streams import ImageRecord
from tests.support.builders import NOW, a_finding, a_report, an_image, an_unusable_report
from tests.support.documents import checked

INDEX = ImageIndex(
    an_image(1), (Member("sha256:a", "linux/amd64"), Member("sha256:b", "linux/arm64"))
)


def test_a_finding_of_every_platform_is_one() -> None:
    """The worst severity counts; where it is not on all platforms, it says on which."""
    low, high = a_finding(severity="LOW"), a_finding(severity="HIGH")
    only = a_finding("CVE-2024-0002")

    report = merged(INDEX, [a_report(low), a_report(high, only)])

    assert isinstance(report, Report)
    assert [(each.vulnerability_id, each.severity, each.platforms) for each in report.findings] == [
        ("CVE-2024-0001", Severity.HIGH, ()),
        ("CVE-2024-0002", Severity.HIGH, ("linux/arm64",)),
    ]
    assert [each.counts[Severity.HIGH] for each in report.parts if each.counts] == [0, 2]
    assert checked(report)["parts"][1]["counts"]["total"] == 2


def test_the_scan_is_as_late_and_as_complete_as_its_parts() -> None:
    """One incomplete list makes the whole incomplete, and its platform says why."""
    later = NOW + timedelta(minutes=1)
    first = a_report(completed_at=later, source=ScanSource.ECR_ENHANCED, status="ACTIVE")
    second = a_report(complete=False, warnings=("2 are counted, 1 is listed",))

    scan = merged(INDEX, [first, second]).scan

    assert (scan.source, scan.status, scan.completed_at) == (first.scan.source, "ACTIVE", later)
    assert not scan.complete
    assert scan.warnings == ("linux/arm64: 2 are counted, 1 is listed",)


def test_a_platform_without_a_result_proves_nothing() -> None:
    """Absence from an incomplete whole is no all-clear; findings count where they are known."""
    report = merged(INDEX, [a_report(a_finding()), an_unusable_report("UNSUPPORTED_IMAGE")])

    assert isinstance(report, Report)
    assert not report.scan.complete
    assert report.scan.warnings == ("1 of 2 platforms have no result",)
    assert report.findings[0].platforms == ()
    assert report.parts[1] == Part(
        "linux/arm64", "sha256:b", "UNSUPPORTED_IMAGE", reason="status UNSUPPORTED_IMAGE"
    )


def test_without_any_result_the_whole_is_not_usable() -> None:
    """Reasons that differ are said for each platform, a shared one once."""
    failed, unsupported = an_unusable_report(), an_unusable_report("UNSUPPORTED_IMAGE")

    both, same = merged(INDEX, [failed, unsupported]), merged(INDEX, [failed, failed])

    assert isinstance(both, UnusableReport)
    assert both.image == INDEX.image
    assert both.scan.reason == "linux/amd64: status FAILED; linux/arm64: status UNSUPPORTED_IMAGE"
    assert same.scan.reason == "status FAILED"
    assert "findings" not in checked(both)


def test_a_missing_image_does_not_name_the_status_of_the_whole() -> None:
    """What the scanner says of the images that are there does, as the hourly pass asks it."""
    missing, failed = an_unusable_report(NOT_THERE), an_unusable_report()

    whole = merged(INDEX, [missing, failed])
    last = LastScan(ScanSource.ECR_BASIC, "FAILED", ScanProgress.UNUSABLE, NOW)

    assert whole.scan.status == "FAILED"
    assert new_result(last, ImageRecord(ImageRow(INDEX.image, NOW), scan=whole.scan)) is None


def test_uses_of_all_platforms_add_up() -> None:
    """A task runs one of them; what no source knows stays unknown."""
    used = an_image(2, in_use_count=2)

    assert merged(INDEX, [a_report(image=used), a_report(image=used)]).image.in_use_count == 4
    assert merged(INDEX, [a_report(image=used), a_report()]).image.in_use_count == 2
    assert merged(INDEX, [a_report(), a_report()]).image.in_use_count is None


def test_two_builds_for_one_platform_are_told_apart() -> None:
    """By the version of their operating system, in findings, reasons and warnings."""
    members = [Member(n, "windows/amd64", f"10.0.{n}") for n in ("17763", "20348")]
    index = replace(INDEX, members=tuple(members))
    incomplete = a_report(a_finding(), complete=False, warnings=("cut",))

    report = merged(index, [incomplete, a_report()])
    failed = merged(index, [an_unusable_report("FAILED"), an_unusable_report("PENDING")])

    assert [part.name for part in report.parts] == [member.name for member in members]
    assert [part.platform for part in report.parts] == ["windows/amd64"] * 2
    assert [part.complete for part in report.parts] == [False, True]
    assert isinstance(report, Report)
    assert report.findings[0].platforms == ("windows/amd64 10.0.17763",)
    assert report.scan.warnings == ("windows/amd64 10.0.17763: cut",)
    assert failed.scan.reason == (
        "windows/amd64 10.0.17763: status FAILED; windows/amd64 10.0.20348: status PENDING"
    )
