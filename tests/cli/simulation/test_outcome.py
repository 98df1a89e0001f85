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
    whole = story(text, tmp_path)
    played = Player(whole).play()

    documents = [json.loads(json.dumps(line)) for line in lines(whole, played)]

    first, quiet = documents[0], documents[1]
    assert first["to"] == "on-call"
    assert (first["stream"], first["image"]) == ("shop/api", "shop/api:1.0")
    assert [item["id"] for item in first["kinds"]["baseline"]] == ["CVE-2026-1001"]
    assert quiet["quiet"] is True
    assert "lowered" in quiet["kinds"]["no_longer_reported"][0]["reason"]
    assert documents[-1] == {"views": {"on-call": {"shop/api": ["CVE-2026-1001"]}}}


def test_messages_of_one_moment_have_no_order(tmp_path: Path) -> None:
    """Two destinations are notified of one push at once."""
    text = (STORIES / "02-clean-release-and-regression.yml").read_text()
    to_both = [
        "  - {to: on-call, baseline: [CVE-2026-1001]}\n  - {to: team, baseline: [CVE-2026-1001]}\n",
        "  - {to: team, resolved: [CVE-2026-1001]}\n  - {to: on-call, resolved: [CVE-2026-1001]}\n",
        "  - {to: on-call, new: [CVE-2026-1001]}\n  - {to: team, new: [CVE-2026-1001]}\n",
    ]

    for order in (to_both, [to_both[1], to_both[0], to_both[2]]):
        whole = story(f"{text}messages:\n{''.join(order)}", tmp_path)
        assert (differences(whole, Player(whole).play()) == []) is (order is to_both)


def test_an_incident_is_checked_without_its_vulnerabilities(text: str, tmp_path: Path) -> None:
    """A story may state the incident alone."""
    whole = story(
        text.replace("{ids: [CVE-2026-1001], incident: open}", "{incident: open}"), tmp_path
    )

    assert differences(whole, Player(whole).play()) == []


TWO_ACCOUNTS = """\
  - after: 1h
    push: {repository: shop/api, image: Z, tags: ["1.0"], account: "000011112222"}
    scan: {scanner: enhanced, findings: [critical]}
open:
  on-call: {shop/api: {incident: resolved}, 000011112222/eu-central-1/shop/api: [CVE-2026-1001]}
"""


def test_a_stream_of_the_same_name_elsewhere_has_its_account(text: str, tmp_path: Path) -> None:
    """The name alone is that of the story's own account, whatever comes first."""
    before = text[: text.index("  - after: 1d\n")]
    whole = story(before.replace("shop/web", "shop/api") + TWO_ACCOUNTS, tmp_path)
    played = Player(whole).play()

    assert differences(whole, played) == []
    *_, views = lines(whole, played)
    assert views == {
        "views": {
            "on-call": {
                "shop/api": [],
                "000011112222/eu-central-1/shop/api": ["CVE-2026-1001"],
            }
        }
    }


CHANNEL = """\
    bot: {type: slack, token: {secret: ecr-scan-alerts/bot}, channel: C0123456789}
  routes:
    - {name: shop, match: {repository: shop/*}, channel: C0000000001, notify: [bot]}
    - {name: all, severity: CRITICAL, notify: [on-call]}
steps:
  - receiver: {name: bot, is: down}
  - push: {repository: shop/api, image: A, tags: ["1.0"]}
    scan: {scanner: enhanced, findings: [critical]}
    notified: []
  - after: 1h
    receiver: {name: bot, is: up}
  - after: 1h
    pass: {}
messages: [{to: bot/C0000000001, baseline: [CVE-2026-1001]}]
"""


def test_a_bot_that_is_down_answers_in_none_of_its_channels(text: str, tmp_path: Path) -> None:
    """A route can have a channel of its own."""
    whole = story(text[: text.index("  routes:\n")] + CHANNEL, tmp_path)

    assert differences(whole, Player(whole).play()) == []
