"""Lengths of time as people write them on a command line, and as they read them in a table."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from lib.errors import DocumentError

_UNITS: Final[Mapping[str, timedelta]] = MappingProxyType(
    {
        "m": timedelta(minutes=1),
        "h": timedelta(hours=1),
        "d": timedelta(days=1),
    }
)
_LENGTH: Final = re.compile(r"(\d{1,4})([mhd])")


def length_of(text: str, *, units: str, most: timedelta, mistake: str) -> timedelta:
    """Read "30m", "2h" or "7d", in the units that are allowed. Raises `DocumentError`."""
    match = _LENGTH.fullmatch(text)
    length = timedelta()
    if match is not None and match[2] in units:
        length = int(match[1]) * _UNITS[match[2]]
    if not timedelta() < length <= most:
        raise DocumentError(mistake)
    return length


def age(moment: datetime, now: datetime) -> str:
    """Return how long ago something was: "40s", "3m", "2h", "5d"."""
    return short(now - moment)


def short(length: timedelta) -> str:
    """Return a length in its largest unit, rounded down; "0s" for what is not positive."""
    for unit, size in (*_UNITS.items(),)[::-1]:
        if length >= size:
            return f"{length // size}{unit}"
    return f"{max(0, int(length.total_seconds()))}s"


def clock(moment: datetime, now: datetime) -> str:
    """Return a time in UTC: "18:56 UTC", with its date where that is another day."""
    day = "" if moment.astimezone(UTC).date() == now.astimezone(UTC).date() else "%Y-%m-%d "
    return moment.astimezone(UTC).strftime(f"{day}%H:%M:%S UTC")
