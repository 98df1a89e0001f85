"""The scanners, by `ScanSource.scanner`. A new one is a module here and a line in `SCANNERS`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lib.core.scanners.ecr_basic import ECR_BASIC
from lib.core.scanners.inspector import INSPECTOR
from lib.core.scanners.scanner import Scanner
from lib.models import ScanSource
from lib.models.program import NAME

SCANNERS: Final[Mapping[str, Scanner]] = MappingProxyType(
    {
        ScanSource.ECR_BASIC.scanner: ECR_BASIC,
        ScanSource.ECR_ENHANCED.scanner: INSPECTOR,
        ScanSource.REPOSITORY.scanner: Scanner(product=NAME, vendor=NAME),
    }
)
_ANY: Final = Scanner()


def scanner_of(source: ScanSource) -> Scanner:
    """Return the scanner behind a source. A scanner without a line has texts that fit any."""
    return SCANNERS.get(source.scanner, _ANY)
