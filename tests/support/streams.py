"""Streams, their states and what scans say, with defaults."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from lib.models import Finding, Image, ScanSource, Severity, StreamId
from lib.models.streams import (
    Arrival,
    Departure,
    Evidence,
    Lifecycle,
    PackageVersion,
    PartState,
    Role,
    Stamp,
    StreamState,
    WatchedImage,
)
from tests.support.builders import NOW, an_image

STREAM = StreamId("000474600478/eu-central-1/payments/api")
AMD = "linux/amd64"


def a_stamp(version: int = 1) -> Stamp:
    """Return the stamp of a version: versions are hours apart."""
    return Stamp(version, NOW + timedelta(hours=version))


def a_part(
    *findings: Finding,
    part: str = AMD,
    image: Image | None = None,
    source: ScanSource = ScanSource.ECR_ENHANCED,
    complete: bool = True,
    carried: Iterable[Evidence] = (),
    **fields: Any,
) -> PartState:
    """Return a part whose scan has a usable result."""
    own = Evidence(image or an_image(), part, source, NOW, complete, findings)
    defaults: dict[str, Any] = {"status": "ACTIVE", "source": source}
    return PartState(part, evidence=(own, *carried), **{**defaults, **fields})


def an_unscanned_part(
    status: str = "FAILED", *evidence: Evidence, part: str = AMD, **fields: Any
) -> PartState:
    """Return a part whose scan has no usable result, with what is known from earlier ones."""
    defaults: dict[str, Any] = {"reason": f"status {status}", "source": ScanSource.ECR_ENHANCED}
    return PartState(part, status, evidence=evidence, **{**defaults, **fields})


def a_watched(
    *findings: Finding,
    image: Image | None = None,
    role: Role = Role.CURRENT,
    running: bool = False,
    parts: tuple[PartState, ...] = (),
    **part: Any,
) -> WatchedImage:
    """Return a watched image of one part with these findings, or of these parts."""
    image = image or an_image()
    return WatchedImage(image, role, running, parts or (a_part(*findings, image=image, **part),))


def a_lifecycle(opened: int = 1, **fields: Any) -> Lifecycle:
    """Return the lifecycle of a vulnerability that came with this version of the state."""
    defaults: dict[str, Any] = {
        "arrival": Arrival.PUSH,
        "severity": Severity.HIGH,
        "exploitable": False,
        "fixable": False,
        "scanner": "ecr-enhanced",
        "first_observed_at": NOW,
    }
    return Lifecycle(a_stamp(opened), **{**defaults, **fields})


def a_departure(at: int = 2, **fields: Any) -> Departure:
    """Return how a vulnerability that was listed in 1.4.1 left with this version of the state."""
    defaults: dict[str, Any] = {
        "lifecycle": a_lifecycle(),
        "names": ("CVE-2024-0001",),
        "image": an_image(1),
        "scanner": "ecr-enhanced",
        "parts": (AMD,),
        "packages": (PackageVersion("openssl", "3.0.11-1"),),
    }
    return Departure(a_stamp(at), **{**defaults, **fields})


def a_state(
    *images: WatchedImage,
    version: int = 1,
    lifecycles: Mapping[str, Lifecycle] | None = None,
    **fields: Any,
) -> StreamState:
    """Return a version of a stream's state."""
    at: datetime = a_stamp(version).at
    return StreamState(
        STREAM, version, at, created_at=NOW, images=images, lifecycles=lifecycles or {}, **fields
    )
