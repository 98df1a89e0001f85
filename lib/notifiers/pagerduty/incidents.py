"""Which incidents an alert opens, changes and closes. Pure."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from lib.models import Destination, Finding, Notice
from lib.models.views import ReportedItem

CLIENT: Final = "ecr-scan-alerts"


class Incident(StrEnum):
    """What there can be an incident about in a stream."""

    FINDINGS = "findings"
    SCAN = "scan"


class Action(StrEnum):
    """What an event does to its incident."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"


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


def actions_of(notice: Notice) -> tuple[tuple[Incident, Action], ...]:
    """
    Return what a notice does to which incident; what people see of it comes last.

    News opens an incident or adds to it. It is resolved as soon as nothing of its sort is shown any
    more, whatever the way that ended; a fix beside others that stay open changes nothing. A quiet
    notice opens none, nor does news that nobody can act on: without any fix, by the word of the
    scanner, and without an exploit.
    """
    delta = notice.message.delta
    resolved = {_incident(item.item) for item in delta.items if item.desired is None}
    resolved -= {_incident(item) for item in delta.after.values()}
    opened = {
        _incident(item.item)
        for item in delta.items
        if item.worth and item.desired is not None and not notice.quiet
        if _is_actionable(item.item, item.desired.findings)
    }
    return (
        *((incident, Action.RESOLVE) for incident in Incident if incident in resolved),
        *((incident, Action.TRIGGER) for incident in reversed(Incident) if incident in opened),
    )


def _is_actionable(item: ReportedItem, findings: Sequence[Finding]) -> bool:
    """Return whether a person can do something now. Silence about fixes does not rule one out."""
    if item.exploitable or item.fixable or not findings:
        return True
    return any(finding.fix_available != "NO" for finding in findings)


def _incident(item: ReportedItem) -> Incident:
    return Incident.FINDINGS if item.condition is None else Incident.SCAN
