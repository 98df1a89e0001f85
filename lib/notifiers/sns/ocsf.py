"""
The events of a notice: OCSF 1.8.0 Vulnerability Finding, one JSON object a line.

The first one is about the whole message and counts what follows; then one for each condition and
each vulnerability that differs. The id of a vulnerability is that of its stream and its name, so
that the event that closes it is about the same finding as the one that opened it.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from lib.core.vulnerabilities import places
from lib.exports.ocsf import (
    CHANGED,
    NEW,
    closed_condition,
    ended,
    event,
    not_scanned,
    summary,
    traced,
)
from lib.messages.content import Content, Entry, counts_of
from lib.messages.lists import more_findings
from lib.messages.parts import AlertText
from lib.models import Json, Notice, Scan, ScanSource, Severity
from lib.models.streams import PartState
from lib.models.views import DeltaItem, Kind
from lib.notifiers.document import ranked, shortened_image
from lib.text import one_line, short, truncate

_FIELD: Final = 500
_URL: Final = 2000
_ROUTES: Final = 20
_SPARE: Final = 300
"""Bytes that the first event may grow by when something is missing."""
_OPENED: Final = frozenset({Kind.BASELINE, Kind.NEW})


def render(notice: Notice, text: AlertText, room: int) -> tuple[str, bool]:
    """
    Return one event a line within `room` bytes, and whether any is missing.

    Cut by whole events: conditions and the worst that is open stay. In ASCII, so that its length
    is its size.
    """
    content = Content(notice.message)
    marks = _marks(notice)
    scan = _scan(content)
    conditions = [*content.conditions, *content.ended_conditions]
    entries = ranked(content)
    room -= len(_dump(_first(content, text, scan, entries, marks))) + _SPARE
    lines: list[str] = []
    items: list[DeltaItem | Entry] = [*conditions, *entries]
    for item in items:
        made = (
            _condition(content, item)
            if isinstance(item, DeltaItem)
            else _vulnerability(content, scan, item)
        )
        line = _dump(traced(_marked(made, marks), notice.provenance))
        room -= len(line)
        if room < 0:
            break
        lines.append(line)
    missing = entries[max(len(lines) - len(conditions), 0) :]
    first = _first(content, text, scan, missing, marks)
    is_cut = len(lines) < len(items)
    return "".join((_dump(traced(first, notice.provenance)), *lines)), is_cut


def _dump(made: Json) -> str:
    return json.dumps(made, separators=(",", ":")) + "\n"


def _first(
    content: Content, text: AlertText, scan: Scan, missing: Sequence[Entry], marks: Json
) -> Json:
    texts = (text.verdict, text.totals, more_findings(counts_of(missing)))
    sentences = (truncate(sentence, _FIELD).rstrip(".") for sentence in texts if sentence)
    worst = text.worst_news or Severity.UNKNOWN
    message = f"{'. '.join(sentences)}."
    return _marked(summary(shortened_image(content.image), scan, worst, message), marks)


def _condition(content: Content, change: DeltaItem) -> Json:
    image, key = shortened_image(content.image), truncate(change.item.id, _FIELD)
    scan = _scan_of(content, change)
    if change.desired is None:
        return _reasoned(closed_condition(image, scan, scope=key), change)
    return _reasoned(not_scanned(image, scan, scope=key), change)


def _vulnerability(content: Content, scan: Scan, entry: Entry) -> Json:
    image, stream, change = shortened_image(content.image), content.state.stream, entry.change
    if change is None or change.desired is None:
        made = ended(image, scan, entry.id, entry.severity, entry.packages, scope=stream)
        return made if change is None else _reasoned(made, change)
    step = NEW if change.kind in _OPENED else CHANGED
    findings = places(change.desired.findings)
    return _reasoned(event(image, scan, entry.id, findings, step, scope=stream), change)


def _reasoned(made: Json, change: DeltaItem) -> Json:
    return made | {"comment": truncate(one_line(f"{change.kind.value}: {change.reason}"), _FIELD)}


# --- scans ------------------------------------------------------------------------------------


def _scan(content: Content) -> Scan:
    """Return the newest scan of the image that the message is about."""
    watched = next(iter(content.state.images), None)
    parts = watched.parts if watched is not None else ()
    rows = [row for part in parts for row in part.evidence]
    newest = max(rows, key=lambda row: row.at, default=None)
    source = newest.source if newest is not None else ScanSource.ECR_ENHANCED
    status = next((part.status for part in parts), "NOT_FOUND")
    return Scan(source, truncate(status, _FIELD), completed_at=content.state.at)


def _scan_of(content: Content, change: DeltaItem) -> Scan:
    """Return the scan of the part that a condition is about."""
    name = change.item.id.partition(" ")[2]
    parts = [part for watched in content.state.images for part in watched.parts]
    part: PartState | None = next((part for part in parts if part.part == name), None)
    reason = change.desired.reason if change.desired is not None else None
    condition = change.item.condition
    return Scan(
        (part.source if part is not None else None) or ScanSource.ECR_ENHANCED,
        condition.value if condition is not None else change.kind.value,
        completed_at=content.state.at,
        reason=reason and truncate(reason, _FIELD),
    )


# --- what all events have in common -----------------------------------------------------------


def _marks(notice: Notice) -> Json:
    """Return what says which message an event belongs to, so that a repeat is known as one."""
    return {"correlation_uid": notice.delivery_id, "labels": list(_labels(notice))}


def _marked(made: Json, marks: Json) -> Json:
    return made | {"metadata": made["metadata"] | marks}


def _labels(notice: Notice) -> Iterator[str]:
    delta = notice.message.delta
    items = (*delta.after.values(), *(change.item for change in delta.items))
    routes = dict.fromkeys(route for item in items for route in item.routes)
    yield from (f"route:{short(route)}" for route in list(routes)[:_ROUTES])
    if notice.owner is not None:
        yield f"owner:{short(notice.owner.team)}"
    if notice.report_url is not None and len(notice.report_url) <= _URL:
        yield f"report:{notice.report_url}"
