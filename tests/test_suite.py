"""How the tests run: what tests/conftest.py decides about them."""

import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import SLOW_FOLDERS, TESTS, UNTRACED_FOLDERS


@given(st.none())
def test_a_property_test_covers_nothing(example: None) -> None:
    """What an example reaches by chance does not count; nor does tracing slow it."""
    tracer = sys.gettrace()

    assert type(tracer).__module__.partition(".")[0] != "coverage", (tracer, example)


def test_every_folder_with_a_rule_is_there() -> None:
    """A folder that was renamed would be traced, and run by `make unit`."""
    assert [name for name in {*SLOW_FOLDERS, *UNTRACED_FOLDERS} if not folder(name)] == []


def folder(name: str) -> list[Path]:
    return list((TESTS / name).glob("test_*.py"))
