"""
Checks: one fact that was looked at, whether it is as it should be, and what to do if it is not.

Results of `destinations test` and of `doctor`. The function `deliver` returns them as JSON.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from lib.errors import (
    AmbiguousDeliveryError,
    ScanAlertError,
    TemporaryDeliveryError,
    ThrottledError,
)

_AGAIN: Final = "Try again; if it stays so, look at the receiver's status page"


class CheckStatus(StrEnum):
    """Outcome of a check."""

    OK = "ok"
    NOTE = "note"
    """Nothing is broken; a person should know it."""
    UNKNOWN = "unknown"
    """It could not be looked at."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One fact. Texts hold no secret: what receivers answer is redacted before it gets here."""

    subject: str
    """What was looked at: "secret", "rule EcrImageScan"."""
    status: CheckStatus
    text: str
    remedy: str = ""
    """What to do: a command where there is one."""


def ok(subject: str, text: str) -> Check:
    """Return a check that passed."""
    return Check(subject, CheckStatus.OK, text)


def note(subject: str, text: str, remedy: str = "") -> Check:
    """Return a remark about something that works."""
    return Check(subject, CheckStatus.NOTE, text, remedy)


def unknown(subject: str, text: str, remedy: str = "") -> Check:
    """Return a check that could not be made."""
    return Check(subject, CheckStatus.UNKNOWN, text, remedy)


def failed(subject: str, text: str, remedy: str = "") -> Check:
    """Return a check that did not pass."""
    return Check(subject, CheckStatus.FAILED, text, remedy)


def has_failed(checks: Iterable[Check]) -> bool:
    """Say whether a check failed; one that could not be made has not."""
    return any(check.status is CheckStatus.FAILED for check in checks)


def advice(error: ScanAlertError) -> str:
    """Return what to do about an error of a receiver, where nothing more is known of it."""
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
    """Understand `check_to_json`."""
    return Check(
        document["subject"],
        CheckStatus(document["status"]),
        document["text"],
        document["remedy"],
    )
