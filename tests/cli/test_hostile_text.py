"""Text from outside on the terminal: no command prints a character that steers or deceives it."""

import json
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from lib.notifiers import NOTIFIERS
from lib.text import clean, escaped
from tests.support.receivers import OPTIONS

ROOT = Path(__file__).parents[2]
ENHANCED = ROOT / "tests" / "findings" / "derived" / "tensorflow-2.6-gpu.enhanced.json"
HOSTILE = "".join(
    chr(number)
    for number in (*range(0x10000), *range(0xE0000, 0xE0080))
    if clean(chr(number)) == "" and not 0xD800 <= number <= 0xDFFF
)
"""Every character that `clean` removes: C0 and C1, DEL, bidirectional, invisible, tags."""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""What rich writes to a terminal; nothing else may begin with an escape."""
FREE_TEXT = {
    "vulnerabilityId", "title", "description", "name", "version", "filePath", "url", "text",
    "sourceUrl", "source", "fixedInVersion", "packageManager",
}  # fmt: skip


def poisoned(node: Any, key: str = "") -> Any:
    """Return a document with hostile characters in each free text."""
    match node:
        case dict():
            return {name: poisoned(value, name) for name, value in node.items()}
        case list():
            return [poisoned(value, key) for value in node]
        case str() if key in FREE_TEXT:
            return f"{node[:2]}{HOSTILE}{node[2:]}"
        case _:
            return node


@cache
def hostile_document() -> str:
    """Return findings of a file of several megabytes, with hostile characters."""
    document = json.loads(ENHANCED.read_text())
    findings = document["imageScanFindings"]["enhancedFindings"]
    document["imageScanFindings"]["enhancedFindings"] = poisoned(findings[:20])
    return json.dumps(document)


@pytest.fixture
def findings(tmp_path: Path) -> str:
    path = tmp_path / "findings.json"
    path.write_text(hostile_document())
    return str(path)


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "alerts.yml"
    destinations = {**OPTIONS, "jira": {**OPTIONS["jira"], "labels": ["scan"]}}
    routes = [{"name": "all", "notify": list(destinations)}]
    path.write_text(json.dumps({"version": 1, "destinations": destinations, "routes": routes}))
    return str(path)


@pytest.fixture(params=[False, True], ids=["piped", "terminal"])
def printed(
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., str]:
    """Run a command, and return all that it printed."""

    def run(*arguments: str, expected: tuple[int, ...] = (0,)) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(sys.stdout, "isatty", lambda: request.param, raising=False)
            code = main(arguments)
        captured = capsys.readouterr()
        assert code in expected, captured.err
        return captured.out + captured.err

    return run


def unsafe_in(text: str) -> set[str]:
    """Return the characters of a text that a terminal must not get."""
    plain = COLOUR.sub("", text).replace("\r\n", "\n")
    return {character for character in set(plain) if clean(character) == ""}


@pytest.mark.untraced
@pytest.mark.parametrize(
    "arguments",
    [
        ("normalize", "{findings}"),
        ("normalize", "{findings}", "--format", "table"),
        ("normalize", "{findings}", "--format", "csv"),
        ("normalize", "{findings}", "--format", "sarif"),
        ("normalize", "{findings}", "--format", "ocsf"),
        ("route", "{findings}", "--config", "{config}"),
        ("route", "{findings}", "--config", "{config}", "--format", "json"),
        ("report", "{findings}", "--format", "html"),
        ("report", "{findings}", "--format", "csv"),
        *(("preview", "{findings}", "--config", "{config}", "--to", name) for name in OPTIONS),
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[-1:]),
)
def test_findings_cannot_steer_the_terminal(
    printed: Callable[..., str], findings: str, config: str, arguments: tuple[str, ...]
) -> None:
    """Whatever a package calls itself."""
    text = printed(*(each.format(findings=findings, config=config) for each in arguments))

    assert len(text) > 100
    assert unsafe_in(text) == set()


def test_all_receivers_are_previewed() -> None:
    """A new one is in the list above."""
    assert {options["type"] for options in OPTIONS.values()} == set(NOTIFIERS)


@pytest.mark.parametrize("place", ["destinations", "routes", "suppressions", "version"])
def test_a_configuration_cannot_steer_the_terminal(
    printed: Callable[..., str], config: str, place: str
) -> None:
    """A pull request may bring a file that nobody has read yet."""
    document = json.loads(Path(config).read_text())
    document[place] = {"destinations": {HOSTILE: {"type": HOSTILE}}, "version": HOSTILE}.get(
        place, [{"name": HOSTILE, "notify": [HOSTILE], HOSTILE: HOSTILE}]
    )
    Path(config).write_text(json.dumps(document))

    for command in (("check-config", config), ("suppressions", "list", "--config", config)):
        text = printed(*command, expected=(1, 2))

        assert text
        assert unsafe_in(text) == set()


def test_an_escaped_document_says_the_same() -> None:
    """JSON has an escape for each character, of two parts where it is beyond the first plane."""
    document = {"name": f"a{HOSTILE}b\N{SNOWMAN}"}

    text = escaped(json.dumps(document, ensure_ascii=False))

    assert json.loads(text) == document
    assert unsafe_in(text) == set()
    assert "\N{SNOWMAN}" in text
