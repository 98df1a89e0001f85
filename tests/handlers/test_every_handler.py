"""What every handler has in common."""

import gc
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support.calls import handlers

ROOT = Path(__file__).parents[2]


class _StopError(Exception):
    """The handler came as far as the test needs."""


@pytest.mark.usefixtures("counted")
@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("handler", handlers(ROOT))
def test_every_handler_pauses_the_collector(
    handler: str, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clients are made in the pause, too: they are most of a first invocation."""
    module = import_module(f"handlers.{handler}")
    paused: list[bool] = []

    def app() -> None:
        paused.append(not gc.isenabled())
        raise _StopError

    monkeypatch.setattr(module, "app", app)

    with pytest.raises(_StopError):
        module.handler({}, context)

    assert paused == [True]
