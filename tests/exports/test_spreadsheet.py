"""CSV in a spreadsheet: IronCalc reads each cell as a person's input, and finds no formula."""

import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from typing import Any

import ironcalc
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.exports import EXPORTS
from lib.exports.rows import COLUMNS
from lib.models import AnyReport, Provenance, Report
from tests.exports.test_multitool import documents
from tests.support.builders import NOW, a_finding, a_report, an_unusable_report
from tests.support.every import every
from tests.support.fields import SCORE

BEGINNINGS = ["", " ", "\t", "\n", "\r", "\r\n", "\u00a0", "\u3000", "\u200b", "\ufeff", '"', '\t"']
SEPARATORS = ",;\t"
"""What spreadsheets take for the separator of a CSV file, by the language that they are set to."""


@cache
def signs() -> list[str]:
    """Return the characters that begin a formula, and all that are another form of one."""
    return [
        character
        for character in map(chr, range(0x3_0000))  # what comes later has no other form
        if unicodedata.normalize("NFKC", character)[:1] in {"=", "+", "-", "@"}
    ]


OTHERS = (*BEGINNINGS[1:], ";", ",", "'", "a", "1", "(", "cmd|' /C calc'!A0")
TEXTS = st.deferred(lambda: st.lists(st.sampled_from([*signs(), *OTHERS]), max_size=8).map("".join))


def hostile(text: str) -> AnyReport:
    """Return a report with a text in each field that is one."""
    report = a_report(a_finding(score=SCORE))
    provenance = filled(Provenance(created_at=NOW), text)
    (finding,) = report.findings
    package, score = filled(finding.package, text), filled(SCORE, text)
    finding = replace(filled(finding, text), package=package, score=score)
    scan = filled(report.scan, text)
    return Report(filled(report.image, text), scan, (finding,), provenance=provenance)


def filled(value: Any, text: str) -> Any:
    """Return a dataclass whose texts and lists of texts are a text."""
    texts = {field.name: text for field in fields(value) if field.type in (str, str | None)}
    lists = {field.name: (text,) for field in fields(value) if field.type == tuple[str, ...]}
    return replace(value, **texts, **lists)


def cells(content: str, separator: str) -> Iterator[str]:
    """Yield the cells as a spreadsheet splits them."""
    for row in csv.reader(io.StringIO(content, newline=""), delimiter=separator):
        yield from row


def formulas(content: str, separator: str) -> list[str]:
    """Return the cells that a spreadsheet would run."""
    model = ironcalc.create("book", "en", "UTC", "en")
    found = []
    for number, cell in enumerate(cells(content, separator), 1):
        model.set_user_input(0, number, 1, cell)
        if model.get_cell_formula(0, number, 1) is not None or is_suspect(cell):
            found.append(cell)
    return found


def is_suspect(cell: str) -> bool:
    """Whether a cell begins with a sign for other spreadsheets: after blanks, or in other forms."""
    beginning = unicodedata.normalize("NFKC", cell.replace('"', "")).lstrip()[:1]
    return beginning in {"=", "+", "-", "@"}


@every("separator", SEPARATORS)
def test_no_cell_is_a_formula(separator: str) -> None:
    """In no column, in whatever form the sign comes, and after whatever."""
    for sign in signs():
        reports = [
            hostile(f"{beginning}{sign}1+1{separator}{beginning}{sign}A1")
            for beginning in BEGINNINGS
        ]

        assert formulas(EXPORTS["csv"](reports), separator) == [], sign


@settings(deadline=None)
@given(TEXTS, st.sampled_from(SEPARATORS))
def test_any_text_is_inert(text: str, separator: str) -> None:
    """Whatever stands before a sign, and wherever it stands."""
    assert formulas(EXPORTS["csv"]([hostile(text)]), separator) == []


def test_every_column_is_tried() -> None:
    """Each column of texts holds what the tests above write."""
    (row,) = csv.DictReader(io.StringIO(EXPORTS["csv"]([hostile("=1")]), newline=""))

    others = {
        *("record", "scan_source", "scan_completed_at", "scan_complete", "severity", "epss"),
        *("exploit_observed_at", "score", "first_observed_at", "last_observed_at", "built_at"),
        *("pushed_at", "in_use_count", "last_in_use_at"),
    }
    assert {name for name, value in row.items() if value == "'=1"} == set(COLUMNS) - others


def test_the_reader_sees_formulas() -> None:
    """The tests above can fail."""
    assert formulas("=1+1,+1,-1,a\r\n", ",") == ["=1+1", "+1", "-1"]
    assert formulas('b,"a;=1+1;"\r\n', ";") == ["=1+1"]


def test_real_documents_open() -> None:
    """With as many rows as were written, and nothing in them that is run."""
    for reports in documents().values():
        content = EXPORTS["csv"](reports)

        rows = list(csv.DictReader(io.StringIO(content, newline="")))
        assert all(None not in row and None not in row.values() for row in rows)
        for separator in SEPARATORS:
            assert formulas(content, separator) == []
    assert formulas(EXPORTS["csv"]([an_unusable_report()]), ",") == []
