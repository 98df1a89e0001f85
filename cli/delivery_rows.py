"""Notifications for an operator: selected, named by their stream, in a line or in full. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from cli.durations import age, clock, short
from cli.parser import called_as
from lib.core.attempts import is_open
from lib.core.retries import HORIZON
from lib.core.streams import pattern_of, repository_image
from lib.models import DeliveryId, Destination, Image, Pause, StreamId
from lib.models.views import Notification, RowState
from lib.text import counted

RECENT: Final = timedelta(hours=24)
SHORT_ID: Final = 12
"""Characters of an id on a terminal; `show` and `redrive` take as few as are unambiguous."""
_DIGEST: Final = len("sha256:") + 12
_GRACE: Final = timedelta(hours=1)
"""The time by which an open row may be overdue before it is reported as such."""
MEANINGS: Final[Mapping[RowState, str]] = MappingProxyType(
    {
        RowState.PENDING: "not tried yet",
        RowState.CLAIMED: "being sent; tried again if its sender died",
        RowState.SENT: "accepted, with a receipt",
        RowState.OBSOLETE: "nothing was left to say when it was to be sent",
        RowState.RETRY: "tried again when it is due, and says how things are then",
        RowState.UNKNOWN: "the answer was lost: the receiver is asked first, where it can be",
        RowState.DEAD: "given up; `deliveries redrive` sends what there is to say now",
        RowState.FOLDED: "part of a summary, which was not given up",
    }
)


@dataclass(frozen=True, slots=True)
class Query:
    """The selection of notifications."""

    destinations: tuple[Destination, ...] | None = None
    image: str | None = None
    since: datetime | None = None
    """None: the last day, and all that are open or dead."""
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The result of a query, newest first, and the numbers of what is not shown."""

    rows: tuple[Notification, ...]
    older: int
    more: int

    @property
    def remarks(self) -> tuple[str, ...]:
        """The numbers of what is not shown, with the options that show it."""
        older = f"{counted(self.older, 'older delivery', 'older deliveries')} not shown"
        more = f"{counted(self.more, 'more delivery', 'more deliveries')} not shown"
        return (
            *((f"{more}: --limit {self.more + len(self.rows)} shows them",) if self.more else ()),
            *((f"{older}: --since 30d shows those of 30 days",) if self.older else ()),
        )


def select(
    rows: Iterable[Notification], query: Query, names: Mapping[StreamId, str], now: datetime
) -> Listing:
    """Filter and sort. `names` holds how people call the current image of each stream."""
    matching = sorted(
        (row for row in rows if _matches(row, query, names)),
        key=lambda row: (row.created_at, row.id),
        reverse=True,
    )
    recent = [row for row in matching if _is_recent(row, query, now)]
    shown = tuple(recent[: query.limit])
    return Listing(shown, older=len(matching) - len(recent), more=len(recent) - len(shown))


def _matches(row: Notification, query: Query, names: Mapping[StreamId, str]) -> bool:
    if query.destinations is not None and row.destination not in query.destinations:
        return False
    image = (query.image or "").lower()
    return image in row.stream.lower() or image in names.get(row.stream, "").lower()


def _is_recent(row: Notification, query: Query, now: datetime) -> bool:
    if query.since is not None:
        return row.created_at >= query.since
    needs_attention = is_open(row) or row.state is RowState.DEAD
    return needs_attention or row.created_at >= now - RECENT


def stream_name(stream: StreamId) -> str:
    """Return "repository", or "repository pattern"; the word itself for "digest" and the like."""
    if "/" not in stream:
        return stream
    return " ".join(filter(None, (repository_image(stream).repository, pattern_of(stream))))


def image_name(stream: StreamId, image: Image | None) -> str:
    """Return "repository:tag" of the current image, without a tag its digest; else the stream."""
    if image is None:
        return stream_name(stream)
    return image.name if image.tags else f"{image.repository}@{image.digest[:_DIGEST]}"


def cells(row: Notification, name: str, now: datetime, *, whole: bool) -> tuple[str, ...]:
    """Return a line of the table. `whole`: with the full id and stream, for grep."""
    receipt = row.receipt.url or row.receipt.reference if row.receipt else ""
    why = " ".join(filter(None, (next_try(row, now), row.reason or receipt)))
    state = f"{row.state.value}, quiet" if row.quiet else row.state.value
    line = (state, row.destination, name, age(row.created_at, now), str(row.attempts))
    if whole:
        return (row.id, *line, row.stream, why)
    return (row.id[:SHORT_ID], *line, why)


def columns(*, whole: bool) -> tuple[str, ...]:
    """Return the titles for `cells`."""
    names = ("DELIVERY", "STATE", "DESTINATION", "IMAGE", "AGE", "ATTEMPTS")
    return (*names, "STREAM", "WHY") if whole else (*names, "WHY")


def next_try(row: Notification, now: datetime) -> str:
    """Return when an open row is tried next; nothing for a final one."""
    if row.due_at is None or row.state is RowState.PENDING:
        return ""
    return f"in {short(row.due_at - now)}:" if row.due_at > now else "due now:"


def is_late(row: Notification, now: datetime) -> bool:
    """
    Return whether an open row is past its horizon, or was due long ago and nobody tried.

    Quiet ones may wait for their turn until the horizon.
    """
    if row.due_at is None:
        return False
    if (row.redriven_at or row.created_at) < now - HORIZON - _GRACE:
        return True
    return not row.quiet and row.due_at < now - _GRACE


def document(row: Notification, name: str) -> dict[str, Any]:
    """Return a notification for scripts."""
    return {
        "id": row.id,
        "state": row.state,
        "purpose": row.purpose,
        "destination": row.destination,
        "stream": row.stream,
        "name": name,
        "quiet": row.quiet,
        "cause": row.cause,
        "created_at": row.created_at.isoformat(),
        "due_at": row.due_at.isoformat() if row.due_at else None,
        "attempts": row.attempts,
        "failures": row.failures,
        "reason": row.reason or None,
        "receipt": row.receipt.reference if row.receipt else None,
        "url": row.receipt.url if row.receipt else None,
        "thread": row.receipt.thread if row.receipt else None,
        "replaces": row.replaces,
        "folded_into": row.folded_into,
    }


def details(row: Notification, name: str, now: datetime) -> list[tuple[str, str]]:
    """Return a notification in full, as names and values; what it does not have is left out."""
    receipt = row.receipt
    failures = f", {counted(row.failures, 'counted failure')}" if row.failures else ""
    quiet = "; quiet: the receiver is brought up to date without a message" if row.quiet else ""
    pairs = (
        ("Delivery", row.id),
        ("State", f"{row.state}: {MEANINGS[row.state]}{quiet}"),
        ("Destination", row.destination),
        ("About", row.purpose.value if row.is_one_shot else name),
        ("Stream", row.stream),
        ("Cause", row.cause),
        ("Attempts", f"{row.attempts}{failures}" if row.attempts else "none"),
        ("Next try", _next_try_in_full(row, now)),
        ("Answer", row.reason),
        ("Receipt", receipt.reference if receipt else ""),
        ("Address", (receipt.url or "") if receipt else ""),
        ("Thread", (receipt.thread or "") if receipt else ""),
        ("Note", row.note or ""),
        ("Replaces", row.replaces or ""),
        ("Summary", row.folded_into or ""),
    )
    return [(title, value) for title, value in pairs if value]


def _next_try_in_full(row: Notification, now: datetime) -> str:
    if row.due_at is None:
        return ""
    if row.due_at <= now:
        return "now: the sweep wakes it within a minute"
    return f"{clock(row.due_at, now)}, in {short(row.due_at - now)}"


def timeline(row: Notification) -> list[tuple[datetime, str]]:
    """Return what a row knows about its past and future, in the order of time."""
    ended = {RowState.SENT: "accepted", RowState.OBSOLETE: "needless", RowState.FOLDED: "folded"}
    events = (
        (row.created_at, "created"),
        (row.redriven_at, "redriven"),
        (row.tried_at, ended.get(row.state, "last attempt that failed")),
        (row.due_at, "due"),
    )
    return sorted([(at, words) for at, words in events if at is not None])


def count_states(rows: Sequence[Notification]) -> Counter[RowState]:
    """Return how many rows are in each state. Those that a dead summary speaks for are dead."""
    spoken_for = folded_into_dead(rows)
    counts = Counter(row.state for row in rows)
    counts[RowState.DEAD] += spoken_for.total()
    counts[RowState.FOLDED] -= spoken_for.total()
    return counts


def folded_into_dead(rows: Sequence[Notification]) -> Counter[DeliveryId]:
    """Return by the id of each dead summary for how many rows it speaks."""
    dead = {row.id for row in rows if row.state is RowState.DEAD}
    return Counter(row.folded_into for row in rows if row.folded_into in dead)


def hold_text(destination: Destination, pause: Pause, stage: str, now: datetime) -> str:
    """Return what holds a destination's alerts back, and how to end that."""
    left = short(pause.until - now)
    return (
        f"{destination} is paused until {clock(pause.until, now)}, for {left} "
        f"({pause.kind.value}: {pause.reason}); `{called_as()} pauses remove {destination} "
        f"--stage {stage}` sends what waits now"
    )


def find_by_id(rows: Sequence[Notification], beginning: str) -> tuple[Notification, ...]:
    """Return the notifications whose id begins so."""
    return tuple(row for row in rows if row.id.startswith(beginning))
