"""Evaluations of every size and kind, for what a page must show of them."""

from dataclasses import replace
from datetime import timedelta

from lib.core.evaluation import Rules, evaluate, history_entry
from lib.core.suppressions import Suppression
from lib.models import (
    AnyReport,
    BasisKind,
    Evaluation,
    HistoryEntry,
    Part,
    Report,
    Severity,
    StreamId,
)
from tests.support.builders import NOW, a_digest, a_finding, a_report, an_image, an_unusable_report
from tests.support.fakes import known_of
from tests.support.pages import HOSTILE, findings

STREAM = StreamId("000474600478/eu-central-1/payments/api")


def evaluation(report: AnyReport, before: Report | None = None, **rules: object) -> Evaluation:
    """Evaluate a report, compared with an earlier one where there is one."""
    known = None
    if before is not None:
        known = known_of(evaluate(before, stream=STREAM, version=1, now=NOW, rules=Rules(())))
    return evaluate(
        report,
        stream=STREAM,
        version=2,
        now=NOW + timedelta(days=1),
        rules=Rules((), **rules),  # type: ignore[arg-type]
        before=(BasisKind.PREVIOUS_IMAGE, known) if known is not None else None,
    )


def changed(count: int, *, suppressed: str | None = None) -> Evaluation:
    """Evaluate `count` findings of which the image before had all but the worst twentieth."""
    listed = findings(count)
    gone = tuple(a_finding(f"CVE-2020-{number}") for number in range(3))
    before = a_report(*listed[count // 20 :], *gone, image=an_image(7))
    entries = ()
    if suppressed is not None:
        entries = (Suppression(suppressed, (NOW + timedelta(days=30)).date(), "not reachable"),)
    return evaluation(a_report(*listed), before, suppressions=entries)


def hostile() -> Evaluation:
    """Evaluate a finding that would break out of every place it stands in."""
    found = a_finding(
        HOSTILE,
        package=HOSTILE,
        version=HOSTILE,
        path=HOSTILE,
        fixed_version=HOSTILE,
        title=HOSTILE,
        description=HOSTILE,
        aliases=(HOSTILE,),
        links=("javascript:alert(3)", f"https://example.org/{HOSTILE}"),
        source_status=HOSTILE,
        remediation=HOSTILE,
        platforms=(HOSTILE,),
    )
    image = an_image(tags=(HOSTILE,), repository=HOSTILE, platform=HOSTILE)
    return evaluation(a_report(found, image=image, warnings=(HOSTILE,), complete=False))


def index() -> Evaluation:
    """Evaluate an index one of whose images was not scanned."""
    parts = (
        Part("linux/amd64", a_digest(2), "COMPLETE", {Severity.HIGH: 1}),
        Part("linux/arm64", a_digest(3), "FAILED", None, "UnsupportedImageError"),
    )
    return evaluation(replace(a_report(a_finding()), parts=parts))


def failed() -> Evaluation:
    """Evaluate a scan without a result."""
    return evaluation(an_unusable_report())


def course(count: int = 8) -> list[HistoryEntry]:
    """Return the history of a stream, one of whose scans failed."""
    entries = []
    for number in range(count):
        step = evaluation(a_report(*findings(10 + number)))
        at = NOW - timedelta(days=7 * (count - number))
        entries.append(replace(history_entry(step, "key"), at=at))
    entries[count // 2] = replace(entries[count // 2], usable=False, open={})
    return entries
