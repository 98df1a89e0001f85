"""Single values as JSON: times, severities, counts. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from lib.models import Counts, Severity

NAMES: Final = MappingProxyType({severity: severity.name for severity in reversed(Severity)})
"""The name of each severity, worst first."""
SEVERITIES: Final = MappingProxyType({severity.name: severity for severity in Severity})


@lru_cache(maxsize=1024)  # findings share their times
def time_to_json(moment: datetime | None) -> str | None:
    """Return RFC 3339 in UTC with a Z."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).isoformat()[:-6]}Z"


def time_from_json(text: str | None) -> datetime | None:
    """Return the time that `time_to_json` wrote."""
    return None if text is None else datetime.fromisoformat(text)


def counts_to_json(counts: Counts) -> dict[str, int]:
    """Return every severity with a number, and the total."""
    numbers = {name: counts.get(severity, 0) for severity, name in NAMES.items()}
    return {**numbers, "total": sum(numbers.values())}


def counts_from_json(document: Mapping[str, int]) -> Counts:
    """Return the counts that `counts_to_json` wrote."""
    return {severity: document.get(name, 0) for severity, name in NAMES.items()}
