"""Which incidents an alert opens, changes and closes. Pure."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from lib.models import Alert, Destination, Notice
from lib.models.views import ReportedItem
from lib.wire.values import time_from_json, time_to_json

CLIENT: Final = "ecr-scan-alerts"


class Incident(StrEnum):
    """What there can be an incident about in a stream."""

    FINDINGS = "findings"
    SCAN = "scan"


class Action(StrEnum):
    """What an event does to its incident."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Memory:
    """
    The newest alerts of a stream so far: the thread of its messages.

    An alert that was held up must not open again, or close, what a newer one has settled.
    """

    evaluated_at: datetime | None = None
    """Of the newest usable scan."""
    pushed_at: datetime | None = None
    """Of the newest image."""

    @classmethod
    def of(cls, thread: str | None) -> Self:
        """Understand a thread; one of another kind of receiver says nothing."""
        evaluated_at, _, pushed_at = (thread or "").partition(" ")
        return cls(_moment(evaluated_at), _moment(pushed_at))

    @property
    def thread(self) -> str:
        """What `of` understands."""
        return f"{time_to_json(self.evaluated_at)} {time_to_json(self.pushed_at)}"

    def then(self, alert: Alert) -> Self:
        """Return the memory after an alert."""
        evaluated_at = None if alert.problem else alert.evaluated_at
        return type(self)(
            _newest(self.evaluated_at, evaluated_at), _newest(self.pushed_at, alert.image.pushed_at)
        )

    def supersedes(self, alert: Alert) -> bool:
        """Return whether a newer usable scan was sent."""
        return _is_before(alert.evaluated_at, self.evaluated_at)

    def leaves_the_last_word(self, alert: Alert) -> bool:
        """Return whether an alert is the newest one, and about the newest image."""
        return not (alert.outdated or _is_before(alert.image.pushed_at, self.pushed_at))


def base_key(stage: str, destination: Destination, group: str) -> str:
    """
    Return how the keys of a stream's incidents begin, far below the 255 characters of a key.

    Two stages with one routing key have an incident each: neither closes that of the other.
    """
    subject = f"{stage}\n{destination}\n{group}".encode("utf-8", "replace")
    return f"{CLIENT}/{hashlib.sha256(subject).hexdigest()[:32]}"


def dedup_key(stage: str, destination: Destination, group: str, incident: Incident) -> str:
    """Return the key of an incident."""
    return f"{base_key(stage, destination, group)}/{incident.value}"


def actions_of_notice(notice: Notice) -> tuple[tuple[Incident, Action], ...]:
    """
    Return what a notice does to which incident; what people see of it comes last.

    News opens an incident or adds to it. It is resolved as soon as nothing of its sort is shown any
    more, whatever the way that ended; a fix beside others that stay open changes nothing. A quiet
    notice opens none.
    """
    delta = notice.message.delta
    resolved = {_incident(item.item) for item in delta.items if item.desired is None}
    resolved -= {_incident(item) for item in delta.after.values()}
    opened = {
        _incident(item.item)
        for item in delta.items
        if item.worth and item.desired is not None and not notice.quiet
    }
    return (
        *((incident, Action.RESOLVE) for incident in Incident if incident in resolved),
        *((incident, Action.TRIGGER) for incident in reversed(Incident) if incident in opened),
    )


def _incident(item: ReportedItem) -> Incident:
    return Incident.FINDINGS if item.condition is None else Incident.SCAN


def actions_of(alert: Alert, memory: Memory) -> Iterator[tuple[Incident, Action]]:
    """
    Yield what an alert does to which incident; what people see of it comes last.

    Findings that are asked for keep theirs open. It is closed by a complete scan of the newest
    image that has none; closing what is not open does nothing. Platforms without a result are shown
    with what was found on the others; where that is nothing, as a scan without a result.
    """
    if memory.supersedes(alert):
        return
    if alert.problem is not None:
        yield Incident.SCAN, Action.TRIGGER
        return
    settles = memory.leaves_the_last_word(alert)
    unscanned = any(part.counts is None for part in alert.parts)
    if settles and not unscanned:
        yield Incident.SCAN, Action.RESOLVE
    if alert.standing:
        yield Incident.FINDINGS, Action.TRIGGER
    elif unscanned:
        yield Incident.SCAN, Action.TRIGGER
    elif settles and alert.scan.complete:
        yield Incident.FINDINGS, Action.RESOLVE


def _moment(text: str) -> datetime | None:
    try:
        moment = time_from_json(text)
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _newest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _is_before(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other
