"""A third scanner needs no edit of a schema, of the comparison or of the advice."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lib.core.problems import problem_of
from lib.core.scanners import SCANNERS, scanner_of
from lib.messages.text import text_of
from lib.models import Report, ScanSource, UnusableReport
from lib.models.views import Kind
from lib.notifiers.document import render
from lib.wire.report import report_from_json, report_to_json
from tests.support.builders import a_finding, a_report, a_scan, an_image
from tests.support.notices import noticed
from tests.support.scenes import Scene

ACME = ScanSource("acme-scanner")
SCHEMAS = Path(__file__).parents[2] / "schemas"


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((SCHEMAS / name).read_text("utf-8")))


REPORT, ALERT = validator("report-1.0.0.json"), validator("alert-1.0.0.json")


def acme(*names: str, image: int = 1, source: ScanSource = ACME) -> Report:
    """Return a report of three findings, two of which a later one may lack."""
    findings = tuple(a_finding(name, fixed_version=None, fix_available=None) for name in names)
    return a_report(*findings, image=an_image(image), source=source)


def test_a_report_of_another_scanner_is_valid_and_comes_back() -> None:
    """`scan.source` is an open string."""
    report = acme("CVE-2026-0001")

    as_json = json.loads(json.dumps(report_to_json(report)))

    assert as_json["scan"]["source"] == "acme-scanner"
    assert not list(REPORT.iter_errors(as_json))
    assert report_from_json(as_json) == report


def test_its_alert_has_its_changes_and_its_name() -> None:
    """What is not listed any more by the same scanner is resolved."""
    before = acme("CVE-2026-0002")
    gone = a_finding("CVE-2026-0001", package="zlib")
    before = replace(before, findings=(gone, *before.findings))

    notice = noticed(Scene(acme("CVE-2026-0002", "CVE-2026-0003", image=2), before))

    kinds = {item.item.id: item.kind for item in notice.message.delta.items}
    assert kinds == {"CVE-2026-0003": Kind.NEW, "CVE-2026-0001": Kind.RESOLVED}
    text = text_of(notice)
    scanned = next(fact.value for fact in text.facts if fact.label == "Scanned")
    assert scanned.startswith("acme-scanner, ")
    assert (
        text.to_do.without_version
        == "If the next scan still lists this package, upgrade it in the Dockerfile: "
        "openssl (2 HIGH, 1 new)"
    )
    assert text.to_do.gaps == "The scanner gave neither fix versions nor exploit data."
    document, _ = render(notice, text, 200_000)
    assert not list(ALERT.iter_errors(document))
    assert document["images"][0]["parts"][0]["source"] == "acme-scanner"


@pytest.mark.parametrize("other", [ScanSource.ECR_BASIC, ScanSource.ECR_ENHANCED])
def test_another_scanner_proves_nothing_absent(other: ScanSource) -> None:
    """Each scanner looks for other things: what the one before listed is not proven fixed."""
    before = acme("CVE-2026-0001", source=other)

    notice = noticed(Scene(acme("CVE-2026-0002"), before))

    kinds = {item.item.id: item.kind for item in notice.message.delta.items}
    assert kinds == {"CVE-2026-0002": Kind.NEW, "CVE-2026-0001": Kind.NO_LONGER_REPORTED}


def test_two_apis_of_one_scanner_are_compared() -> None:
    """Inspector's findings are the same through ECR and through its own API."""
    before = acme("CVE-2026-0001", source=ScanSource.INSPECTOR2)
    after = acme(source=ScanSource.ECR_ENHANCED)

    notice = noticed(Scene(replace(after, image=an_image(7)), before))

    assert [item.kind for item in notice.message.delta.items] == [Kind.RESOLVED]


@pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE", "A_NEW_ONE"])
def test_its_failed_scan_has_a_remedy_without_commands_of_others(status: str) -> None:
    """The advice of Inspector or basic scanning would lead astray."""
    report = UnusableReport(an_image(), a_scan(status=status, source=ACME))

    problem = problem_of(report)

    assert problem.remedy == "Ask acme-scanner for the reason, then scan the image again."
    assert not list(REPORT.iter_errors(report_to_json(replace(report, scan=replace(
        report.scan, reason="it failed"
    )))))  # fmt: skip


def test_a_scanner_brings_its_own_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """One module and one line."""
    advice = replace(scanner_of(ACME), remedies={"FAILED": "Run `acme scan {region}`."})
    monkeypatch.setattr("lib.core.scanners.SCANNERS", {**SCANNERS, ACME.scanner: advice})

    problem = problem_of(UnusableReport(an_image(), a_scan(status="FAILED", source=ACME)))

    assert problem.remedy == "Run `acme scan eu-central-1`."


def test_a_source_is_a_name() -> None:
    """Lower-case words joined by hyphens; it stands in messages as it is."""
    assert ScanSource("acme-scanner") == ACME
    assert ScanSource("ecr-basic") is ScanSource.ECR_BASIC
    for text in ("", "Acme", "acme scanner", "acme\n"):
        with pytest.raises(ValueError, match="not a valid ScanSource"):
            ScanSource(text)
