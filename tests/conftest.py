"""Fixtures for every test, which tests are slow, and which run without the tracer of coverage."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support import scheduling
from tests.support.tracing import Tracing

pytest_plugins = [
    "tests.support.aws_models",
    "tests.support.browser_fixtures",
    "tests.support.cloud_fixtures",
    "tests.support.collecting",
    "tests.support.coverage_report",
    "tests.support.reporting",
    "tests.support.shared_texts",
    "tests.support.thorough",
]

TESTS = Path(__file__).parent
ONLY_FAST = "not slow"
"""The tests that `make unit` asks for."""
SLOW_FOLDERS = ("acceptance", "deploy", "e2e", "faults")
"""They are untraced, too: what they test is no covered code, or runs in another process."""
SLOW_FIXTURES = {"browser", "built", "embedded_aws", "moto"}
"""They start another program: an AWS, a browser, the packager."""
UNTRACED_FOLDER = "local"
"""What it tests is no covered code."""
UNTRACED = {
    "cli/ignore_files/test_never_wider.py",
    "flows/test_pass_cost.py",
    "messages/test_same_numbers.py",
    "messages/test_text.py",
    "notifiers/slack/test_models.py",
    "notifiers/sns/test_ocsf.py",
    "notifiers/test_cloudevents.py",
    "page/test_same_words.py",
    "store/test_stories_in_aws.py",
    "test_claims.py",
    "test_clients.py",
    "test_docs_examples.py",
    "test_garbage.py",
    "test_recipes.py",
}
"""Modules that take seconds, and reach no line or branch that other tests do not reach."""
CLOUDS = {"embedded", "moto"}
"""Parameters of the contract tests of stores that stand for one of these fixtures."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the folders of slow tests where none may run: importing them takes 3 s."""
    is_slow = collection_path.parent == TESTS and collection_path.name in SLOW_FOLDERS
    return True if is_slow and config.getoption("markexpr") == ONLY_FAST else None


def pytest_configure(config: pytest.Config) -> None:
    """Switch the tracer of coverage on for tests alone, and share out tests by what they share."""
    config.pluginmanager.register(Tracing())
    config.pluginmanager.register(scheduling)


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> Generator[None, int, int]:
    """Start one worker more than there are cores, two more where tests wait for other programs."""
    workers = yield
    return workers + (1 if config.getoption("markexpr") == ONLY_FAST else 2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Mark as slow what waits for other programs; `make unit` leaves it out.

    And as untraced what only a property test reaches: it is reached by chance, and does not count.
    The modules that take longest come first, then what is slow: at the end one worker would wait
    for it, and no other had work.
    """
    for item in items:
        if _is_slow(item):
            item.add_marker(pytest.mark.slow)
        if _is_untraced(item):
            item.add_marker(pytest.mark.untraced)
    items.sort(key=_order)


def _order(item: pytest.Item) -> tuple[int, bool]:
    return scheduling.order_of(_path(item)), item.get_closest_marker("slow") is None


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
        _folder(item) in {*SLOW_FOLDERS, UNTRACED_FOLDER}
        or _path(item).partition("/")[2] in UNTRACED
        or "browser" in getattr(item, "fixturenames", ())
        or hasattr(getattr(item, "obj", None), "hypothesis")
    )


def _folder(item: pytest.Item) -> str:
    return _path(item).split("/")[1]


def _path(item: pytest.Item) -> str:
    """Return the path from the repository; `item.path` is one of pathlib, which takes longer."""
    return item.nodeid.partition("::")[0]
