"""A version of a stream's state in numbers, for the history on report pages. Pure."""

from collections import Counter
from collections.abc import Iterable

from lib.models import Counts
from lib.models.streams import HistoryPoint, Lifecycle, StreamState


def history_point(state: StreamState) -> HistoryPoint:
    """Return what is open by a state, and what came and left with this version of it."""
    opened = state.lifecycles.values()
    watched = next(iter(state.images), None)
    return HistoryPoint(
        state.version,
        state.at,
        watched.image if watched is not None else None,
        is_scanned(state),
        _counts(opened),
        _counts(one for one in opened if one.opened.version == state.version),
        _counts(
            departure.lifecycle
            for departure in state.departures.values()
            if departure.at.version == state.version
        ),
    )


def is_scanned(state: StreamState) -> bool:
    """Return whether each part of each watched image has a complete result of its own."""
    parts = [part for watched in state.images for part in watched.parts]
    return bool(parts) and all(
        part.reason is None and part.evidence and part.evidence[0].complete for part in parts
    )


def _counts(lifecycles: Iterable[Lifecycle]) -> Counts:
    """Count vulnerabilities by severity, worst first."""
    numbers = Counter(lifecycle.severity for lifecycle in lifecycles)
    return {severity: numbers[severity] for severity in sorted(numbers, reverse=True)}
