"""Any text as alerts.yml: problems with their lines, never a traceback."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml.constructor import RoundTripConstructor

from cli.alerts_file import check_file, understand
from lib.config.checking import check
from lib.errors import ConfigError
from tests.support.every import every
from tests.support.thorough import examples

TODAY = date(2026, 11, 27)
SAMPLE = (Path(__file__).parents[2] / "alerts.yml").read_text()
TAGS = sorted(
    {
        *(str(tag) for tag in RoundTripConstructor.yaml_constructors if tag),
        *("!!omap", "!!set", "!!pairs", "!!binary", "!!timestamp", "!!python/name:os.system"),
        *("!!int", "!!float", "!!bool", "!!null", "!!str", "!!map", "!!seq", "!own", "!", "!!"),
    }
)
SCALARS = st.sampled_from(
    ("1", "x", "''", "~", "yes", "=", "<<", "2024-02-30", "1:30", ".nan", "1e999", "0x", "*a", "?")
)
NODES = st.recursive(
    SCALARS | st.text("ab:#-[]{}&*!|>'\"%@`, \t\n?=<", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda nodes: f"[{', '.join(nodes)}]")
        | st.dictionaries(inner, inner, max_size=3).map(
            lambda nodes: f"{{{', '.join(f'{key}: {value}' for key, value in nodes.items())}}}"
        )
        | st.builds("{} {}".format, st.sampled_from(TAGS), inner)
        | st.builds("&a {}".format, inner)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ("version", "destinations", "routes", "suppressions", "streams", "digest", "fallback",
     "sources", "repositories", "<<", "? [a]", "a")
)  # fmt: skip
DOCUMENTS = st.lists(st.builds("{}: {}".format, KEYS, NODES), max_size=4).map("\n".join) | NODES
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


def checked(text: str, path: Path) -> None:
    """Check a file; every problem stands at one of its lines."""
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    problems = check_file(path, today=TODAY)

    lines = text.count("\n") + text.count("\r") + 2
    assert all(1 <= problem.line <= lines and problem.message for problem in problems)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("yaml") / "alerts.yml"


@given(DOCUMENTS)
@example("<<: {a: 1}")
@example("<<: 5")
@example("a: &a [*a]")
@example("&a {*a : 1}")
@settings(max_examples=examples(80), deadline=None)
def test_no_document_ends_in_a_traceback(path: Path, text: str) -> None:
    """Tags, anchors, merges, odd keys and values, in any combination."""
    checked(text, path)


@every("tag", TAGS)
@every("value", ["1", "x", "''", "[a: 1]", "{a, b}", "[1, 2]", ""])
def test_no_tag_ends_in_a_traceback(path: Path, tag: str, value: str) -> None:
    """Each tag that the parser has a constructor for, at the top and inside."""
    written = f"!<{tag}>" if tag.startswith("tag:") else tag

    checked(f"{written} {value}", path)
    checked(f"version: 1\nroutes:\n  - {written} {value}", path)
    checked(f"? {written} {value}\n: 1", path)


@given(st.data())
@settings(max_examples=examples(40), deadline=None)
def test_no_damage_to_the_sample_ends_in_a_traceback(path: Path, data: st.DataObject) -> None:
    """Parts that are cut out, doubled, or replaced."""
    start = data.draw(st.integers(0, len(SAMPLE)))
    end = data.draw(st.integers(start, min(start + 40, len(SAMPLE))))
    other = data.draw(
        st.sampled_from(("", "!!omap ", "&a ", "*a", "<<: ", "\t", "- ", ": ", "\x85"))
    )

    checked(SAMPLE[:start] + other + SAMPLE[end:], path)


@given(st.dictionaries(KEYS, JSON, max_size=5) | JSON)
@settings(max_examples=examples(80), deadline=None)
def test_no_value_ends_in_a_traceback(document: object) -> None:
    """What YAML can say, in places where it does not belong."""
    for problem in check(document, today=TODAY):
        assert problem.message


def test_tags_are_refused_in_other_files_of_the_command() -> None:
    """The same reader reads the file of a stage."""
    with pytest.raises(ConfigError, match=r"stage\.yml:1: this tag"):
        understand("region: !!omap [x: 1]", "stage.yml")
