"""
What is wrong with the scan of a part: its name, and the key by which it is known again. Pure.

A key names meaning and part, "UNSUPPORTED_IMAGE windows/amd64", never the image or the scanner:
the tenth release of an image that is not supported is not news.
"""

from types import MappingProxyType
from typing import Final, NamedTuple

from lib.models.streams import PartState
from lib.models.views import Condition

UNSUPPORTED: Final = "UNSUPPORTED_IMAGE"
_UNSUPPORTED_ERROR: Final = "UnsupportedImageError"
"""How the reason of basic scanning begins where its status is FAILED, and unsupported is meant."""
_SAME_MEANING: Final = MappingProxyType({"IN_PROGRESS": "PENDING", "ACTIVE": "COMPLETE"})


class PartCondition(NamedTuple):
    """One thing that is wrong with the scan of one part."""

    key: str
    condition: Condition
    reason: str


def conditions(part: PartState) -> tuple[PartCondition, ...]:
    """
    Return what is wrong with the scan of a part; nothing where its result is usable and watched.

    The status gives the name: FAILED is SCAN_FAILED, any other NOT_SCANNED. The end of monitoring
    is a condition of its own only where a result is there that can grow old.
    """
    if part.reason is not None:
        failed = part.status == "FAILED"
        name = Condition.SCAN_FAILED if failed else Condition.NOT_SCANNED
        return (PartCondition(_key(meaning(part), part), name, part.reason),)
    if not part.monitored:
        ended = Condition.MONITORING_ENDED
        return (
            PartCondition(_key(ended.value, part), ended, "the scanner is not known to watch it"),
        )
    return ()


def meaning(part: PartState) -> str:
    """Return what the status of a part without a usable result means, as one word."""
    # Reasons of fetched reports begin with the status.
    if (part.reason or "").removeprefix(f"{part.status}: ").startswith(_UNSUPPORTED_ERROR):
        return UNSUPPORTED
    return _SAME_MEANING.get(part.status, part.status)


def _key(word: str, part: PartState) -> str:
    return f"{word} {part.part}".rstrip()
