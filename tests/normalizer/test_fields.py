"""Every field of a finding is read from a real document, or on a list with the reason."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lib.errors import DocumentError
from lib.models import Finding, Report
from lib.normalizer.documents import normalize_document
from tests.support.every import every
from tests.support.fields import PATHS

FINDINGS = Path(__file__).parents[1] / "findings"
NOT_READ: Mapping[str, str] = {
    "aliases": "no kept document names any; tests/normalizer/test_inspector2.py makes one up",
    "platforms": "lib/core/merging.py says them, of the parts of an index",
}
"""Fields that no kept document fills, with the reason."""


@pytest.fixture(scope="module")
def read() -> frozenset[str]:
    """Return the fields that any document fills."""
    return frozenset(
        path
        for finding in findings()
        for path in PATHS
        if value(finding, path) not in (None, "", (), {})
    )


def findings() -> Iterator[Finding]:
    """Yield the findings of all kept documents."""
    for path in sorted(FINDINGS.rglob("*.json")):
        try:
            reports = normalize_document(json.loads(path.read_text("utf-8"))).reports
        except DocumentError:
            continue
        for report in reports:
            yield from report.findings if isinstance(report, Report) else ()


def value(finding: Finding, path: str) -> Any:
    """Return a field of a finding, or of its package or score."""
    owner, _, name = path.rpartition(".")
    holder = getattr(finding, owner) if owner else finding
    return None if holder is None else getattr(holder, name)


@every("path", PATHS)
def test_a_field_has_a_reader_or_a_reason(read: frozenset[str], path: str) -> None:
    """A field that no reader fills would be empty everywhere, and nothing else would say so."""
    assert path in read or path in NOT_READ, (
        f"{path} is read from no document of tests/findings: fill it in a reader of "
        f"lib/normalizer, or list it in NOT_READ of {__name__}"
    )
    assert not (path in read and path in NOT_READ), f"{path} is read: take it from NOT_READ"
