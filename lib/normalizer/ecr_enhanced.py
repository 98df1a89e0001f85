"""
Enhanced scanning: a row of `enhancedFindings` in DescribeImageScanFindings.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_EnhancedImageScanFinding.html
"""

from collections.abc import Mapping
from typing import Any

from lib.models import Finding
from lib.normalizer import inspector_rows
from lib.normalizer.values import mapping


def findings(row: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return one finding for each vulnerable package of a row."""
    return inspector_rows.findings(
        row,
        score=row.get("score"),
        score_details=mapping(row.get("scoreDetails")).get("cvss"),
    )
