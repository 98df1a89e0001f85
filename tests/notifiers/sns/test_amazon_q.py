"""The custom notification: what Amazon Q takes, and what a chat shows of it."""

import json
import re
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lib.messages.text import text_of
from lib.models import Notice, StreamId
from lib.notifiers.slack.mrkdwn import slack_flat, slack_text
from lib.notifiers.sns.amazon_q import LISTED, MAX_DESCRIPTION, MAX_TITLE, render, render_plain
from lib.text import unlinked
from tests.support import golden
from tests.support.builders import a_finding, a_report
from tests.support.every import every
from tests.support.notices import (
    injected,
    injected_problem,
    noticed,
    notices,
    quiet_notices,
)
from tests.support.scenes import INJECTIONS, Scene

NOTICES = {**notices(), **{f"quiet-{name}": notice for name, notice in quiet_notices().items()}}
LIVE = re.compile(r"<[!@#]|<https?:")


def notification(notice: Notice) -> dict[str, Any]:
    """Return the document, after checking what Amazon Q asks of it."""
    document: dict[str, Any] = json.loads(render(notice, text_of(notice, rows=LISTED), 0)[0])
    content = document["content"]
    assert (document["version"], document["source"]) == ("1.0", "custom")
    assert content["textType"] == "client-markdown"
    assert 0 < len(content["title"]) <= MAX_TITLE
    assert 0 < len(content["description"]) <= MAX_DESCRIPTION
    assert len(content.get("nextSteps", ())) <= 5
    return document


@pytest.mark.parametrize("story", golden.LAYOUTS)
def test_notification_looks_as_kept(story: str) -> None:
    """One for each layout."""
    golden.check("sns-amazon-q", story, notification(NOTICES[story]))


@every("text", INJECTIONS)
def test_no_mention_or_link_of_others_comes_alive(text: str) -> None:
    for notice in (injected(text), injected_problem(text)):
        document = notification(notice)
        assert not LIVE.search(json.dumps(document["content"]))
        assert not LIVE.search(
            json.dumps(json.loads(render_plain(notice, text_of(notice), 0)[0])["content"])
        )


@every("name", NOTICES)
def test_a_notice_lists_or_counts_all_that_differs(name: str) -> None:
    """Vulnerabilities of every kind, and those that ended quietly."""
    notice = NOTICES[name]

    content = notification(notice)["content"]

    text, message = content["description"], notice.message
    changed = {item.item.id for item in message.delta.items if item.item.condition is None}
    quiet = {item.id for item in message.quietly_ended} - changed
    listed = len(re.findall(r"^- [A-Z]+ (?:\([^)]*\) )?[A-Z]{3,4}-", text, re.MULTILINE))
    more = re.findall(r"^and ([0-9,]+) more: ", text, re.MULTILINE)
    counted = sum(int(number.replace(",", "")) for number in more)
    steps = sum(f"({id_})" in step for step in content.get("nextSteps", ()) for id_ in changed)
    if name != "injection":
        assert listed + counted + steps == len(changed | quiet)


def test_a_failed_platform_looks_as_kept() -> None:
    """A platform with something new, and one without a result."""
    golden.check("sns-amazon-q", "notice", notification(NOTICES["platform-failed"]))


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("baseline", "LARGE RED CIRCLE"),
        ("scan-failed", "WARNING SIGN"),
        ("one-left", "CHART WITH DOWNWARDS TREND"),
        ("all-fixed", "WHITE HEAVY CHECK MARK"),
    ],
)
def test_the_title_of_a_notice_says_how_bad_it_is(name: str, mark: str) -> None:
    """One sign, before the name of the image."""
    title = notification(NOTICES[name])["content"]["title"]

    assert title.split()[0] == unicodedata.lookup(mark)


def test_a_notice_for_another_destination_has_its_own_thread() -> None:
    """It is no part of the thread of the destination that takes it."""
    own, other = (notification(NOTICES[name])["metadata"] for name in ("one-left", "instead"))

    assert own["threadId"] != other["threadId"]


def test_alerts_of_a_stream_share_a_thread() -> None:
    one, two = (notification(NOTICES[each])["metadata"] for each in ("baseline", "rescan"))

    assert one["threadId"] == two["threadId"]
    message = NOTICES["baseline"].message
    view = replace(message.view, stream=StreamId("another"))
    other = replace(NOTICES["baseline"], message=replace(message, view=view))
    assert notification(other)["metadata"]["threadId"] != one["threadId"]


def test_what_to_do_is_the_next_steps() -> None:
    """Five at most; the last one counts the rest, and a single fifth one is named."""

    def steps(packages: int) -> list[str]:
        rows = (
            a_finding(f"CVE-2026-{n:04}", package=f"package{n}", fixed_version="2")
            for n in range(packages)
        )
        content = notification(noticed(Scene(a_report(*rows))))["content"]
        listed: list[str] = content["nextSteps"]
        return listed

    assert len(steps(4)) == 4
    assert "more package" not in steps(5)[-1]
    assert len(steps(9)) == 5
    assert "and 5 more packages to upgrade" in steps(9)[-1]


def test_a_failed_scan_is_no_all_clear() -> None:
    content = notification(NOTICES["scan-failed"])["content"]

    assert "not an all-clear" in content["description"]
    assert content["title"].startswith("\N{WARNING SIGN}")
    assert (
        notification(NOTICES["scan-failed"])["metadata"]["additionalContext"]["findings"]
        == "unknown"
    )


def test_long_links_are_left_out() -> None:
    notice = replace(NOTICES["baseline"], report_url=f"https://example.com/{'a' * 2000}")

    assert "Full report" not in notification(notice)["content"]["description"]


LINKS = (
    "[a](javascript:alert(1))",
    "[a] (https://evil.example)",
    "![a](https://evil.example/x.png)",
    "[a][b] [b]: https://evil.example",
    "[[a]](//evil.example)",
    "https://evil.example/login",
    "HTTP://evil.example ftp://evil.example",
    "www.evil.example WWW.evil.example",
    "mailto:a@evil.example",
    "<https://evil.example>",
)
OURS = ("Full report: https://", "ECR console: https://", "Build: https://ci.example/")
BARE = re.compile(r"\w://|\bwww\.|\bmailto:", re.IGNORECASE)


def live_in(markdown: str) -> list[str]:
    """Return the links that markdown has in a text, and the addresses that a chat finds in it."""
    inline = [token for token in MarkdownIt().parse(markdown) for token in token.children or ()]
    kinds = [token.type for token in inline if token.type in {"link_open", "image"}]
    return kinds + [line for line in markdown.splitlines() if BARE.search(line)]


@given(st.lists(st.sampled_from((*LINKS, *"[]()<>!: \n./w")), max_size=12).map("".join))
def test_no_text_becomes_a_link(text: str) -> None:
    """Neither in the markdown of Teams, nor as an address that a chat makes a link of."""
    assert live_in(slack_text(unlinked(slack_flat(text)), 400)) == []


@every("text", LINKS)
@every("make", [injected, injected_problem])
def test_no_field_from_outside_becomes_a_link(make: Any, text: str) -> None:
    """Package names, versions, paths, images, reasons: only our own links are live."""
    notice = make(text)
    shown = text_of(notice, rows=LISTED)
    for rendered in (render(notice, shown, 0), render_plain(notice, shown, 0)):
        content = json.loads(rendered[0])["content"]
        lines = [content["title"], *content["description"].splitlines()]

        for line in (*lines, *content.get("nextSteps", ()), *content["keywords"]):
            assert line.startswith(OURS) or live_in(line) == []
