"""
Checks: a fact with its judgement and its remedy.

Results of `destinations test` and of `doctor`. The function `deliver` returns them as JSON.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from lib.errors import (
    AmbiguousDeliveryError,
    ScanAlertError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.models.immutable import immutable

_AGAIN: Final = "Try again; if it stays so, look at the receiver's status page"


class CheckStatus(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    NOTE = "note"
    """Nothing is broken, but a person should know the fact."""
    UNKNOWN = "unknown"
    """The fact could not be read."""
    FAILED = "failed"


@immutable(frozen=True, slots=True)
class Check:
    """A fact with its judgement. Texts hold no secret: answers of receivers are redacted before."""

    subject: str
    """The object of the check: "secret", "rule EcrImageScan"."""
    status: CheckStatus
    text: str
    remedy: str = ""
    """The next step: a command if there is one."""


def ok(subject: str, text: str) -> Check:
    """Return a passed check."""
    return Check(subject, CheckStatus.OK, text)


def note(subject: str, text: str, remedy: str = "") -> Check:
    """Return a remark about a working part."""
    return Check(subject, CheckStatus.NOTE, text, remedy)


def unknown(subject: str, text: str, remedy: str = "") -> Check:
    """Return a check whose fact could not be read."""
    return Check(subject, CheckStatus.UNKNOWN, text, remedy)


def failed(subject: str, text: str, remedy: str = "") -> Check:
    """Return a failed check."""
    return Check(subject, CheckStatus.FAILED, text, remedy)


def has_failed(checks: Iterable[Check]) -> bool:
    """Whether a check failed. A fact that could not be read is no failure."""
    return any(check.status is CheckStatus.FAILED for check in checks)


def advice(error: ScanAlertError) -> str:
    """Return the next step after an error of a receiver, if nothing specific is known."""
    if isinstance(error, ThrottledError):
        pause = "" if error.retry_after is None else f" in {error.retry_after:.0f} seconds"
        return f"The receiver asks for fewer messages: try again{pause}"
    temporary = isinstance(error, TemporaryDeliveryError | AmbiguousDeliveryError)
    # Errors of the configuration say it themselves.
    return _AGAIN if temporary else ""


def check_to_json(check: Check) -> dict[str, str]:
    """Return a check as JSON."""
    return {
        "subject": check.subject,
        "status": check.status.value,
        "text": check.text,
        "remedy": check.remedy,
    }


def check_from_json(document: Mapping[str, Any]) -> Check:
    """Parse a check from `check_to_json`."""
    return Check(
        document["subject"],
        CheckStatus(document["status"]),
        document["text"],
        document["remedy"],
    )
