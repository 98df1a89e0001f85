"""Names and scales that every other chapter uses."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NewType

DeliveryId = NewType("DeliveryId", str)


Destination = NewType("Destination", str)
"""The name of a destination in alerts.yml, not its address: addresses can be secrets."""


StreamId = NewType("StreamId", str)


class Severity(IntEnum):
    """The scale, worst last. As the source says; never recomputed from a score."""

    UNKNOWN = 0
    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


Counts = Mapping[Severity, int]


Json = Any
"""Parsed JSON at the edge, before `normalize` or after `render`."""
