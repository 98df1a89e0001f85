"""The report page says what the messages say: every sentence and fact, in the same words."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lib.core.evaluation import Evaluation
from lib.messages.parts import AlertText, Row, SectionKind
from lib.messages.text import text_of
from lib.models import Report
from lib.page import render_evaluation
from lib.page.evaluations import whole
from tests.page.test_page import Reader
from tests.support.alerts import RUNNING, evaluated, whole_stories
from tests.support.builders import NOW, a_digest, a_finding, a_report, an_image
from tests.support.evaluations import index

STORIES = {name: story.evaluation for name, story in whole_stories().items()}
MUCH = 100_000


def page_of(evaluation: Evaluation) -> str:
    """Return what a person reads on the page, at once or after turning over."""
    page = Reader(render_evaluation(evaluation, (), now=NOW))
    return f"{page.text} {page.data}"


def text_for(evaluation: Evaluation) -> AlertText:
    """Return what a destination is told that asks for everything, as messages list it."""
    return text_of(whole(evaluation, NOW))


def sentences(text: AlertText) -> Iterator[str]:
    """Yield everything that a message about an alert says, but its routes and its delivery."""
    yield from (text.name, text.verdict)
    if text.problem is None:
        yield from (text.totals, text.why, text.left_out.sum)
    else:
        yield from (text.problem.caution, text.problem.reason)
        yield from text.problem.remedy.split("`")
    for fact in text.facts:
        yield from (fact.label, fact.value)
    for platform in text.platforms.rows:
        yield from (platform.name, platform.result)
    yield from text.left_out.lines(MUCH)
    yield from text.warnings
    yield from (link.label for link in text.sources)
    yield text.console.action
    yield from _to_do(text)
    for section in text.sections:
        yield from (section.heading, section.note) if _is_compared(section.kind) else ()
        for row in section.rows:
            yield from _row(row, compared=_is_compared(section.kind))


def _is_compared(kind: SectionKind) -> bool:
    """Return whether a list has a place of its own: the table has what is there anyway."""
    return kind in (SectionKind.NEW, SectionKind.RESOLVED)


def _row(row: Row, *, compared: bool) -> Iterator[str]:
    yield from (row.severity, row.name)
    if compared:
        yield from (row.installed, ", ".join(row.notes))
    elif not row.name.startswith("ECR-"):
        yield row.fix


def _to_do(text: AlertText) -> Iterator[str]:
    for upgrade in text.to_do.upgrades:
        yield from (upgrade.remedy, upgrade.package, upgrade.installed)
        yield from (upgrade.fixed, upgrade.removes)
    yield from text.to_do.notes
    steps, _ = text.to_do.steps(command=MUCH, limit=MUCH, templates=True)
    for step in steps:
        yield from (step.title, step.risk, step.remark, step.template_title)
        yield from (*step.commands, *step.template)


def missing(text: AlertText, page: str) -> list[str]:
    """Return what a message says and a page does not."""
    return [line for line in sentences(text) if " ".join(line.split()) not in page]


@pytest.mark.parametrize("story", STORIES)
def test_the_page_says_what_the_messages_say(story: str) -> None:
    """In every story: verdict, facts, what to do, lists, and the sum of what is left out."""
    evaluation = STORIES[story]

    text = text_for(evaluation)

    assert len([*sentences(text)]) > 10
    assert missing(text, page_of(evaluation)) == []


def a_difference() -> Evaluation:
    """Return an index of another partition with a failed platform, whose image before runs on."""
    gone = a_finding("CVE-2026-1", fixed_version="2.0")
    unnamed = a_finding("CVE-2026-2", fix_available="YES")
    unfixed = a_finding("CVE-2026-3", fix_available="NO")
    place: dict[str, Any] = {"partition": "aws-cn", "region": "cn-north-1"}
    before = a_report(gone, image=an_image(2, **place))
    after = a_report(unnamed, unfixed, image=an_image(1, digest=a_digest(9), **place))
    index_of = index().report
    assert isinstance(index_of, Report)
    after = replace(after, parts=index_of.parts)
    return replace(evaluated(after, before=before), running=RUNNING)


@pytest.mark.parametrize(
    "sentence",
    [
        "scan failed, UnsupportedImageError",
        "000474600478 in cn-north-1 (aws-cn)",
        "service api in staging (1 task)",
        "still run 1.4.2, with 1 resolved here",
        "a fix exists, its version is not named",
        "no fix available",
        "2 findings = 2 told here",
    ],
)
def test_words_that_once_were_different(sentence: str) -> None:
    """The page had words of its own for these, or none."""
    evaluation = a_difference()

    assert sentence in " ".join(sentences(text_for(evaluation)))
    assert sentence in page_of(evaluation)
