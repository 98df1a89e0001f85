"""Public names are the field's words: documents, metrics, log lines and commands agree on them."""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.__main__ import parser
from lib.messages import titles
from lib.observability import Metric
from tests.support import docs
from tests.support.every import every

ROOT = Path(__file__).parents[1]
SCHEMAS = sorted((ROOT / "schemas").rglob("*.json"))
HANDLERS = "".join(path.read_text("utf-8") for path in sorted((ROOT / "handlers").glob("*.py")))
OLD = frozenset(
    (
        *("came", "come", "each", "gone", "hear", "heard", "left", "made"),
        *("mend", "mended", "old", "said", "say", "silent", "silently", "swept", "tell"),
        *("told", "unheard", "waiting", "who", "whoever", "woke", "woken"),
    )
)
"""Words that name no thing, or say it in a way of their own."""
ABOUT_NO_PLURAL = {
    "ConfigUnread",
    "CoverageUnread",
    "DeliveryLatency",
    "ProvenanceUnread",
    "TimeToAlert",
}
"""Metrics that count no things."""


def names(node: Any) -> Iterator[str]:
    """Yield the names of all properties of a schema."""
    if isinstance(node, dict):
        yield from node.get("properties", {})
        for value in node.values():
            yield from names(value)
    elif isinstance(node, list):
        for value in node:
            yield from names(value)


@every("path", SCHEMAS, ids=lambda path: path.stem)
def test_no_property_has_an_old_name(path: Path) -> None:
    """A property is a noun, or what happened to one."""
    old = {
        name
        for name in names(json.loads(path.read_text("utf-8")))
        if set(re.split(r"[_-]", name)) & OLD
    }

    assert not old


@every("metric", Metric)
def test_a_metric_is_a_plural_and_what_happened(metric: Metric) -> None:
    """DeliveriesSent, and not SentDeliveries or DeliveriesGone."""
    words = re.findall(r"[A-Z][a-z]+", metric.value)

    assert not {word.lower() for word in words} & OLD
    assert words[0].endswith("s") or words[1].endswith("s") or metric in ABOUT_NO_PLURAL


def log_lines() -> list[str]:
    """Return the messages that handlers log."""
    return re.findall(r'(?:logger\.\w+|\blog)\(\s*"([^"]+)"', HANDLERS)


@every("line", log_lines())
def test_a_log_line_is_a_noun_and_what_happened(line: str) -> None:
    """The rest stands in its keys."""
    assert not set(line.split()) & OLD
    assert len(line.split()) <= 4


def lines_of_docs() -> list[str]:
    """Return the log lines that pages name."""
    text = "\n".join(docs.text_of(page) for page in docs.FOR_USERS)
    rows = (cell.strip("`") for cell, *_ in docs.table("docs/metrics.md", "log line"))
    return sorted({*re.findall(r"log\s+lines?\s+`([^`]+)`", text), *rows})


@every("line", lines_of_docs())
def test_a_log_line_of_a_page_is_logged(line: str) -> None:
    """People search for it."""
    assert line in log_lines()


def groups(of: argparse.ArgumentParser) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands that have actions."""
    for action in of._actions:  # noqa: SLF001  # argparse has no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # same
            for name, child in action.choices.items():
                for inner in child._actions:  # noqa: SLF001  # same
                    if isinstance(inner, argparse._SubParsersAction):  # noqa: SLF001  # same
                        yield name, list(inner.choices)


@every(("name", "actions"), list(groups(parser())))
def test_a_group_of_commands_is_a_noun_with_verbs(name: str, actions: list[str]) -> None:
    """`deliveries list`: a group about several things lists them."""
    assert name not in actions
    assert "list" in actions or not name.endswith("s")
    assert not {*actions} & OLD


def test_no_option_has_an_old_name() -> None:
    """`reconcile --notify`, and not --announce."""
    options = {
        word
        for leaf in _parsers(parser())
        for option in leaf._option_string_actions  # noqa: SLF001  # same
        for word in option.strip("-").split("-")
    }

    assert not options & OLD


def _parsers(of: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield of
    for action in of._actions:  # noqa: SLF001  # same
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # same
            for child in action.choices.values():
                yield from _parsers(child)


def test_parts_of_a_message_have_the_titles_of_messages() -> None:
    """A reader finds in the docs what stands in the message."""
    cells = [cell for cell, _ in docs.table("docs/alerts.md", "part")]
    named = {title for cell in cells for title in re.findall("`([^`]+)`", cell)}
    given = {value for name, value in vars(titles).items() if name.isupper()}

    assert named
    assert named <= given
