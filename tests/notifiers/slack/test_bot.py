"""Slack as a bot: one thread per stream, its root kept current, and lost answers looked up."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.models import (
    LONG_ANSWER,
    AskAgain,
    CannotTell,
    DeliveryCheck,
    HttpAnswer,
    NotReceived,
    Receipt,
)
from lib.notifiers.slack.bot import EVENT_TYPE, SlackBotNotifier
from tests.notifiers.slack.test_webhook import assert_inert, assert_valid, texts
from tests.support import golden
from tests.support.builders import NOW, a_finding, a_report, an_image
from tests.support.every import every
from tests.support.notices import injected, injected_problem, noticed, notices
from tests.support.receivers import (
    BOT_TOKEN,
    CHANNEL,
    OPTIONS,
    POSTED,
    THREADS,
    NamedSecrets,
    ScriptedHttp,
    notifier,
    tools,
)
from tests.support.scenes import INJECTIONS, Scene, scenes

MARK = "\N{LARGE ORANGE CIRCLE}"
STORIES = notices()
THREAD = THREADS["slack-bot"]
ROOT = "1795424400.000100"
OWN = "1795428000.000200"
EDITED = HttpAnswer(200, f'{{"ok": true, "channel": "{CHANNEL}", "ts": "{ROOT}"}}')


def bot(*answers: HttpAnswer | Exception, site: str | None = None, **given: Any) -> Any:
    options = OPTIONS["slack-bot"] | ({"site": site} if site else {})
    return SlackBotNotifier(options, tools(*answers, **given))


def refused(error: str) -> HttpAnswer:
    return HttpAnswer(200, json.dumps({"ok": False, "error": error}))


def rendered(story: str, thread: str | None = THREAD) -> Any:
    return bot().render(STORIES[story], thread=thread)


def sent(story: str, *answers: HttpAnswer | Exception) -> tuple[list[str], Receipt]:
    """Send an alert into a thread; return the methods that were called, and the receipt."""
    http = ScriptedHttp(list(answers))
    receipt = bot(http=http).send(rendered(story))
    calls = [each.url.rpartition("/")[2] for each in http.calls]
    into = ["thread" if "thread_ts" in (each.body or {}) else "channel" for each in http.calls]
    return [f"{call} {where}" for call, where in zip(calls, into, strict=True)], receipt


UPDATE = "chat.update channel"
REPLY = "chat.postMessage thread"
POST = "chat.postMessage channel"


# --- what is sent -----------------------------------------------------------------------------


@every("story", STORIES)
def test_every_message_is_valid(story: str) -> None:
    """Replies and roots are within every limit of Slack."""
    for message in rendered(story).values():
        assert_valid(message)


@pytest.mark.parametrize("story", ["new-and-resolved", "repository-settings"])
def test_the_root_looks_as_kept(story: str) -> None:
    """A reply is the message of a webhook, in a thread."""
    payload = rendered(story)
    blocks = payload["reply"].pop("blocks")

    assert blocks == slack_message(story)["blocks"]
    golden.check("slack-bot", story, payload["reply"])
    golden.check("slack-bot", f"{story}.root", payload["update"])


def slack_message(story: str) -> Any:
    return notifier("slack", tools()).render(STORIES[story])


@every("story", STORIES)
def test_first_message_is_the_same_without_a_thread(story: str) -> None:
    """It stays beside the reply, for the case that the root is gone."""
    first, later = rendered(story, None), rendered(story)

    assert list(first) == ["post"]
    assert later["post"] == first["post"]
    assert {**later["reply"], "thread_ts": None, "reply_broadcast": None} == {
        **first["post"],
        "thread_ts": None,
        "reply_broadcast": None,
    }


@pytest.mark.parametrize(
    "thread",
    [
        "SEC-7",
        "",
        f"{CHANNEL}:1795424400.000100",
        "https://slack.com|C0OTHER|1795424400.000100",
        f"https://slack-gov.com|{CHANNEL}|1795424400.000100",
        f"https://slack.com|{CHANNEL}|soon",
    ],
)
def test_a_thread_of_another_place_is_none_of_ours(thread: str) -> None:
    """The file was edited since: the stream begins anew in the channel that it names now."""
    assert list(rendered("new-and-resolved", thread)) == ["post"]


@every("text", INJECTIONS)
def test_nothing_from_outside_comes_alive(text: str) -> None:
    """Mentions, links and markup are shown, never acted on; Slack is told not to look for any."""
    for alert in (injected(text), injected_problem(text)):
        for payload in (bot().render(alert, thread=THREAD), bot().plain(alert, thread=THREAD)):
            for message in payload.values():
                assert (message["parse"], message["link_names"]) == ("none", False)
                posted = {key: value for key, value in message.items() if key != "link_names"}
                assert_valid(posted)
                assert_inert({"unfurl_links": False, **posted})


@pytest.mark.parametrize(
    ("story", "loud"),
    [("new-and-resolved", True), ("scan-failed", True), ("only-resolved", False)],
)
def test_only_what_asks_for_something_is_shown_in_the_channel(story: str, *, loud: bool) -> None:
    """A reply about resolved findings stays in its thread."""
    assert rendered(story)["reply"]["reply_broadcast"] is loud


def test_a_scan_without_result_keeps_what_was_open() -> None:
    """The root still says it, and that the current image has no result."""
    scene = scenes()["new-and-resolved"]
    failed = noticed(replace(scenes()["scan-failed"], before=scene.report))

    root = "\n".join(texts(bot().render(failed, thread=THREAD)["update"]))

    assert "3 CRITICAL, 40 HIGH, 12 MEDIUM open" in root
    assert "*linux/amd64 scan failed*" in root


def test_the_root_says_how_things_stand() -> None:
    """All that is open, new or not, in two lines; the reply, which stands alone, has the rest."""
    payload = rendered("new-and-resolved")

    root, reply = ("\n".join(texts(payload[each])) for each in ("update", "reply"))
    header = payload["update"]["blocks"][0]["text"]["text"]
    assert header.endswith("payments/api:1.4.2: 2 CRITICAL, 40 HIGH, 12 MEDIUM open")
    assert "What to do" not in root
    assert "Newest message in the thread" in root
    assert "2 new" not in root
    assert "CVE-2026" not in root
    assert "*New (2)*" in reply


@pytest.mark.parametrize(
    ("story", "header"),
    [
        ("one-left", "\N{LARGE ORANGE CIRCLE} payments/api:1.4.2: 1 HIGH open"),
        ("only-resolved", "\N{CHART WITH DOWNWARDS TREND} Resolved: payments/api:latest"),
        ("all-fixed", "\N{WHITE HEAVY CHECK MARK} Resolved: payments/api:1.4.2"),
        (
            "scan-failed",
            "\N{WARNING SIGN} payments/api:1.4.2: linux/amd64 scan failed",
        ),
    ],
)
def test_a_root_with_nothing_left_is_marked(story: str, header: str) -> None:
    """Green is for nothing open at all; no result resolves nothing."""
    assert rendered(story)["update"]["blocks"][0]["text"]["text"] == header


def test_the_root_counts_all_that_is_open_and_names_no_step() -> None:
    """It is no second alert beside the reply in the channel, whose title is about the kernel."""
    rows = (a_finding(package="linux"), a_finding("CVE-2026-2", severity="MEDIUM"))

    notice = noticed(Scene(a_report(*rows)))
    header, line = bot().render(notice, thread=THREAD)["update"]["blocks"]

    assert header["text"]["text"].endswith("payments/api:1.4.1: 1 HIGH, 1 MEDIUM open")
    assert [line["type"], line["elements"][0]["text"]] == [
        "context",
        "Newest message in the thread",
    ]


def test_an_incomplete_list_resolves_nothing() -> None:
    """What is missing in it may be open: the root keeps what was reported."""
    after = a_report(image=an_image(2), complete=False)
    notice = noticed(Scene(after, a_report(a_finding(), image=an_image(1))))

    root = bot().render(notice, thread=THREAD)["update"]

    assert "Resolved" not in root["blocks"][0]["text"]["text"]


@settings(deadline=None)
@given(listed=st.integers(1, 60))
def test_the_root_counts_what_the_reply_counts(listed: int) -> None:
    """Its title has all that is open, as the title of the reply, which is about all of it."""
    found = [a_finding(f"CVE-2026-{1000 + n}", package=f"p{n}") for n in range(listed)]
    alert = noticed(Scene(a_report(*found, image=an_image(2)), before=a_report(image=an_image(1))))

    payload = bot().render(alert, thread=THREAD)

    title = payload["update"]["blocks"][0]["text"]["text"]
    totals = f"{listed} HIGH open"
    assert totals in title
    assert f": {listed} new HIGH since 1.4.1" in payload["reply"]["blocks"][0]["text"]["text"]


def test_metadata_names_the_delivery() -> None:
    """By it a message is found again; the root keeps the metadata of its own delivery."""
    payload = rendered("new-and-resolved")

    assert payload["reply"]["metadata"] == {
        "event_type": EVENT_TYPE,
        "event_payload": {
            "delivery_id": STORIES["new-and-resolved"].delivery_id,
            "image": an_image(2).key,
            "worst_severity": "CRITICAL",
        },
    }
    assert "metadata" not in payload["update"]


def test_plain_messages_are_texts_alone() -> None:
    """An edit has to take the blocks away, or Slack may keep the old ones."""
    payload = bot().plain(STORIES["new-and-resolved"], thread=THREAD)

    assert "blocks" not in payload["reply"]
    assert "blocks" not in payload["post"]
    assert payload["update"]["blocks"] == []
    assert "2 CRITICAL, 40 HIGH, 12 MEDIUM open" in payload["update"]["text"]


def test_usage_counts_the_message_and_the_edited_one() -> None:
    """`preview` shows what each of them uses of Slack's limits."""
    first, later = (bot().usage(rendered("baseline", thread)) for thread in (None, THREAD))

    assert len(first) == 3
    assert later[:3] == first
    assert [each.what for each in later[3:]] == [
        f"{each.what} of the edited message" for each in first
    ]


# --- sending ----------------------------------------------------------------------------------


def test_first_message_opens_the_thread() -> None:
    """The receipt says where the next message belongs, and where a reader finds this one."""
    http = ScriptedHttp([POSTED])

    receipt = bot(http=http).send(rendered("new-and-resolved", None))

    assert receipt == Receipt(
        OWN,
        url=f"https://slack.com/archives/{CHANNEL}/p1795428000000200",
        thread=f"https://slack.com|{CHANNEL}|{OWN}",
    )
    (call,) = http.calls
    assert call.url == "https://slack.com/api/chat.postMessage"
    assert call.headers == {"Authorization": f"Bearer {BOT_TOKEN}"}
    assert call.body["channel"] == CHANNEL
    # The answer repeats the message, which escaped has six bytes for a character.
    assert call.limit == LONG_ANSWER


def test_later_messages_edit_the_root_and_reply() -> None:
    """In this order: whatever has to be repeated after a crash, there is only one reply."""
    calls, receipt = sent("new-and-resolved", EDITED, POSTED)

    assert calls == [UPDATE, REPLY]
    assert receipt.reference == OWN
    assert receipt.thread == THREAD
    assert receipt.url == (
        f"https://slack.com/archives/{CHANNEL}/p1795428000000200?thread_ts={ROOT}&cid={CHANNEL}"
    )


def test_a_scan_without_result_is_a_reply_like_others() -> None:
    """And people see it in the channel."""
    assert sent("scan-failed", EDITED, POSTED)[0] == [UPDATE, REPLY]


@every(
    "error",
    [
        "message_not_found",
        "thread_not_found",
        "cannot_reply_to_message",
        "restricted_action_thread_locked",
    ],
)
@every("before", [(), (EDITED,)])
def test_a_root_that_is_gone_makes_a_new_one(error: str, before: tuple[HttpAnswer, ...]) -> None:
    """Whether the edit or the reply found out."""
    calls, receipt = sent("new-and-resolved", *before, refused(error), POSTED)

    assert calls[-1] == POST
    assert receipt.thread == f"https://slack.com|{CHANNEL}|{OWN}"


@pytest.mark.parametrize("error", ["cant_update_message", "edit_window_closed"])
def test_a_root_that_cannot_be_edited_does_not_stop_the_alert(error: str) -> None:
    """It gets old; the reply says what is new."""
    calls, receipt = sent("new-and-resolved", refused(error), POSTED)

    assert calls == [UPDATE, REPLY]
    assert receipt.thread == THREAD


@every(
    ("error", "class_", "broken"),
    [
        ("ratelimited", ThrottledError, None),
        ("service_unavailable", TemporaryDeliveryError, None),
        ("update_failed", TemporaryDeliveryError, None),
        ("external_channel_migrating", TemporaryDeliveryError, None),
        ("fatal_error", AmbiguousDeliveryError, None),
        ("internal_error", AmbiguousDeliveryError, None),
        ("invalid_blocks", PermanentDeliveryError, False),
        *(
            (each, PermanentDeliveryError, True)
            for each in (
                "account_inactive",
                "channel_not_found",
                "invalid_auth",
                "is_archived",
                "is_inactive",
                "missing_scope",
                "not_authed",
                "not_in_channel",
                "token_expired",
                "token_revoked",
            )
        ),
    ],
)
@every("before", [(), (EDITED,)])
def test_error_class_of_each_answer(
    error: str, class_: type[Exception], before: tuple[HttpAnswer, ...], *, broken: bool | None
) -> None:
    """What is about the token or the channel holds for every message: the destination is broken."""
    with pytest.raises(class_, match=error) as caught:
        sent("new-and-resolved", *before, refused(error))

    assert getattr(caught.value, "broken", None) is broken


@pytest.mark.parametrize(
    "text", ["ok", '{"ok": true}', '{"ok": true, "ts": 7}', '{"ok":true,"ts":""}']
)
def test_an_answer_without_a_timestamp_is_ambiguous(text: str) -> None:
    """The message may be there, but nobody knows where."""
    with pytest.raises(AmbiguousDeliveryError, match="without a timestamp"):
        bot(HttpAnswer(200, text)).send(rendered("new-and-resolved", None))


@pytest.mark.parametrize("secret", ["", "two words", "line\nbreak", "not-ascii-\N{SNOWMAN}"])
def test_a_wrong_secret_is_named_but_not_shown(secret: str) -> None:
    """The error says what the secret must hold, and nothing of what it does."""
    notifier = bot(POSTED, secrets=NamedSecrets({"ecr-scan-alerts/slack-bot": secret}))

    with pytest.raises(ConfigError, match="Bot User OAuth Token") as caught:
        notifier.send(rendered("all-fixed", None))

    assert not secret or secret not in str(caught.value)


def test_another_site_is_called_instead() -> None:
    """GovSlack has an address of its own."""
    http = ScriptedHttp([POSTED])
    notifier = bot(http=http, site="https://slack-gov.com/")

    receipt = notifier.send(notifier.render(STORIES["baseline"]))

    assert http.calls[0].url == "https://slack-gov.com/api/chat.postMessage"
    assert receipt.url.startswith("https://slack-gov.com/archives/")


# --- asking -----------------------------------------------------------------------------------

ALERT = STORIES["new-and-resolved"]


def asked(
    *answers: HttpAnswer | Exception, thread: str | None = None, after: float = 60
) -> tuple[DeliveryCheck, list[str]]:
    """Ask for the alert; return the verdict, and what was asked."""
    http = ScriptedHttp(list(answers))
    now: datetime = NOW + timedelta(seconds=after)
    verdict = bot(http=http).verify(ALERT, since=NOW, now=now, thread=thread)
    assert all(call.limit == LONG_ANSWER for call in http.calls)
    return verdict, [each.url for each in http.calls]


def a_message(delivery: str = ALERT.delivery_id, **fields: Any) -> dict[str, Any]:
    payload = {"delivery_id": delivery}
    return {
        "ts": OWN,
        "metadata": {"event_type": EVENT_TYPE, "event_payload": payload},
        **fields,
    }


def history(*messages: Any, cursor: str = "") -> HttpAnswer:
    body = {
        "ok": True,
        "messages": list(messages),
        "response_metadata": {"next_cursor": cursor},
    }
    return HttpAnswer(200, json.dumps(body))


def test_a_message_with_the_delivery_is_the_receipt() -> None:
    """Found in the channel, it is a root."""
    verdict, urls = asked(history({"ts": "1.1", "text": "of a person"}, a_message()))

    assert verdict == Receipt(
        OWN,
        url=f"https://slack.com/archives/{CHANNEL}/p1795428000000200",
        thread=f"https://slack.com|{CHANNEL}|{OWN}",
    )
    (url,) = urls
    assert urlsplit(url).path == "/api/conversations.history"
    assert parse_qs(urlsplit(url).query) == {
        "channel": [CHANNEL],
        "include_all_metadata": ["true"],
        "limit": ["200"],
        "oldest": [f"{(NOW - timedelta(minutes=1)).timestamp():.6f}"],
    }


def test_a_reply_is_looked_for_in_its_thread_first() -> None:
    """There it belongs to the root that the ledger knows."""
    verdict, urls = asked(history(a_message()), thread=THREAD)

    assert getattr(verdict, "thread", None) == THREAD
    assert [urlsplit(each).path for each in urls] == ["/api/conversations.replies"]
    assert f"ts={ROOT}" in urls[0]


@pytest.mark.parametrize(
    "thread", [history(), refused("thread_not_found"), refused("no_permission")]
)
def test_a_new_root_is_found_beside_a_thread(thread: HttpAnswer) -> None:
    """The root was deleted and a new one sent, or threads cannot be read: channels can."""
    verdict, _ = asked(thread, history(a_message()), thread=THREAD)

    assert getattr(verdict, "thread", None) == f"https://slack.com|{CHANNEL}|{OWN}"


def test_a_reply_seen_in_the_channel_keeps_its_thread() -> None:
    """Slack lists a reply there that was shown to everybody."""
    verdict, _ = asked(
        refused("not_allowed_token_type"), history(a_message(thread_ts=ROOT)), thread=THREAD
    )

    assert getattr(verdict, "thread", None) == THREAD


@pytest.mark.parametrize(
    "message",
    [
        a_message("another"),
        a_message(metadata={"event_type": "other", "event_payload": {"delivery_id": "1"}}),
        a_message(metadata={"event_type": EVENT_TYPE, "event_payload": []}),
        a_message(metadata=None),
        "no object",
    ],
)
def test_other_messages_are_no_proof(message: Any) -> None:
    """Nor is metadata of another app, or of an odd form."""
    assert asked(history(message))[0] == NotReceived()


@pytest.mark.parametrize(
    "answer", [HttpAnswer(200, '{"ok": true}'), HttpAnswer(200, '{"ok": true, "messages": {}}')]
)
def test_an_odd_answer_is_no_proof(answer: HttpAnswer) -> None:
    """Then the same message is sent again, and says that it may be a repeat."""
    assert asked(answer)[0] == CannotTell()


def test_pages_are_read_up_to_a_bound() -> None:
    """A busy channel does not keep a delivery busy; what may lie deeper is sent again."""
    verdict, urls = asked(history(a_message("another"), cursor="next=="))

    assert verdict == CannotTell()
    assert len(urls) == 5
    assert "cursor" not in urls[0]
    assert all("cursor=next%3D%3D" in each for each in urls[1:])


@pytest.mark.parametrize(
    "error", ["missing_scope", "not_in_channel", "channel_not_found", "not_allowed_token_type"]
)
def test_a_bot_that_may_not_read_gets_no_patience(error: str) -> None:
    """It can post all the same; waiting would tell nothing."""
    assert asked(refused(error), after=1)[0] == CannotTell()


def test_what_was_sent_a_moment_ago_is_asked_for_again() -> None:
    """For half a minute it may still be on its way into the history."""
    early, _ = asked(history(), after=29)
    late, _ = asked(history(), after=30)

    assert early == AskAgain(15)
    assert late == NotReceived()


def test_what_was_sent_hours_after_the_event_may_be_on_its_way_too() -> None:
    """The patience counts from the last send without an answer."""
    tried_at = NOW + timedelta(hours=3)
    notifier = bot(http=ScriptedHttp([history()]))

    early, late = (
        notifier.verify(
            ALERT, since=NOW, now=tried_at + timedelta(seconds=seconds), tried_at=tried_at
        )
        for seconds in (29, 30)
    )

    assert isinstance(early, AskAgain)
    assert late == NotReceived()


@pytest.mark.parametrize(
    ("answer", "class_"),
    [
        (ThrottledError("429"), ThrottledError),
        (refused("ratelimited"), ThrottledError),
        (refused("service_unavailable"), TemporaryDeliveryError),
        (refused("token_revoked"), PermanentDeliveryError),
    ],
)
def test_a_receiver_that_refuses_to_say_is_an_error(answer: Any, class_: type[Exception]) -> None:
    """Throttling and outages pass through, so that nothing is sent in doubt."""
    with pytest.raises(class_):
        asked(answer, thread=THREAD)
