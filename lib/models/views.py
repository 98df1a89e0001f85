"""
Views: what a destination was notified of, stream by stream, and what it should show.

A view is the items that were reported. The rules say which items are desired. A notification is the
difference between the two, with a kind and a reason for each item.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from lib.models.immutable import immutable
from lib.models.names import DeliveryId, Destination, Severity, StreamId
from lib.models.receipts import Receipt
from lib.models.scans import Deployments, Finding, Image, Provenance
from lib.models.streams import StreamState


class Kind(StrEnum):
    """Why an item is in a notification, in the order in which kinds are tried."""

    BASELINE = "BASELINE"
    NEW = "NEW"
    RAISED = "RAISED"
    EXPLOIT_KNOWN = "EXPLOIT_KNOWN"
    FIX_AVAILABLE = "FIX_AVAILABLE"
    DEPLOYED = "DEPLOYED"
    SUPPRESSION_ENDED = "SUPPRESSION_ENDED"
    RULES_CHANGED = "RULES_CHANGED"
    FIX_READY = "FIX_READY"
    RESOLVED = "RESOLVED"
    NO_LONGER_REPORTED = "NO_LONGER_REPORTED"
    UNCHANGED = "UNCHANGED"
    SCAN_FAILED = "SCAN_FAILED"
    NOT_SCANNED = "NOT_SCANNED"
    MONITORING_ENDED = "MONITORING_ENDED"


class Condition(StrEnum):
    """The troubles that a scan of a part can have, by the names in routes and messages."""

    SCAN_FAILED = "SCAN_FAILED"
    NOT_SCANNED = "NOT_SCANNED"
    MONITORING_ENDED = "MONITORING_ENDED"


@immutable(frozen=True, slots=True)
class ReportedItem:
    """A vulnerability or condition that a destination was notified of, at its worst."""

    id: str
    """Of a vulnerability; of a condition its key (see `lib.core.conditions`)."""
    severity: Severity
    exploitable: bool = False
    fixable: bool = False
    names: tuple[str, ...] = ()
    """Further ids by which it is found."""
    routes: tuple[str, ...] = ()
    """Which routes desired it."""
    condition: Condition | None = None
    """None: a vulnerability."""


class Basis(NamedTuple):
    """The inputs that a set of desired items was computed from."""

    version: int
    """Of the stream's state."""
    rules: str
    """The hash of the rules."""
    day: date
    """In UTC: suppressions end with a day."""


@immutable(frozen=True, slots=True)
class Agreement:
    """The state of a stream that a view agreed with last: what was reported was desired."""

    version: int
    """Of the stream's state."""
    at: datetime
    rules: str
    """The hash of the rules that were in force."""
    suppressed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By the ids of what was left out by an entry of alerts.yml, the entry's name."""
    current: Image | None = None
    """The stream's current image then: what messages compare with, in words."""
    provenance: Provenance | None = None
    """The origin that this image states."""


@immutable(frozen=True, slots=True)
class View:
    """The items of one stream that one destination was notified of."""

    destination: Destination
    stream: StreamId
    version: int = 0
    """Counts what was sent."""
    reported: Mapping[str, ReportedItem] = field(default_factory=lambda: MappingProxyType({}))
    agreement: Agreement | None = None
    """None: the stream has had no usable report since this destination was routed to."""
    row: DeliveryId | None = None
    """The open notification; None: there is none."""
    rows: int = 0
    """How many rows this version had."""
    possibly_reported: Mapping[str, ReportedItem] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """What a dead notification may have shown beside `reported`: its answer was lost."""
    quietly_ended: tuple[ReportedItem, ...] = ()
    """What ended without a message since the last one; the next message lists it."""
    thread: str | None = None
    """Where the next message belongs, as the receiver named it."""
    last_message: str | None = None
    """The key of the pinned message that was sent last; None: none was."""


@immutable(frozen=True, slots=True)
class DesiredItem:
    """An item that a destination should show, and where it is."""

    reported: ReportedItem
    """As it will be reported."""
    findings: tuple[Finding, ...] = ()
    """Rows that pass; of a vulnerability at least one."""
    images: tuple[Image, ...] = ()
    """The watched images that have it, the current one first."""
    reason: str = ""
    """Of a condition: why there is no result."""


@immutable(frozen=True, slots=True)
class Desired:
    """The items that a destination should show of a stream by today's rules."""

    destination: Destination
    applies: bool
    """Whether a route leads there for any watched image."""
    items: Mapping[str, DesiredItem]
    suppressed: Mapping[str, str]
    """By the ids of what an entry of alerts.yml leaves out, the entry's name."""
    refused: Mapping[str, str]
    """By the ids of everything else that is open, why the filters leave it out, in words."""
    entries: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By the names of those entries, until when they hold and why, in words."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Of every vulnerability that is open, desired or not, the names by which it is found."""
    compared: bool = False
    """Whether it is what another stream does not have (`compare_with`): all of it is new."""


@immutable(frozen=True, slots=True)
class DeltaItem:
    """An item of a notification."""

    kind: Kind
    reason: str
    item: ReportedItem
    """As desired; as reported where it ended."""
    desired: DesiredItem | None = None
    """None where it ended."""
    worth: bool = False
    """Whether the kind is worth a message for a route that desires, or desired, the item."""


@immutable(frozen=True, slots=True)
class Delta:
    """The difference between what is reported and what is desired."""

    items: tuple[DeltaItem, ...]
    """Without UNCHANGED ones; worst first within a kind."""
    unchanged: int
    after: Mapping[str, ReportedItem]
    """What will be reported once the delta is sent, or the view is advanced without a message."""
    agreement: Agreement

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not self.items

    @property
    def is_worth_a_message(self) -> bool:
        """Whether any item is of a kind that a route asks for."""
        return any(item.worth for item in self.items)


class RowState(StrEnum):
    """SENT, OBSOLETE, FOLDED and DEAD are final."""

    PENDING = "PENDING"
    CLAIMED = "CLAIMED"
    RETRY = "RETRY"
    UNKNOWN = "UNKNOWN"
    SENT = "SENT"
    OBSOLETE = "OBSOLETE"
    FOLDED = "FOLDED"
    DEAD = "DEAD"


class Purpose(StrEnum):
    """The purpose of a notification. All but VIEW are one-shot: their message never changes."""

    VIEW = "view"
    """A destination's view of a stream must be brought up to date."""
    DIGEST = "digest"
    SUMMARY = "summary"
    """One message in the place of those about many streams."""
    FALLBACK = "fallback"
    """Another destination does not take a message."""
    TAG_MOVED = "tag-moved"
    """A tag that should not move points to another image."""


@immutable(frozen=True, slots=True)
class Pin:
    """The message of an attempt: immutable, and kept until its outcome is known."""

    key: str
    """Of the object with the message and the view that results."""
    basis: Basis | None = None
    """What the message speaks of; None: it is one-shot."""


@immutable(frozen=True, slots=True)
class Notification:
    """The row of a message on its way: that there is something to say, and how far it is."""

    id: DeliveryId
    destination: Destination
    stream: StreamId
    version: int
    """That the view will have when this is sent; 0 of one that is one-shot."""
    quiet: bool
    """Nothing in it is worth a message, but the receiver keeps something current."""
    state: RowState
    seen: Basis | None
    """What the last sync computed from while this was open; None: it is one-shot."""
    cause: str
    """What made the sync that opened it, for log and `deliveries explain`."""
    created_at: datetime
    due_at: datetime | None = None
    """The time of the next attempt, or the end of a lease; None in a final state."""
    purpose: Purpose = Purpose.VIEW
    gathers: bool = False
    """Whether it waits for others of its destination: many streams make one summary."""
    attempts: int = 0
    """The number of claims."""
    failures: int = 0
    """Attempts that failed, without throttling."""
    token: str = ""
    """Of the worker that claimed it last: an earlier one can write it no longer."""
    pin: Pin | None = None
    """A one-shot row is born with it."""
    unsure: bool = False
    """Whether an attempt with this pin may have arrived."""
    unsure_at: datetime | None = None
    """The last time of such an attempt."""
    tried_at: datetime | None = None
    """When the last attempt ended."""
    reason: str = ""
    """Why the last attempt failed, or why it waits or ended without a message."""
    receipt: Receipt | None = None
    replaces: DeliveryId | None = None
    """The DEAD row in whose place this one is."""
    folded_into: DeliveryId | None = None
    """The summary that speaks for it."""
    redriven_at: datetime | None = None
    """When a person gave it another day."""
    note: str | None = None
    """The reason why this destination is notified in place of another one."""

    @property
    def is_one_shot(self) -> bool:
        """Whether its message never changes, and belongs to no view."""
        return self.purpose is not Purpose.VIEW


@immutable(frozen=True, slots=True)
class OtherName:
    """A tag of another stream that points to the same image."""

    image: str
    """The name of the image by that tag."""
    is_reported: bool
    """Whether the same destination was notified of all that is open in it by that name."""
    thread: str | None = None
    """Where that is, as the receiver named it."""


@immutable(frozen=True, slots=True)
class Dispatch:
    """The facts about a message at its first attempt, which its report page shows, too."""

    notification: DeliveryId
    """The notification that sends it."""
    note: str | None = None
    """See `Notification.note`."""
    provenance: Provenance | None = None
    """Of the current image; None if it was not read."""
    provenance_before: Provenance | None = None
    """Of the image that it is compared with."""
    running: Deployments | None = None
    """The workloads of its watched images; None if they were not read."""
    other_name: OtherName | None = None
    """The name of its image in another stream, where the image is new in its own."""


@immutable(frozen=True, slots=True)
class PinnedMessage:
    """The message of an attempt, and the view that its arrival brings about."""

    delta: Delta
    view: View
    basis: Basis
    quiet: bool
    state: StreamState
    """The state of the stream that the message speaks of."""
    before: Agreement | None = None
    """What the view agreed with before; None: with nothing yet."""
    refused: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By the ids of what is open and not asked for, why the filters leave it out, in words."""
    entries: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By the names of entries that leave something out, until when they hold and why, in words."""
    quietly_ended: tuple[ReportedItem, ...] = ()
    """What ended without a message since the last one, and did not come back."""
    dispatch: Dispatch | None = None
    """None before the first attempt."""
