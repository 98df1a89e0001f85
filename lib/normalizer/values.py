"""
Readers of single values: text, numbers, dates, severities. They never fail.

Each reader takes any JSON value, or what boto3 makes of it. For a value that it cannot read it
returns None or an empty value: one odd field must not lose a finding.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from types import MappingProxyType
from typing import Any, Final

from lib.models import Counts, Severity
from lib.text import clean, truncate

# Words that AWS writes where there is no value. "not yet assigned" is Debian's word for a severity
# that nobody has set: it says as much as no word.
_ABSENT: Final = frozenset(
    {
        "",
        "-",
        "N/A",
        "n/a",
        "None",
        "None Provided",
        "NotAvailable",
        "not yet assigned",
        "null",
    }
)
_SCALE: Final = MappingProxyType({severity.name: severity for severity in Severity})
_MONTHS: Final = (
    "",
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
# "Dec 3, 2021, 6:02:30 PM": Inspector's events until June 2024. Newer Java versions put U+202F
# before PM. Parsed without strptime, whose month names depend on the locale.
_JAVA_LOCALE: Final = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) (?P<day>\d{1,2}), (?P<year>\d{4}),? "
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)\s(?P<half>[AP]M)"
)
# "Wed Sep 04 16:55:38.411 UTC 2024": Inspector's events since then.
_JAVA_STRING: Final = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>\d\d) "
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))? "
    r"(?:UTC|GMT) (?P<year>\d{4})"
)
_DASH: Final = 4
"""Where every ISO date has its first dash: "2024-"."""
_MILLISECONDS: Final = 1e11
"""Seconds beyond the year 5138: such a number counts milliseconds."""
_LONGEST_LINK: Final = 2048
_LONGEST_FIELD: Final = 4096
_NUMERIC: Final = frozenset({int, float, str})  # and not bool, which is an int
_RETIRED_LINK: Final = "https://cve.mitre.org/cgi-bin/cvename.cgi?name="


def text(value: Any) -> str | None:
    """Return trimmed text with plain newlines; None for placeholders and values of other types."""
    if value.__class__ is not str:
        return None
    value = value.strip()
    if value in _ABSENT:
        return None
    return value.replace("\r\n", "\n") if "\r" in value else value  # type: ignore[no-any-return]


def name(value: Any) -> str:
    """Return trimmed text, empty when there is none. A package may well be called "null"."""
    return value.strip() if isinstance(value, str) else ""


def digest(value: Any) -> str:
    """Return the digest of an image; empty for an invalid one. AWS writes other samples, too."""
    candidate = name(value)
    return candidate if candidate.startswith("sha256:") else ""


def texts(value: Any) -> tuple[str, ...]:
    """Return the distinct texts of a list, in order. A single text counts as a list."""
    if isinstance(value, str):
        value = [value]
    if not value or not isinstance(value, list | tuple):
        return ()
    return tuple(
        dict.fromkeys([item_text for item in value if (item_text := text(item)) is not None])
    )


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object unchanged, and an empty one for other values."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, without its other values."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_text(value: Any) -> str | None:
    """
    Return any value as text, so that an unknown field is not lost; None for absent ones.

    The text is clean, and has at most 4,096 characters.
    """
    if isinstance(value, str):
        plain = text(value)
    elif value is None or value in ([], {}):
        return None
    elif isinstance(value, datetime):
        return value.isoformat()
    else:
        plain = _json(value)
    return plain and (truncate(clean(plain), _LONGEST_FIELD) or None)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, default=str, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return "…"


def number(value: Any) -> float | None:
    """Return a finite number; basic findings write theirs as text ("4.6", "5")."""
    if type(value) not in _NUMERIC:
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if isfinite(parsed) else None


def count(value: Any) -> int | None:
    """Return a count: a whole number of zero or more."""
    parsed = number(value)
    return int(parsed) if parsed is not None and parsed >= 0 else None


def link(value: Any) -> str | None:
    """
    Return an address of the web as https, without the blanks that Debian's have at their end.

    Makes no assumption about what it leads to. Retired addresses of cve.mitre.org become those of
    https://www.cve.org; anything that is no web address is dropped.
    """
    if not isinstance(value, str):
        return None
    address = value.strip()
    if address.startswith("http://"):
        address = f"https://{address[7:]}"
    if (
        not address.startswith("https://")
        or len(address) > _LONGEST_LINK
        or not address.isprintable()
        or " " in address
    ):
        return None
    if address.startswith(_RETIRED_LINK):
        return f"https://www.cve.org/CVERecord?id={address[len(_RETIRED_LINK) :]}"
    return address


def links(*values: Any) -> tuple[str, ...]:
    """Return the distinct addresses among some values, in order."""
    return tuple(
        dict.fromkeys([address for value in values if (address := link(value)) is not None])
    )


def severity(value: Any) -> tuple[Severity, str | None]:
    """
    Return the severity on our scale, and the source's word if the scale lacks it.

    Never computed from a score: vendors disagree with CVSS in more than a quarter of all findings.
    """
    if not isinstance(value, str):
        return Severity.UNKNOWN, None
    known_severity = _SCALE.get(value)
    if known_severity is not None:
        return known_severity, None
    word = value.strip()
    known_severity = _SCALE.get(word.upper())
    if known_severity is not None:
        return known_severity, None
    return Severity.UNKNOWN, word or None


def counts(value: Any) -> tuple[Counts, int | None] | None:
    """
    Return the counts of all severities, and TOTAL if the answer has it.

    None when nothing was counted. TOTAL is not a severity, and not the sum of the others.
    """
    if not isinstance(value, dict):
        return None
    by_severity, total = dict.fromkeys(reversed(Severity), 0), None
    for word, amount_value in value.items():
        amount = count(amount_value)
        if amount is None:
            continue
        if word.upper() == "TOTAL":
            total = amount
        else:
            by_severity[severity(word)[0]] += amount
    return by_severity, total


# --- dates --------------------------------------------------------------------------------------


_FIRST_YEAR: Final = 1970
_END_YEAR: Final = 9000


def moment(value: Any) -> datetime | None:
    """
    Return a time in UTC from any of the nine formats of AWS and its tools.

    ISO 8601 with Z, an offset or neither, with T or a blank; seconds or milliseconds since 1970;
    the two Java formats of `Inspector2 Finding` events; boto3's own objects; recordings of them.
    None for anything else: impossible dates occur in AWS's own samples. None, too, for a year
    before 1970 (the zero time of Go is in the year 1) or after 8999 (9999 stands for "never"; the
    retention of a row is added to its time).
    """
    if value is None:
        return None
    try:
        time = _READERS.get(type(value), _unreadable)(value)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    return time if time is not None and _FIRST_YEAR <= time.year < _END_YEAR else None


def _unreadable(_: Any) -> datetime | None:
    return None


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@lru_cache(maxsize=1024)  # findings share their dates
def _from_text(value: str) -> datetime | None:
    value = value.strip()
    if value[_DASH : _DASH + 1] == "-":
        return _in_utc(datetime.fromisoformat(value))
    if value[:1].isdigit():
        return _from_number(float(value))
    parts = _JAVA_LOCALE.fullmatch(value) or _JAVA_STRING.fullmatch(value)
    return None if parts is None else _from_java(parts.groupdict())


@lru_cache(maxsize=1024)
def _from_number(value: float) -> datetime:
    seconds = value / 1000 if value > _MILLISECONDS else value
    return datetime.fromtimestamp(seconds, UTC)


def _from_java(parts: Mapping[str, str | None]) -> datetime:
    hour, half = int(parts["hour"] or 0), parts.get("half")
    if half is not None:
        hour = hour % 12 + (12 if half == "PM" else 0)
    return datetime(
        int(parts["year"] or 0),
        _MONTHS.index(parts["month"] or ""),
        int(parts["day"] or 0),
        hour,
        int(parts["minute"] or 0),
        int(parts["second"] or 0),
        int((parts.get("fraction") or "").ljust(6, "0")),
        tzinfo=UTC,
    )


def _from_recording(value: Mapping[str, Any]) -> datetime | None:
    """Read a time in placebo's format: {"__class__": "datetime", "year": 2021, …}."""
    if value.get("__class__") != "datetime":
        return None
    fields = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return datetime(*[int(value.get(field, 0)) for field in fields], tzinfo=UTC)  # type: ignore[misc,arg-type]


_READERS: Final[Mapping[type, Callable[[Any], datetime | None]]] = MappingProxyType(
    {
        str: _from_text,
        int: _from_number,
        float: _from_number,
        datetime: _in_utc,
        dict: _from_recording,
    }
)
