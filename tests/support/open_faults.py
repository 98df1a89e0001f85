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
    "test_source.py::TestSource::test_what_cannot_be_read_holds_nothing_up": (
        "the log line about a provenance that was not read is missing"
    ),
    "test_acceptance.py::test_every_step_sees_on_the_embedded_aws_what_is_expected": _ACCEPTANCE,
}
"""By a part of the test's id."""
