"""
Slack's Web API, as far as a bot needs it: posting, editing, reading history and threads.

https://docs.slack.dev/reference/methods/chat.postMessage, chat.update, auth.test,
conversations.history and conversations.replies. Errors have Slack's format: 200 with {"ok": false,
"error": …}. Every channel exists, and the bot is a member of all.
"""

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from types import MappingProxyType
from typing import Final

from local.standins.slack import notes, problems
from local.standins.wire import NOT_FOUND, Answer, Call, Draft, Json, Kind, Outcome

PREFIX: Final = "/api/"

_JSON: Final = MappingProxyType({"Content-Type": "application/json; charset=utf-8"})
_CHANNEL: Final = re.compile(r"[CG][A-Z0-9]{5,}")
_STORED: Final[tuple[str, ...]] = ("text", "blocks", "metadata", "thread_ts")
_LIMIT: Final = 100


@dataclass(slots=True)
class _Message:
    channel: str
    ts: str
    content: dict[str, Json]
    broadcast: bool

    @property
    def thread(self) -> str | None:
        """The timestamp of the thread's root; None for a root."""
        return self.content.get("thread_ts")


class SlackApiStandIn:
    """A workspace with one bot, and the messages that the bot posted."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.token = secrets.token_hex(16)
        self._now = now
        self._messages: list[_Message] = []
        self._posted = 0
        self._archived: set[str] = set()
        self._lock = Lock()

    def archive(self, channel: str) -> None:
        """Make a channel refuse all messages."""
        self._archived.add(channel)

    def delete(self, channel: str, ts: str) -> None:
        """Delete a message with its replies, as a person would."""
        with self._lock:
            self._messages = [
                message
                for message in self._messages
                if message.channel != channel or ts != _root(message)
            ]

    def destination(self, call: Call) -> str:
        """Return the channel of a call, or ""."""
        return str(_arguments(call).get("channel") or "")

    def handle(self, call: Call) -> Outcome:
        """Answer as Slack does."""
        action = self._actions.get((call.method, call.path.removeprefix(PREFIX)))
        if action is None:
            return NOT_FOUND
        authorization = call.headers.get("authorization")
        if authorization is None:
            return _refuse("not_authed", "no token")
        if authorization != f"Bearer {self.token}":
            return _refuse("invalid_auth", "another token")
        if action is SlackApiStandIn._identify:
            return self._identify({})
        arguments = _arguments(call)
        if not _CHANNEL.fullmatch(str(arguments.get("channel"))):
            return _refuse("channel_not_found", "the channel is not the id of one")
        with self._lock:
            return action(self, arguments)

    def _identify(self, _body: dict[str, Json]) -> Outcome:
        identity = {"url": "https://local.slack.com/", "team": "Local", "user": "ecr-scan-alerts"}
        return Outcome(_answer({"ok": True, **identity, "team_id": "TLOCAL", "user_id": "UBOT"}))

    def _post(self, body: dict[str, Json]) -> Outcome:
        refusal = self._refusal(body)
        if refusal is not None:
            return refusal
        thread = body.get("thread_ts")
        if thread is not None and self._find(body["channel"], thread) is None:
            return _refuse("thread_not_found", "no such message to reply to")
        self._posted += 1
        # Unique and ascending, as Slack's are.
        ts = f"{int(self._now())}.{self._posted:06d}"
        content = {name: body[name] for name in _STORED if name in body}
        broadcast = bool(body.get("reply_broadcast"))
        self._messages.append(_Message(body["channel"], ts, content, broadcast))
        draft = Draft(body["channel"], Kind.POSTED, {**body, "ts": ts}, notes(body))
        return _take(draft, ts)

    def _update(self, body: dict[str, Json]) -> Outcome:
        refusal = self._refusal(body)
        if refusal is not None:
            return refusal
        message = self._find(body["channel"], body.get("ts"))
        if message is None:
            return _refuse("message_not_found", "no such message")
        content = {name: value for name, value in message.content.items() if name != "blocks"}
        message.content = content | {name: body[name] for name in _STORED if name in body}
        return _take(Draft(body["channel"], Kind.UPDATED, body, notes(body)), message.ts)

    def _refusal(self, body: dict[str, Json]) -> Outcome | None:
        if body["channel"] in self._archived:
            return _refuse("is_archived", "the channel was archived")
        for error, reason in problems(body):
            return _refuse(error, reason)
        metadata = body.get("metadata", {"event_type": "none", "event_payload": {}})
        if not isinstance(metadata, dict) or set(metadata) != {"event_type", "event_payload"}:
            return _refuse("invalid_metadata_format", "metadata is an event_type and event_payload")
        return None

    def _history(self, query: dict[str, Json]) -> Outcome:
        messages = [
            message
            for message in self._messages
            if message.channel == query["channel"] and (message.thread is None or message.broadcast)
        ]
        return _page(messages[::-1], query)

    def _replies(self, query: dict[str, Json]) -> Outcome:
        root = self._find(query["channel"], query.get("ts"))
        if root is None:
            return _refuse("thread_not_found", "no such thread")
        replies = (reply for reply in self._messages if reply.channel == root.channel)
        return _page(
            [root, *(reply for reply in replies if reply.thread == root.ts)], query, root.ts
        )

    def _find(self, channel: str, ts: Json) -> _Message | None:
        matches = (
            message for message in self._messages if (message.channel, message.ts) == (channel, ts)
        )
        return next(matches, None)

    _actions: Final[
        Mapping[tuple[str, str], Callable[["SlackApiStandIn", dict[str, Json]], Outcome]]
    ] = MappingProxyType(
        {
            ("POST", "auth.test"): _identify,
            ("POST", "chat.postMessage"): _post,
            ("POST", "chat.update"): _update,
            ("GET", "conversations.history"): _history,
            ("GET", "conversations.replies"): _replies,
        }
    )


def _root(message: _Message) -> str:
    return message.thread or message.ts


def _arguments(call: Call) -> dict[str, Json]:
    """Return the arguments of a method: from JSON for writes, from the query for reads."""
    if call.method == "GET":
        return dict(call.query)
    try:
        body = json.loads(call.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _page(messages: list[_Message], query: dict[str, Json], always: str = "") -> Outcome:
    """Return a page of messages. It includes the root of a thread of any age."""
    oldest = float(query.get("oldest") or 0)
    new = [message for message in messages if float(message.ts) > oldest or message.ts == always]
    start, limit = int(query.get("cursor") or 0), int(query.get("limit") or _LIMIT)
    rest = start + limit < len(new)
    document = {
        "ok": True,
        "messages": [
            _document(message, metadata=query.get("include_all_metadata") == "true")
            for message in new[start : start + limit]
        ],
        "has_more": rest,
        "response_metadata": {"next_cursor": str(start + limit) if rest else ""},
    }
    return Outcome(_answer(document))


def _document(message: _Message, *, metadata: bool) -> Json:
    excluded = () if metadata else ("metadata",)
    content = {name: value for name, value in message.content.items() if name not in excluded}
    subtype = {"subtype": "thread_broadcast"} if message.broadcast else {}
    return {"type": "message", "ts": message.ts, **subtype, **content}


def _take(draft: Draft, ts: str) -> Outcome:
    return Outcome(_answer({"ok": True, "channel": draft.destination, "ts": ts}), draft)


def _refuse(error: str, reason: str) -> Outcome:
    return Outcome(_answer({"ok": False, "error": error}), reason=f"{error}: {reason}")


def _answer(document: Json) -> Answer:
    return Answer(HTTPStatus.OK, json.dumps(document), _JSON)
