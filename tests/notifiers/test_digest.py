"""Digests at every receiver: within limits, inert, and with numbers that add up."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.errors import ConfigError
from lib.messages.digest import REPOSITORIES, STEPS, DigestText, digest_text_of
from lib.models import Digest, HttpAnswer, Receipt
from lib.notifiers.sns.notifier import FORMATS
from lib.ports.notifiers import Verifiable
from tests.notifiers.jira.test_notifier import assert_valid
from tests.notifiers.sns.test_amazon_q import LIVE
from tests.support import golden
from tests.support.builders import NOW
from tests.support.digests import a_digest_of, clear, digests, hostile
from tests.support.receivers import OPTIONS, THREADS, ScriptedHttp, jira_issue, notifier, tools
from tests.support.scenes import INJECTIONS

ROOT = Path(__file__).parents[2]


def takes_digests(mode: str) -> bool:
    """Say what the schema of a type says."""
    schema = ROOT / "schemas" / "notifiers" / f"{OPTIONS[mode]['type']}.json"
    return not isinstance(json.loads(schema.read_text("utf-8")).get("x-no-digest"), str)


DIGESTS = digests()
FOLDERS: dict[str, tuple[str, dict[str, Any]]] = {
    **{mode: (mode, {}) for mode in OPTIONS if takes_digests(mode)},
    **{f"sns-{name}": ("sns", {"format": name}) for name, each in FORMATS.items() if each.digest},
}
each_mode = pytest.mark.parametrize("folder", sorted(set(FOLDERS) - {"sns-text"}))


def text_of(digest: Digest, lines: int = 5) -> DigestText:
    return digest_text_of(digest, lines=lines, characters=10_000)


def rendered(folder: str, digest: Any, thread: str | None = None) -> Any:
    mode, options = FOLDERS[folder]
    made = notifier(mode, tools(), **options)
    for payload in (made.plain(digest, thread=thread), made.render(digest, thread=thread)):
        assert all(each.used <= each.limit for each in made.usage(payload))
        json.dumps(payload, ensure_ascii=False)
        if mode == "jira":
            assert_valid(payload)
    return payload


@each_mode
@pytest.mark.parametrize("name", DIGESTS)
def test_every_digest_is_the_same_each_time(folder: str, name: str) -> None:
    """In a thread or in none."""
    for thread in (None, THREADS.get(FOLDERS[folder][0])):
        payload = rendered(folder, DIGESTS[name], thread)

        assert payload == rendered(folder, DIGESTS[name], thread)


@each_mode
def test_a_digest_looks_as_kept(folder: str) -> None:
    """One is enough for the layout; its texts are kept for all."""
    digest = DIGESTS[golden.DIGEST]
    payload = rendered(folder, digest, THREADS.get(FOLDERS[folder][0]))
    text = payload["Message"] if folder == "sns" else None

    kept = payload | {"Message": "…"} if folder == "sns" else payload
    golden.check(folder, f"digest-{golden.DIGEST}", kept, text=text)


@pytest.mark.untraced
@each_mode
@pytest.mark.parametrize("text", INJECTIONS)
def test_absurd_text_stays_inert_and_within_limits(folder: str, text: str) -> None:
    """Names of repositories, packages and tags come from outside here, too."""
    payload = rendered(folder, hostile(text), THREADS.get(FOLDERS[folder][0]))

    shown = payload.get("Message") if folder == "sns-amazon-q" else json.dumps(payload)
    if "slack" in folder or folder == "sns-amazon-q":
        assert not LIVE.search(shown)


@each_mode
def test_the_id_is_in_it(folder: str) -> None:
    """To ask about it, and to know a repeat."""
    digest = a_digest_of()

    assert digest.delivery_id in json.dumps(rendered(folder, digest))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("week", "3 CRITICAL, 40 HIGH open in 9 of 14 images, 31 fixable, 2 with a public exploit"),
        ("clear", "No open vulnerabilities in 14 images"),
        (
            "clear-of-what-is-known",
            "No open vulnerabilities in 14 images, as far as known; 2 images",
        ),
        ("doubtful", "No open vulnerabilities in 14 images, as far as known"),
        ("empty", "No scanned image matches"),
    ],
)
def test_no_more_of_an_all_clear_than_is_true(name: str, said: str) -> None:
    assert text_of(DIGESTS[name]).verdict.startswith(said)
    clear_mark = "\\u2705" in json.dumps(rendered("slack", DIGESTS[name]))
    assert clear_mark == (name == "clear")


def test_the_sum_is_the_one_of_the_digest() -> None:
    digest = a_digest_of()

    assert text_of(digest).movement == "49 on 2026-11-16 + 7 new - 13 gone = 43 now"
    numbers = (
        sum(map(int, re.findall(r"(\d+) [A-Z]{4}", said))) for _, said in text_of(digest).ages
    )
    assert sum(numbers) == 43


def test_lists_are_cut_and_the_rest_is_counted() -> None:
    lines = next(
        part.lines for part in text_of(DIGESTS["many"]).lists if part.title == REPOSITORIES
    )

    assert len(lines) == 6
    assert lines[-1] == "and 38 more repositories: 38 open"


def test_the_next_steps_come_first() -> None:
    """Which packages have the worst and the most, and where they are."""
    steps = text_of(a_digest_of()).lists[0]

    assert steps.title == STEPS
    assert steps.lines[0] == "Upgrade openssl: 2 CRITICAL, 9 HIGH in payments/api, web/storefront"
    assert steps.lines[1].startswith("Look for a newer version of tensorflow-gpu")


def test_a_period_without_a_change_is_a_line_and_its_steps() -> None:
    """No chart, no ages, no list of what has not changed."""
    made = text_of(DIGESTS["unchanged"])

    assert made.sums == ("Nothing changed since 2026-11-16",)
    assert (made.ages, made.trend.lines) == ((), ())
    assert REPOSITORIES not in [part.title for part in made.lists]


def test_the_chart_has_a_line_for_each_week() -> None:
    """Bars of one scale; the least number is still seen, and none is an empty bar."""
    chart = text_of(a_digest_of()).trend.lines

    assert len(chart) == 8
    assert len({len(each) for each in chart}) == 1
    assert re.fullmatch(r"05 Oct  \S+ +67", chart[0])
    assert re.fullmatch(r"23 Nov  \S+ +43", chart[-1])
    assert chart[2].count("█") > chart[-1].count("█")
    assert text_of(clear()).trend.lines == ()
    small = replace(
        a_digest_of(),
        trend=(
            replace(a_digest_of().trend[0], counts={}),
            replace(a_digest_of().trend[0], counts={3: 1}),
            replace(a_digest_of().trend[0], counts={3: 1_000}),
        ),
    )
    assert text_of(small).trend.lines[1].split()[2] == "▏"
    assert text_of(small).trend.lines[0].split() == ["05", "Oct", "0"]


def test_json_is_cut_to_what_a_topic_takes() -> None:
    """The worst stay, and what is missing is counted."""
    document = json.loads(rendered("sns-json", hostile("x" * 900))["Message"])

    assert 0 < len(document["repositories"]) < 900
    assert len(document["repositories"]) + document["omitted"]["repositories"] == 900


def test_attributes_of_a_digest() -> None:
    attributes = rendered("sns", a_digest_of())["MessageAttributes"]

    assert attributes["kind"]["StringValue"] == '["DIGEST"]'
    assert attributes["severity"]["StringValue"] == "CRITICAL"
    assert rendered("sns", clear())["MessageAttributes"]["severity"]["StringValue"] == "NONE"


def test_a_format_without_digests_says_so() -> None:
    """check-config refuses it before; nothing else is sent in its place."""
    with pytest.raises(ConfigError, match="has no digests"):
        notifier("sns", tools(), format="ocsf").render(a_digest_of())


@pytest.mark.parametrize("mode", [mode for mode in OPTIONS if not takes_digests(mode)])
def test_a_receiver_without_digests_says_so(mode: str) -> None:
    made = notifier(mode, tools())

    for render in (made.render, made.plain):
        with pytest.raises(ConfigError, match="must not name it"):
            render(a_digest_of())


def test_a_lost_answer_is_looked_up() -> None:
    """Where a receiver can be asked: by the id in a Jira comment, or in a message's metadata."""
    digest = a_digest_of()
    commented = HttpAnswer(200, json.dumps({"comments": [{"body": digest.delivery_id}]}))
    metadata = {
        "event_type": "ecr_scan_alert",
        "event_payload": {"delivery_id": digest.delivery_id},
    }
    message = {"ts": "1795428000.000200", "metadata": metadata}
    listed = HttpAnswer(200, json.dumps({"ok": True, "messages": [message]}))

    for mode, answers in (("jira", (jira_issue(digest), commented)), ("slack-bot", (listed,))):
        made = notifier(mode, tools(http=ScriptedHttp([*answers])))
        assert isinstance(made, Verifiable)
        verdict = made.verify(digest, since=NOW, now=NOW, thread=THREADS[mode])
        assert isinstance(verdict, Receipt)
