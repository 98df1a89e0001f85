"""
The events: OCSF 1.8.0 Vulnerability Finding, one JSON object a line, for security lakes and SIEMs.

The first one is about the scan and counts what follows; then one for each finding that is listed.
"""

import json
from collections.abc import Iterator
from typing import Final

from lib.exports.ocsf import CHANGED, GONE, NEW, event, not_scanned, summary, traced
from lib.messages.parts import AlertText, more_findings
from lib.models import Alert, Change, ChangeKind, Json, Severity, by_severity
from lib.notifiers.document import shortened
from lib.text import one_line, short, truncate

_FIELD: Final = 500
_URL: Final = 2000
_SPARE: Final = 300
"""Bytes that the first event may grow by when findings are missing."""


def render(alert: Alert, text: AlertText, room: int) -> tuple[str, bool]:
    """
    Return one event a line within `room` bytes, and whether findings are missing.

    Cut by whole events, the worst stay. In ASCII, so that its length is its size.
    """
    alert = shortened(alert)
    room -= len(_dump(_first(alert, text, len(alert.changes)))) + _SPARE
    lines: list[str] = []
    for change in alert.changes:
        line = _dump(_finding(alert, change))
        room -= len(line)
        if room < 0:
            break
        lines.append(line)
    taken = len(lines)
    return "".join((_dump(_first(alert, text, taken)), *lines)), taken < len(alert.changes)


def _dump(event: Json) -> str:
    return json.dumps(event, separators=(",", ":")) + "\n"


def _first(alert: Alert, text: AlertText, taken: int) -> Json:
    omitted = alert.changes[taken:]
    if alert.problem is not None:
        return _marked(alert, not_scanned(alert.image, alert.scan))
    texts = (text.verdict, text.totals, more_findings(by_severity(omitted)))
    sentences = (truncate(sentence, _FIELD).rstrip(".") for sentence in texts if sentence)
    worst = Severity.UNKNOWN if alert.worst is None else alert.worst
    return _marked(alert, summary(alert.image, alert.scan, worst, f"{'. '.join(sentences)}."))


def _finding(alert: Alert, change: Change) -> Json:
    step, finding = _STEPS.get(change.kind, CHANGED), change.finding
    made = event(alert.image, alert.scan, finding.vulnerability_id, (finding,), step)
    return _marked(alert, made | {"comment": truncate(one_line(change.reason), _FIELD)})


_STEPS: Final = {
    ChangeKind.BASELINE: NEW,
    ChangeKind.NEW: NEW,
    ChangeKind.RESOLVED: GONE,
}


def _marked(alert: Alert, made: Json) -> Json:
    """Return an event that says which alert it belongs to, so that a repeat is known as one."""
    marks = {"correlation_uid": alert.delivery_id, "labels": list(_labels(alert))}
    return traced(made, alert.provenance) | {"metadata": made["metadata"] | marks}


def _labels(alert: Alert) -> Iterator[str]:
    yield from (f"route:{short(route)}" for route in alert.routes[:20])
    if alert.report_url is not None and len(alert.report_url) <= _URL:
        yield f"report:{alert.report_url}"
