"""The receivers' stand-in over real HTTP: what it takes, refuses, plays and remembers."""

import base64
import hmac
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from lib.http_client import RequestsClient
from lib.models import Upload
from local.standins import adf, slack
from local.standins import server as module
from local.standins.jira import JiraStandIn
from local.standins.server import Accept, Answer, Disconnect, Receivers, TimeoutAfterAccept
from local.standins.sns import SnsStandIn
from local.standins.webhook import WebhookStandIn
from local.standins.wire import Call
from tests.support.every import every

Json = Any


class Client:
    """Talks to the receivers as the notifiers do."""

    def __init__(self, receivers: Receivers, session: requests.Session) -> None:
        self.receivers = receivers
        self.session = session

    def slack(self, payload: Json, channel: str = "payments", **more: Any) -> requests.Response:
        return self.session.post(self.receivers.slack_url(channel), json=payload, timeout=5, **more)

    def bot(self, method: str, body: Json, token: str | None = None) -> Json:
        return self.session.post(
            f"{self.receivers.slack_site}/api/{method}",
            json=body,
            headers={"Authorization": f"Bearer {token or self.receivers.slack_token}"},
            timeout=5,
        ).json()

    def read(self, method: str, **query: str) -> Json:
        return self.get(
            f"/api/{method}",
            params={"channel": CHANNEL, **query},
            headers={"Authorization": f"Bearer {self.receivers.slack_token}"},
        ).json()

    def post(self, text: str, **fields: Json) -> str:
        answer = self.bot("chat.postMessage", {"channel": CHANNEL, "text": text, **fields})
        return str(answer["ts"])

    def jira(self, method: str, path: str, body: Json = None, **more: Any) -> requests.Response:
        more.setdefault("auth", self.receivers.jira_credentials)
        url = f"{self.receivers.jira_url}/rest/api/3{path}"
        return self.session.request(method, url, json=body, timeout=5, **more)

    def create(self, **fields: Json) -> requests.Response:
        return self.jira("POST", "/issue", {"fields": FIELDS | fields})

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.session.get(self.receivers.url + path, timeout=5, **more)


def doc(*content: Json) -> Json:
    """Return an Atlassian document."""
    return {"type": "doc", "version": 1, "content": list(content)}


def words(text: str, *marks: Json) -> Json:
    """Return a text node."""
    return {"type": "text", "text": text, "marks": list(marks)}


def paragraph(*content: Json) -> Json:
    """Return a paragraph."""
    return {"type": "paragraph", "content": list(content)}


CHANNEL = "C0123ALERTS"
METADATA = {"event_type": "ecr_scan_alert", "event_payload": {"delivery_id": "1"}}
FIELDS = {
    "project": {"key": "SEC"},
    "issuetype": {"name": "Bug"},
    "summary": "payments/api: 2 new CRITICAL",
    "labels": ["ecr-scan-alerts", "ecr-1a2b"],
    "description": doc(paragraph(words("Upgrade openssl."))),
}


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    """Listen on a free port."""
    with Receivers() as opened:
        yield opened


@pytest.fixture
def client(receivers: Receivers) -> Iterator[Client]:
    """Call them."""
    with requests.Session() as session:
        yield Client(receivers, session)


class TestSlack:
    """Incoming webhooks."""

    def test_a_message_is_taken_and_remembered(self, client: Client) -> None:
        """Slack answers with the two letters that the notifier looks for."""
        answer = client.slack({"text": "hello"})

        (message,) = client.receivers.messages("slack")
        assert (answer.status_code, answer.text) == (200, "ok")
        assert message.destination == "payments"
        assert message.payload == {"text": "hello"}
        assert json.loads(message.raw) == {"text": "hello"}

    def test_sizes_are_noted(self, client: Client) -> None:
        """A reader sees how near a message is to the limits, and what would wake people."""
        client.slack({"blocks": [section("abc <!channel>"), {"type": "divider"}]})

        (message,) = client.receivers.messages()
        assert [note.text for note in message.notes] == [
            "14 of 10,000 characters",
            "2 of 50 blocks",
            "no fallback text: notifications stay empty",
            "notifies people: <!channel>",
        ]
        assert [note.warning for note in message.notes] == [False, False, True, True]

    def test_a_channel_keeps_its_address(self, receivers: Receivers) -> None:
        """One webhook per name."""
        assert receivers.slack_url("a") == receivers.slack_url("a") != receivers.slack_url("b")

    def test_unknown_webhooks_and_tokens_are_refused(self, client: Client) -> None:
        """Slack tells "no such webhook" from "wrong token"."""
        good = client.receivers.slack_url("payments")

        missing = client.session.post(good.replace("/B0", "/B9"), json={"text": "x"})
        wrong = client.session.post(good[:-3] + "zzz", json={"text": "x"})
        short = client.session.post(client.receivers.url + "/services/T1", json={"text": "x"})

        assert (missing.status_code, missing.text) == (404, "no_service")
        assert (wrong.status_code, wrong.text) == (403, "invalid_token")
        assert short.status_code == 404
        assert client.receivers.messages() == []

    def test_an_archived_channel_is_gone(self, client: Client) -> None:
        """Only the archived one answers 410."""
        client.receivers.archive_channel("old")

        assert client.slack({"text": "x"}, "old").text == "channel_is_archived"
        assert client.slack({"text": "x"}, "old").status_code == 410
        assert client.slack({"text": "x"}, "new").status_code == 200

    def test_only_posts_are_taken(self, client: Client) -> None:
        """A webhook cannot be read."""
        assert client.session.get(client.receivers.slack_url("payments")).status_code == 405

    def test_a_body_has_to_be_json(self, client: Client) -> None:
        """Anything else is an invalid payload."""
        answer = client.session.post(client.receivers.slack_url("payments"), data=b"hello")

        assert (answer.status_code, answer.text) == (400, "invalid_payload")


class TestSlackApi:
    """A bot's methods."""

    def test_a_message_is_posted_edited_and_remembered(self, client: Client) -> None:
        """Post and edit are both recorded; the message is as it was edited to."""
        ts = client.post("hello", blocks=[section("old")], metadata=METADATA)

        answer = client.bot("chat.update", {"channel": CHANNEL, "ts": ts, "text": "bye"})

        assert answer == {"ok": True, "channel": CHANNEL, "ts": ts}
        posted, edited = client.receivers.messages("slack")
        assert (posted.kind, posted.destination, posted.payload["ts"]) == ("posted", CHANNEL, ts)
        assert (edited.kind, edited.payload["text"]) == ("updated", "bye")
        (message,) = client.read("conversations.history")["messages"]
        assert message == {"type": "message", "ts": ts, "text": "bye"}

    def test_history_holds_roots_and_what_was_sent_to_the_channel(self, client: Client) -> None:
        """Newest first; a quiet reply is in its thread only, and metadata where it is asked for."""
        root = client.post("root", metadata=METADATA)
        client.post("quiet", thread_ts=root)
        loud = client.post("loud", thread_ts=root, reply_broadcast=True)

        history = client.read("conversations.history", include_all_metadata="true")["messages"]
        thread = client.read("conversations.replies", ts=root, oldest=loud)["messages"]

        assert [each["text"] for each in history] == ["loud", "root"]
        assert history[1]["metadata"] == METADATA
        assert [each["text"] for each in thread] == ["root"]
        replies = client.read("conversations.replies", ts=root)["messages"]
        assert [each["text"] for each in replies] == ["root", "quiet", "loud"]

    def test_history_comes_in_pages(self, client: Client) -> None:
        """A cursor leads to the next one, until there is none."""
        for number in range(3):
            client.post(str(number))

        first = client.read("conversations.history", limit="2")
        cursor = first["response_metadata"]["next_cursor"]
        last = client.read("conversations.history", limit="2", cursor=cursor)

        assert [each["text"] for each in first["messages"]] == ["2", "1"]
        assert [each["text"] for each in last["messages"]] == ["0"]
        assert (first["has_more"], last["response_metadata"]["next_cursor"]) == (True, "")

    def test_a_deleted_root_takes_its_thread_along(self, client: Client) -> None:
        """It can be neither edited nor replied to, nor read."""
        root = client.post("root")
        client.post("reply", thread_ts=root)
        other = client.post("other")

        client.receivers.delete_message(CHANNEL, root)

        edit = client.bot("chat.update", {"channel": CHANNEL, "ts": root, "text": "x"})
        reply = client.bot("chat.postMessage", {"channel": CHANNEL, "thread_ts": root, "text": "x"})
        assert edit["error"] == "message_not_found"
        assert reply["error"] == "thread_not_found"
        assert client.read("conversations.replies", ts=root)["error"] == "thread_not_found"
        (left,) = client.read("conversations.history")["messages"]
        assert left["ts"] == other

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ({"channel": "#alerts"}, "channel_not_found"),
            ({"text": None}, "no_text"),
            ({"blocks": [{"type": "unknown"}]}, "invalid_blocks"),
            ({"metadata": {"event_type": "x"}}, "invalid_metadata_format"),
            ({"channel": "C0ARCHIVED"}, "is_archived"),
        ],
    )
    @pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
    def test_refusals_are_slacks(self, client: Client, method: str, body: Json, error: str) -> None:
        """A status of 200, and the error in the body; nothing is recorded as a message."""
        client.receivers.archive_channel("C0ARCHIVED")

        answer = client.bot(method, {"channel": CHANNEL, "text": "x", **body})

        assert answer == {"ok": False, "error": error}
        assert client.receivers.messages() == []
        assert client.receivers.requests()[0].reason.startswith(error)

    def test_the_token_is_checked(self, client: Client) -> None:
        """Another one is refused, and so is none."""
        other = client.bot("chat.postMessage", {"channel": CHANNEL, "text": "x"}, token="other")
        none = client.get("/api/conversations.history")

        assert other["error"] == "invalid_auth"
        assert none.json()["error"] == "not_authed"

    def test_other_calls_find_nothing(self, client: Client) -> None:
        """An unknown method is no part of the play; a body that is no object names no channel."""
        assert client.get("/api/chat.postMessage").status_code == 404
        answer = client.session.post(
            f"{client.receivers.slack_site}/api/chat.postMessage",
            data=b"hello",
            headers={"Authorization": f"Bearer {client.receivers.slack_token}"},
        )
        assert answer.json()["error"] == "channel_not_found"

    def test_a_link_leads_to_the_channel_in_the_inbox(self, client: Client) -> None:
        """Receipts link to messages as Slack does."""
        answer = client.get(f"/archives/{CHANNEL}/p1795428000000200", allow_redirects=False)

        assert answer.headers["Location"] == f"/#/slack/{CHANNEL}"


def section(text: str) -> Json:
    """Return a section block."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def plain(text: str) -> Json:
    """Return a plain text object."""
    return {"type": "plain_text", "text": text}


def button(**more: Json) -> Json:
    """Return an actions block with one button."""
    return {"type": "actions", "elements": [{"type": "button", "text": plain("Open")} | more]}


def rich(*elements: Json) -> Json:
    """Return a rich text block."""
    return {"type": "rich_text", "elements": list(elements)}


IMAGE = {"type": "image", "image_url": "https://example.org/i.png", "alt_text": "i"}
SPAN = {"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}

GOOD_BLOCKS = [
    section("x" * 3000),
    {"type": "section", "fields": [plain("x" * 2000), *[plain("x")] * 9]},
    {**section("x"), "accessory": IMAGE, "block_id": "b" * 255},
    {**section("x"), "accessory": {"type": "overflow", "options": []}},
    {"type": "header", "text": plain("x" * 150)},
    {"type": "context", "elements": [plain("x"), IMAGE]},
    button(url="https://example.org", style="danger", value="v", action_id="a"),
    IMAGE,
    {"type": "image", "slack_file": {"id": "F1"}, "alt_text": "i"},
    {"type": "markdown", "text": "**x**"},
    rich(SPAN, {"type": "rich_text_list", "style": "bullet", "elements": [SPAN]}),
    {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}, rich(SPAN)]]},
    {"type": "divider"},
    {"type": "video"},
]

BAD_BLOCKS = [
    "text",
    {"type": "nothing"},
    section(""),
    section("x" * 3001),
    {"type": "section"},
    {"type": "section", "text": "text"},
    {"type": "section", "text": {"type": "mrkdwn", "text": 1}},
    {"type": "section", "fields": []},
    {"type": "section", "fields": "x"},
    {"type": "section", "fields": [plain("x")] * 11},
    {"type": "section", "fields": [plain("x" * 2001)]},
    {**section("x"), "block_id": "b" * 256},
    {**section("x"), "block_id": 7},
    {**section("x"), "accessory": {}},
    {"type": "header", "text": plain("x" * 151)},
    {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
    {"type": "context", "elements": []},
    {"type": "context", "elements": None},
    {"type": "context", "elements": [plain("x")] * 11},
    {"type": "actions", "elements": "x"},
    button(text=plain("x" * 76)),
    button(url="u" * 3001),
    button(style="blue"),
    {"type": "image", "alt_text": "i"},
    {"type": "image", "image_url": "https://example.org/i.png"},
    {"type": "markdown"},
    {"type": "markdown", "text": "x" * 12_001},
    {"type": "rich_text", "elements": None},
    rich({"type": "text", "text": "x"}),
    rich({"type": "rich_text_section", "elements": None}),
    rich({"type": "rich_text_section", "elements": ["x"]}),
    rich({"type": "rich_text_section", "elements": [{"type": "text", "text": ""}]}),
    {"type": "table", "rows": []},
    {"type": "table", "rows": "x"},
    {"type": "table", "rows": ["x"]},
    {"type": "table", "rows": [["x"]]},
    {"type": "table", "rows": [[{"type": "raw_text", "text": ""}]]},
    {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]},
]

BAD_PAYLOADS = [
    (["text"], "invalid_payload"),
    ({}, "no_text"),
    ({"text": ""}, "no_text"),
    ({"text": 7}, "invalid_payload"),
    ({"text": "x" * 40_001}, "msg_too_long"),
    ({"blocks": {"type": "divider"}}, "invalid_blocks_format"),
    ({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
    ({"blocks": [{"type": "divider", "block_id": "b"}] * 2}, "invalid_blocks"),
    ({"blocks": [{"type": "table", "rows": [[rich(SPAN)]]}] * 2}, "invalid_blocks"),
    ({"blocks": [section("x" * 2700)] * 5}, "msg_blocks_too_long"),
    ({"attachments": "x"}, "invalid_attachments"),
    ({"attachments": ["x"]}, "invalid_attachments"),
    ({"attachments": [{"text": "x"}] * 101}, "too_many_attachments"),
    ({"attachments": [{"blocks": "x"}]}, "invalid_blocks_format"),
    ({"attachments": [{"blocks": [section("")]}]}, "invalid_blocks"),
]


@pytest.mark.parametrize("block", GOOD_BLOCKS, ids=lambda block: block["type"])
def test_a_block_within_the_limits_is_taken(client: Client, block: Json) -> None:
    """Each limit is the last value that goes through."""
    assert client.slack({"blocks": [block]}).text == "ok"


@pytest.mark.parametrize("block", BAD_BLOCKS, ids=lambda block: str(block)[:60])
def test_a_block_outside_of_the_limits_is_refused(client: Client, block: Json) -> None:
    """Slack says invalid_blocks; the log says why, in which block."""
    answer = client.slack({"blocks": [section("good"), block]})

    (request,) = client.receivers.requests()
    assert (answer.status_code, answer.text) == (400, "invalid_blocks")
    assert request.reason.startswith("invalid_blocks: blocks[1]")
    assert client.receivers.messages() == []


@pytest.mark.parametrize(("payload", "error"), BAD_PAYLOADS, ids=lambda value: str(value)[:60])
def test_a_payload_that_slack_refuses_is_refused(client: Client, payload: Json, error: str) -> None:
    """Each with Slack's own word for it."""
    answer = client.slack(payload)

    assert (answer.status_code, answer.text) == (400, error)


@every(("payload", "error"), BAD_PAYLOADS, ids=lambda value: str(value)[:60])
def test_every_problem_of_a_payload_is_listed(payload: Json, error: str) -> None:
    """One wrong part does not end the check of the others."""
    assert error in dict(slack.problems(payload))


@every("block", BAD_BLOCKS, ids=lambda block: str(block)[:60])
def test_every_problem_of_a_block_is_listed(block: Json) -> None:
    """The good block after a bad one is not blamed."""
    found = list(slack.problems({"blocks": [block, section("x")]}))

    assert found
    assert all(reason.startswith("blocks[0]") for _, reason in found)


def found(site: JiraStandIn, jql: str) -> list[str]:
    """Return the keys that a site finds."""
    account = base64.b64encode(f"{site.email}:{site.token}".encode()).decode()
    body = json.dumps({"jql": jql, "fields": ["key"]}).encode()
    headers = {"authorization": f"Basic {account}"}
    answer = site.handle(Call("POST", "/rest/api/3/search/jql", {}, headers, body)).answer
    return [each["key"] for each in json.loads(answer.body)["issues"]]


class TestJira:
    """Issues, comments, transitions, search."""

    def test_keys_count_up_per_project(self, client: Client) -> None:
        """As Jira numbers them."""
        keys = [client.create().json()["key"] for _ in range(2)]
        other = client.create(project={"key": "OPS"}).json()

        assert [*keys, other["key"]] == ["SEC-1", "SEC-2", "OPS-1"]
        assert [each.destination for each in client.receivers.messages("jira")] == [
            "SEC-1",
            "SEC-2",
            "OPS-1",
        ]

    @pytest.mark.parametrize("credentials", [None, ("alerts@example.com", "wrong")])
    def test_nobody_else_may_write(self, client: Client, credentials: Any) -> None:
        """Basic authentication with the site's account."""
        answer = client.jira("POST", "/issue", {"fields": FIELDS}, auth=credentials)

        assert answer.status_code == 401
        assert answer.json()["errorMessages"]

    def test_an_update_is_merged_and_can_be_read(self, client: Client) -> None:
        """PUT changes the named fields only."""
        client.create()

        changed = client.jira("PUT", "/issue/SEC-1", {"fields": {"summary": "All resolved"}})

        read = client.jira("GET", "/issue/SEC-1").json()
        assert (changed.status_code, changed.text) == (204, "")
        assert read["fields"]["summary"] == "All resolved"
        assert read["fields"]["labels"] == FIELDS["labels"]
        assert client.jira("GET", f"/issue/{read['id']}").json()["key"] == "SEC-1"

    def test_comments_are_kept(self, client: Client) -> None:
        """A comment is a document of its own."""
        client.create()

        added = client.jira("POST", "/issue/SEC-1/comment", {"body": doc(paragraph(words("x")))})

        assert added.status_code == 201
        assert client.jira("GET", "/issue/SEC-1/comment").json()["total"] == 1

    def test_an_issue_moves_along_its_workflow(self, client: Client) -> None:
        """By the id of a listed transition; any other id is refused."""
        client.create()
        listed = client.jira("GET", "/issue/SEC-1/transitions").json()["transitions"]
        done = next(each for each in listed if each["to"]["statusCategory"]["key"] == "done")

        moved = client.jira("POST", "/issue/SEC-1/transitions", {"transition": {"id": done["id"]}})
        refused = client.jira("POST", "/issue/SEC-1/transitions", {"transition": {"id": "99"}})

        status = client.jira("GET", "/issue/SEC-1").json()["fields"]["status"]
        assert (moved.status_code, refused.status_code) == (204, 400)
        assert status["statusCategory"]["key"] == "done"
        assert client.jira("GET", "/issue/SEC-1").json()["fields"]["resolution"]["name"] == "Done"
        assert client.receivers.messages()[-1].payload["to"] == "Done"

    @pytest.mark.parametrize(
        ("jql", "keys"),
        [
            ('project = SEC AND labels = "ecr-1a2b"', ["SEC-1"]),
            ('labels = "ecr-1a2b" and statusCategory != done', ["SEC-1"]),
            ("labels = ecr-1a2b AND status = Done", []),
            ("key = SEC-2", ["SEC-2"]),
            ("project = SEC ORDER BY created", ["SEC-1", "SEC-2"]),
            ("project = SEC ORDER BY created ASC", ["SEC-1", "SEC-2"]),
            ("project = SEC order by created desc", ["SEC-2", "SEC-1"]),
            ("assignee = nobody", []),
            (
                'project = "SEC" AND (labels = "x" OR text ~ "openssl") ORDER BY created ASC',
                ["SEC-1", "SEC-2"],
            ),
            ('project = OPS AND (labels = "ecr-1a2b" OR text ~ "openssl")', []),
            ("labels = x OR labels = other", ["SEC-2"]),
            ('text ~ "Upgrade OPENSSL"', ["SEC-1", "SEC-2"]),
            ('text ~ "open"', []),
            ('text ~ "ecr-1a2b"', []),
        ],
    )
    def test_search_finds_by_field(self, client: Client, jql: str, keys: list[str]) -> None:
        """POST and GET alike."""
        client.create()
        client.create(labels=["other"])

        posted = client.jira("POST", "/search/jql", {"jql": jql, "fields": ["key"]}).json()
        query = {"jql": jql, "fields": "key"}
        asked = client.jira("GET", "/search/jql", params=query).json()

        assert [each["key"] for each in posted["issues"]] == keys
        assert asked == posted

    def test_search_names_ids_unless_fields_are_asked_for(self, client: Client) -> None:
        """As Jira's newer search does; a field that was not named is not there."""
        issue = client.create().json()
        query = {"jql": "project = SEC"}

        bare = client.jira("POST", "/search/jql", query).json()
        named = client.jira("POST", "/search/jql", query | {"fields": ["summary"]}).json()

        assert bare["issues"] == [{"id": issue["id"]}]
        assert [*named["issues"][0]["fields"]] == ["summary"]

    def test_search_results_come_in_pages(self, client: Client) -> None:
        """A token leads to the next page, until the last one says so."""
        for _ in range(3):
            client.create()
        query: Json = {"jql": "project = SEC", "fields": ["key"], "maxResults": 2}

        first = client.jira("POST", "/search/jql", query).json()
        query |= {"nextPageToken": first["nextPageToken"]}
        last = client.jira("POST", "/search/jql", query).json()

        assert [each["key"] for each in first["issues"]] == ["SEC-1", "SEC-2"]
        assert [each["key"] for each in last["issues"]] == ["SEC-3"]
        assert (first["isLast"], last["isLast"]) == (False, True)
        assert "nextPageToken" not in last

    def test_the_index_lags(self) -> None:
        """New, changed and deleted issues alike; what is read by its key is always current."""
        moment = [0.0]
        site = JiraStandIn(lambda: moment[0])
        kept, deleted = site.add("SEC", "first"), site.add("SEC", "second")
        site.lag = lambda: 60.0
        site.add("SEC", "third")
        site.change(kept, labels=["new"])
        site.delete(deleted)

        assert found(site, "project = SEC") == ["SEC-1", "SEC-2"]
        assert found(site, "labels = new") == []
        assert found(site, 'text ~ "third" OR text ~ "second"') == ["SEC-2"]
        moment[0] = 60.0
        assert found(site, "project = SEC") == ["SEC-1", "SEC-3"]
        assert found(site, "labels = new") == ["SEC-1"]
        site.lag = lambda: 0.0
        site.delete("SEC-3")
        site.add("SEC", "third and second")
        assert found(site, 'text ~ "third" OR text ~ "second"') == ["SEC-4"]
        assert found(site, 'labels != new AND text ~ "third"') == ["SEC-4"]
        assert found(site, 'project = SEC OR text ~ "third"') == ["SEC-1", "SEC-4"]

    def test_a_slow_change_does_not_undo_a_fast_one(self) -> None:
        """The index never goes back to an older version."""
        moment = [0.0]
        site = JiraStandIn(lambda: moment[0])
        site.add("SEC", "first")
        for lag, label in ((60.0, "slow"), (10.0, "fast")):
            site.lag = lambda it=lag: it
            site.change("SEC-1", labels=[label])

        moment[0] = 61.0

        assert found(site, "labels = fast") == ["SEC-1"]

    def test_a_project_can_be_hidden(self, client: Client) -> None:
        """Without permission nothing of it exists, and the search does not know its name."""
        client.create()
        client.create(project={"key": "OPS"})
        client.receivers.jira.hide("SEC")

        read = client.jira("GET", "/issue/SEC-1")
        created = client.create()
        searched = client.jira("POST", "/search/jql", {"jql": 'project = "SEC"'})
        others = client.jira("POST", "/search/jql", {"jql": "labels = ecr-1a2b", "fields": ["key"]})

        assert (read.status_code, created.status_code, searched.status_code) == (404, 400, 400)
        assert "project" in created.json()["errors"]
        assert "does not exist" in searched.json()["errorMessages"][0]
        assert [each["key"] for each in others.json()["issues"]] == ["OPS-1"]

    def test_properties_are_kept_and_shown_when_asked_for(self, client: Client) -> None:
        """Set with the issue; people neither see nor set them."""
        body = {"fields": FIELDS, "properties": [{"key": "owner", "value": {"mark": "a"}}]}
        client.jira("POST", "/issue", body)
        person = client.receivers.jira.add("SEC", "by hand")

        def shown(key: str, query: str) -> Json:
            return client.jira("GET", f"/issue/{key}?{query}").json().get("properties")

        assert shown("SEC-1", "fields=status") is None
        assert shown("SEC-1", "properties=*all") == {"owner": {"mark": "a"}}
        assert shown("SEC-1", "properties=owner") == {"owner": {"mark": "a"}}
        assert shown("SEC-1", "properties=other") == {}
        assert shown(person, "properties=*all") == {}

    @pytest.mark.parametrize(
        "properties",
        [
            {"key": "a", "value": 1},
            ["a"],
            [{"value": 1}],
            [{"key": "", "value": 1}],
            [{"key": "x" * 256, "value": 1}],
            [{"key": "a", "value": "x" * 32_768}],
        ],
    )
    def test_wrong_properties_are_refused(self, client: Client, properties: Json) -> None:
        answer = client.jira("POST", "/issue", {"fields": FIELDS, "properties": properties})

        assert answer.status_code == 400
        assert client.receivers.messages() == []

    def test_only_the_named_fields_are_read(self, client: Client) -> None:
        client.create()

        read = client.jira("GET", "/issue/SEC-1?fields=status,labels").json()

        assert set(read["fields"]) == {"status", "labels"}

    @pytest.mark.parametrize(
        "jql",
        [
            "",
            "order by created",
            'labels = "a"; project = B',
            "a ~ b",
            "text = b",
            "labels = a OR",
            "(labels = a",
            "labels = a)",
            "labels a b",
            "labels = =",
            '"labels" = a',
        ],
    )
    def test_a_query_it_does_not_understand_is_refused(self, client: Client, jql: str) -> None:
        """Never an empty result for a query that was not understood."""
        answer = client.jira("POST", "/search/jql", {"jql": jql})

        assert answer.status_code == 400

    def test_a_deleted_issue_is_gone(self, client: Client) -> None:
        """Read and written alike."""
        client.create()
        client.receivers.delete_issue("SEC-1")

        answers = [client.jira("GET", "/issue/SEC-1"), client.jira("PUT", "/issue/SEC-1", {})]

        assert [each.status_code for each in answers] == [404, 404]
        assert "does not exist" in answers[0].json()["errorMessages"][0]

    def test_files_are_attached_listed_opened_and_removed(self, client: Client) -> None:
        """By the client that the notifier has; the inbox opens them."""
        client.create()
        user, token = client.receivers.jira_credentials
        encoded = base64.b64encode(f"{user}:{token}".encode()).decode()
        headers = {"Authorization": f"Basic {encoded}", "X-Atlassian-Token": "no-check"}
        http = RequestsClient(
            ("127.0.0.1",), session=client.session, now=lambda: datetime(2026, 11, 23, tzinfo=UTC)
        )
        api = f"{client.receivers.jira_url}/rest/api/3"
        upload = Upload("scan-report-1.html", b"<title>\xc3\xbc</title>", "text/html")

        http.upload(f"{api}/issue/SEC-1/attachments", upload, headers=headers)
        (listed,) = client.jira("GET", "/issue/SEC-1").json()["fields"]["attachment"]
        opened = client.get(f"/attachments/{listed['id']}")
        (message,) = [each for each in client.receivers.messages("jira") if each.kind == "attached"]
        http.delete(f"{api}/attachment/{listed['id']}", headers=headers)

        assert (listed["filename"], listed["size"]) == ("scan-report-1.html", 17)
        assert opened.content == upload.content
        assert opened.headers["Content-Type"] == "text/html; charset=utf-8"
        assert message.payload == {"id": listed["id"], "filename": listed["filename"], "size": 17}
        assert client.get(f"/attachments/{listed['id']}").status_code == 404
        assert not client.jira("GET", "/issue/SEC-1").json()["fields"]["attachment"]

    @pytest.mark.parametrize(
        ("path", "token", "files", "status"),
        [
            ("/issue/SEC-1/attachments", "no-check", {"other": b"x"}, 400),
            ("/issue/SEC-1/attachments", "no-check", {}, 400),
            ("/issue/SEC-1/attachments", "", {"file": b"x"}, 403),
            ("/issue/SEC-9/attachments", "no-check", {"file": b"x"}, 404),
            ("/attachment/7", "no-check", {"file": b"x"}, 404),
        ],
    )
    def test_files_that_jira_would_refuse(
        self, client: Client, path: str, token: str, files: Json, status: int
    ) -> None:
        client.create()

        answer = client.session.post(
            f"{client.receivers.jira_url}/rest/api/3{path}",
            files=files,
            headers={"X-Atlassian-Token": token},
            auth=client.receivers.jira_credentials,
            timeout=5,
        )

        assert answer.status_code == status

    def test_an_attachment_that_is_not_there_cannot_be_removed(self, client: Client) -> None:
        assert client.jira("DELETE", "/attachment/30001").status_code == 404

    def test_text_is_searched_for(self, client: Client) -> None:
        """The words of description and comments."""
        client.create()
        client.jira("POST", "/issue/SEC-1/comment", {"body": doc(paragraph(words("abc123")))})

        for word, found in (("abc123", 1), ("abc124", 0)):
            answer = client.jira("POST", "/search/jql", {"jql": f'text ~ "{word}"'})
            assert len(answer.json()["issues"]) == found

    @pytest.mark.parametrize("path", ["/project/SEC", "/issue/SEC-1/votes", "/issue"])
    def test_calls_it_does_not_know_are_not_found(self, client: Client, path: str) -> None:
        """Nothing is pretended."""
        client.create()

        assert client.jira("GET", path).status_code == 404

    @pytest.mark.parametrize("body", [b"[]", b"{"])
    def test_a_body_has_to_be_an_object(self, client: Client, body: bytes) -> None:
        """Anything else is 400."""
        url = f"{client.receivers.jira_url}/rest/api/3/issue"

        answer = client.session.post(url, data=body, auth=client.receivers.jira_credentials)

        assert answer.status_code == 400

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"project": {}}, "project"),
            ({"issuetype": None}, "issuetype"),
            ({"summary": ""}, "summary"),
            ({"summary": "x" * 256}, "summary"),
            ({"summary": "a\nb"}, "summary"),
            ({"labels": ["a b"]}, "labels"),
            ({"labels": ["x" * 256]}, "labels"),
            ({"description": "text"}, "description"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_a_wrong_field_is_named(self, client: Client, fields: Json, field: str) -> None:
        """In Jira's shape, and nothing is created."""
        answer = client.create(**fields)

        assert answer.status_code == 400
        assert list(answer.json()["errors"]) == [field]
        assert client.receivers.messages() == []

    def test_a_wrong_field_in_an_update_is_named_too(self, client: Client) -> None:
        """The same checks."""
        client.create()

        answer = client.jira("PUT", "/issue/SEC-1", {"fields": {"summary": ""}})

        assert list(answer.json()["errors"]) == ["summary"]

    def test_a_missing_summary_is_named(self, client: Client) -> None:
        """A create needs one, an update does not."""
        fields = {name: value for name, value in FIELDS.items() if name != "summary"}

        answer = client.jira("POST", "/issue", {"fields": fields})

        assert list(answer.json()["errors"]) == ["summary"]

    def test_too_much_text_costs_a_number(self, client: Client) -> None:
        """A refused create uses up an issue number, as at Jira."""
        long = doc(paragraph(words("x" * 33_000)))

        refused = client.create(description=long)
        created = client.create()

        assert refused.json()["errorMessages"] == ["CONTENT_LIMIT_EXCEEDED"]
        assert created.json()["key"] == "SEC-2"

    def test_updates_and_comments_have_the_same_limit(self, client: Client) -> None:
        """32,767 characters."""
        client.create()
        long = doc(paragraph(words("x" * 33_000)))

        update = client.jira("PUT", "/issue/SEC-1", {"fields": {"description": long}})
        comment = client.jira("POST", "/issue/SEC-1/comment", {"body": long})

        assert [update.status_code, comment.status_code] == [400, 400]

    def test_an_update_without_a_summary_notes_the_description(self, client: Client) -> None:
        """Only what was sent is measured."""
        client.create()
        client.jira("PUT", "/issue/SEC-1", {"fields": {"description": FIELDS["description"]}})

        (note,) = client.receivers.messages()[-1].notes
        assert note.text.endswith("of 32,767 characters of JSON")

    def test_a_custom_field_and_no_description_are_fine(self, client: Client) -> None:
        """Sites have fields of their own."""
        answer = client.create(customfield_10010="x", description=None)

        assert answer.status_code == 201

    @pytest.mark.parametrize(
        "node",
        [
            {"type": "heading", "attrs": {"level": 2}, "content": [words("x")]},
            {"type": "panel", "attrs": {"panelType": "error"}, "content": [paragraph()]},
            {"type": "codeBlock", "content": [{"type": "text", "text": "x"}]},
            {"type": "rule"},
            paragraph(words("x", {"type": "code"}, {"type": "link", "attrs": {"href": "u"}})),
        ],
    )
    def test_a_valid_node_is_taken(self, client: Client, node: Json) -> None:
        """The nodes that alerts are made of."""
        assert client.create(description=doc(node)).status_code == 201

    @pytest.mark.parametrize(
        "document",
        [
            "text",
            {"type": "doc", "version": 2, "content": []},
            {"type": "doc", "version": 1},
            doc(words("x")),
            doc("x"),
            doc({"type": "paragraph", "content": "x"}),
            doc(paragraph({"type": "text", "text": ""})),
            doc(paragraph(words("x", {"type": "blink"}))),
            doc(paragraph(words("x", {"type": "code"}, {"type": "strong"}))),
            doc(paragraph(words("x", {"type": "link"}))),
            doc({"type": "heading", "attrs": {"level": 7}}),
            doc({"type": "heading"}),
            doc({"type": "panel", "content": [paragraph()]}),
            doc({"type": "codeBlock", "content": [words("x", {"type": "strong"})]}),
            doc({"type": "bulletList", "content": [paragraph()]}),
        ],
        ids=lambda document: json.dumps(document)[:70],
    )
    def test_a_document_that_is_not_valid_is_refused(self, client: Client, document: Json) -> None:
        """In descriptions and comments alike."""
        client.create()

        description = client.create(description=document)
        comment = client.jira("POST", "/issue/SEC-1/comment", {"body": document})

        assert list(adf.problems(document))
        assert list(description.json()["errors"]) == ["description"]
        assert list(comment.json()["errors"]) == ["comment"]


NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "1",
    "TopicArn": "arn:aws:sns:eu-central-1:000000000000:scan-alerts",
    "Subject": "2 new CRITICAL",
    "Message": "2 new CRITICAL since 1.4.1",
}


class TestSns:
    """Subscribers of topics."""

    def test_a_notification_is_taken(self, client: Client) -> None:
        """Under the subscriber's name."""
        url = client.receivers.sns_url("security@example.com")

        answer = client.session.post(url, data=json.dumps(NOTIFICATION), timeout=5)

        (message,) = client.receivers.messages("sns")
        assert answer.status_code == 200
        assert message.destination == "security@example.com"
        assert [note.text for note in message.notes] == [
            "26 of 262,144 bytes",
            "14 of 99 characters of subject",
        ]

    def test_a_notification_from_a_queue_is_taken(self, receivers: Receivers) -> None:
        """For topics whose messages are polled."""
        receivers.receive_sns({**NOTIFICATION, "Subject": None}, "audit")

        (message,) = receivers.messages("sns")
        assert (message.destination, len(message.notes)) == ("audit", 1)

    def test_a_subscription_is_confirmed(self, client: Client) -> None:
        """By visiting its SubscribeURL."""
        visited: list[str] = []

        class Confirming(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                visited.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # inherited
                """Say nothing."""

        with HTTPServer(("127.0.0.1", 0), Confirming) as aws:
            thread = threading.Thread(target=aws.handle_request)
            thread.start()
            url = f"http://127.0.0.1:{aws.server_port}/?Action=ConfirmSubscription"
            answer = client.session.post(
                client.receivers.sns_url("audit"),
                data=json.dumps({"Type": "SubscriptionConfirmation", "SubscribeURL": url}),
                timeout=5,
            )
            thread.join()

        assert (answer.status_code, visited) == (200, ["/?Action=ConfirmSubscription"])
        assert client.receivers.messages() == []

    def test_a_confirmation_elsewhere_is_refused(self, client: Client) -> None:
        """The stand-in calls this machine only."""
        answer = client.session.post(
            client.receivers.sns_url("audit"),
            json={"Type": "SubscriptionConfirmation", "SubscribeURL": "https://example.org/"},
        )

        assert answer.status_code == 403

    def test_a_confirmation_that_fails_is_said(self) -> None:
        """SNS would try again."""

        def nobody(_url: str) -> None:
            raise OSError

        body = {"Type": "SubscriptionConfirmation", "SubscribeURL": "http://localhost:1/"}
        call = Call("POST", "/sns/audit", {}, {}, json.dumps(body).encode())

        assert SnsStandIn(nobody).handle(call).answer.status == 502

    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"Type": "Notification"}'])
    def test_anything_else_is_refused(self, client: Client, body: bytes) -> None:
        """Only what SNS sends."""
        answer = client.session.post(client.receivers.sns_url("audit"), data=body)

        assert answer.status_code == 400

    def test_a_subscriber_needs_a_name_and_a_post(self, client: Client) -> None:
        """Other addresses are not found."""
        assert client.get("/sns/audit").status_code == 404
        assert client.session.post(client.receivers.url + "/sns/", json={}).status_code == 404


ALERT = {
    "event_action": "trigger",
    "dedup_key": "stream/findings",
    "payload": {
        "summary": "2 CRITICAL open",
        "source": "arn:aws:ecr",
        "severity": "critical",
        "custom_details": {"open": "2 CRITICAL"},
    },
    "links": [{"href": "https://report.example/", "text": "Full report"}],
}


class TestPagerDuty:
    """An integration for the Events API v2."""

    def enqueue(
        self, receivers: Receivers, body: Json = ALERT, **fields: Json
    ) -> requests.Response:
        if isinstance(body, dict):
            body = {"routing_key": receivers.pagerduty_key("on-call"), **body, **fields}
        return requests.post(f"{receivers.pagerduty_site}/v2/enqueue", json=body, timeout=5)

    def test_a_change_event_opens_nothing(self, receivers: Receivers) -> None:
        """It is listed at its integration, without the key."""
        key = receivers.pagerduty_key("on-call")
        change = {"routing_key": key, "payload": {"summary": "TEST"}}

        answer = requests.post(
            f"{receivers.pagerduty_site}/v2/change/enqueue", json=change, timeout=5
        )

        assert answer.status_code == 202
        assert not receivers.open_incidents
        (message,) = receivers.messages("pagerduty")
        assert (message.kind, message.destination) == ("notified", "on-call")
        assert key not in json.dumps(message.payload)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ([], "not a JSON object"),
            ({"payload": {"summary": "x"}}, "routing_key"),
            ({"routing_key": "0" * 32, "payload": {"summary": "x"}}, "Invalid routing key"),
            ({"routing_key": "KEY", "payload": None}, "payload.summary"),
            ({"routing_key": "KEY", "payload": {"summary": "x" * 1025}}, "payload.summary"),
        ],
    )
    def test_a_change_event_is_checked(self, receivers: Receivers, change: Any, words: str) -> None:
        """As strictly as an alert."""
        if isinstance(change, dict) and change.get("routing_key") == "KEY":
            change = change | {"routing_key": receivers.pagerduty_key("on-call")}

        answer = requests.post(
            f"{receivers.pagerduty_site}/v2/change/enqueue", json=change, timeout=5
        )

        assert answer.status_code == 400
        assert words in answer.text

    def test_an_incident_is_opened_added_to_and_resolved(self, receivers: Receivers) -> None:
        """All of one key; after that, the next trigger opens another."""
        actions = ("trigger", "trigger", "resolve", "trigger")
        answers = [self.enqueue(receivers, event_action=each) for each in actions]

        assert [each.status_code for each in answers] == [202] * 4
        assert answers[0].json() == {
            "status": "success",
            "message": "Event processed",
            "dedup_key": "stream/findings",
        }
        events = receivers.messages("pagerduty")
        assert [(each.kind, each.destination) for each in events] == [
            ("created", "1"),
            ("updated", "1"),
            ("resolved", "1"),
            ("created", "2"),
        ]
        assert receivers.open_incidents == ("stream/findings",)
        assert events[0].payload == ALERT
        assert "routing_key" in events[0].raw

    def test_each_integration_has_incidents_of_its_own(self, receivers: Receivers) -> None:
        """The same key of another one is another incident."""
        self.enqueue(receivers)
        other = {"routing_key": receivers.pagerduty_key("other")}

        self.enqueue(receivers, event_action="resolve", **other)
        self.enqueue(receivers, **other)

        assert [each.destination for each in receivers.messages()] == ["1", "2"]
        assert len(receivers.open_incidents) == 2

    def test_resolving_what_is_not_open_is_accepted_and_does_nothing(
        self, receivers: Receivers
    ) -> None:
        """As often as it comes."""
        self.enqueue(receivers)

        answers = [
            self.enqueue(receivers, event_action="resolve", dedup_key="another") for _ in "12"
        ]

        assert [each.status_code for each in answers] == [202, 202]
        assert len(receivers.messages()) == 1
        assert [each.reason for each in receivers.requests()] == ["", "", ""]

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"routing_key": "short"}, "Length of 'routing_key' is incorrect"),
            ({"routing_key": 7}, "Length of 'routing_key' is incorrect"),
            ({"routing_key": "0" * 32}, "Invalid routing key"),
            ({"event_action": "close"}, "'event_action' is invalid"),
            ({"dedup_key": ""}, "'dedup_key' is missing"),
            ({"dedup_key": "k" * 256}, "'dedup_key' is missing, blank or too long"),
            ({"payload": None}, "'payload' is missing"),
            ({"payload": {**ALERT["payload"], "summary": " "}}, "'payload.summary' is missing"),
            ({"payload": {**ALERT["payload"], "summary": "s" * 1025}}, "more than 1,024"),
            ({"payload": {**ALERT["payload"], "source": 7}}, "'payload.source' is missing"),
            ({"payload": {**ALERT["payload"], "severity": "high"}}, "'payload.severity' is"),
            ({"payload": {**ALERT["payload"], "custom_details": []}}, "'payload.custom_details'"),
            ({"links": [{"href": "javascript:x"}]}, "'links' is invalid"),
            ({"links": {}}, "'links' is invalid"),
        ],
    )
    def test_what_is_wrong_is_said(self, receivers: Receivers, fields: Json, error: str) -> None:
        """As PagerDuty does: 400 with a list."""
        answer = self.enqueue(receivers, **fields)

        assert answer.status_code == 400
        (said,) = answer.json()["errors"]
        assert error in said
        assert receivers.messages() == []

    def test_other_bodies_sizes_and_addresses_are_refused(self, receivers: Receivers) -> None:
        """Nothing of it is taken."""
        url = f"{receivers.pagerduty_site}/v2/enqueue"

        assert self.enqueue(receivers, []).json()["errors"] == ["the body is not a JSON object"]
        assert requests.post(url, data=b"{", timeout=5).status_code == 400
        assert self.enqueue(receivers, extra="x" * 512_000).status_code == 413
        assert requests.get(url, timeout=5).status_code == 404
        assert requests.post(f"{receivers.url}/v2/change", json={}, timeout=5).status_code == 404

    def test_faults_can_be_played_at_one_incident(self, receivers: Receivers) -> None:
        """By its number, once it is there."""
        self.enqueue(receivers)
        receivers.script("pagerduty/1", [Answer(429)])

        assert self.enqueue(receivers, dedup_key="another").status_code == 202
        assert self.enqueue(receivers).status_code == 429


EVENT = {"specversion": "1.0", "id": "1", "source": "arn:aws:ecr", "type": "alert", "data": {}}


class TestWebhook:
    """Receivers that check who sent what, and when."""

    def send(
        self,
        receivers: Receivers,
        event: Json = EVENT,
        *,
        late: float = 0,
        key: bytes | None = None,
        body: bytes | None = None,
        **headers: str,
    ) -> requests.Response:
        """Sign an event as the specification says, and send it, or another body in its place."""
        content = json.dumps(event).encode()
        timestamp = str(int(time.time() - late))
        key = key or base64.b64decode(receivers.webhook_secret.removeprefix("whsec_"))
        digest = hmac.digest(key, f"1.{timestamp}.".encode() + content, "sha256")
        return requests.post(
            receivers.webhook_url("inventory"),
            data=content if body is None else body,
            headers={
                "Content-Type": "application/cloudevents+json",
                "webhook-id": "1",
                "webhook-timestamp": timestamp,
                "webhook-signature": f"v1,bm9uZQ== v1,{base64.b64encode(digest).decode()}",
                **headers,
            },
            timeout=5,
        )

    def test_a_signed_event_is_taken(self, receivers: Receivers) -> None:
        """One of several signatures is enough."""
        answer = self.send(receivers)

        (message,) = receivers.messages("webhook")
        assert (answer.status_code, message.destination) == (204, "inventory")
        assert message.payload == EVENT
        assert [each.text for each in message.notes] == [
            f"{len(json.dumps(EVENT))} of 262,144 bytes",
            "signature verified",
        ]

    def test_a_repeat_is_told_by_its_id(self, receivers: Receivers) -> None:
        """It is taken again: whoever sent it has to know that it is there."""
        self.send(receivers)

        assert self.send(receivers, late=60).status_code == 204
        assert receivers.messages()[1].notes[2].text.startswith("a repeat")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"key": b"another"},
            {"body": b"{}"},
            {"late": 301},
            {"late": -302},
            {"webhook-timestamp": "soon"},
            {"webhook-signature": ""},
            {"webhook-signature": "v1,\u00e9"},
            {"webhook-id": "2"},
        ],
    )
    def test_what_is_forged_or_old_is_refused(self, receivers: Receivers, wrong: Any) -> None:
        """Another key, another body, another time, another id."""
        assert self.send(receivers, **wrong).status_code == 401
        assert receivers.messages() == []
        assert receivers.requests()[0].reason

    @pytest.mark.parametrize(
        "wrong",
        [
            {"event": []},
            {"event": {**EVENT, "source": ""}},
            {"event": {**EVENT, "id": "2"}},
            {"event": {**EVENT, "data": "x" * 262_144}},
            {"Content-Type": "application/json"},
        ],
    )
    def test_what_is_no_event_is_refused(self, receivers: Receivers, wrong: Any) -> None:
        """However well it is signed."""
        assert self.send(receivers, **wrong).status_code == 400

    def test_a_body_that_is_no_json_is_refused(self) -> None:
        """It says so."""
        stand_in = WebhookStandIn(lambda: 0.0)
        key = base64.b64decode(stand_in.secret.removeprefix("whsec_"))
        signed = base64.b64encode(hmac.digest(key, b"1.0.{", "sha256")).decode()
        headers = {
            "content-type": "application/cloudevents+json",
            "webhook-id": "1",
            "webhook-timestamp": "0",
            "webhook-signature": f"v1,{signed}",
        }

        outcome = stand_in.handle(Call("POST", stand_in.path("a"), {}, headers, b"{"))

        assert (outcome.answer.status, outcome.reason) == (400, "the body is not JSON")

    def test_a_receiver_has_a_name_a_secret_path_and_takes_posts(
        self, receivers: Receivers
    ) -> None:
        """Everything else is not found."""
        url = receivers.webhook_url("inventory")

        assert requests.get(url, timeout=5).status_code == 404
        assert requests.post(f"{url}x", timeout=5).status_code == 404
        assert requests.post(f"{receivers.url}/webhooks/", timeout=5).status_code == 404


class TestScript:
    """Faults, played in order."""

    def test_steps_are_played_in_order_and_then_all_is_normal(self, client: Client) -> None:
        """A refusal takes nothing; what was taken is in the log once."""
        later = format_datetime(datetime(2026, 11, 23, 9, 0, tzinfo=UTC), usegmt=True)
        client.receivers.script(
            "slack",
            [
                Answer(429, headers={"Retry-After": "2"}),
                Answer(429, headers={"Retry-After": later}),
                Answer(500, "rollup_error"),
                Accept(),
                Answer(403, "invalid_token"),
                Answer(200, '{"ok": false, "error": "rate_limited"}'),
            ],
        )

        answers = [client.slack({"text": str(number)}) for number in range(7)]

        assert [each.status_code for each in answers] == [429, 429, 500, 200, 403, 200, 200]
        assert answers[0].headers["Retry-After"] == "2"
        assert answers[1].headers["Retry-After"] == "Mon, 23 Nov 2026 09:00:00 GMT"
        assert answers[5].json()["ok"] is False
        assert [each.payload["text"] for each in client.receivers.messages()] == ["3", "6"]
        assert [each.message for each in client.receivers.requests()] == [
            None,
            None,
            None,
            1,
            None,
            None,
            2,
        ]
        assert client.receivers.requests()[0].reason.endswith("Retry-After: 2")

    def test_an_error_can_hide_that_the_message_was_taken(self, client: Client) -> None:
        """The ambiguous 500."""
        client.receivers.script("slack", [Answer(500, accepts=True)])

        answer = client.slack({"text": "x"})

        assert answer.status_code == 500
        assert len(client.receivers.messages()) == 1

    def test_one_channel_can_fail_alone(self, client: Client) -> None:
        """A script for one destination comes before the one for its receiver."""
        client.receivers.script("slack", [Answer(500)])
        client.receivers.script("slack/a", [Answer(410)])

        statuses = [client.slack({"text": "x"}, name).status_code for name in ("a", "b", "a")]

        assert statuses == [410, 500, 200]
        assert client.receivers.unplayed() == 0

    def test_silence_after_taking_the_message(self, client: Client) -> None:
        """The caller gets no answer, and cannot know that it was taken."""
        client.receivers.script("slack", [TimeoutAfterAccept()])

        with pytest.raises(requests.ReadTimeout):
            client.session.post(
                client.receivers.slack_url("payments"), json={"text": "x"}, timeout=(3, 0.05)
            )

        assert len(client.receivers.messages()) == 1
        assert client.receivers.requests()[0].status is None

    def test_silence_ends_by_itself(self, client: Client) -> None:
        """With a closed connection."""
        client.receivers.script("slack", [TimeoutAfterAccept(seconds=0.01)])

        with pytest.raises(requests.ConnectionError):
            client.slack({"text": "x"})

    def test_silence_ends_when_a_test_says_so(self, client: Client) -> None:
        """The caller is let go, and the next silence lasts again."""
        client.receivers.script("slack", [TimeoutAfterAccept(), TimeoutAfterAccept()])
        with ThreadPoolExecutor() as pool:
            call = pool.submit(client.slack, {"text": "x"})
            client.receivers.wait_for(1, timeout=5)
            client.receivers.hang_up()
            with pytest.raises(requests.ConnectionError):
                call.result()

        url = client.receivers.slack_url("payments")
        with pytest.raises(requests.ReadTimeout):
            client.session.post(url, json={"text": "x"}, timeout=(3, 0.05))

    @pytest.mark.parametrize("accepts", [True, False])
    def test_hanging_up(self, client: Client, *, accepts: bool) -> None:
        """Before or after taking the message; the caller sees the same."""
        client.receivers.script("jira", [Disconnect(accepts=accepts)])

        with pytest.raises(requests.ConnectionError):
            client.create()

        assert len(client.receivers.messages()) == int(accepts)
        assert client.receivers.unplayed() == 0

    def test_silence_does_not_delay_the_end(self) -> None:
        """Closing the receivers lets every waiting caller go at once."""
        errors: list[Exception] = []
        with Receivers() as receivers:
            receivers.script("slack", [TimeoutAfterAccept(seconds=60)])
            url = receivers.slack_url("payments")

            def call() -> None:
                try:
                    requests.post(url, json={"text": "x"}, timeout=30)
                except requests.ConnectionError as error:
                    errors.append(error)

            thread = threading.Thread(target=call)
            thread.start()
            receivers.wait_for(1, timeout=5)
        thread.join(5)

        assert len(errors) == 1


class TestLog:
    """What is remembered, and waiting for it."""

    def test_every_request_is_logged_with_its_outcome(self, client: Client) -> None:
        """Method, path, time, status, and which message came of it."""
        before = datetime.now(UTC)
        client.slack({"text": "x"})
        client.create(summary="")

        slack, jira = client.receivers.requests()
        assert (slack.method, slack.status, slack.message) == ("POST", 200, 1)
        assert client.receivers.slack_url("payments").endswith(slack.path)
        assert (jira.status, jira.message) == (400, None)
        assert "summary" in jira.reason
        assert before <= slack.at <= jira.at
        assert client.receivers.requests("jira") == [jira]

    def test_waiting_ends_with_the_last_message(self, client: Client) -> None:
        """It returns what there is by then."""
        thread = threading.Thread(target=client.slack, args=({"text": "x"},))
        thread.start()

        found = client.receivers.wait_for(1, timeout=5, receiver="slack")

        thread.join()
        assert [each.payload for each in found] == [{"text": "x"}]

    def test_waiting_in_vain_says_what_came(self, client: Client) -> None:
        """How many of how many, after how long."""
        client.slack({"text": "x"})

        with pytest.raises(TimeoutError, match=r"1 of 2 messages after 0 s \(1 requests\)"):
            client.receivers.wait_for(2, timeout=0)

    def test_many_senders_at_once_lose_nothing(self, receivers: Receivers) -> None:
        """Numbers are given once each, and requests match messages."""

        def send(name: str) -> None:
            with requests.Session() as session:
                for number in range(10):
                    payload = {"text": f"{name} {number}"}
                    session.post(receivers.slack_url(name), json=payload, timeout=10)

        names = [f"channel-{number}" for number in range(8)]
        for name in names:
            receivers.slack_url(name)
        threads = [threading.Thread(target=send, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        messages = receivers.messages()
        assert [each.id for each in messages] == list(range(1, 81))
        assert len({each.payload["text"] for each in messages}) == 80
        assert sorted(each.message for each in receivers.requests()) == list(range(1, 81))


class TestInbox:
    """The page and what it asks."""

    def test_the_page_allows_its_own_files_only(self, client: Client) -> None:
        """A strict policy, and nothing written in line."""
        answer = client.get("/")

        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "style=" not in answer.text
        assert "<script>" not in answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize(
        ("path", "kind"),
        [("/inbox.css", "text/css"), ("/inbox.js", "text/javascript"), ("/icon.svg", "image/svg")],
    )
    def test_its_files_are_served(self, client: Client, path: str, kind: str) -> None:
        """With the right type, as nosniff asks for."""
        answer = client.get(path)

        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(kind)

    @pytest.mark.parametrize(
        "path", ["/missing.js", "/..%2Freceivers.py", "/%2e%2e/receivers.js", "/api/x", "/a/b"]
    )
    def test_nothing_else_is_served(self, client: Client, path: str) -> None:
        """No file outside of the folder."""
        assert client.get(path).status_code == 404

    def test_the_page_cannot_be_written(self, client: Client) -> None:
        """Only the receivers take anything."""
        assert client.session.put(client.receivers.inbox_url, data=b"x").status_code == 405

    def test_news_starts_with_everything(self, client: Client) -> None:
        """A page that knows nothing, or another session, gets all there is."""
        client.slack({"text": "x"})

        news = client.get("/api/messages", params={"session": "other", "message": "9"}).json()

        assert [each["payload"] for each in news["messages"]] == [{"text": "x"}]
        assert "raw" not in news["messages"][0]
        assert [each["status"] for each in news["requests"]] == [200]

    def test_news_goes_on_where_the_page_is(self, client: Client) -> None:
        """Only what it has not seen."""
        client.slack({"text": "1"})
        session = client.get("/api/messages").json()["session"]
        client.slack({"text": "2"})

        seen = {"session": session, "message": 1, "request": 1, "wait": 1}
        news = client.get("/api/messages", params=seen).json()

        assert [each["id"] for each in news["messages"]] == [2]
        assert len(news["requests"]) == 1

    def test_a_question_waits_for_news(self, client: Client) -> None:
        """The page learns of a message when it comes."""
        session = client.get("/api/messages").json()["session"]
        answers: list[Json] = []

        def ask() -> None:
            seen = {"session": session, "message": 0, "request": 0, "wait": 1}
            answers.append(requests.get(url, params=seen, timeout=10).json())

        url = f"{client.receivers.url}/api/messages"
        thread = threading.Thread(target=ask)
        thread.start()
        client.slack({"text": "x"})
        thread.join()

        assert [each["id"] for each in answers[0]["messages"]] == [1]

    def test_news_comes_in_pages(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """A flood is told in several answers."""
        monkeypatch.setattr(module, "PAGE", 2)
        for number in range(3):
            client.slack({"text": str(number)})

        first = client.get("/api/messages").json()
        query = {"session": first["session"], "message": 2, "request": 3}
        second = client.get("/api/messages", params=query).json()

        assert (len(first["messages"]), first["more"]) == (2, True)
        assert (len(second["messages"]), second["more"]) == (1, False)

    def test_the_raw_payload_is_as_it_came(self, client: Client) -> None:
        """Byte for byte, and never as a page."""
        body = b'{ "text" :  "\xc3\xbc" }'
        client.session.post(client.receivers.slack_url("payments"), data=body, timeout=5)

        answer = client.get("/api/messages/1/raw")

        assert answer.content == body
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert client.get("/api/messages/2/raw").status_code == 404
        assert client.get("/api/messages/0/raw").status_code == 404

    def test_a_receipt_leads_to_the_page(self, client: Client) -> None:
        """The address of an issue, as Jira has it."""
        answer = client.get("/browse/SEC-1", allow_redirects=False)

        assert answer.headers["Location"] == "/#/jira/SEC-1"

    def test_links_to_functions_lead_to_the_embedded_aws(self, client: Client) -> None:
        """As soon as there is one."""
        before = client.get("/functions/abc/pages/a?b=1&c=%2F", allow_redirects=False)
        client.receivers.functions_url = "http://127.0.0.1:1/_aws/lambda-url"
        after = client.get("/functions/abc/pages/a?b=1&c=%2F", allow_redirects=False)

        assert before.status_code == 404
        assert after.headers["Location"] == (
            "http://127.0.0.1:1/_aws/lambda-url/abc/pages/a?b=1&c=%2F"
        )


class TestServer:
    """HTTP itself."""

    @pytest.mark.parametrize("length", ["5000000", "many"])
    def test_a_body_has_a_limit(self, client: Client, length: str) -> None:
        """Nobody fills the memory by mistake."""
        answer = client.session.post(
            client.receivers.slack_url("payments"),
            data=b"",
            headers={"Content-Length": length},
            timeout=5,
        )

        assert answer.status_code == 413

    def test_a_caller_who_breaks_off_is_no_news(
        self, receivers: Receivers, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A reset connection is neither taken nor printed."""
        reset = struct.pack("ii", 1, 0)
        with socket.create_connection(("127.0.0.1", receivers.port)) as caller:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            caller.sendall(b"POST /services/T/B/x HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
            receivers.wait_for(0, timeout=1)
        with requests.get(receivers.inbox_url, timeout=5) as answer:
            assert answer.status_code == 200

        assert receivers.messages() == []
        assert capfd.readouterr().err == ""

    def test_a_fault_of_its_own_is_printed(
        self,
        receivers: Receivers,
        capfd: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Bugs of the stand-in do not hide."""
        monkeypatch.setattr(receivers, "answer", lambda _call: 1 / 0)

        with pytest.raises(requests.ConnectionError):
            requests.get(receivers.inbox_url, timeout=5)

        assert "ZeroDivisionError" in capfd.readouterr().err

    def test_a_caller_who_stays_connected_does_not_delay_the_end(self) -> None:
        """Connections that are kept alive are closed."""
        with requests.Session() as session:
            with Receivers() as receivers:
                session.get(receivers.inbox_url, timeout=5)

            with pytest.raises(requests.ConnectionError):
                session.get(receivers.inbox_url, timeout=5)

    def test_the_port_can_be_chosen_and_is_free_afterwards(self) -> None:
        """Closing is complete: the same port can be opened again at once."""
        with Receivers() as first:
            port = first.port
            assert requests.get(first.inbox_url, timeout=5).status_code == 200

        with Receivers(port) as second:
            assert second.url == f"http://127.0.0.1:{port}"
