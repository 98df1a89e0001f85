"""Our own events: a scan whose event never arrived, a repository to check. Pure."""

import hashlib
from datetime import datetime
from typing import Any, Final

from lib.models import Image, Scan, ScanEvent, ScanSource
from lib.wire.values import time_to_json

SOURCE: Final = "ecr-scan-alerts"
SCAN_FOUND: Final = "Scan Found"
REPOSITORY_CHECK: Final = "Repository Check"
"""Source and detail-types of our own events; their schemas are in schemas/events/."""


def fetch_again(event: ScanEvent, reason: str) -> dict[str, Any]:
    """Return our own event that has the report of an image fetched, shaped as EventBridge's are."""
    image, scan = event.image, event.scan
    repository = f"arn:{image.partition}:ecr:{image.region}:{image.account}:repository/"
    return {
        "version": "0",
        "id": event.event_id,
        "detail-type": SCAN_FOUND,
        "source": SOURCE,
        "account": image.account,
        "time": time_to_json(event.time),
        "region": image.region,
        "resources": [repository + image.repository],
        "detail": {
            "reason": reason,
            "scan-status": scan.status,
            "scan-source": scan.source.value,
            "scan-completed-at": time_to_json(scan.completed_at),
            "found-at": time_to_json(event.announced_at),
            "repository-name": image.repository,
            "image-digest": image.digest,
            "image-tags": list(image.tags),
            "image-pushed-at": time_to_json(image.pushed_at),
            "index": event.index,
            "quiet": event.quiet,
        },
    }


def image_check(image: Image, time: datetime, reason: str) -> dict[str, Any]:
    """Return our own event that has the report of an image fetched again, whatever is stored."""
    content = f"{image.key}\n{time_to_json(time)}".encode()
    event_id = f"image-{hashlib.sha256(content).hexdigest()[:32]}"
    scan = Scan(ScanSource.ECR_ENHANCED, "UNKNOWN")
    return fetch_again(ScanEvent(event_id, time, image, scan), reason)


def repository_check(repository: Image, time: datetime) -> dict[str, Any]:
    """Return our own event for the check of a repository. Its id is the same for the same time."""
    content = f"{repository.key}\n{time_to_json(time)}".encode()
    arn = f"arn:{repository.partition}:ecr:{repository.region}:{repository.account}:repository/"
    return {
        "version": "0",
        "id": f"check-{hashlib.sha256(content).hexdigest()[:32]}",
        "detail-type": REPOSITORY_CHECK,
        "source": SOURCE,
        "account": repository.account,
        "time": time_to_json(time),
        "region": repository.region,
        "resources": [arn + repository.repository],
        "detail": {"repository-name": repository.repository},
    }
