"""Inspector's export as CSV."""

import csv
from datetime import UTC, datetime
from io import StringIO

import pytest

from lib.errors import DocumentError
from lib.models import Report, Severity
from lib.normalizer.documents import normalize_document
from lib.normalizer.inspector_csv import is_export, rows_of_export
from tests.support.documents import CASES, checked

EXPORT = (CASES / "exported" / "inspector.csv").read_text(encoding="utf-8")
HEAD, _, LINE = EXPORT.partition("\n")


def report_of(content: str) -> Report:
    """Return the one report of an export, checked against its schema."""
    (report,) = normalize_document({"findings": rows_of_export(content)}).reports
    checked(report)
    assert isinstance(report, Report)
    return report


def test_an_export_is_read_whole() -> None:
    """Image, package, versions, place, score, dates and links."""
    report = report_of(EXPORT)

    (finding,) = report.findings
    assert report.image.key == f"111122223333/eu-central-1/shop/api@sha256:{'a1' * 32}"
    assert report.image.tags == ("v1.2.3",)
    assert report.image.os == "DEBIAN_12"
    assert (finding.vulnerability_id, finding.severity) == ("CVE-2023-44487", Severity.HIGH)
    assert finding.package.name == "golang.org/x/net"
    assert finding.package.version == "v0.1.0"
    assert finding.package.path == "usr/local/bin/api"
    assert finding.fixed_version == "0.17.0"
    assert finding.score is not None
    assert finding.score.value == 7.5
    assert finding.first_observed_at == datetime(2026, 11, 20, tzinfo=UTC)
    assert finding.remediation is None


@pytest.mark.parametrize("before", ["", "\ufeff", "\r\n", '"'])
def test_an_export_is_known_by_its_head(before: str) -> None:
    """Spreadsheets write a byte order mark, and quotes."""
    assert is_export(before + EXPORT)


@pytest.mark.parametrize("content", ["", "{}", "CVE,Severity\n1,2\n"])
def test_other_files_are_none(content: str) -> None:
    """JSON, or a table of somebody else."""
    assert not is_export(content)


@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_an_export_saved_by_a_spreadsheet_is_read(delimiter: str, quote: str) -> None:
    """With what stands between columns in its country."""
    rows = list(csv.reader(StringIO(EXPORT)))
    text = StringIO()
    quoting = csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows(rows)

    assert is_export(text.getvalue())
    assert report_of(text.getvalue()) == report_of(EXPORT)


def test_several_packages_of_a_finding_have_a_version_each() -> None:
    """A single value stands for all of them."""
    line = LINE.replace("golang.org/x/net,v0.1.0,0.17.0", '"[a, b, c]","[1, 2]",9')

    findings = report_of(f"{HEAD}\n{line}").findings

    rows = {one.package.name: (one.package.version, one.fixed_version) for one in findings}
    assert rows == {"a": ("1", "9"), "b": ("2", "9"), "c": (None, "9")}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("7.5,CVSS:3.1/AV:N", "n/a,CVSS:3.1/AV:N"),
        ("7.5,CVSS:3.1/AV:N", "7.5,None Provided"),
        ('"Nov 20, 2026"', "soon"),
        ("[v1.2.3]", ""),
    ],
)
def test_a_value_of_another_form_is_left_empty(old: str, new: str) -> None:
    """The finding is kept."""
    assert len(report_of(f"{HEAD}\n{LINE.replace(old, new)}").findings) == 1


def test_other_resources_are_no_images() -> None:
    """An export has instances and functions, too."""
    start, end = LINE.index("arn:aws:ecr"), LINE.index(",[v1")
    instance = LINE[:start] + "i-0123456789" + LINE[end:]

    normalized = normalize_document({"findings": rows_of_export(f"{HEAD}\n{LINE}{instance}")})

    assert len(normalized.reports) == 1
    assert normalized.left_out == ("a finding about another resource, not an ECR image",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEAD.replace("Finding ARN,", ""), "without the columns Finding ARN"),
        (f'{HEAD}\n"{"x" * 200_000}"', "line 2: this is not CSV: field larger"),
    ],
)
def test_a_broken_export_is_refused(content: str, reason: str) -> None:
    """With the columns that are missing, or the line."""
    with pytest.raises(DocumentError) as caught:
        rows_of_export(content)

    assert reason in str(caught.value)
