"""Every document and every size, for every receiver: within its limits, and the numbers add up."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lib.errors import DocumentError
from lib.models import Alert, AnyReport, ChangeKind, Evaluation, Report, Severity
from lib.normalizer.documents import normalize_document
from lib.notifiers.sns.notifier import FORMATS
from tests.notifiers.jira.test_notifier import assert_valid
from tests.support.alerts import told
from tests.support.builders import a_filter
from tests.support.evaluations import changed, evaluation, failed, findings, hostile, index
from tests.support.receivers import OPTIONS, THREADS, notifier, tools

# Further documents, to be looked at by hand: CORPUS=/some/folder pytest tests/notifiers
FOLDERS = [
    Path(__file__).parents[1] / "findings",
    Path(__file__).parents[1] / "events",
    *(Path(each) for each in filter(None, [os.environ.get("CORPUS")])),
]
DOCUMENTS = sorted(path for folder in FOLDERS for path in folder.rglob("*.json"))
MODES: list[tuple[str, dict[str, Any]]] = [
    *((mode, {}) for mode in sorted(OPTIONS)),
    *(("sns", {"format": name}) for name in FORMATS if name != "text"),
]
EVERYTHING = a_filter(severity=Severity.UNKNOWN, unknown_severity=True)


def reports_of(path: Path) -> Sequence[AnyReport]:
    """Return what a document holds about images; many hold nothing, like events of other kinds."""
    try:
        return normalize_document(json.loads(path.read_text("utf-8"))).reports
    except (DocumentError, ValueError):
        return ()


def generated() -> Iterator[tuple[str, Evaluation]]:
    """Yield evaluations of all sizes and kinds."""
    for count in (0, 1, 10, 300, 3_000, 10_000):
        yield f"{count} findings", changed(count)
    before = Report(changed(0).report.image, changed(0).report.scan, findings(60))
    yield "all fixed", evaluation(changed(0).report, before)
    yield (
        "no fix",
        evaluation(
            Report(
                before.image, before.scan, tuple(each for each in findings(80) if not each.fixable)
            )
        ),
    )
    yield "hostile", hostile()
    yield "index", index()
    yield "failed", failed()


GENERATED = dict(generated())


def adds_up(alert: Alert, made: Evaluation) -> None:
    """Say that the alert accounts for every finding of its report."""
    report = made.report
    if not isinstance(report, Report):
        assert (alert.total, alert.problem is not None) == (0, True)
        return
    listed = sum(each.kind is not ChangeKind.RESOLVED for each in alert.changes)
    left_out = sum(each.count for each in alert.left_out)
    assert alert.total == len(report.findings) == sum(alert.counts.values())
    assert alert.total == listed + alert.unchanged + left_out
    assert sum(sum(each.fixes.values()) for each in alert.upgrades) == len(alert.standing)


def rendered(alert: Alert) -> Iterator[str]:
    """Yield each receiver's payload as text, after checking it against the receiver's limits."""
    for mode, options in MODES:
        made = notifier(mode, tools(), **options)
        for thread in {None, THREADS.get(mode)}:
            payload = made.render(alert, thread=thread)
            assert all(each.used <= each.limit for each in made.usage(payload)), mode
            if mode == "jira":
                assert_valid(payload)
            yield json.dumps(payload, ensure_ascii=False)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}/{path.stem[:50]}")
def test_real_documents_fit_every_receiver(path: Path) -> None:
    """Told in full, as a first scan, and with the threshold that is usual."""
    for report in reports_of(path):
        made = evaluation(report)
        for filter_ in (EVERYTHING, a_filter()):
            alert = told(made, filter_)
            adds_up(alert, made)
            for text in rendered(alert):
                assert said(text, alert)


@pytest.mark.parametrize("name", GENERATED)
def test_generated_ones_fit_every_receiver(name: str) -> None:
    """None, one, and ten thousand findings; nothing fixable, everything fixed, nothing known."""
    made = GENERATED[name]
    alert = told(made, EVERYTHING)

    adds_up(alert, made)
    for text in rendered(alert):
        assert said(text, alert)


def said(text: str, alert: Alert) -> bool:
    """Say whether a message has the number of findings, or that nothing is known."""
    if alert.problem is not None:
        return "all-clear" in text or alert.problem.kind.value in text
    number = rf"\b{alert.total:,}\b|\b{alert.total}\b"
    return bool(re.search(number, text)) or (alert.total == 0 and "o findings" in text)
