"""Deliveries for an operator: selected, named by tag, in a line or in full. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from cli.durations import age, clock, short
from lib.core.retries import HORIZON
from lib.models import Delivery, DeliveryState, Destination, Image, Pause
from lib.text import counted

RECENT: Final = timedelta(hours=24)
SHORT_ID: Final = 12
"""Characters of an id on a terminal; `show` and `redrive` take as few as are unambiguous."""
_DIGEST: Final = len("sha256:") + 12
_GRACE: Final = timedelta(hours=1)
"""The time by which an open row may be overdue before it is reported as such."""
MEANINGS: Final[Mapping[DeliveryState, str]] = MappingProxyType(
    {
        DeliveryState.PENDING: "not tried yet",
        DeliveryState.CLAIMED: "being sent; tried again if its sender died",
        DeliveryState.SENT: "accepted, with a receipt",
        DeliveryState.RETRY: "tried again when it is due",
        DeliveryState.UNKNOWN: "the answer was lost: the receiver is asked first, where it can be",
        DeliveryState.DEAD: "given up; `deliveries redrive` sends it",
        DeliveryState.FOLDED: "part of a summary that was sent",
        DeliveryState.SUPPRESSED: "left out by an entry of alerts.yml",
    }
)


@dataclass(frozen=True, slots=True)
class Query:
    """The selection of deliveries."""

    destinations: tuple[Destination, ...] | None = None
    image: str | None = None
    since: datetime | None = None
    """None: the last day, and all open or dead deliveries."""
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The result of a query, newest first, and the numbers of deliveries that are not shown."""

    rows: tuple[Delivery, ...]
    older: int
    more: int

    @property
    def remarks(self) -> tuple[str, ...]:
        """The numbers of deliveries that are not shown, with the options that show them."""
        older = f"{counted(self.older, 'older delivery', 'older deliveries')} not shown"
        more = f"{counted(self.more, 'more delivery', 'more deliveries')} not shown"
        return (
            *((f"{more}: --limit {self.more + len(self.rows)} shows them",) if self.more else ()),
            *((f"{older}: --since 30d shows those of 30 days",) if self.older else ()),
        )


def select(
    rows: Iterable[Delivery], query: Query, names: Mapping[str, str], now: datetime
) -> Listing:
    """Filter and sort. `names` holds the name of each image by its key."""
    matching = sorted(
        (row for row in rows if _matches(row, query, names)),
        key=lambda row: (row.created_at, row.id),
        reverse=True,
    )
    recent = [row for row in matching if _is_recent(row, query, now)]
    shown = tuple(recent[: query.limit])
    return Listing(shown, older=len(matching) - len(recent), more=len(recent) - len(shown))


def _matches(row: Delivery, query: Query, names: Mapping[str, str]) -> bool:
    if query.destinations is not None and row.destination not in query.destinations:
        return False
    image = (query.image or "").lower()
    return image in row.image_key.lower() or image in names.get(row.image_key, "").lower()


def _is_recent(row: Delivery, query: Query, now: datetime) -> bool:
    if query.since is not None:
        return row.created_at >= query.since
    needs_attention = row.due_at is not None or row.state is DeliveryState.DEAD
    return needs_attention or row.created_at >= now - RECENT


def image_name(row: Delivery, image: Image | None) -> str:
    """Return "repository:tag"; without a tag, "repository@sha256:1a2b3c4d5e6f"."""
    if image is not None and image.tags:
        return image.name
    repository, at, digest = row.image_key.partition("@")
    if not at:
        return repository.split("/", 2)[-1]
    return f"{repository.split('/', 2)[-1]}@{digest[:_DIGEST]}"


def cells(row: Delivery, name: str, now: datetime, *, whole: bool) -> tuple[str, ...]:
    """Return a line of the table. `whole`: with the full id and digest, for grep."""
    receipt = row.receipt.url or row.receipt.reference if row.receipt else ""
    why = " ".join(filter(None, (next_try(row, now), row.reason or receipt)))
    line = (row.state.value, row.destination, name, age(row.created_at, now), str(row.attempts))
    if whole:
        return (row.id, *line, row.image_key, why)
    return (row.id[:SHORT_ID], *line, why)


def columns(*, whole: bool) -> tuple[str, ...]:
    """Return the titles for `cells`."""
    names = ("DELIVERY", "STATE", "DESTINATION", "IMAGE", "AGE", "ATTEMPTS")
    return (*names, "IMAGE KEY", "WHY") if whole else (*names, "WHY")


def next_try(row: Delivery, now: datetime) -> str:
    """Return when an open delivery is tried next; nothing for a final one."""
    if row.due_at is None or row.state is DeliveryState.PENDING:
        return ""
    return f"in {short(row.due_at - now)}:" if row.due_at > now else "due now:"


def is_late(row: Delivery, now: datetime) -> bool:
    """Return whether an open row is past its horizon, or was due long ago and nobody tried."""
    if row.due_at is None:
        return False
    return row.created_at < now - HORIZON - _GRACE or row.due_at < now - _GRACE


def document(row: Delivery, name: str) -> dict[str, Any]:
    """Return a delivery for scripts."""
    return {
        "id": row.id,
        "state": row.state,
        "destination": row.destination,
        "routes": [entry.route for entry in row.filters],
        "image": row.image_key,
        "image_name": name,
        "report": row.evaluation_key,
        "created_at": row.created_at.isoformat(),
        "due_at": row.due_at.isoformat() if row.due_at else None,
        "attempts": row.attempts,
        "failures": row.failures,
        "reason": row.reason,
        "receipt": row.receipt.reference if row.receipt else None,
        "url": row.receipt.url if row.receipt else None,
    }


def details(row: Delivery, name: str, now: datetime) -> list[tuple[str, str]]:
    """Return a delivery in full, as names and values; what it does not have is left out."""
    receipt = row.receipt
    failures = f", {counted(row.failures, 'counted failure')}" if row.failures else ""
    pairs = (
        ("Delivery", row.id),
        ("State", f"{row.state}: {MEANINGS[row.state]}"),
        ("Destination", row.destination),
        ("Routes", ", ".join(entry.route for entry in row.filters)),
        ("Image", name),
        ("Image key", row.image_key),
        ("Attempts", f"{row.attempts}{failures}" if row.attempts else "none"),
        ("Next try", _next_try_in_full(row, now)),
        ("Answer", row.reason or ""),
        ("Receipt", receipt.reference if receipt else ""),
        ("Address", (receipt.url or "") if receipt else ""),
        ("Note", row.note or ""),
        ("Report", row.evaluation_key),
    )
    return [(title, value) for title, value in pairs if value]


def _next_try_in_full(row: Delivery, now: datetime) -> str:
    if row.due_at is None:
        return ""
    if row.due_at <= now:
        return "now: the sweep wakes it within a minute"
    return f"{clock(row.due_at, now)}, in {short(row.due_at - now)}"


_EVENTS: Final = (
    ("first_at", "created"),
    ("created_at", "created"),
    ("tried_at", "last attempt that failed"),
    ("sent_at", "accepted"),
    ("due_at", "due"),
)


def timeline(moments: Mapping[str, datetime]) -> list[tuple[datetime, str]]:
    """Return what a row knows about its past and future, in the order of time."""
    again = "first_at" in moments
    events = [
        (moments[name], "redriven" if again and name == "created_at" else words)
        for name, words in _EVENTS
        if name in moments
    ]
    return sorted(events)


def hold_text(destination: Destination, pause: Pause, stage: str, now: datetime) -> str:
    """Return what holds a destination's alerts back, and how to end that."""
    left = short(pause.until - now)
    return (
        f"{destination} is paused until {clock(pause.until, now)}, for {left} "
        f"({pause.kind.value}: {pause.reason}); `ecr-scan-alerts pauses remove {destination} "
        f"--stage {stage}` sends what waits now"
    )


def find_by_id(rows: Sequence[Delivery], beginning: str) -> tuple[Delivery, ...]:
    """Return the deliveries whose id begins so."""
    return tuple(row for row in rows if row.id.startswith(beginning))
