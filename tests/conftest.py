"""Fixtures for every test, which tests are slow, and which run without the tracer of coverage."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest_plugins = [
    "tests.support.aws_models",
    "tests.support.browser_fixtures",
    "tests.support.cloud_fixtures",
    "tests.support.thorough",
]

TESTS = Path(__file__).parent
ONLY_FAST = "not slow"
"""The tests that `make unit` asks for."""
SLOW_FOLDERS = ("acceptance", "deploy", "e2e", "faults")
"""They are untraced, too: what they test is no covered code, or runs in another process."""
SLOW_FIXTURES = {"browser", "built", "embedded_aws", "moto"}
"""They start another program: an AWS, a browser, the packager."""
CLOUDS = {"embedded", "moto"}
"""Parameters of the contract tests of stores that stand for one of these fixtures."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the folders of slow tests where none may run: importing them takes 3 s."""
    is_slow = collection_path.parent == TESTS and collection_path.name in SLOW_FOLDERS
    return True if is_slow and config.getoption("markexpr") == ONLY_FAST else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what waits for other programs; `make unit` leaves it out."""
    for item in items:
        if _is_slow(item):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """
    Run a test without the tracer of coverage where its lines do not count.

    The tracer makes code 2.4 times slower. A line that only a property test reaches is reached by
    chance, and does not count as covered. The marker `no_cover` of pytest-cov does not do it: in
    the workers of xdist a second tracer goes on.
    """
    if not _is_untraced(item):
        return (yield)
    with _untraced():
        return (yield)


@contextmanager
def _untraced() -> Iterator[None]:
    tracers = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]  # as documented
    try:
        yield
    finally:
        sys.settrace(tracers[0])
        threading.settrace(tracers[1])  # type: ignore[arg-type]  # same


def _is_slow(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    values = () if callspec is None else callspec.params.values()
    return (
        _folder(item) in SLOW_FOLDERS
        or bool(SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())))
        or any(isinstance(value, str) and value in CLOUDS for value in values)
    )


def _is_untraced(item: pytest.Item) -> bool:
    return (
        _folder(item) in SLOW_FOLDERS
        or item.get_closest_marker("untraced") is not None
        or "browser" in getattr(item, "fixturenames", ())
        or hasattr(getattr(item, "obj", None), "hypothesis")
    )


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]
