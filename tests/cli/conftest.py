"""What the tests of the commands share."""

import io
import sys

import pytest

from local.aws.process import EmbeddedAws
from tests.cli.stage import Stage


@pytest.fixture
def stage(embedded_aws: EmbeddedAws) -> Stage:
    return Stage(embedded_aws.client, embedded_aws.own_client)


class Terminal(io.StringIO):
    """A stdin that somebody sits at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
