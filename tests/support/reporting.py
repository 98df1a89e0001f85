"""
A pytest plugin: a worker reports of a test what somebody reads.

A worker sends six messages to the controller: a test begins and ends, and each of its three phases
passed. Two of them are shown. The others took a quarter of a millisecond of each test.
"""

import pytest
from _pytest.runner import runtestprotocol


class Reporting:
    """The reports of a worker of xdist."""

    def __init__(self, shortest: float) -> None:
        """Keep from how many seconds on the time of a set-up is listed."""
        self._shortest = shortest

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a test as pytest does, and report what is worth it."""
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            if self.is_read(report):
                item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def is_read(self, report: pytest.TestReport) -> bool:
        """Whether anything is shown of a report: its result, its output, or its time."""
        return (
            report.when == "call"
            or not report.passed
            or bool(report.sections)
            or report.duration >= self._shortest
        )


def pytest_configure(config: pytest.Config) -> None:
    """Report less where somebody else writes the reports."""
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Reporting(config.getoption("durations_min") or 0.0))
