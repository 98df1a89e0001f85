"""
Inspector's export of findings as CSV, as rows of its ListFindings. Pure.

https://docs.aws.amazon.com/inspector/latest/user/findings-managing-exporting-reports.html
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from io import StringIO
from types import MappingProxyType
from typing import Any, Final

from lib.errors import DocumentError
from lib.normalizer.images import IMAGE_TYPE, repository_arn

_FIRST: Final = "AWS Account Id"
_NEEDED: Final = frozenset({"Finding ARN", "Resource ID", "Severity", "Vulnerability Id"})
_TIME: Final = ("%b %d, %Y", "%b %d, %Y, %I:%M:%S %p")
_DELIMITERS: Final = frozenset({",", ";", "\t"})
_PACKAGE_COLUMNS: Final = MappingProxyType(
    {
        "name": "Affected Packages",
        "version": "Package Installed Version",
        "fixedInVersion": "Fixed in Version",
        "remediation": "Package Remediation",
        "filePath": "File Path",
    }
)
_READ: Final = (
    _NEEDED
    | frozenset(_PACKAGE_COLUMNS.values())
    | {
        _FIRST,
        "Container Image Tags",
        "Description",
        "Exploit Available",
        "Finding Type",
        "First Seen",
        "Fix Available",
        "Inspector Score",
        "Inspector Score Vector",
        "Last Seen",
        "Last Updated",
        "Platform",
        "Region",
        "Resource Type",
        "Status",
        "Title",
        "Vendor",
        "Vendor Advisory",
        "Vendor Severity",
    }
)
"""Columns that become a field of a finding; others are kept under their own names."""
_NOTHING: Final = frozenset({"", "None Provided", "N/A", "-"})


def is_export(text: str) -> bool:
    """Whether a text begins with the head of the export."""
    return text.removeprefix("\ufeff").lstrip(' \r\n"').startswith(_FIRST)


def rows_of_export(text: str) -> list[dict[str, Any]]:
    """
    Return the findings of an export. Raises `DocumentError` for a head without needed columns.

    One finding has as many packages as its columns list. Spreadsheets write a semicolon or a tab
    between columns.
    """
    plain = text.removeprefix("\ufeff").lstrip()
    reader = csv.DictReader(StringIO(plain, newline=""), delimiter=_delimiter(plain))
    missing = sorted(_NEEDED.difference(reader.fieldnames or ()))
    if missing:
        raise DocumentError(
            f"this is CSV of Inspector without the columns {', '.join(missing)}; export all columns"
        )
    try:
        lines = [{key: _stated(value) for key, value in line.items() if key} for line in reader]
    except csv.Error as error:
        raise DocumentError(f"line {reader.line_num + 1}: this is not CSV: {error}") from error
    return [_row(line) for line in lines]


def _delimiter(text: str) -> str:
    """Return what stands between the columns, by the first two of them."""
    head = text.lstrip('"').removeprefix(_FIRST).lstrip('"')
    return head[:1] if head[:1] in _DELIMITERS else ","


def _stated(value: str | None) -> str | None:
    plain = (value or "").strip()
    return None if plain in _NOTHING else plain


def _row(line: Mapping[str, str | None]) -> dict[str, Any]:
    score = _number(line.get("Inspector Score"))
    details = {
        "vulnerabilityId": line["Vulnerability Id"],
        "source": line.get("Vendor"),
        "sourceUrl": line.get("Vendor Advisory"),
        "vendorSeverity": line.get("Vendor Severity"),
        "vulnerablePackages": list(_packages(line)),
    }
    row = {
        **{column: value for column, value in line.items() if column not in _READ},
        "findingArn": line["Finding ARN"] or "",
        "awsAccountId": line.get(_FIRST),
        "title": line.get("Title"),
        "description": line.get("Description"),
        "severity": line["Severity"],
        "status": line.get("Status"),
        "fixAvailable": line.get("Fix Available"),
        "exploitAvailable": line.get("Exploit Available"),
        "inspectorScore": score,
        "inspectorScoreDetails": _score(score, line.get("Inspector Score Vector")),
        "firstObservedAt": _time(line.get("First Seen")),
        "lastObservedAt": _time(line.get("Last Seen")),
        "updatedAt": _time(line.get("Last Updated")),
        "resources": [_resource(line)],
        "packageVulnerabilityDetails": _present(details),
    }
    return _present(row)


def _packages(line: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
    lists = {field: _listed(line.get(column)) for field, column in _PACKAGE_COLUMNS.items()}
    for number, package in enumerate(lists["name"]):
        values = {field: _of(values, number) for field, values in lists.items()}
        yield _present({**values, "name": package})


def _of(values: list[str], number: int) -> str | None:
    """Return the value of a package. A single value stands for all packages."""
    if number < len(values):
        return values[number]
    return values[0] if len(values) == 1 else None


def _listed(value: str | None) -> list[str]:
    plain = (value or "").strip().removeprefix("[").removesuffix("]")
    return [item.strip() for item in plain.split(",") if item.strip()]


def _resource(line: Mapping[str, str | None]) -> dict[str, Any]:
    arn = repository_arn(line["Resource ID"])
    if arn is None:
        return {"type": line.get("Resource Type") or "another resource", "id": line["Resource ID"]}
    details = {
        "repositoryName": arn.repository,
        "registry": arn.account,
        "imageHash": arn.digest,
        "imageTags": _listed(line.get("Container Image Tags")),
        "platform": line.get("Platform"),
    }
    return {
        "type": IMAGE_TYPE,
        "id": line["Resource ID"],
        "region": line.get("Region"),
        "details": {"awsEcrContainerImage": _present(details)},
    }


def _score(score: float | None, vector: str | None) -> dict[str, Any] | None:
    if score is None or vector is None:
        return None
    version = vector.partition("/")[0].removeprefix("CVSS:")
    adjusted = {"score": score, "scoringVector": vector, "version": version}
    return {"adjustedCvss": adjusted}


def _time(value: str | None) -> str | None:
    """Return a day or a time of the export as ISO 8601; None where it is another form."""
    for form in _TIME:
        try:
            return datetime.strptime(f"{value} +0000", f"{form} %z").isoformat()
        except ValueError:
            continue
    return value


def _number(value: str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value is not None}
