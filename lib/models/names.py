"""Names and scales that all chapters use."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NewType

DeliveryId = NewType("DeliveryId", str)


Destination = NewType("Destination", str)
"""The name of a destination in alerts.yml. Its address may be a secret."""


StreamId = NewType("StreamId", str)


class Severity(IntEnum):
    """The scale of severities, worst last. The source decides; nothing is computed from a score."""

    UNKNOWN = 0
    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


Counts = Mapping[Severity, int]


Json = Any
"""Parsed JSON at the edges, before `normalize` or after `render`."""
