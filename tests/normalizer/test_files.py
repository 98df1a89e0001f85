"""Files that people keep or pipe: read whole, or refused by what they are."""

import base64
import bz2
import gzip
import json
import lzma
from typing import Any

import pytest

from lib.errors import DocumentError
from lib.models import Report
from lib.normalizer.documents import normalize_document
from lib.normalizer.files import document_of_file
from tests.support.documents import CASES
from tests.support.every import every
from tests.support.shapes import basic_row, finding_event, page

LIMIT = 1_000_000
PAGE = json.dumps(page(basic_row()))
EXPORT = (CASES / "exported" / "inspector.csv").read_text(encoding="utf-8")


def base64_of(text: str) -> str:
    """Return a text in Base64."""
    return base64.b64encode(text.encode()).decode()


def cell(value: Any) -> str:
    """Return a value as JSON in a cell of CSV."""
    return '"' + json.dumps(value).replace('"', '""') + '"'


def report_of(content: str | bytes) -> Report:
    """Return the one report in a file."""
    raw = content.encode() if isinstance(content, str) else content
    normalized = normalize_document(document_of_file(raw, limit=LIMIT))
    (report,) = normalized.reports
    assert isinstance(report, Report)
    assert normalized.left_out == ()
    return report


@every(
    "content",
    [
        pytest.param(PAGE.replace(", ", ",\r\n"), id="CRLF"),
        pytest.param("\ufeff" + PAGE, id="byte-order-mark"),
        pytest.param(PAGE.encode("utf-16"), id="PowerShell"),
        pytest.param(PAGE.encode("utf-16-be"), id="UTF-16-without-a-mark"),
        pytest.param(json.dumps(PAGE), id="JSON-in-JSON"),
        pytest.param(gzip.compress(PAGE.encode("utf-16"), mtime=0), id="gzip-of-UTF-16"),
        pytest.param(gzip.compress(gzip.compress(PAGE.encode(), mtime=0)), id="gzip-of-gzip"),
        pytest.param(base64_of(PAGE), id="Base64"),
        pytest.param(base64.encodebytes(PAGE.encode()), id="Base64-in-lines"),
        pytest.param(f"@timestamp,@message\nx,{cell(page(basic_row()))}\n", id="Insights-as-CSV"),
        pytest.param(f'"id","event"\n"1",{cell(finding_event())}\n', id="Athena-as-CSV"),
    ],
)
def test_a_file_is_read_whatever_it_is_kept_in(content: str | bytes) -> None:
    """Encodings, compression, and tables with JSON in their cells."""
    findings = report_of(content).findings

    assert [finding.vulnerability_id for finding in findings] == ["CVE-2024-0001"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_export_as_csv_is_read_in_any_encoding(encoding: str) -> None:
    """Spreadsheets save it in UTF-16; buckets keep it compressed."""
    content = EXPORT.encode(encoding)

    assert report_of(content) == report_of(gzip.compress(content, mtime=0)) == report_of(EXPORT)


def test_lines_in_base64_are_read() -> None:
    """`aws kinesis get-records --query 'Records[].Data' --output text` separates them by tabs."""
    rows = [base64_of(json.dumps(page(basic_row(name)))) for name in ("CVE-2024-1", "CVE-2024-2")]

    for separator in ("\n", "\t"):
        report = report_of(separator.join(rows))
        assert len(report.findings) == 2


@every(
    ("content", "name", "advice"),
    [
        (b"", "it is empty", "printed nothing"),
        (b"\xef\xbb\xbf \r\n", "it is empty", "printed nothing"),
        (
            b"\nAn error occurred (ScanNotFoundException) when calling the operation",
            "an error of the AWS CLI (ScanNotFoundException)",
            "correct",
        ),
        (PAGE.encode() + b"\nAn error occurred (Throttling) when calling", "(Throttling)", ""),
        (b"Unable to locate credentials. You can", "an error of the AWS CLI", "correct"),
        (b"------------\n| ListFindings |\n", "--output table", "--output json"),
        (b"FINDINGS\tHIGH\nATTRIBUTES\tpackage_name\tx\n", "--output text", "output json"),
        (b"imageScanFindings:\n  findings:\n  - name: x\n", "YAML", "--output json"),
        (b"- findings:\n  - name: x\n", "YAML", "--output json"),
        (b"---\nfindings: []\n", "YAML", "--output json"),
        (b"<!doctype html><html></html>", "a web page", "save the document"),
        (b"<?xml version='1.0'?><Error/>", "XML", "as JSON"),
        (b"NAME  INSTALLED  FIXED-IN\nopenssl  1  2\n", "a table of Grype", "scan the image"),
        (b"\nshop/api (debian)\n====\nTotal: 1 (HIGH: 1)\n", "a table of Trivy", "scan the image"),
        (b"{'registryId': '1'}", "as Python prints it", "json.dumps"),
        (b"CVE,severity\nCVE-1,HIGH\n", "CSV with the columns CVE,severity", "JSON alone"),
        (b'a,b\n"x"y,{\n', "CSV with the columns a,b", "JSON alone"),
        (b"+ aws ecr describe-images\n{}", "begins with '+ aws ecr", "give the JSON alone"),
        (PAGE.encode()[:-9], "the JSON is cut", "in line 1"),
        (b" " * 257 + b"ustar", "a tar archive", "unpack it"),
        (gzip.compress(b" " * 257 + b"ustar", mtime=0), "a tar archive", "unpack it"),
        (b"PK\x03\x04...", "a ZIP archive", "unpack it"),
        (bz2.compress(b"{}"), "bzip2", "decompress it"),
        (lzma.compress(b"{}"), "xz", "decompress it"),
        (b"%PDF-1.4", "a PDF", "was made from"),
        (b"PAR1", "a Parquet file", "convert its rows"),
        (b"\xe4\xf6\xfc{", "not text in UTF-8", ""),
    ],
)  # fmt: skip
def test_another_kind_of_file_is_refused_by_its_name(
    content: bytes, name: str, advice: str
) -> None:
    """With what to do. No part of it is read."""
    with pytest.raises(DocumentError) as caught:
        document_of_file(content, limit=LIMIT)

    assert name in str(caught.value)
    assert advice in str(caught.value)
