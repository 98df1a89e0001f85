"""
Slack as a bot, by the Web API: one thread per destination and image stream, kept current.

The first message of a stream is its root. Later alerts are replies to it, and before each reply
the root is edited to say how things stand. Every message of ours carries the id of its delivery as
metadata, so that a lost answer can be looked up in the channel's history.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar, Final
from urllib.parse import urlencode

from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    DeliveryError,
    PermanentDeliveryError,
)
from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import (
    LONG_ANSWER,
    AskAgain,
    CannotTell,
    DeliveryCheck,
    DeliveryId,
    Digest,
    HttpAnswer,
    Json,
    Message,
    Notice,
    NotReceived,
    Receipt,
    Usage,
)
from lib.models.diagnostics import Check, note, ok
from lib.notifiers import testing
from lib.notifiers.slack import digest, limits
from lib.notifiers.slack import message as slack_message
from lib.notifiers.slack.errors import GONE, NOT_EDITABLE, UNREADABLE, failure, parsed
from lib.ports.notifiers import DestinationTest, Notifier, NotifierTools
from lib.text import one_line, truncate

EVENT_TYPE: Final = "ecr_scan_alert"
_SITE: Final = "https://slack.com"
# chat.update reads names and links out of a text unless a request forbids that; chat.postMessage
# does not. https://docs.slack.dev/reference/methods/chat.update
_LITERAL: Final[Mapping[str, Json]] = MappingProxyType({"parse": "none", "link_names": False})
_MAX_NAME: Final = 400
_EDITED: Final = " of the edited message"
_NOTHING: Final = "nothing to change"
_TIMESTAMP: Final = re.compile(r"\d+\.\d+", re.ASCII)
_HEADER_VALUE: Final = re.compile(r"[!-~]+")

_PAGE: Final = 200
_PAGES: Final = 5
_SKEW: Final = timedelta(minutes=1)
"""Slack's clock is not ours."""
_SETTLING: Final = timedelta(seconds=30)
_AGAIN: Final = 15.0

_INVITE: Final = "Invite the app to the channel: /invite @NAME-OF-THE-APP in it"
_PUBLIC: Final = "A public channel needs no invitation if the app has the scope chat:write.public"
_REPLACE: Final = (
    "Copy the Bot User OAuth Token from the page OAuth & Permissions of the Slack app "
    "(api.slack.com/apps), and store it under the same secret"
)
_REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not_in_channel": f"{_INVITE}. {_PUBLIC}",
        "channel_not_found": (
            "`channel` must be the id of a channel of this workspace, such as C0123ALERTS; an app "
            f"sees a private channel only as its member. {_INVITE}"
        ),
        "is_archived": "Unarchive the channel, or name another one in `channel`",
        "missing_scope": (
            "Give the app the bot scope chat:write on its page OAuth & Permissions, and install "
            "it again"
        ),
        **dict.fromkeys(
            ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"),
            _REPLACE,
        ),
    }
)
"""By Slack's word. https://docs.slack.dev/reference/methods/chat.postMessage#errors"""
_HISTORY: Final = (
    "Give the app the bot scope channels:history (a private channel: groups:history), and invite "
    "it to the channel"
)


class SlackBotNotifier(Notifier):
    """Options: `token`, a reference to the secret that holds the bot's token; `channel`; `site`."""

    threaded: ClassVar[bool] = True
    interval: ClassVar[float] = slack_message.INTERVAL

    def __init__(self, options: Mapping[str, Json], tools: NotifierTools) -> None:
        self._token = options["token"]
        self._channel = str(options["channel"])
        self._site = str(options.get("site", _SITE)).rstrip("/")
        self._tools = tools

    def render(self, alert: Message, *, thread: str | None = None) -> Json:
        """
        Return {"post": message}, or in a thread also {"update": root, "reply": message}.

        "post" stays beside "reply" for the case that the root was deleted. A quiet update is the
        edit of the root alone, and nothing where there is none. What is sent in place of another
        destination edits nothing. A digest stands for itself.
        """
        if isinstance(alert, Digest):
            return {"post": self._post_of(alert, digest.digest_message(alert))}
        text = text_of(alert)
        root = slack_message.root_message(text, has_reply=not alert.quiet)
        layout = (slack_message.alert_message(text), root)
        return self._payload(alert, text, thread, *layout)

    def plain(self, alert: Message, *, thread: str | None = None) -> Json:
        """See `Notifier.plain`: the texts alone."""
        if isinstance(alert, Digest):
            return {"post": self._post_of(alert, digest.plain_digest_message(alert))}
        text = text_of(alert)
        layout = (slack_message.plain_message(text), slack_message.plain_root_message(text))
        return self._payload(alert, text, thread, *layout)

    def _payload(
        self, alert: Notice, text: AlertText, thread: str | None, message: Json, root: Json
    ) -> Json:
        post = self._post_of(alert, message, text)
        timestamp = self._root(thread)
        update = {"channel": self._channel, "ts": timestamp, **root, **_LITERAL}
        if alert.quiet:
            return {"update": update} if timestamp is not None else {}
        if timestamp is None:
            return {"post": post}
        news = text.worst_news is not None or text.problem is not None
        reply = {**post, "thread_ts": timestamp, "reply_broadcast": news}
        if alert.note is not None:
            return {"reply": reply, "post": post}
        return {"update": update, "reply": reply, "post": post}

    def _post_of(self, message: Message, texts: Json, text: AlertText | None = None) -> Json:
        metadata = metadata_of(message.delivery_id, text)
        return {"channel": self._channel, **texts, **_LITERAL, "metadata": metadata}

    def usage(self, payload: Json) -> tuple[Usage, ...]:
        """See `Notifier.usage`."""
        messages = {"": payload.get("reply", payload.get("post")), _EDITED: payload.get("update")}
        return tuple(
            usage
            for of, message in messages.items()
            if message is not None
            for usage in limits.usage(message, of=of)
        )

    def send(self, payload: Json) -> Receipt:
        """See `Notifier.send`. An edit that is repeated changes nothing; there is one message."""
        if not payload:
            return Receipt(_NOTHING)
        headers = self._headers()
        if "post" not in payload:
            return self._edit(payload["update"], headers, GONE | NOT_EDITABLE)
        if "reply" in payload:
            try:
                return self._reply(payload, headers)
            except PermanentDeliveryError as error:
                if error.reason not in GONE:
                    raise
        return self._post(payload["post"], headers)

    def verify(
        self,
        alert: Message,
        *,
        since: datetime,
        now: datetime,
        thread: str | None = None,
        tried_at: datetime | None = None,
    ) -> DeliveryCheck:
        """
        See `Verifiable.verify`. Looks into the thread and, for a new root, into the channel.

        An app without the scope to read history cannot tell, nor can one whose channel has more
        messages since than a few pages hold. What was sent a moment ago may still
        be on its way into the history. An edit leaves no id; it is made again.
        """
        if isinstance(alert, Notice) and alert.quiet:
            return NotReceived()
        query = {"oldest": f"{(since - _SKEW).timestamp():.6f}"}
        places = [("conversations.history", query)]
        root = self._root(thread)
        if root is not None:
            places.insert(0, ("conversations.replies", {**query, "ts": root}))
        headers, readable = self._headers(), False
        for method, where in places:
            found = self._found(method, where, alert.delivery_id, headers)
            if not isinstance(found, bool):
                own = str(found.get("ts"))
                return self._receipt(own, where.get("ts") or found.get("thread_ts"))
            readable = readable or found
        if not readable:
            return CannotTell()
        settling = now - (tried_at or since) < _SETTLING
        return AskAgain(_AGAIN) if settling else NotReceived()

    def test(self, test: DestinationTest) -> Iterator[Check]:
        """
        See `Testable.test`. The message stays, to be seen by the person who asked.

        It carries no metadata of a delivery and begins no thread of a stream.
        """
        headers = self._headers()
        yield testing.readable(self._token)
        try:
            who = parsed(self._call("auth.test", {}, headers))
        except PermanentDeliveryError as error:
            yield testing.refusal("token", error, _REMEDIES)
            return
        yield ok("token", one_line(f"bot {who.get('user')} of workspace {who.get('team')}"))
        yield self._readable(headers)
        if test.send:
            shown = slack_message.test(testing.sentence(self._tools.destination, test))
            message = {"channel": self._channel, **shown, **_LITERAL}
            yield testing.attempt(testing.MESSAGE, lambda: self._sent(message, headers), _REMEDIES)

    def _readable(self, headers: Mapping[str, str]) -> Check:
        """Return whether `verify` will be able to look for a message whose answer was lost."""
        query = urlencode({"channel": self._channel, "limit": "1"})
        url = f"{self._site}/api/conversations.history?{query}"
        try:
            _accepted(self._tools.http.get(url, headers=headers))
        except DeliveryError as error:
            lost = "a message whose answer was lost is sent again and may appear twice"
            return note("history", f"{error}; {lost}", _HISTORY)
        return ok("history", f"the history of channel {self._channel} can be read")

    def _sent(self, message: Json, headers: Mapping[str, str]) -> str:
        receipt = self._post(message, headers)
        return f"a message marked TEST is in channel {self._channel}: {receipt.url}"

    def _reply(self, payload: Json, headers: Mapping[str, str]) -> Receipt:
        if "update" in payload:
            self._edit(payload["update"], headers, NOT_EDITABLE)
        return self._post(payload["reply"], headers)

    def _edit(
        self, update: Json, headers: Mapping[str, str], unimportant: Collection[str]
    ) -> Receipt:
        """Edit the root. `unimportant`: reasons for which it may stay as it is."""
        receipt = self._receipt(str(update["ts"]), None)
        try:
            self._call("chat.update", update, headers)
        except PermanentDeliveryError as error:
            if error.reason not in unimportant:
                raise
            return replace(receipt, remark=f"not edited: {error.reason}")
        return receipt

    def _post(self, message: Json, headers: Mapping[str, str]) -> Receipt:
        answer = self._call("chat.postMessage", message, headers)
        own = parsed(answer).get("ts")
        if not isinstance(own, str) or not _TIMESTAMP.fullmatch(own):
            raise AmbiguousDeliveryError(
                f"Slack answered {answer.status} without a timestamp", reason="no-timestamp"
            )
        return self._receipt(own, message.get("thread_ts"))

    def _found(
        self, method: str, where: Mapping[str, str], delivery_id: str, headers: Mapping[str, str]
    ) -> Mapping[str, Json] | bool:
        """Return the message of a delivery; else whether all messages since then were read."""
        query = {
            "channel": self._channel,
            "include_all_metadata": "true",
            "limit": str(_PAGE),
            **where,
        }
        for _ in range(_PAGES):
            # Methods that read take no JSON.
            url = f"{self._site}/api/{method}?{urlencode(query)}"
            try:
                page = _accepted(self._tools.http.get(url, headers=headers, limit=LONG_ANSWER))
            except PermanentDeliveryError as error:
                if error.reason not in UNREADABLE:
                    raise
                return False
            messages = parsed(page).get("messages")
            if not isinstance(messages, list):
                return False
            for message in map(_object, messages):
                if _delivery(message) == delivery_id:
                    return message
            cursor = _object(parsed(page).get("response_metadata")).get("next_cursor")
            if not cursor:
                return True
            query["cursor"] = str(cursor)
        return False

    def _call(self, method: str, body: Json, headers: Mapping[str, str]) -> HttpAnswer:
        url = f"{self._site}/api/{method}"
        # The answer repeats the message.
        answer = self._tools.http.post(url, body, headers=headers, limit=LONG_ANSWER)
        return _accepted(answer)

    def _headers(self) -> Mapping[str, str]:
        token = self._tools.secrets.read(self._token).strip()
        if not _HEADER_VALUE.fullmatch(token):
            raise ConfigError(
                "The secret of a Slack bot must hold its token and nothing else: the Bot User"
                " OAuth Token of the app's page OAuth & Permissions"
            )
        return {"Authorization": f"Bearer {token}"}

    def _root(self, thread: str | None) -> str | None:
        """Return the root's timestamp; None where a thread is of another site or channel."""
        place, _, root = (thread or "").rpartition("|")
        return root if place == self._place and _TIMESTAMP.fullmatch(root) else None

    @property
    def _place(self) -> str:
        """Where a timestamp is valid."""
        return f"{self._site}|{self._channel}"

    def _receipt(self, own: str, root: str | None) -> Receipt:
        link = f"{self._site}/archives/{self._channel}/p{own.replace('.', '')}"
        within = f"?thread_ts={root}&cid={self._channel}" if root else ""
        return Receipt(own, url=link + within, thread=f"{self._place}|{root or own}")


def metadata_of(delivery_id: DeliveryId, text: AlertText | None) -> Json:
    """Return the metadata of a message: which delivery it is, and what it is about."""
    about: dict[str, str] = {"delivery_id": delivery_id}
    if text is not None:
        about["image"] = truncate(one_line(text.image.key), _MAX_NAME)
        about["worst_severity"] = text.worst_news.name if text.worst_news is not None else ""
    return {"event_type": EVENT_TYPE, "event_payload": about}


def _delivery(message: Mapping[str, Json]) -> Json:
    """Return the id of the delivery that a message is; None when it is none of ours."""
    metadata = _object(message.get("metadata"))
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    return _object(metadata.get("event_payload")).get("delivery_id")


def _accepted(answer: HttpAnswer) -> HttpAnswer:
    error = failure(answer)
    if error is not None:
        raise error
    return answer


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
