"""
The embedded AWS and moto's for tests: one for each test process, started for the first that asks.

Tests share it, so each makes its own repositories, tables and buckets.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.aws.process import CloudError, EmbeddedAws, cloud_python
from tests.support.moto_server import PYTHON, MotoServer

LONGEST_DELAY = 1.0
"""Seconds: a scan that AWS brings back after 30 s is there after one."""
RECORDINGS = Path(__file__).parents[2] / "local" / "recordings"


def quick_aws(log: Path) -> EmbeddedAws:
    """Return an embedded AWS whose queues do not keep a test waiting."""
    return EmbeddedAws(log=log, longest_delay=LONGEST_DELAY)


@pytest.fixture(scope="session")
def embedded_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """Yield the embedded AWS; without its environment tests are skipped, but fail under CI."""
    try:
        cloud_python()
    except CloudError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with quick_aws(tmp_path_factory.mktemp("cloud") / "cloud.log") as aws:
        yield aws


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoServer]:
    """Yield moto's server; without its environment tests are skipped, but fail under CI."""
    if not PYTHON.exists() and not os.environ.get("CI"):
        pytest.skip(f"{PYTHON} does not exist; run `make test`, which makes it")
    with MotoServer(tmp_path_factory.mktemp("moto") / "moto.log") as server:
        yield server


@pytest.fixture
def boto(embedded_aws: EmbeddedAws) -> Callable[[str], Any]:
    """Return clients of the embedded AWS by service."""
    return embedded_aws.client


def recording(name: str) -> dict[str, Any]:
    """Return a recorded scan of the demo."""
    document: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())
    return document
