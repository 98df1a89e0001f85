"""
Tests that do not pass since the deployed program runs on streams and views, with what is known.

They run, and count as expected failures until their cause is found; an entry goes with its fault.
"""

from collections.abc import Mapping
from typing import Final

_ACCEPTANCE: Final = "the steps of the acceptance run still read the former JSON of topics"
OPEN_FAULTS: Final[Mapping[str, str]] = {
    "test_acceptance.py::test_every_step_sees_on_the_embedded_aws_what_is_expected": _ACCEPTANCE,
}
"""By a part of the test's id."""
