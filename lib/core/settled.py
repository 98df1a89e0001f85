"""
Whether a sync can change anything, judged without the state of its stream. Pure.

The state and the reports are what is large of a stream. Its row keeps of what they were made, and
each view by which state and which rules it agreed last. Where both are as they were, the same would
be computed again: nothing that is large is read.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from lib.core.routing import Route
from lib.core.verdicts import RuleSet
from lib.models import Destination, Image
from lib.models.streams import Watch
from lib.models.views import View
from lib.ports.streams import ImageRecord, StreamPartition


def inputs_of(watching: Watch, records: Mapping[str, ImageRecord]) -> str:
    """
    Return a hash of what a stream's next state is made from, beside the state before it.

    The watched images with their tags, what runs, and which reports are stored of them. When a
    report was fetched, and how often an image is in use, makes no other state.
    """
    running = {image.digest for image in watching.running}
    facts = [
        (image.settled, image.digest in running, *_scanned(records[image.digest]))
        for image in watching.images
    ]
    text = repr((watching.current_runs, watching.current is not None, facts))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _scanned(record: ImageRecord) -> tuple[object, ...]:
    return (record.report_key, record.usable_key, record.monitored, record.provenance)


def is_settled(
    partition: StreamPartition,
    images: Sequence[Image],
    rules: RuleSet,
    destinations: Iterable[Destination],
    today: date,
) -> bool:
    """
    Return whether no view of a stream differs from what its destination should show.

    For a stream whose state is as it was. `images`: those that are watched. A destination without
    a view has nothing to do with the stream only where no route can lead there.
    """
    views, version = partition.views, partition.row.state_version
    ended = {entry.name for entry in rules.suppressions if entry.expires < today}
    current = set(destinations)
    return all(
        _agrees(view, version, rules.hash, ended) if name in current else view.agreement is None
        for name, view in views.items()
    ) and not any(
        _may_lead(rules.routes, name, image)
        for name in dict.fromkeys(destinations)
        if name not in views
        for image in images
    )


def _agrees(view: View, version: int, rules: str, ended: set[str]) -> bool:
    """Return whether what a view reports is desired, by this state and these rules."""
    agreement = view.agreement
    if agreement is None or view.row is not None or view.possibly_reported or not rules:
        return False
    same = (agreement.version, agreement.rules) == (version, rules)
    return same and ended.isdisjoint(agreement.suppressed.values())


def _may_lead(routes: Iterable[Route], destination: Destination, image: Image) -> bool:
    """Return whether a route can lead to a destination, whatever the platform and the scanner."""
    return any(
        route.match is None or replace(route.match, platform=(), source=()).mismatch(image) is None
        for route in routes
        if destination in route.notify
    )
