"""Streams, their states and what scans say, with defaults."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from lib.core.desired import desired
from lib.core.routing import Match, Route
from lib.core.suppressions import Suppression
from lib.core.verdicts import RuleSet
from lib.models import (
    Destination,
    Finding,
    Image,
    ScanSource,
    Severity,
    StreamId,
)
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
from lib.models.views import Agreement, Condition, Desired, ReportedItem, View
from tests.support.builders import NOW, a_filter, an_image

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


TODAY = date(2026, 11, 23)
TEAM = Destination("team")


def a_route(
    name: str = "all",
    *,
    match: Match | None = None,
    to: tuple[Destination, ...] = (TEAM,),
    continues: bool = False,
    **filter_: Any,
) -> Route:
    """Return a route that asks for HIGH and leads to one team."""
    return Route(name, a_filter(route=name, **filter_), to, match, continues)


def an_entry(
    id_: str = "CVE-2024-0001", *, expires: date = TODAY, **limits: str | None
) -> Suppression:
    """Return a suppression that holds through today."""
    return Suppression(id_, expires, "not reachable", **limits)


def some_rules(
    *routes: Route, suppressions: tuple[Suppression, ...] = (), hash_: str = "rules"
) -> RuleSet:
    """Return rules of these routes, else of one that asks for HIGH."""
    return RuleSet(routes or (a_route(),), suppressions, hash_)


def show(
    state: StreamState, *routes: Route, suppressions: tuple[Suppression, ...] = (), **options: Any
) -> Desired:
    """Return what the team should show of a stream."""
    return desired(
        state, TEAM, some_rules(*routes, suppressions=suppressions), today=TODAY, **options
    )


def an_agreement(version: int = 1, rules: str = "rules", **suppressed: str) -> Agreement:
    """Return the agreement of a view with this version of the state."""
    names = {name.replace("_", "-"): entry for name, entry in suppressed.items()}
    return Agreement(version, a_stamp(version).at, rules, names)


def a_reported(id_: str = "CVE-2024-0001", **fields: Any) -> ReportedItem:
    """Return a vulnerability that was reported as HIGH."""
    defaults: dict[str, Any] = {"severity": Severity.HIGH, "names": (id_,), "routes": ("all",)}
    return ReportedItem(id_, **{**defaults, **fields})


def a_reported_condition(key: str = f"FAILED {AMD}", **fields: Any) -> ReportedItem:
    """Return a condition that was reported."""
    defaults: dict[str, Any] = {"severity": Severity.UNKNOWN, "routes": ("all",)}
    return ReportedItem(key, **{**defaults, "condition": Condition.SCAN_FAILED, **fields})


def a_view(*reported: ReportedItem, agreed: Agreement | None = None, **fields: Any) -> View:
    """Return the view of the team, with what it reported."""
    return View(TEAM, STREAM, reported={item.id: item for item in reported}, agreement=agreed,
                **fields)  # fmt: skip
