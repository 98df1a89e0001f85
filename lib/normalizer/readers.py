"""The row readers by source: one file for each shape of a finding."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from lib.models import Finding, ScanSource
from lib.normalizer import ecr_basic, ecr_enhanced, inspector2

RowReader = Callable[[Mapping[str, Any]], tuple[Finding, ...]]
"""Reads one row in camelCase. Never fails: a value that it cannot read is left empty."""

SOURCES: Final[Mapping[ScanSource, RowReader]] = MappingProxyType(
    {
        ScanSource.ECR_BASIC: ecr_basic.findings,
        ScanSource.ECR_ENHANCED: ecr_enhanced.findings,
        ScanSource.INSPECTOR2: inspector2.findings,
    }
)
