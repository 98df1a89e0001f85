"""
Causes of a sync: why a stream is looked at. Logs, rows and `deliveries show` name them.

A cause decides nothing but the time of a message. What is sent follows from what is stored.
"""

from typing import Final

from lib.models import Destination

SCAN: Final = "scan"
PUSH: Final = "push"
FINDING: Final = "finding"
"""An event about a finding. The removal of an image is a cause by the name of the removal."""
SETTINGS: Final = "settings"
"""A check of a repository."""
RUNNING: Final = "running"
"""An image begins or stops to run."""
TIME: Final = "time"
"""The time has come at which other images count."""
HOURLY: Final = "hourly"
"""The pass over all images found what no event said."""
DAILY: Final = "daily"
"""The pass over all streams, which makes up for lost writes."""
RULES: Final = "rules"
"""alerts.yml changed."""
RULES_OF_MANY: Final = "rules of many streams"
"""The same, where there are enough streams for a summary."""
FEW: Final = 10
"""Streams that a destination is notified of one by one, when alerts.yml changes."""
CLAIM: Final = "claim"
"""A notification is about to be sent: its view is compared once more."""


def redrive_of(destination: Destination) -> str:
    """Return the cause of a sync that sends what a destination's dead notification did not."""
    return f"redrive of {destination}"
