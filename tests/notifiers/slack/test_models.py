"""Slack's messages, parsed and checked by the models of Slack's own Python SDK."""

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.models.blocks import Block

from tests.support.every import every
from tests.support.golden import PAYLOADS
from tests.support.payloads import payloads, updates

MODES = ("slack", "slack-bot")
KEPT = sorted([*PAYLOADS.glob("slack*/*.json"), *PAYLOADS.glob("tests/slack*.json")])


def messages(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every message in a payload, wherever it stands: those with a text and blocks."""
    if isinstance(value, Mapping):
        if "text" in value and "type" not in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from messages(inner)


def check(message: Mapping[str, Any]) -> int:
    """Check the blocks of a message, also in attachments; return how many there are."""
    blocks = list(message.get("blocks", ()))
    for attachment in message.get("attachments", ()):
        blocks += attachment.get("blocks", ())
    for block in blocks:
        parsed = Block.parse(json.loads(json.dumps(block)))
        assert parsed is not None, f"Slack knows no block {block.get('type')!r}"
        for part in parts(parsed):
            part.validate_json()
        # What the models do not know would be missing here.
        assert parsed.to_dict() == block
    assert len(blocks) <= 50
    return len(blocks)


def parts(value: Any) -> Iterator[JsonObject]:
    """Yield a block and every object in it."""
    if isinstance(value, JsonObject):
        yield value
        value = list(vars(value).values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from parts(inner)


@pytest.fixture(autouse=True)
def _no_warnings(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Expect that the models find nothing that they do not know: they only log it."""
    with caplog.at_level(logging.DEBUG, logger="slack_sdk"):
        yield
    assert [record.getMessage() for record in caplog.records if "slack_sdk" in record.name] == []


@pytest.mark.parametrize("mode", MODES)
def test_every_message_is_valid(mode: str) -> None:
    """As the first of a stream, as the next one, and plain."""
    made = [*payloads(mode).items()]
    if mode == "slack-bot":
        made += updates(mode).items()

    checked = {name: sum(map(check, messages(payload))) for name, payload in made}

    assert len(checked) > 20
    assert all(checked.values())


@every("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_kept_message_is_valid(path: Any) -> None:
    """The files that show what is sent, test messages included."""
    assert list(map(check, messages(json.loads(path.read_text("utf-8")))))


def test_the_models_see_what_is_wrong() -> None:
    """A text that is too long, and fields that are too many: the checks above can fail."""
    header = {"type": "header", "text": {"type": "plain_text", "text": "a" * 151}}
    section = {"type": "section", "fields": [{"type": "mrkdwn", "text": "a"}] * 11}

    for block in (header, section):
        with pytest.raises(SlackObjectFormationError):
            check({"text": "a", "blocks": [block]})
    with pytest.raises(AssertionError):
        check({"text": "a", "blocks": [{"type": "divider", "colour": "red"}]})
