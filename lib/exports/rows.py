"""
CSV: one row for each vulnerability in each package and place, for spreadsheets and scripts.

https://www.rfc-editor.org/rfc/rfc4180. An image without findings, an incomplete list, and a scan
without a result are rows of their own, with another word in the first column. Rows of one
vulnerability stand together, worst first, and share the column `vulnerability`: counting its values
counts as messages do.
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from csv import DictWriter
from datetime import datetime
from typing import Final

from lib.core.vulnerabilities import vulnerabilities
from lib.models import AnyReport, Finding, Provenance, Report
from lib.text import clean
from lib.wire.values import time_to_json

FINDING: Final = "finding"
CLEAR: Final = "no findings"
INCOMPLETE: Final = "incomplete"
NOT_USABLE: Final = "not usable"

COLUMNS: Final = (
    "record",
    "account",
    "region",
    "repository",
    "tags",
    "digest",
    "platform",
    "os",
    "pushed_at",
    "in_use_count",
    "last_in_use_at",
    "scan_source",
    "scan_status",
    "scan_completed_at",
    "scan_complete",
    "scan_reason",
    "severity",
    "source_severity",
    "vulnerability",
    "vulnerability_id",
    "aliases",
    "package",
    "version",
    "manager",
    "path",
    "layer",
    "purl",
    "fixed_version",
    "fix_available",
    "exploit_available",
    "exploit_observed_at",
    "epss",
    "score",
    "score_version",
    "score_source",
    "vector",
    "title",
    "description",
    "remediation",
    "links",
    "first_observed_at",
    "last_observed_at",
    "source_status",
    "platforms",
    "commit",
    "source_repository",
    "built_at",
)

_SIGNS: Final = (
    "=+@-\N{MINUS SIGN}\N{HYPHEN}\N{EN DASH}"
    "\N{SUPERSCRIPT PLUS SIGN}\N{SUPERSCRIPT EQUALS SIGN}"
    "\N{SUBSCRIPT PLUS SIGN}\N{SUBSCRIPT EQUALS SIGN}"
    "\N{TWO CONSECUTIVE EQUALS SIGNS}\N{THREE CONSECUTIVE EQUALS SIGNS}"
    "\N{HEBREW LETTER ALTERNATIVE PLUS SIGN}"
    "\N{SMALL PLUS SIGN}\N{SMALL HYPHEN-MINUS}\N{SMALL EQUALS SIGN}\N{SMALL COMMERCIAL AT}"
    "\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}"
    "\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH COMMERCIAL AT}"
)
"""Characters that begin a formula, and their forms that some spreadsheets read as the character."""
_OPENING: Final = re.compile(rf"(?:\A|(?<=[;\t\n]))(?=[\s\"]*[{re.escape(_SIGNS)}]|\A[\t\n])")
"""
A place where a spreadsheet may see the beginning of a formula: https://owasp.org/www-community/attacks/CSV_Injection

Blanks and quotes before the sign are skipped. A spreadsheet that takes semicolons or tabs for the
separator, as many languages' do, ignores the quotes around a cell, and finds cells inside of it.
"""  # the address


def csv(reports: Sequence[AnyReport]) -> str:
    """Return the reports as CSV with a header line, in their order."""
    return table(COLUMNS, (row for report in reports for row in _rows(report)))


def table(columns: Sequence[str], rows: Iterable[Mapping[str, str | float]]) -> str:
    """Return rows as CSV with a header line. No cell is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: str | float) -> str | float:
    """Return a value with an apostrophe wherever a spreadsheet may see a formula."""
    return _OPENING.sub("'", clean(value)) if isinstance(value, str) else value


def _rows(report: AnyReport) -> Iterator[Mapping[str, str | float]]:
    image, scan = report.image, report.scan
    common: dict[str, str | float] = {
        "record": NOT_USABLE,
        "account": image.account,
        "region": image.region,
        "repository": image.repository,
        "tags": _joined(image.tags),
        "digest": image.digest,
        "platform": image.platform or "",
        "os": image.os or "",
        "pushed_at": _time(image.pushed_at),
        "in_use_count": "" if image.in_use_count is None else image.in_use_count,
        "last_in_use_at": _time(image.last_in_use_at),
        "scan_source": scan.source.value,
        "scan_status": scan.status,
        "scan_completed_at": _time(scan.completed_at),
        "scan_complete": "yes" if scan.complete else "no",
        "scan_reason": scan.reason or "",
        **_provenance(report.provenance),
    }
    if not isinstance(report, Report):
        yield common | {"scan_complete": "no"}
    else:
        if not scan.complete:
            yield common | {"record": INCOMPLETE, "scan_reason": "; ".join(scan.warnings)}
        elif not report.findings:
            yield common | {"record": CLEAR}
        for group in vulnerabilities(report.findings):
            for finding in group.findings:
                named = {"record": FINDING, "vulnerability": group.id}
                yield common | named | _finding(finding)


def _finding(finding: Finding) -> dict[str, str | float]:
    package, score = finding.package, finding.score
    return {
        "severity": finding.severity.name,
        "source_severity": finding.source_severity or "",
        "vulnerability_id": finding.vulnerability_id,
        "aliases": _joined(finding.aliases),
        "package": package.name,
        "version": package.version or "",
        "manager": package.manager or "",
        "path": package.path or "",
        "layer": package.layer or "",
        "purl": package.purl or "",
        "fixed_version": finding.fixed_version or "",
        "fix_available": finding.fix_available or "",
        "exploit_available": finding.exploit_available or "",
        "exploit_observed_at": _time(finding.exploit_observed_at),
        "epss": "" if finding.epss is None else finding.epss,
        "score": "" if score is None else score.value,
        "score_version": (score.version or "") if score else "",
        "score_source": (score.source or "") if score else "",
        "vector": (score.vector or "") if score else "",
        "title": finding.title or "",
        "description": finding.description or "",
        "remediation": finding.remediation or "",
        "links": _joined(finding.links),
        "first_observed_at": _time(finding.first_observed_at),
        "last_observed_at": _time(finding.last_observed_at),
        "source_status": finding.source_status or "",
        "platforms": _joined(finding.platforms),
    }


def _provenance(provenance: Provenance | None) -> dict[str, str]:
    if provenance is None:
        return {}
    return {
        "commit": provenance.commit or "",
        "source_repository": provenance.repository or "",
        "built_at": _time(provenance.created_at),
    }


def _joined(values: Iterable[str]) -> str:
    return " ".join(values)


def _time(moment: datetime | None) -> str:
    return time_to_json(moment) or ""
