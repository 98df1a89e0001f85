"""
Slack's incoming webhooks: addresses, checks and answers, as documented.

Limits: https://docs.slack.dev/reference/block-kit/blocks
Errors: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
The total of 13,200 characters is undocumented but measured: slackapi/bolt-js issue 2509.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from local.standins.wire import Answer, Call, Draft, Json, Kind, Note, Outcome, size

BLOCKS: Final = 50
TOTAL: Final = 13_200
BUDGET: Final = 10_000
"""This project's own limit, because `TOTAL` varies."""
FALLBACK: Final = 40_000
ATTACHMENTS: Final = 100

_PATH: Final = re.compile(r"/services/(T[A-Z0-9]+)/(B[A-Z0-9]+)/([A-Za-z0-9]+)")
_PING: Final = re.compile(r"<(?:!(?:channel|here|everyone|subteam\^[^>]*)|[@#][A-Z0-9][^>]*)>")
_TEAM: Final = "TLOCAL"
_HTML: Final = MappingProxyType({"Content-Type": "text/html"})
_MARKUP: Final = ("mrkdwn", "plain_text")

Problems = Iterator[str]


@dataclass(slots=True)
class _Channel:
    name: str
    token: str
    archived: bool = False


class SlackStandIn:
    """A workspace. Each webhook belongs to a channel."""

    def __init__(self) -> None:
        self._hooks: dict[str, _Channel] = {}

    def webhook(self, name: str) -> str:
        """Return the webhook path of a channel, which is created on first use."""
        for hook, channel in self._hooks.items():
            if channel.name == name:
                return f"/services/{_TEAM}/{hook}/{channel.token}"
        hook = f"B{len(self._hooks) + 1:08d}"
        self._hooks[hook] = _Channel(name, secrets.token_hex(12))
        return self.webhook(name)

    def archive(self, name: str) -> None:
        """Make a channel answer 410."""
        self.webhook(name)
        for channel in self._hooks.values():
            channel.archived = channel.archived or channel.name == name

    def destination(self, call: Call) -> str:
        """Return the channel of a call, or ""."""
        match = _PATH.fullmatch(call.path)
        channel = self._hooks.get(match[2]) if match else None
        return channel.name if channel else ""

    def handle(self, call: Call) -> Outcome:
        """Answer as Slack does."""
        match = _PATH.fullmatch(call.path)
        channel = self._hooks.get(match[2]) if match else None
        if match is None or channel is None:
            return _refuse(HTTPStatus.NOT_FOUND, "no_service", "no such webhook")
        if match[3] != channel.token:
            return _refuse(HTTPStatus.FORBIDDEN, "invalid_token", "another token")
        if channel.archived:
            return _refuse(HTTPStatus.GONE, "channel_is_archived", "the channel was archived")
        if call.method != "POST":
            return _refuse(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "POST only")
        return _take(channel.name, call.body)


def _take(channel: str, body: bytes) -> Outcome:
    try:
        payload = json.loads(body)
    except ValueError:
        return _refuse(HTTPStatus.BAD_REQUEST, "invalid_payload", "the body is not JSON")
    for error, reason in problems(payload):
        return _refuse(HTTPStatus.BAD_REQUEST, error, reason)
    draft = Draft(channel, Kind.POSTED, payload, notes(payload))
    return Outcome(Answer(HTTPStatus.OK, "ok", _HTML), draft)


def _refuse(status: HTTPStatus, error: str, reason: str) -> Outcome:
    return Outcome(Answer(status, error, _HTML), reason=f"{error}: {reason}")


def notes(payload: Json) -> tuple[Note, ...]:
    """Return notes about the size of a message, and about mentions that notify people."""
    blocks = payload.get("blocks") or []
    inside = [
        block for item in payload.get("attachments") or [] for block in item.get("blocks") or []
    ]
    note_list = [
        size(_characters(blocks) + _characters(payload.get("attachments")), BUDGET, "characters"),
        size(len(blocks) + len(inside), BLOCKS, "blocks"),
    ]
    if not payload.get("text"):
        note_list.append(Note("no fallback text: notifications stay empty", warning=True))
    pings = sorted(set(_PING.findall(json.dumps(payload, ensure_ascii=False))))
    if pings:
        note_list.append(Note(f"notifies people: {', '.join(pings)}", warning=True))
    return tuple(note_list)


def _characters(value: Json) -> int:
    """Count the characters of all texts, at any depth."""
    if isinstance(value, list):
        return sum(map(_characters, value))
    if not isinstance(value, dict):
        return 0
    own = value.get("text")
    return (len(own) if isinstance(own, str) else 0) + sum(map(_characters, value.values()))


def problems(payload: Json) -> Iterator[tuple[str, str]]:
    """Yield the reasons for a refusal: Slack's error code, and a description."""
    if not isinstance(payload, dict):
        yield "invalid_payload", "the body is not an object"
        return
    text, blocks, attachments = (payload.get(key) for key in ("text", "blocks", "attachments"))
    if not (text or blocks or attachments):
        yield "no_text", "neither text nor blocks nor attachments"
    if not isinstance(text, str | None):
        yield "invalid_payload", "text is not a string"
    elif len(text or "") > FALLBACK:
        yield "msg_too_long", f"text has more than {FALLBACK:,} characters"
    yield from _attachments(attachments)
    yield from _blocks(blocks, "blocks")
    if _characters(blocks) + _characters(attachments) > TOTAL:
        yield "msg_blocks_too_long", f"more than {TOTAL:,} characters in all"


def _attachments(attachments: Json) -> Iterator[tuple[str, str]]:
    if attachments is None:
        return
    if not isinstance(attachments, list) or not all(isinstance(item, dict) for item in attachments):
        yield "invalid_attachments", "attachments is not a list of objects"
        return
    if len(attachments) > ATTACHMENTS:
        yield "too_many_attachments", f"more than {ATTACHMENTS}"
    for number, attachment in enumerate(attachments):
        yield from _blocks(attachment.get("blocks"), f"attachments[{number}].blocks")


def _blocks(blocks: Json, where: str) -> Iterator[tuple[str, str]]:
    if blocks is None:
        return
    if not isinstance(blocks, list):
        yield "invalid_blocks_format", f"{where} is not a list"
        return
    for reason in _block_problems(blocks, where):
        yield "invalid_blocks", reason


def _block_problems(blocks: list[Json], where: str) -> Problems:
    if len(blocks) > BLOCKS:
        yield f"{where}: {len(blocks)} blocks, {BLOCKS} are allowed"
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict)]
    block_ids = [block_id for block_id in ids if block_id is not None]
    if len(set(map(str, block_ids))) < len(block_ids):
        yield f"{where}: a block_id twice"
    for number, block in enumerate(blocks):
        yield from _block(block, f"{where}[{number}]")
    if sum(isinstance(block, dict) and block.get("type") == "table" for block in blocks) > 1:
        yield f"{where}: more than one table"


def _block(block: Json, where: str) -> Problems:
    if not isinstance(block, dict):
        yield f"{where} is not an object"
        return
    checker = CHECKERS.get(str(block.get("type")))
    if checker is None:
        yield f"{where}: unknown type"
        return
    yield from _string(block.get("block_id"), 255, f"{where}.block_id")
    yield from checker(block, where)


def _string(value: Json, limit: int, where: str, *, least: int = 1) -> Problems:
    """Check an optional string. `least=0` allows an empty one."""
    if value is None:
        return
    if not isinstance(value, str):
        yield f"{where} is not a string"
    elif not least <= len(value) <= limit:
        yield f"{where}: {len(value):,} characters, {least} to {limit:,} are allowed"


def _text(
    value: Json, limit: int, where: str, *, kinds: tuple[str, ...] = _MARKUP, least: int = 1
) -> Problems:
    """Check a required text object."""
    if not isinstance(value, dict) or value.get("type") not in kinds:
        yield f"{where} is not a text object of type {' or '.join(kinds)}"
    elif not isinstance(value.get("text"), str):
        yield f"{where}.text is not a string"
    else:
        yield from _string(value["text"], limit, f"{where}.text", least=least)


def _items(value: Json, limit: int, where: str) -> Problems:
    if not isinstance(value, list) or not 1 <= len(value) <= limit:
        yield f"{where}: 1 to {limit} entries are allowed"


def _section(block: dict[str, Json], where: str) -> Problems:
    text, fields = block.get("text"), block.get("fields")
    if text is None and fields is None:
        yield f"{where}: neither text nor fields"
    if text is not None:
        yield from _text(text, 3000, f"{where}.text")
    if fields is not None:
        yield from _items(fields, 10, f"{where}.fields")
        for number, field in enumerate(fields if isinstance(fields, list) else ()):
            yield from _text(field, 2000, f"{where}.fields[{number}]")
    if block.get("accessory") is not None:
        yield from _element(block["accessory"], f"{where}.accessory")


def _header(block: dict[str, Json], where: str) -> Problems:
    yield from _text(block.get("text"), 150, f"{where}.text", kinds=("plain_text",))


def _context(block: dict[str, Json], where: str) -> Problems:
    elements = block.get("elements")
    yield from _items(elements, 10, f"{where}.elements")
    for number, element in enumerate(elements if isinstance(elements, list) else ()):
        here = f"{where}.elements[{number}]"
        if isinstance(element, dict) and element.get("type") == "image":
            yield from _image(element, here)
        else:
            yield from _text(element, 3000, here)


def _actions(block: dict[str, Json], where: str) -> Problems:
    elements = block.get("elements")
    yield from _items(elements, 25, f"{where}.elements")
    for number, element in enumerate(elements if isinstance(elements, list) else ()):
        yield from _element(element, f"{where}.elements[{number}]")


def _element(element: Json, where: str) -> Problems:
    if not isinstance(element, dict) or not isinstance(element.get("type"), str):
        yield f"{where} is not an element"
    elif element["type"] == "image":
        yield from _image(element, where)
    elif element["type"] == "button":
        yield from _text(element.get("text"), 75, f"{where}.text", kinds=("plain_text",))
        yield from _string(element.get("url"), 3000, f"{where}.url")
        yield from _string(element.get("value"), 2000, f"{where}.value")
        yield from _string(element.get("action_id"), 255, f"{where}.action_id")
        if element.get("style") not in (None, "primary", "danger"):
            yield f"{where}.style: primary and danger are allowed"


def _image(block: dict[str, Json], where: str) -> Problems:
    if not block.get("image_url") and not block.get("slack_file"):
        yield f"{where}: neither image_url nor slack_file"
    if not block.get("alt_text"):
        yield f"{where}.alt_text is missing"
    yield from _string(block.get("image_url"), 3000, f"{where}.image_url")
    yield from _string(block.get("alt_text"), 2000, f"{where}.alt_text")


def _markdown(block: dict[str, Json], where: str) -> Problems:
    if not isinstance(block.get("text"), str):
        yield f"{where}.text is not a string"
    yield from _string(block.get("text"), 12_000, f"{where}.text")


_RICH: Final = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")


def _rich_text(block: dict[str, Json], where: str) -> Problems:
    elements = block.get("elements")
    if not isinstance(elements, list):
        yield f"{where}.elements is not a list"
        return
    for number, element in enumerate(elements):
        here = f"{where}.elements[{number}]"
        if not isinstance(element, dict) or element.get("type") not in _RICH:
            yield f"{here} is not one of {', '.join(_RICH)}"
        elif element["type"] == "rich_text_list":
            yield from _rich_text(element, here)
        else:
            yield from _inline(element.get("elements"), f"{here}.elements")


def _inline(elements: Json, where: str) -> Problems:
    if not isinstance(elements, list):
        yield f"{where} is not a list"
        return
    for number, element in enumerate(elements):
        if not isinstance(element, dict) or not isinstance(element.get("type"), str):
            yield f"{where}[{number}] is not an element"
        elif element["type"] == "text" and not element.get("text"):
            yield f"{where}[{number}].text is empty"


def _table(block: dict[str, Json], where: str) -> Problems:
    rows = block.get("rows")
    yield from _items(rows, 100, f"{where}.rows")
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        here = f"{where}.rows[{number}]"
        yield from _items(row, 20, here)
        for column, cell in enumerate(row if isinstance(row, list) else ()):
            if not isinstance(cell, dict):
                yield f"{here}[{column}] is not a cell"
            elif cell.get("type") == "rich_text":
                yield from _rich_text(cell, f"{here}[{column}]")
            elif cell.get("type") != "raw_text" or not cell.get("text"):
                yield f"{here}[{column}]: raw_text with a text, or rich_text"


def _nothing(_block: dict[str, Json], _where: str) -> Problems:
    yield from ()


CHECKERS: Final[Mapping[str, Callable[[dict[str, Json], str], Problems]]] = MappingProxyType(
    {
        "actions": _actions,
        "context": _context,
        "divider": _nothing,
        "header": _header,
        "image": _image,
        "markdown": _markdown,
        "rich_text": _rich_text,
        "section": _section,
        "table": _table,
        # Accepted without a check, because this project does not send them.
        "file": _nothing,
        "input": _nothing,
        "video": _nothing,
    }
)
