"""What the tests of the commands share."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.stage import Stage


@pytest.fixture
def stage(boto: Callable[[str], Any]) -> Stage:
    return Stage(boto)
