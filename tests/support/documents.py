"""The real documents under tests/events and tests/findings, and the schemas that reports keep."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from lib.core.vulnerabilities import vulnerabilities
from lib.models import AnyReport, Report
from lib.wire.report import report_to_json

ROOT = Path(__file__).parents[2]
FINDINGS = ROOT / "tests" / "findings"
EVENTS = ROOT / "tests" / "events"
CASES = Path(__file__).parents[1] / "cases"
"""Small inputs of kinds that people met, rebuilt from facts: no real documents."""

_formats = FormatChecker()


@_formats.checks("date-time", raises=ValueError)
def _is_rfc3339_in_utc(value: Any) -> bool:
    return not isinstance(value, str) or (
        value.endswith("Z") and value[10] == "T" and datetime.fromisoformat(value) is not None
    )


@_formats.checks("uri")
def _is_uri(value: Any) -> bool:
    return not isinstance(value, str) or (value.isprintable() and " " not in value)


def schema(name: str) -> Any:
    return json.loads((ROOT / "schemas" / name).read_text(encoding="utf-8"))


REPORTS = Draft202012Validator(schema("report-1.0.0.json"), format_checker=_formats)


def document(path: str) -> Any:
    """Return a document by its path below tests/findings or tests/events."""
    folder = FINDINGS if (FINDINGS / path).exists() else EVENTS
    return json.loads((folder / path).read_text(encoding="utf-8"))


def case(path: str) -> Any:
    """Return an input by its path below tests/cases."""
    return json.loads((CASES / path).read_text(encoding="utf-8"))


def checked(report: AnyReport) -> dict[str, Any]:
    """Return a report as JSON, after checking it against its schema and its own numbers."""
    result = report_to_json(report)
    REPORTS.validate(json.loads(json.dumps(result)))
    if "counts" in result:
        counts = dict(result["counts"])
        assert counts.pop("total") == sum(counts.values())
    if "findings" in result:
        assert isinstance(report, Report)
        assert result["counts"]["total"] == len(vulnerabilities(report.findings))
    return result
