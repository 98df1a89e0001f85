"""The texts of all notifications of all stories, kept to be read."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cli.simulation.player import Player
from cli.simulation.reading import read_story
from cli.simulation.receivers import Arrival
from lib.messages.notices.content import Content, Notice
from lib.messages.notices.text import notice_text_of
from lib.messages.parts import AlertText, Section
from tests.support import golden

STORIES = {path.stem: path for path in sorted((golden.TESTS / "stories").glob("*.yml"))}
GOLDEN = golden.TEXTS / "notices"


@cache
def arrivals(path: Path) -> tuple[Arrival, ...]:
    """Return what is notified in a story."""
    return tuple(Player(read_story(path)).play().arrivals)


def written(arrival: Arrival, text: AlertText) -> str:
    """Return the parts of a text that a person reads first, a line each."""
    quiet = ", quiet" if arrival.message.quiet else ""
    lines = [
        f"=== {arrival.at:%Y-%m-%d %H:%M} to {arrival.row.destination}{quiet}",
        f"{text.name}: {text.verdict}",
        f"    {text.state}. {text.totals}",
        f"    why: {text.why or '-'}",
        *_problem(text),
        *(f"    do: {upgrade.step}, {upgrade.effect}" for upgrade in text.to_do.upgrades),
        *(f"    do: {note}" for note in text.to_do.notes),
        *(line for section in (*text.sections, text.open) for line in _section(section)),
        *(f"    not here: {line}" for line in text.left_out.lines(8)),
        f"    sum: {text.left_out.sum}",
        *(f"    platform: {line}" for line in text.platforms.lines(8)),
        *(f"    warning: {warning}" for warning in text.warnings),
        f"    compared with: {text.comparison.value if text.comparison else '-'}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _problem(text: AlertText) -> list[str]:
    if text.problem is None:
        return []
    return [
        f"    problem: {text.problem.title}. {text.problem.reason} {text.problem.caution}",
        f"    remedy: {text.problem.remedy}",
    ]


def _section(section: Section) -> Iterator[str]:
    if not section.count:
        return
    yield f"    {section.heading} {section.note}".rstrip()
    for row in section.rows:
        yield f"      {row.severity} {row.name} {row.details}".rstrip()


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.txt")))
def test_the_messages_of_a_story_read_as_kept(name: str) -> None:
    """Verdict, what to do, then facts."""
    kept = "\n".join(written(arrival, text_of(arrival)) for arrival in arrivals(STORIES[name]))

    golden.compare(GOLDEN / f"{name}.txt", kept)


@pytest.mark.parametrize("name", STORIES)
def test_the_numbers_of_each_message_add_up(name: str) -> None:
    """In vulnerabilities: shown, unchanged and left out are all that is open."""
    for arrival in arrivals(STORIES[name]):
        content = Content(arrival.message)
        omitted = sum(sum(group.counts.values()) for group in content.left_out)
        total = sum(content.totals.values())
        assert content.shown + content.unchanged + omitted == total
        assert text_of(arrival).open.count + omitted == total


def text_of(arrival: Arrival) -> AlertText:
    """Return the text of a notification of a story."""
    return notice_text_of(Notice(arrival.row.id, arrival.message))
