"""
Amazon Inspector's continuous scanning: a finding in an image that was scanned long ago.

Inspector announces a first scan as a whole, and each later finding by an event of its own:
https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from local.aws.ecr_scanning import (
    OBSERVED,
    Event,
    PushedImage,
    Scans,
    on_the_wire,
    with_image,
)

Json = Any


def find(scans: Scans, image: PushedImage, finding: Mapping[str, Json], now: float) -> Event:
    """Add a finding to the result of an image's scan, observed now, and return its event."""
    moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    observed = {**finding, **dict.fromkeys(OBSERVED, moment)}
    recording = scans.recording_of(image)
    findings = (*recording.findings, on_the_wire(observed))
    scans.record(image.place, image.digest, replace(recording, findings=findings))
    # The result of ECR changes; the event of a scan comes after a push alone.
    scans.scan(image, now)
    detail = with_image(image, observed)
    return Event(
        id=str(uuid.uuid4()),
        time=int(now),
        place=image.place,
        source="aws.inspector2",
        detail_type="Inspector2 Finding",
        detail=detail,
        resources=tuple(resource["id"] for resource in detail["resources"]),
    )
