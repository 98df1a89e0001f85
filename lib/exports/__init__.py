"""
Reports in formats that other tools read. Pure: reports in, one text out.

Every format marks a scan without a usable result; none turns it into "no findings".
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.exports.ocsf import ocsf
from lib.exports.rows import csv
from lib.exports.sarif import sarif
from lib.models import AnyReport

EXPORTS: Final[Mapping[str, Callable[[Sequence[AnyReport]], str]]] = MappingProxyType(
    {"csv": csv, "ocsf": ocsf, "sarif": sarif}
)
"""Writers by the name that `--format` takes."""
