"""
A pytest plugin: tests that share something expensive run in one worker, the longest ones first.

`--dist worksteal` cuts a list of tests anywhere: three workers deployed the same app, and each made
again what a module makes once. Here a module stays together, and so do the modules that share a
fixture of the session. Large modules of quick tests are cut.
https://pytest-xdist.readthedocs.io/en/stable/distribution.html
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

DISTRIBUTION: Final = "loadscope"
"""The value of `--dist` that this replaces."""
APP: Final = (
    "tests/e2e/test_alerts.py",
    "tests/e2e/test_digest.py",
    "tests/e2e/test_quiet_updates.py",
    "tests/e2e/test_returns.py",
    "tests/e2e/test_source.py",
    "tests/e2e/test_workloads.py",
)
"""Modules that share the deployed app of tests/e2e/conftest.py."""
LONGEST: Final = (
    *APP,
    "tests/deploy/test_deploy.py",
    "tests/deploy/test_template.py",
    "tests/acceptance/test_acceptance.py",
    "tests/e2e/test_demo.py",
    "tests/e2e/test_repositories.py",
    "tests/e2e/test_roles.py",
    "tests/e2e/test_health.py",
    "tests/e2e/test_streams.py",
    "tests/e2e/test_config_push.py",
    "tests/local/inbox/test_inbox_browser.py",
    "tests/deploy/test_release_files.py",
    "tests/deploy/test_package.py",
    "tests/deploy/test_wheel.py",
)
"""Modules that take longest, the longest first: begun last, one of them would be waited for."""
WHOLE: Final = ("acceptance", "deploy", "e2e")
"""Folders whose modules share what takes seconds to make, however many tests they have."""
ALONE: Final = ("faults",)
"""Folders whose tests share nothing and take seconds each."""
MOST: Final = 50
"""Tests of a quick module that run in one worker at a time."""


def order_of(path: str) -> int:
    """Return the place of a module among those that are begun first."""
    return LONGEST.index(path) if path in LONGEST else len(LONGEST)


def units_of(tests: Sequence[str]) -> dict[str, str]:
    """Return for each test, by its node id, the unit that one worker runs."""
    counts: Counter[str] = Counter()
    units = {}
    for test in tests:
        path = test.partition("::")[0]
        units[test] = _unit(test, path, counts[path] // MOST)
        counts[path] += 1
    return units


def _unit(test: str, path: str, part: int) -> str:
    folder = path.split("/")[1]
    if path in APP:
        return "app"
    if folder in ALONE:
        return test
    return path if folder in WHOLE else f"{path} {part}"


class Units(LoadScopeScheduling):  # type: ignore[misc]  # mypy does not read xdist
    """Hands out the units of `units_of`, in the order of their tests."""

    def schedule(self) -> None:
        """Learn the units and the places of the tests, and hand them out. See the base class."""
        tests = next(iter(self.registered_collections.values()))
        self._units = units_of(tests)
        self._places = {test: place for place, test in enumerate(tests)}
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._units[nodeid]

    def _assign_work_unit(self, node: Any) -> None:
        """Send the next unit. The base class searches its list for each test, which takes 3 s."""
        unit, tests = self.workqueue.popitem(last=False)
        self.assigned_work[node][unit] = tests
        node.send_runtest_some([self._places[test] for test, done in tests.items() if not done])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Units | None:
    """Replace the distribution that `make test` asks for."""
    if config.getoption("dist") != DISTRIBUTION:
        return None
    # By the order of the tests, and not by the number of tests of a unit.
    config.option.loadscopereorder = False
    return Units(config, log)
