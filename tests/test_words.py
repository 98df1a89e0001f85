"""The words of code and docs: what is left of old ones may only become less."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import lib.models
from tests.support import docs
from tests.support.every import every

ROOT = Path(__file__).parents[1]
CODE = ("acceptance", "benchmarks", "cli", "deploy", "handlers", "lib", "local")

WORDS: Final = {
    "told": re.compile(r"\b(?:told|untold)\b"),
    "hear": re.compile(r"\b(?:hears?|heard|unheard) (?:of|what|how|when|regularly)\b"),
    "mend": re.compile(r"\bmend(?:s|ed|ing)?\b"),
    "whoever": re.compile(r"\bwhoever\b"),
    "what came of it": re.compile(r"\bcame of it\b|\bbecame of (?:it|each|every)\b"),
}
"""Words of the first version; the plain ones are notify, report, fix, result, finding."""
NAMES: Final = ("each", "said", "told", "found", "known", "hidden")
"""Names that say nothing: a loop variable is the singular of what it runs over, a local a noun."""
PARTICIPLE: Final = re.compile(r"_?[A-Z][a-z]+(?:ed|ing)|_?(?:Behind|Known|LeftOut|Made|Told)")
NOUNS: Final = frozenset({"Finding", "Fetching", "Listing", "Recording", "Scanning"})
"""Classes that end as a participle does, and are nouns."""
OPENING: Final = re.compile(r"(?:What|It|One|Another|Those|Who|Say|Tell|Nothing)\b")
"""How a docstring opens that does not name its noun."""

LIMITS: Final = {
    "told": 3,
    "hear": 1,
    "mend": 3,
    "whoever": 6,
    "what came of it": 1,
    "each, as a name": 2,
    "said, as a name": 4,
    "told, as a name": 0,
    "found, as a name": 10,
    "known, as a name": 2,
    "hidden, as a name": 2,
    "a participle, as a class": 3,
    "no noun, in the first line of a docstring": 28,
}
"""How often each is left. A change that removes some lowers its number."""
SLACK: Final = 5


@cache
def counts() -> Counter[str]:
    """Return how often each old word stands in code and pages."""
    counted: Counter[str] = Counter()
    for text in (*code(), *(docs.text_of(page) for page in docs.PAGES)):
        counted.update({name: len(word.findall(text)) for name, word in WORDS.items()})
    for text in code():
        counted.update(faults(ast.parse(text)))
    return counted


def code() -> Iterator[str]:
    """Yield the text of each module."""
    for name in CODE:
        for path in sorted((ROOT / name).rglob("*.py")):
            yield path.read_text("utf-8")


def faults(tree: ast.Module) -> Iterator[str]:
    """Yield the faults of the names and docstrings of a module."""
    for node in ast.walk(tree):
        name = bound(node)
        if name in NAMES:
            yield f"{name}, as a name"
        if isinstance(node, ast.ClassDef) and is_participle(node.name):
            yield "a participle, as a class"
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring is not None and OPENING.match(docstring):
                yield "no noun, in the first line of a docstring"


def bound(node: ast.AST) -> str:
    """Return the name that a node binds: a local, a loop variable, a parameter, a function."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.FunctionDef(name=name):
            return name
    return ""


def is_participle(name: str) -> bool:
    """Whether the name of a class is a participle that stands alone."""
    return PARTICIPLE.fullmatch(name) is not None and name.lstrip("_") not in NOUNS


@every("name", LIMITS)
def test_an_old_word_comes_back_nowhere(name: str) -> None:
    """New text has a plainer one."""
    assert counts()[name] <= LIMITS[name], f"{name!r} stands in a new place: write it plainly"


@every("name", LIMITS)
def test_a_limit_falls_with_what_is_left(name: str) -> None:
    """What was gained is kept."""
    assert counts()[name] > LIMITS[name] - SLACK, f"lower the limit of {name!r} to {counts()[name]}"


def test_the_glossary_names_data_that_exist() -> None:
    """A renamed class takes its word in the glossary with it."""
    named = re.findall(r"`(\w+)`", lib.models.__doc__ or "")
    assert [name for name in named if not hasattr(lib.models, name)] == []


@every(
    ("source", "fault"),
    [
        ("for each in rows: pass", "each, as a name"),
        ("[each for each in rows]", "each, as a name"),
        ("said = 1", "said, as a name"),
        ("def render(found): pass", "found, as a name"),
        ("def told(): pass", "told, as a name"),
        ("class _Known: pass", "a participle, as a class"),
        ("class Stored: pass", "a participle, as a class"),
        ('"""What a scan says."""', "no noun, in the first line of a docstring"),
        ('def f():\n    """Say whether."""', "no noun, in the first line of a docstring"),
    ],
)
def test_a_fault_is_seen(source: str, fault: str) -> None:
    """Each kind that is counted is found where it stands."""
    assert fault in list(faults(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "for row in rows: pass",
        "class Finding: pass",
        "class ScanningRule: pass",
        '"""Whether a scan ended."""',
        "rows.found",
    ],
)
def test_plain_words_are_no_fault(source: str) -> None:
    """Nouns and sentences with a subject pass."""
    assert not list(faults(ast.parse(source)))
