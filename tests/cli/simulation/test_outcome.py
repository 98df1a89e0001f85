"""What came of a story, in words and as JSON."""

import json
from pathlib import Path

import pytest

from cli.simulation.outcome import differences, lines
from cli.simulation.player import Player
from cli.simulation.reading import read_story
from cli.simulation.story import Story

STORIES = Path(__file__).parents[2] / "stories"


@pytest.fixture(scope="module")
def text() -> str:
    """Return a story with a message, an incident, and a view at its end."""
    return (STORIES / "06-lowered-not-fixed.yml").read_text()


def story(text: str, folder: Path) -> Story:
    """Return the story in a text."""
    path = folder / "story.yml"
    path.write_text(text)
    return read_story(path)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "baseline: [CVE-2026-1001]",
            "baseline: [CVE-2026-9]",
            "step 1: expected {to: on-call, baseline: [CVE-2026-9]}, and it was not notified",
        ),
        (
            "baseline: [CVE-2026-1001]",
            "new: [CVE-2026-1001]",
            "step 1: notified {to: on-call, baseline: [CVE-2026-1001]}, and it is not expected",
        ),
        (
            ", quiet: true",
            "",
            "step 2: expected {to: on-call, no_longer_reported: [CVE-2026-1001]}",
        ),
        (
            "ids: [CVE-2026-1001]",
            "ids: []",
            "open: on-call: shop/api: expected [], the view holds ['CVE-2026-1001']",
        ),
        (
            "incident: open",
            "incident: resolved",
            "open: on-call: shop/api: expected the incident resolved, it is open",
        ),
        (
            "open:\n  on-call",
            "messages: []\nopen:\n  on-call",
            "messages: notified {to: on-call, baseline: [CVE-2026-1001]}, and it is not expected",
        ),
        (
            "{shop/api: {ids",
            "{shop/web: {ids",
            "open: on-call: shop/web: expected ['CVE-2026-1001']",
        ),
    ],
)
def test_what_differs_is_named(
    before: str, after: str, message: str, text: str, tmp_path: Path
) -> None:
    """With the step, what was expected and what came."""
    assert before in text
    wrong = story(text.replace(before, after, 1), tmp_path)

    found = differences(wrong, Player(wrong).play())

    assert any(line.startswith(message) for line in found), found


def test_messages_in_another_order_are_named(tmp_path: Path) -> None:
    """Each place that is not as expected."""
    text = (STORIES / "11-lost-answer.yml").read_text()
    first = "  - {to: team, baseline: [CVE-2026-1001]}\n"
    second = "  - {to: team, new: [CVE-2026-1002]}\n"
    swapped = story(text.replace(first + second, second + first), tmp_path)

    found = differences(swapped, Player(swapped).play())

    assert len(found) == 2


def test_every_message_is_a_line_of_json(text: str, tmp_path: Path) -> None:
    """With its reasons; the views come last."""
    played = Player(story(text, tmp_path)).play()

    documents = [json.loads(json.dumps(line)) for line in lines(played)]

    first, quiet = documents[0], documents[1]
    assert first["to"] == "on-call"
    assert (first["stream"], first["image"]) == ("shop/api", "shop/api:1.0")
    assert [item["id"] for item in first["kinds"]["baseline"]] == ["CVE-2026-1001"]
    assert quiet["quiet"] is True
    assert "lowered" in quiet["kinds"]["no_longer_reported"][0]["reason"]
    assert documents[-1] == {"views": {"on-call": {"shop/api": ["CVE-2026-1001"]}}}
