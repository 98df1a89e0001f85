"""The ledger's rows, and what receivers answer."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from lib.models.evaluations import ChangeKind
from lib.models.names import DeliveryId, Destination, Severity, StreamId


@dataclass(frozen=True, slots=True)
class Filter:
    """What a route lets through. Kept in the delivery row, so later edits do not reach it."""

    route: str
    severity: Severity
    only: tuple[str, ...] = ()
    """fixable, exploitable, in-use: all of them must hold."""
    kinds: tuple[ChangeKind, ...] = ()
    """Empty: every kind but UNCHANGED."""
    unknown_severity: bool = False
    """Let findings without a known severity through, whatever the threshold."""


class DeliveryState(StrEnum):
    """SENT, DEAD, FOLDED and SUPPRESSED are final."""

    PENDING = "PENDING"
    CLAIMED = "CLAIMED"
    SENT = "SENT"
    RETRY = "RETRY"
    UNKNOWN = "UNKNOWN"
    DEAD = "DEAD"
    FOLDED = "FOLDED"
    SUPPRESSED = "SUPPRESSED"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a receiver took a message, and what it needs to be updated later."""

    reference: str
    """Slack "ok", SNS message id, Jira issue key."""
    url: str | None = None
    thread: str | None = None
    """Where the next message about the same stream belongs (a Jira issue key); None: nowhere."""
    remark: str | None = None
    """What could not be added to the message that was taken, and why. For the log; not kept."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of the ledger: one alert for one destination."""

    id: DeliveryId
    destination: Destination
    filters: tuple[Filter, ...]
    image_key: str
    stream: StreamId
    evaluation_key: str
    state: DeliveryState
    created_at: datetime
    due_at: datetime | None
    """When the sweep wakes it; None in a final state."""
    first_at: datetime | None = None
    """When it was created at first; None for one that was never given another day."""
    attempts: int = 0
    """Claims so far."""
    failures: int = 0
    """Attempts that failed and counted (throttling does not)."""
    token: str | None = None
    reason: str | None = None
    receipt: Receipt | None = None
    thread: str | None = None
    """Where the message belongs: read with the claim, from what earlier receipts said."""
    told_at: datetime | None = None
    """When the newest evaluation that this thread tells of was made; read with the claim."""
    unsure: bool = False
    """An earlier attempt may have been accepted: its answer was lost, or its worker died."""
    unsure_at: datetime | None = None
    """When the last such attempt was made, at the latest; None: there was none."""
    note: str | None = None
    """Why this destination is told in another one's place; None: it is its own alert."""


class PauseKind(StrEnum):
    """Why nothing is sent to a destination for a while."""

    THROTTLED = "throttled"
    BROKEN = "broken"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when nothing is sent to a destination, and why."""

    kind: PauseKind
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class NotReceived:
    """The receiver does not have it, or cannot tell: send (again)."""


@dataclass(frozen=True, slots=True)
class AskAgain:
    """The receiver may have it and cannot say so yet."""

    seconds: float


DeliveryCheck = Receipt | NotReceived | AskAgain
"""What a receiver says about a delivery whose answer was lost."""


SHORT_ANSWER: Final = 65_536
"""Bytes that are read of an answer to a request, unless more are expected."""


LONG_ANSWER: Final = 4_194_304
"""Bytes of an answer that lists messages of others, or repeats a message of ours."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A 2xx answer. Some receivers put errors into it, so notifiers look at the text."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way to a receiver."""

    name: str
    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of one limit of a receiver a payload uses: "characters", 1,234 of 10,000."""

    what: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Page:
    """A stored report page."""

    key: str
    """For `PageReader`."""
    url: str | None
    """A signed link that expires; None where pages cannot be opened from outside."""


DIGESTS: Final = "digests/"
"""How the keys of stored digests begin, by which a delivery of one is known."""


@dataclass(frozen=True, slots=True)
class NotClaimed:
    """Why a delivery must not be sent now: it is sent, dead, claimed by somebody, or not due."""

    reason: str


@dataclass(frozen=True, slots=True)
class WakeUp:
    """What the deliveries queue carries: which row to look at, and which attempt it would be."""

    id: DeliveryId
    destination: Destination
    attempts: int
    turn: str = ""
    """When the sweep found it due: the queue drops repeats of the same turn, and only those."""
