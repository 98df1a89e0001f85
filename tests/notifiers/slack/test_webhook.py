"""Slack: Block Kit within its limits, nothing alive in it, and its answers understood."""

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lib.errors import (
    AmbiguousDeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.models import HttpAnswer, Receipt
from lib.notifiers.slack.errors import failure
from lib.notifiers.slack.limits import MAX_BLOCKS, MAX_CHARACTERS, MAX_HEADER, MAX_SECTION
from lib.notifiers.slack.webhook import SlackWebhookNotifier
from tests.support import golden
from tests.support.builders import a_finding, a_report, an_image
from tests.support.every import every
from tests.support.notices import injected, injected_problem, noticed, notices
from tests.support.receivers import OPTIONS, WEBHOOK, NamedSecrets, ScriptedHttp, tools
from tests.support.scenes import INJECTIONS, Scene

STORIES = notices()
CRITICAL, MARK = "\N{LARGE RED CIRCLE}", "\N{LARGE ORANGE CIRCLE}"
UNDER = "\N{DOWNWARDS ARROW WITH TIP RIGHTWARDS}"


def slack(*answers: HttpAnswer | Exception, **given_tools: Any) -> SlackWebhookNotifier:
    return SlackWebhookNotifier(OPTIONS["slack"], tools(*answers, **given_tools))


def texts(payload: Any) -> list[str]:
    """Return every text object of a message."""
    found = [payload["text"]]
    for block in payload.get("blocks", ()):
        parts = [block.get("text"), *block.get("fields", ()), *block.get("elements", ())]
        found += [part["text"] for part in parts if part]
    return found


def assert_valid(payload: Any) -> None:
    blocks = payload.get("blocks", [])
    assert len(blocks) <= MAX_BLOCKS
    assert sum(map(len, texts(payload))) <= MAX_CHARACTERS
    assert all(each.strip() for each in texts(payload))
    for block in blocks:
        match block["type"]:
            case "header":
                assert len(block["text"]["text"]) <= MAX_HEADER
            case "section":
                assert len(block.get("text", {"text": ""})["text"]) <= MAX_SECTION
                assert len(block.get("fields", ())) <= 10
                assert all(len(each["text"]) <= 2000 for each in block.get("fields", ()))
            case "context":
                assert 1 <= len(block["elements"]) <= 10
            case other:
                pytest.fail(f"unexpected block {other}")
    json.dumps(payload).encode("ascii")
    json.dumps(payload, ensure_ascii=False).encode("utf-8")


def assert_inert(payload: Any) -> None:
    """Only links that we made may stand in angle brackets."""
    for text in texts(payload):
        rest = re.sub(r"<https?://[^<>|]+\|[^<>|]+>", "", text)
        assert "<" not in rest
        assert ">" not in rest
        assert not re.search(r"&(?!amp;|lt;|gt;)", text)
        assert not re.search(
            "[\x00-\x09\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069]", text
        )
    for link in re.findall(r"<(https?://[^<>|]+)\|", "\n".join(texts(payload))):
        assert "evil.example/<" not in link
    assert payload["unfurl_links"] is False
    assert "link_names" not in payload
    assert all(
        each.get("verbatim") is True
        for block in payload.get("blocks", ())
        for each in (block.get("text"), *block.get("fields", ()), *block.get("elements", ()))
        if each and each["type"] == "mrkdwn"
    )


@every("story", STORIES)
def test_every_message_is_valid(story: str) -> None:
    """Each story has a kept message, and it stays within every limit of Slack."""
    payload = slack().render(STORIES[story])

    assert_valid(payload)


@pytest.mark.parametrize("story", golden.LAYOUTS)
def test_message_looks_as_kept(story: str) -> None:
    """One for each layout."""
    golden.check("slack", story, slack().render(STORIES[story]))


@every("text", INJECTIONS)
def test_nothing_from_outside_comes_alive(text: str) -> None:
    """Mentions, links, markup and invisible characters are shown, never acted on."""
    for alert in (injected(text), injected_problem(text)):
        for payload in (slack().render(alert), slack().plain(alert)):
            assert_valid(payload)
            assert_inert(payload)


def test_text_alone_makes_no_link_of_a_name() -> None:
    """Slack makes links of bare addresses in `text`; only blocks can forbid it."""
    alert = injected("https://evil.example/login www.evil.example")

    for payload in (slack().render(alert), slack().plain(alert)):
        said = payload["text"].splitlines()[0]
        assert "://" not in said
        assert "www." not in said


def test_fallback_says_the_same_and_is_escaped() -> None:
    """The text of notifications names image and verdict, with mentions escaped."""
    payload = slack().render(STORIES["injection"])

    assert "&lt;!channel&gt;" in payload["text"]
    assert "1 CRITICAL and 1 unrated newly reported" in payload["text"]


@settings(deadline=None)
@given(listed=st.integers(0, 60), resolved=st.integers(0, 40))
def test_shown_and_counted_add_up(listed: int, resolved: int) -> None:
    """What is listed and what is "more" is as many as the title says, for any number."""
    new = [a_finding(f"CVE-2026-{1000 + n}", package=f"p{n}") for n in range(listed)]
    gone = [a_finding(f"CVE-2025-{1000 + n}", package=f"q{n}") for n in range(resolved)]
    before = a_report(*gone, image=an_image(1))
    after = a_report(a_finding("CVE-2024-1", severity="LOW"), *new, image=an_image(2))
    assume(new or gone)
    alert = noticed(Scene(after, before=before))

    words = texts(slack().render(alert))
    sections = [part for part in words if re.match(r"\*.*\(\d+\)\*", part)]

    assert len(sections) == bool(listed)
    for section in sections:
        more = re.search(r"_and \d+ more packages?: (\d+) HIGH_", section)
        assert section.count(f"\n{MARK}") + int(more[1] if more else 0) == listed
    assert not resolved or f"{resolved} fixed (" in " ".join(words)


def test_worst_stand_first_and_resolved_last() -> None:
    """The reader's ten seconds go to the worst, package by package."""
    payload = slack().render(STORIES["baseline"])

    section = next(text for text in texts(payload) if text.startswith("*CRITICAL and HIGH (20)*"))
    packages = re.findall(r"[^\n]+ in `([^` ]+)", section)
    assert packages[:3] == ["org.apache.logging.log4j:log4j-core", "openssl", "glibc"]
    marks = [line[0] for line in section.splitlines() if not line.startswith(("*", "_", UNDER))]
    assert marks == sorted(marks, key=[CRITICAL, MARK].index)


@pytest.mark.parametrize("story", ["scan-failed", "not-scanned"])
def test_scan_without_result_shows_no_numbers(story: str) -> None:
    """A failed scan says why and what to do, and nothing that reads like zero findings."""
    payload = slack().render(STORIES[story])

    said = "\n".join(texts(payload))
    assert "not an all-clear" in said
    assert "What to do" in said
    assert "findings" not in said.replace("describe-image-scan-findings", "").replace(
        "supported.html", ""
    )
    assert "`aws ecr" in said or "`docker run" in said


def test_absurdly_long_console_address_is_left_out() -> None:
    """A link that would eat up the message is not made."""
    payload = slack().render(injected("x" * 10_000))

    assert "Open the image" not in "\n".join(texts(payload))


def test_mark_is_green_only_without_any_finding() -> None:
    """Resolved findings are an improvement, not an all-clear."""
    headers = {
        name: slack().render(STORIES[name])["blocks"][0]["text"]["text"][0] for name in STORIES
    }

    assert headers["all-fixed"] == "\N{WHITE HEAVY CHECK MARK}"
    assert headers["only-resolved"] == "\N{CHART WITH DOWNWARDS TREND}"
    assert headers["scan-failed"] == "\N{WARNING SIGN}"
    assert headers["baseline"] == "\N{LARGE RED CIRCLE}"


def test_plain_message_is_text_alone() -> None:
    """What is sent after invalid_blocks has no blocks, and still the verdict and the link."""
    payload = slack().plain(STORIES["new-and-resolved"])

    assert "blocks" not in payload
    assert "2 new CRITICAL" in payload["text"]
    assert "ECR console" in payload["text"]
    assert_inert(payload)


def test_usage_counts_characters_and_blocks() -> None:
    """`preview` shows how much of Slack's limits a message uses."""
    payload = slack().render(STORIES["baseline"])

    characters, blocks, section = slack().usage(payload)

    assert sum(map(len, texts(payload))) <= characters.used <= MAX_CHARACTERS
    assert blocks.used == len(payload["blocks"])
    assert 100 < section.used <= section.limit == MAX_SECTION
    assert [each.used for each in slack().usage({"text": "four"})] == [4, 0, 0]


def test_message_is_posted_to_the_address_in_the_secret() -> None:
    """The address is read when sending, and "ok" is the receipt."""
    http = ScriptedHttp([HttpAnswer(200, "ok\n")])
    secrets = NamedSecrets({"ecr-scan-alerts/slack": f"{WEBHOOK}\n"})

    receipt = slack(http=http, secrets=secrets).send({"text": "hello"})

    assert receipt == Receipt("ok")
    assert [(each.method, each.url, each.body) for each in http.calls] == [
        ("POST", WEBHOOK, {"text": "hello"})
    ]


def test_error_in_a_200_is_raised() -> None:
    """A status of 200 alone proves nothing with Slack."""
    notifier = slack(HttpAnswer(200, '{"ok": false, "error": "channel_not_found"}'))

    with pytest.raises(PermanentDeliveryError, match="channel_not_found"):
        notifier.send({"text": "hello"})


@every(
    ("body", "expected", "detail"),
    [
        ('{"ok":false,"error":"rate_limited","retry_after":7}', ThrottledError, 7.0),
        ('{"ok":false,"error":"ratelimited"}', ThrottledError, None),
        ('{"ok":false,"error":"ratelimited","retry_after":"soon"}', ThrottledError, None),
        ('{"ok":false,"error":"ratelimited","retry_after":true}', ThrottledError, None),
        ('{"ok":false,"error":"ratelimited","retry_after":1e999}', ThrottledError, None),
        ('{"ok":false,"error":"ratelimited","retry_after":1e9}', ThrottledError, 3600.0),
        ('{"ok":false,"error":"ratelimited","retry_after":-5}', ThrottledError, 0.0),
        ('{"ok":false,"error":"internal_error"}', AmbiguousDeliveryError, None),
        ('{"ok":false,"error":"service_unavailable"}', TemporaryDeliveryError, None),
        ("rollup_error", TemporaryDeliveryError, None),
        ('{"ok":false,"error":"fatal_error"}', AmbiguousDeliveryError, None),
        ('{"ok":false,"error":"invalid_blocks"}', PermanentDeliveryError, True),
        ('{"ok":false,"error":"msg_blocks_too_long"}', PermanentDeliveryError, True),
        ("invalid_payload", PermanentDeliveryError, True),
        ("invalid_token", PermanentDeliveryError, False),
        ('{"ok":false,"error":"is_archived"}', PermanentDeliveryError, False),
        ('{"ok":false,"error":"nobody_knows_this_one"}', PermanentDeliveryError, False),
        ('{"ok":false,"error":{"a":1}}', PermanentDeliveryError, False),
        ('{"ok":false}', PermanentDeliveryError, False),
        ("[]", PermanentDeliveryError, False),
        ("", PermanentDeliveryError, False),
        ("<html>Sign in to the network</html>", PermanentDeliveryError, False),
        ("[" * 100_000, PermanentDeliveryError, False),
    ],
)
def test_error_class_of_each_answer(body: str, expected: type[Exception], detail: Any) -> None:
    """Temporary, throttled, ambiguous, degradable or final: what is not known is final."""
    error = failure(HttpAnswer(200, body))

    assert type(error) is expected
    assert len(str(error)) < 200
    match error:
        case ThrottledError():
            assert error.retry_after == detail
        case PermanentDeliveryError():
            assert error.degradable is detail
        case _:
            assert detail is None


@pytest.mark.parametrize("body", ["ok", " ok\n", '{"ok": true}'])
def test_accepted_answers(body: str) -> None:
    """Slack's "ok", and a Web API's way of saying so."""
    assert failure(HttpAnswer(200, body)) is None
