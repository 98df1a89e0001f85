"""Fixtures for every test, and which tests are slow."""

from pathlib import Path

import pytest

pytest_plugins = [
    "tests.support.aws_models",
    "tests.support.browser_fixtures",
    "tests.support.cloud_fixtures",
]

TESTS = Path(__file__).parent
SLOW_FOLDERS = ("acceptance", "deploy", "e2e", "faults")
SLOW_FIXTURES = {"browser", "built", "embedded_aws", "moto"}
"""They start another program: an AWS, a browser, the packager."""
CLOUDS = {"embedded", "moto"}
"""Parameters of the contract tests of stores that stand for one of these fixtures."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what waits for other programs; `make unit` leaves it out."""
    for item in items:
        if _is_slow(item):
            item.add_marker(pytest.mark.slow)


def _is_slow(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    values = () if callspec is None else callspec.params.values()
    return (
        item.path.relative_to(TESTS).parts[0] in SLOW_FOLDERS
        or bool(SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())))
        or any(isinstance(value, str) and value in CLOUDS for value in values)
    )
