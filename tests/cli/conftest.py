"""What the tests of the commands share."""

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.stage import Stage


@pytest.fixture
def stage(boto: Callable[[str], Any]) -> Stage:
    return Stage(boto)


class Terminal(io.StringIO):
    """A stdin that somebody sits at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
