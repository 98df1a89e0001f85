"""The app of docs/receivers/slack.md has the scopes of the calls that a bot makes."""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from lib.notifiers.slack import bot
from tests.support import docs

PAGE: Final = "docs/receivers/slack.md"
SCOPES: Final[Mapping[str, frozenset[str]]] = {
    "auth.test": frozenset(),
    "chat.postMessage": frozenset({"chat:write", "chat:write.public"}),
    "chat.update": frozenset({"chat:write"}),
    "conversations.history": frozenset({"channels:history", "groups:history"}),
    "conversations.replies": frozenset({"channels:history", "groups:history"}),
}
"""By method. https://docs.slack.dev/reference/methods; `im` and `mpim` are for people."""
METHOD: Final = re.compile(r"(?:.*/api/)?([a-z]+\.[a-zA-Z.]+)(?:\?.*)?")


def methods() -> set[str]:
    """Return the methods of the Web API that the bot calls."""
    tree = ast.parse(docs.text_of("lib/notifiers/slack/bot.py"))
    texts = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return {match[1] for text in texts if (match := METHOD.fullmatch(text))} - {"slack.com"}


def manifest() -> dict[str, Any]:
    """Return the manifest of the page."""
    (block,) = docs.blocks((PAGE,), "json")
    return dict(json.loads(block.text))


def test_the_scopes_are_those_of_the_calls() -> None:
    """Neither a scope too few, nor one that nobody needs."""
    assert methods() == set(SCOPES)
    assert set(manifest()["oauth_config"]["scopes"]["bot"]) == frozenset().union(*SCOPES.values())


def test_the_table_explains_each_scope() -> None:
    """In the order of the manifest."""
    rows = [cell.strip("`") for cell, _ in docs.table(PAGE, "scope")]

    assert rows == manifest()["oauth_config"]["scopes"]["bot"]


def test_the_link_carries_the_manifest() -> None:
    """https://docs.slack.dev/app-manifests/configuring-apps-with-app-manifests"""
    (link,) = [link for link in docs.links(PAGE) if "new_app=1" in link]
    address = urlsplit(link)

    assert f"{address.scheme}://{address.netloc}{address.path}" == "https://api.slack.com/apps"
    assert json.loads(parse_qs(address.query)["manifest_json"][0]) == manifest()


def test_remedies_name_scopes_of_the_manifest() -> None:
    """What a test of a destination asks for can be had."""
    source = docs.text_of("lib/notifiers/slack/bot.py")

    assert bot.__doc__ is not None
    assert set(re.findall(r"\b(?:chat|channels|groups):[a-z.]+\b", source)) <= set(
        manifest()["oauth_config"]["scopes"]["bot"]
    )
