"""Every document and every size, for every receiver: within its limits, and the numbers add up."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lib.errors import DocumentError
from lib.messages.content import Content, counts_of
from lib.messages.phrases import counts_text
from lib.models import AnyReport, Notice
from lib.normalizer.documents import normalize_document
from lib.notifiers.sns.notifier import FORMATS
from tests.notifiers.jira.test_notifier import assert_valid
from tests.support.builders import a_filter, a_report, an_image
from tests.support.every import every
from tests.support.notices import noticed
from tests.support.pages import (
    EVERYTHING,
    about,
    changed,
    failed,
    findings,
    hostile,
    index,
)
from tests.support.receivers import OPTIONS, THREADS, notifier, tools
from tests.support.scenes import Scene
from tests.support.shared_texts import shared_text
from tests.support.thorough import THOROUGH

pytestmark = pytest.mark.untraced

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


def reports_of(path: Path) -> Sequence[AnyReport]:
    """Return what a document holds about images; many hold nothing, like events of other kinds."""
    try:
        return normalize_document(json.loads(path.read_text("utf-8"))).reports
    except (DocumentError, ValueError):
        return ()


GENERATED: Mapping[str, Callable[[], Notice]] = {
    **{
        f"{count} vulnerabilities": partial(changed, count)
        for count in (0, 1, 10, 300, 1_000, *([10_000] if THOROUGH else []))
    },
    "all fixed": lambda: about(a_report(), a_report(*findings(60), image=an_image(7))),
    "no fix": lambda: about(a_report(*(row for row in findings(80) if not row.fixable))),
    "hostile": hostile,
    "index": index,
    "failed": failed,
}
"""Notices of all sizes and kinds."""
LARGEST = "1000 vulnerabilities"


def adds_up(notice: Notice) -> None:
    """Assert that a notice accounts for every vulnerability that is open."""
    content = Content(notice.message)
    total = sum(content.totals.values())
    omitted = sum(sum(group.counts.values()) for group in content.left_out)
    assert content.shown + content.unchanged + omitted == total
    assert len(content.open) + omitted == total


def rendered(notice: Notice, *, threads: bool = True) -> Iterator[str]:
    """
    Yield each receiver's payload as text, after checking it against the receiver's limits.

    `threads`: with the thread of a message before and without; else only as a follow-up.
    """
    for mode, options in MODES:
        made = notifier(mode, tools(), **options)
        for thread in {None, THREADS.get(mode)} if threads else {THREADS.get(mode)}:
            payload = made.render(notice, thread=thread)
            assert all(usage.used <= usage.limit for usage in made.usage(payload)), mode
            if mode == "jira":
                assert_valid(payload)
            yield json.dumps(payload, ensure_ascii=False)


@every("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}/{path.stem[:50]}")
def test_real_documents_fit_every_receiver(path: Path) -> None:
    """In full, as a first scan, and with the threshold that is usual."""
    for report in reports_of(path):
        for filter_ in (EVERYTHING, a_filter()):
            notice = noticed(Scene(report, None, (filter_,)))
            adds_up(notice)
            if not notice.quiet:
                numbered = number_of(notice)
                for text in rendered(notice):
                    # An incident is not opened by what nobody can fix.
                    assert numbered.search(text) or '"events": []' in text


@pytest.mark.parametrize("name", GENERATED)
def test_generated_ones_fit_every_receiver(name: str) -> None:
    """None, one, and thousands; nothing fixable, everything fixed, nothing known."""
    notice = GENERATED[name]()

    adds_up(notice)
    numbered = number_of(notice)
    for text in rendered(notice, threads=THOROUGH or name != LARGEST):
        # An incident is not opened by what ended.
        assert notice.quiet or numbered.search(text) or '"events": []' in text


_DOT = " \N{MIDDLE DOT} "


def number_of(notice: Notice) -> re.Pattern[str]:
    """Return what a message has that counts what is open, in sum or by severity, or is unknown."""
    content = Content(notice.message)
    if content.conditions:
        words = ("all-clear", "scan failed", *(item.kind.value for item in content.conditions))
        return re.compile("|".join(map(re.escape, words)))
    total = sum(content.totals.values())
    if total == 0:
        return re.compile("")
    text = shared_text(notice)
    pieces = [piece for line in text.numbers for piece in line.partition(": ")[2].split(_DOT)]
    counts = [counts_text(content.totals), counts_text(counts_of(content.headline)), *pieces]
    # A mail is wrapped.
    words = [r"(?:\\n|\s)+".join(map(re.escape, one.split())) for one in counts if one]
    return re.compile("|".join((rf"\b{total:,}\b|\b{total}\b", *words)))
