"""Sentences are written in lib/messages alone: receivers and the page lay out what stands there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
ROOMS: Final = ("lib/notifiers", "lib/page")
MODULES: Final = sorted(
    str(path.relative_to(ROOT)) for room in ROOMS for path in (ROOT / room).rglob("*.py")
)

ENTRY_POINTS: Final = {
    "lib.messages.content": {"counts_of"},
    "lib.messages.text": {"text_of"},
    "lib.messages.to_do": {"upgrades_of"},
    "lib.messages.digest": {"digest_text_of"},
    "lib.messages.lists": {"more_findings"},
    "lib.messages.parts": set(),
    "lib.messages.titles": set(),
}
"""The functions that receivers may ask; their types and titles may be imported, too."""
FOR_THE_PAGE: Final = {
    "lib.messages.phrases": {"counts_text", "moment_text", "severity_name", "severity_text"},
    "lib.messages.inventory": {
        "exploit_cell",
        "exploit_level",
        "figures",
        "fix_cell",
        "highest_epss",
        "installed_cell",
        "missing",
        "place_cell",
        "severity_cell",
    },
    "lib.messages.content": {"counts_of", "severity_of"},
    "lib.messages.facts": {"accepting"},
}
"""The page shows vulnerabilities that no message lists."""

LABELS: Final = {
    "lib/notifiers/document.py": {"other reasons"},
    "lib/notifiers/jira/notifier.py": {
        "is gone or not ours",
        "nothing to change",
        "the stored issue",
    },
    "lib/notifiers/pagerduty/notifier.py": {"change event", "nothing to change"},
    "lib/notifiers/slack/bot.py": {"nothing to change", "of the edited message"},
    "lib/page/charts.py": {
        "What was open in this stream; the table has the numbers",
        ": no result",
    },
    "lib/page/document.py": {
        "Filter the",
        "Pages of",
        "Skip to all findings",
        "The worst",
        "any change",
        "id, package, path or text",
        "in all.",
        "with a fix",
        "with an exploit",
    },
    "lib/page/sections.py": {
        "As of",
        "Releases of this stream",
        "Made by ecr-scan-alerts at",
        "no result",
        "of stream",
    },
}
"""Labels of controls, of charts and of the page itself: nothing about an alert."""
OPERATORS: Final = ("checks", "errors", "identity", "issue", "publisher", "testing", "workflow")
"""Modules about a destination, not about an alert: tests of it, refusals, the state of an issue."""
FOR_OPERATORS: Final = (
    "REMEDIES",
    "HISTORY",
    "INVITE",
    "NEW_WEBHOOK",
    "NO_KEY",
    "PUBLIC",
    "REPLACE",
)
"""Constants with what to do about a destination."""
CHECKS: Final = {"Usage", "failed", "note", "ok"}
"""Calls whose texts are names of limits, or results of a test of a destination."""
FUNCTIONS: Final = {"_attach", "_changed", "_paged", "_policy", "_readable", "_sent", "_tested"}
"""Functions that test a destination, or say why a file was not attached; and the page's policy."""
ATTRIBUTES: Final = {"class_", "content", "of", "rel", "remark"}
"""Arguments that nobody reads as a sentence: attributes of HTML, names of limits, receipts."""
WORDS: Final = re.compile(r"[A-Za-z']{2,}[,:;]? [A-Za-z']+")


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Yield each module of the rooms."""
    for name in MODULES:
        yield name, ast.parse((ROOT / name).read_text("utf-8"))


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each name that a module imports from the messages, with its module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lib.messages"):
            yield from ((node.module or "", alias.name) for alias in node.names)
        if isinstance(node, ast.Import):
            names = (alias.name for alias in node.names)
            yield from ((name, "") for name in names if name.startswith("lib.messages"))


def is_open(module: str, name: str, *, page: bool) -> bool:
    """Return whether a receiver, or the page, may use a name of the messages."""
    doors = {**ENTRY_POINTS, **FOR_THE_PAGE} if page else ENTRY_POINTS
    # Functions are asked; classes and titles only say what stands where.
    return module in doors and (name in doors[module] or name[:1].isupper())


def phrases(tree: ast.Module) -> Iterator[str]:
    """Yield the string literals of a module that have more than one word."""
    for node in without_asides(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value.strip()
            if WORDS.search(text) and not text.startswith("<"):
                yield text


def without_asides(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree, but for what no reader of an alert sees: docstrings, errors, checks."""
    for child in ast.iter_child_nodes(node):
        if not is_aside(child):
            yield child
            yield from without_asides(child)


def is_aside(node: ast.AST) -> bool:
    """Return whether a node holds words for developers or operators."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Raise():
            return True
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name in CHECKS or name.endswith("Error")
        case ast.AnnAssign(target=ast.Name(id=name)):
            return name.strip("_") in FOR_OPERATORS
        case ast.FunctionDef(name=name):
            return name in FUNCTIONS
        case ast.keyword(arg=name):
            return name in ATTRIBUTES
    return False


def is_about_alerts(module: str) -> bool:
    """Return whether a module takes part in showing an alert."""
    return Path(module).stem not in OPERATORS


@pytest.mark.parametrize("module", MODULES)
def test_only_the_text_of_an_alert_is_asked_for(module: str) -> None:
    """No receiver asks for one wording after the other, and puts them together."""
    tree = ast.parse((ROOT / module).read_text("utf-8"))
    page = module.startswith("lib/page")

    assert [name for name in imported(tree) if not is_open(*name, page=page)] == []


@pytest.mark.parametrize("module", [*filter(is_about_alerts, MODULES)])
def test_no_receiver_writes_a_sentence(module: str) -> None:
    """Beside a short list of labels no literal has two words."""
    tree = ast.parse((ROOT / module).read_text("utf-8"))

    assert {*phrases(tree)} - LABELS.get(module, set()) == set()


def test_no_label_is_listed_in_vain() -> None:
    """What a module does not have any more leaves the list."""
    unused = {
        module: labels - {*phrases(tree)}
        for module, tree in trees()
        if (labels := LABELS.get(module, set()))
    }

    assert not any(unused.values()), unused
    assert set(LABELS) <= set(MODULES)


def test_modules_for_operators_know_no_text() -> None:
    """Otherwise a sentence about an alert could hide in one."""
    for module, tree in trees():
        if not is_about_alerts(module):
            assert [*imported(tree)] == [], module


@pytest.mark.parametrize(
    "source",
    [
        "from lib.messages.facts import footer",
        "import lib.messages.verdict",
        "from lib.messages.parts import counts_text",
    ],
)
def test_an_import_past_the_entry_points_is_seen(source: str) -> None:
    """The wall holds where somebody leans on it."""
    names = [*imported(ast.parse(source))]

    assert names
    assert not any(is_open(*name, page=False) for name in names)


@pytest.mark.parametrize(
    "source",
    [
        'line = f"{number} findings are new"',
        'lines.append("Nothing new")',
        'blocks = {"text": "Look at the console"}',
    ],
)
def test_a_sentence_in_a_receiver_is_seen(source: str) -> None:
    """As a part of another text, as an argument, or as a value."""
    assert [*phrases(ast.parse(source))]
