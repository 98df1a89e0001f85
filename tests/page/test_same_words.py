"""The report page says what the messages say: every sentence and fact, in the same words."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lib.messages.linking import pieces
from lib.messages.lists import Row, SectionKind
from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import Notice, Part, Severity
from lib.page import render
from tests.page.test_page import Reader
from tests.support.builders import NOW, a_digest, a_finding, a_report, an_image
from tests.support.every import every
from tests.support.notices import noticed, notices, quiet_notices
from tests.support.pages import EVERYTHING, index
from tests.support.scenes import RUNNING, Scene
from tests.support.shared_texts import shared_text

STORIES = {**notices(), **{f"quiet-{name}": notice for name, notice in quiet_notices().items()}}
MUCH = 100_000


def page_of(notice: Notice) -> str:
    """Return what a person reads on the page, at once or after turning over."""
    page = Reader(render(notice, (), now=NOW))
    return f"{page.text} {page.data}"


def sentences(text: AlertText) -> Iterator[str]:
    """Yield everything that a message about an alert says, but its routes and its delivery."""
    yield from (text.name, text.verdict, text.urgency.title if text.urgency else text.why)
    if text.problem is not None:
        yield from (text.problem.caution, text.problem.reason)
        for step in text.problem.steps:
            yield from (piece.text for piece in pieces(step, text.problem.pages))
    for fact in text.facts:
        yield from (fact.label, fact.value)
    for platform in text.platforms.rows:
        yield from (platform.name, platform.result)
    yield from text.warnings
    yield from (link.label for link in text.sources)
    yield text.console.action if text.console is not None else ""
    yield from _to_do(text)
    for section in text.sections:
        if text.in_steps(section):
            continue
        if _is_compared(section.kind):
            yield from (section.words_in(text.changes) or section.heading, section.note)
        for row in section.rows:
            yield from _row(row, kind=section.kind)


def _is_compared(kind: SectionKind) -> bool:
    """Return whether a list has a place of its own: the table has what is there anyway."""
    return kind is not SectionKind.FOUND


def _row(row: Row, *, kind: SectionKind) -> Iterator[str]:
    yield from (row.severity, row.name)
    if kind.is_ended:
        yield from (row.installed, ", ".join(row.notes))
    elif _is_compared(kind):
        # The table of few rows has them in its columns; places stand in the details of a row.
        places = ("in ", "reported only for ")
        yield from (row.installed, *(n for n in row.notes if not n.startswith(places)))
    elif not row.name.startswith("ECR-"):
        yield row.fix


def _to_do(text: AlertText) -> Iterator[str]:
    for upgrade in (*text.to_do.upgrades, *text.to_do.by_description):
        yield from (upgrade.remedy, upgrade.package, upgrade.installed)
        yield from (upgrade.target, upgrade.removes)
    steps = (*text.to_do.after, *text.to_do.remarks)
    notes = (note for note in steps if note != text.to_do.without_version)
    # Commands are code on the page.
    yield from (note.replace("`", "") for note in notes)
    yield from text.to_do.hosts
    for package in text.to_do.unversioned:
        yield from (package.package, package.installed, package.described, package.removes)
    steps, _ = text.to_do.steps(command=MUCH, limit=MUCH, templates=True)
    for step in steps:
        yield from (step.title, step.id, step.risk, step.remark)
        yield step.template_title if step.template else ""
        yield from (*step.commands, *step.template)


def missing(text: AlertText, page: str) -> list[str]:
    """Return what a message says and a page does not."""
    return [line for line in sentences(text) if " ".join(line.split()) not in page]


@every("story", STORIES)
def test_the_page_says_what_the_messages_say(story: str) -> None:
    """In every story: verdict, facts, what to do, and lists. Its table has what they leave out."""
    notice = STORIES[story]

    text = shared_text(notice)

    assert len([*sentences(text)]) > 10
    assert missing(text, page_of(notice)) == []


def a_difference() -> Notice:
    """Return a notice of an index of another partition with a failed platform, that runs."""
    place = {"partition": "aws-cn", "region": "cn-north-1"}
    gone = a_finding("CVE-2026-1", fixed_version="2.0", package="zlib")
    rows = (
        a_finding("CVE-2026-2", fix_available="YES"),
        a_finding("CVE-2026-3", fix_available="NO"),
    )
    before = a_report(gone, image=an_image(2, **place))
    after = a_report(*rows, image=an_image(1, digest=a_digest(9), **place))
    parts = index().message.state.images[0].parts
    after = replace(after, parts=tuple(_as_part(part.part, part.reason) for part in parts))
    return replace(noticed(Scene(after, before, (EVERYTHING,)), running=True), running=RUNNING)


def _as_part(name: str, reason: str | None) -> Part:
    if reason is not None:
        return Part(name, a_digest(3), "FAILED", reason=reason)
    return Part(name, a_digest(2), "COMPLETE", {Severity.HIGH: 2})


@pytest.mark.parametrize(
    "sentence",
    [
        "not scanned (not supported by the scanner)",
        "000474600478 in cn-north-1 (aws-cn)",
        "a fix exists, its version is not named",
        "no fix yet",
    ],
)
def test_words_that_once_were_different(sentence: str) -> None:
    """The page had words of its own for these, or none."""
    notice = a_difference()

    assert sentence in " ".join(sentences(text_of(notice)))
    assert sentence in page_of(notice)
