"""
Tests that do not pass since the deployed program runs on streams and views, with what is known.

They run, and count as expected failures until their cause is found; an entry goes with its fault.
"""

from collections.abc import Mapping
from typing import Final

_WAITS: Final = "messages stay in a queue of the embedded AWS after earlier tests"
_ACCEPTANCE: Final = "the steps of the acceptance run still read the former JSON of topics"
OPEN_FAULTS: Final[Mapping[str, str]] = {
    "test_alerts.py::TestReconciliation": _WAITS,
    "test_workloads.py": _WAITS,
    "test_returns.py": _WAITS,
    "test_demo.py::test_the_demo_tells_its_story_and_ends": (
        "a release is taken as done before its message was made, where the machine is busy"
    ),
    "test_source.py::TestSource::test_what_cannot_be_read_holds_nothing_up": (
        "the log line about a provenance that was not read is missing"
    ),
    "test_acceptance.py::test_every_step_sees_on_the_embedded_aws_what_is_expected": _ACCEPTANCE,
    "test_runtime_client.py::test_sweep_finds_nothing_to_wake": (
        "the made-up DynamoDB of this test lacks calls that the sweep makes now"
    ),
}
"""By a part of the test's id."""
