"""Rows of the ledger, and answers of receivers."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from lib.models.immutable import immutable
from lib.models.names import DeliveryId, Destination, Severity
from lib.models.receipts import Receipt
from lib.models.views import Kind


@immutable(frozen=True, slots=True)
class Filter:
    """The filter of a route, copied into the delivery row: later edits do not change it."""

    route: str
    severity: Severity
    only: tuple[str, ...] = ()
    """fixable, exploitable, in-use: all have to apply."""
    kinds: tuple[Kind, ...] = ()
    """Worth a message; empty for what is news to the type of its destinations."""
    unknown_severity: bool = False
    """Whether findings without a known severity pass, whatever the threshold."""


class PauseKind(StrEnum):
    """The reason of a pause."""

    THROTTLED = "throttled"
    BROKEN = "broken"
    MANUAL = "manual"


@immutable(frozen=True, slots=True)
class Pause:
    """The time until which nothing is sent to a destination, and the reason."""

    kind: PauseKind
    until: datetime
    reason: str


@immutable(frozen=True, slots=True)
class NotReceived:
    """The receiver does not have the message. What there is to say now is sent."""


@immutable(frozen=True, slots=True)
class CannotTell:
    """The receiver cannot be asked. The same message is sent again."""


@immutable(frozen=True, slots=True)
class AskAgain:
    """The receiver may have the message and cannot tell yet."""

    seconds: float


DeliveryCheck = Receipt | NotReceived | AskAgain | CannotTell
"""The answer to the question whether a receiver has a message whose answer was lost."""


SHORT_ANSWER: Final = 65_536
"""The bytes that are read of an answer, unless more are expected."""


LONG_ANSWER: Final = 4_194_304
"""The bytes of an answer that lists messages, or repeats a message."""


@immutable(frozen=True, slots=True)
class HttpAnswer:
    """A 2xx answer. Some receivers report errors in it, so notifiers check the text."""

    status: int
    text: str


@immutable(frozen=True, slots=True)
class Upload:
    """A file for a receiver."""

    name: str
    content: bytes
    media_type: str


@immutable(frozen=True, slots=True)
class Usage:
    """The use of a receiver's limit by a payload: "characters", 1,234 of 10,000."""

    what: str
    used: int
    limit: int


@immutable(frozen=True, slots=True)
class Page:
    """The report page of a message. It is made when it is opened first."""

    key: str
    """For `PageReader`."""
    url: str | None
    """A signed link that expires; None where pages cannot be opened from outside."""


@immutable(frozen=True, slots=True)
class NotClaimed:
    """The reason why a delivery cannot be claimed: it is final, claimed, or not due."""

    reason: str


@immutable(frozen=True, slots=True)
class WakeUp:
    """A message of the deliveries queue: the row, and the number of its attempts."""

    id: DeliveryId
    destination: Destination
    attempts: int
    turn: str = ""
    """The time at which the sweep found it due. The queue drops repeats of the same turn."""
    quiet: bool = False
    """Whether it only brings a receiver up to date that keeps something current."""
