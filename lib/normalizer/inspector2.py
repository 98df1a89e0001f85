"""
Inspector's own findings: rows of ListFindings and of `Inspector2 Finding` events.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_Finding.html
"""

from collections.abc import Mapping
from typing import Any

from lib.models import Finding
from lib.normalizer import inspector_rows
from lib.normalizer.values import mapping


def findings(row: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return one finding for each vulnerable package of a row, with Inspector's adjusted score."""
    return inspector_rows.findings(
        row,
        score=row.get("inspectorScore"),
        score_details=mapping(row.get("inspectorScoreDetails")).get("adjustedCvss"),
    )
