"""The parser of a checked document: destinations, routes, streams, suppressions. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from types import MappingProxyType
from typing import Final

from lib.checks.expectations import Expectations, MutableTags
from lib.config.model import Config, DestinationConfig
from lib.core.routing import Match, Route
from lib.core.schedule import Schedule
from lib.core.streams import StreamRule
from lib.core.suppressions import Suppression
from lib.models import Destination, Filter, Json, Owner, Severity
from lib.models.views import Kind
from lib.text import one_line

DEFAULT_SEVERITY: Final = Severity.HIGH


WEEKDAYS: Final = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)


def parse(document: Json) -> Config:
    """Parse a document without errors; see `lib.config.checking.check`."""
    destinations = {
        Destination(name): _destination(entry) for name, entry in document["destinations"].items()
    }
    route_targets = [_notified(entry, destinations) for entry in document["routes"]]
    return Config(
        destinations=MappingProxyType(
            destinations
            | {name: config for targets in route_targets for name, config in targets.items()}
        ),
        routes=tuple(
            _route(entry, tuple(targets))
            for entry, targets in zip(document["routes"], route_targets, strict=True)
        ),
        streams=tuple(map(_stream, document.get("streams", ()))),
        suppressions=tuple(map(_suppression, document.get("suppressions", ()))),
        fallback=Destination(document["fallback"]) if "fallback" in document else None,
        digest=_schedule(document["digest"]) if "digest" in document else None,
        sources=tuple(document.get("sources", {}).items()),
        owners=tuple((glob, _owner(entry)) for glob, entry in document.get("owners", {}).items()),
        repositories=_expectations(document["repositories"])
        if "repositories" in document
        else None,
        hash=config_hash(document),
    )


def config_hash(document: Json) -> str:
    """Return a short hash of a configuration. The order of keys does not matter."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _stream(entry: Json) -> StreamRule:
    if isinstance(entry, str):
        return StreamRule((entry,))
    return StreamRule(
        _globs(entry["tag"]),
        repository=_globs(entry.get("repository", ())),
        compare_with=entry.get("compare_with"),
    )


def _owner(entry: Json) -> Owner:
    return Owner(entry) if isinstance(entry, str) else Owner(**entry)


def _expectations(entry: Mapping[str, Json]) -> Expectations:
    allowed = tuple(map(_mutable_tags, entry.get("allow_mutable", ())))
    return Expectations(**{**entry, "allow_mutable": allowed})


def _mutable_tags(entry: Json) -> MutableTags:
    if isinstance(entry, str):
        return MutableTags((entry,))
    return MutableTags(_globs(entry.get("tag", "*")), _globs(entry.get("repository", "*")))


def _schedule(entry: Mapping[str, Json]) -> Schedule:
    weekly = entry.get("every", "week") == "week"
    return Schedule(
        notify=tuple(map(Destination, entry["notify"])),
        weekday=WEEKDAYS.index(entry.get("on", WEEKDAYS[0])) if weekly else None,
        at=time.fromisoformat(entry.get("at", "07:00")),
    )


def _destination(entry: Mapping[str, Json]) -> DestinationConfig:
    options = {name: value for name, value in entry.items() if name not in ("type", "announce")}
    announce = entry.get("announce", False)
    return DestinationConfig(entry["type"], MappingProxyType(options), announce=announce)


def _notified(
    entry: Mapping[str, Json], destinations: Mapping[Destination, DestinationConfig]
) -> dict[Destination, DestinationConfig]:
    """
    Return the destinations of a route.

    A bot in the channel of a route is a destination of its own, "bot/C0PAYMENTS": the channel has
    its own threads and rate limit, and may be paused or archived independently.
    """
    channel = entry.get("channel")
    targets = {}
    for name in map(Destination, entry["notify"]):
        config = destinations[name]
        if channel is None or config.options.get("channel", channel) == channel:
            targets[name] = config
        else:
            options = MappingProxyType({**config.options, "channel": channel})
            targets[Destination(f"{name}/{channel}")] = replace(config, options=options)
    return targets


def _route(entry: Mapping[str, Json], notify: tuple[Destination, ...]) -> Route:
    severity = entry.get("severity")
    return Route(
        name=entry["name"],
        filter=Filter(
            route=entry["name"],
            severity=Severity[severity] if severity else DEFAULT_SEVERITY,
            only=tuple(entry.get("only", ())),
            kinds=tuple(map(Kind, entry.get("kinds", ()))),
            unknown_severity=entry.get("unknown_severity", False),
        ),
        notify=notify,
        match=_match(entry["match"]) if "match" in entry else None,
        continues=entry.get("continue", False),
    )


def _match(entry: Mapping[str, Json]) -> Match:
    globs = {name: _globs(value) for name, value in entry.items() if name != "untagged"}
    return Match(**globs, untagged=entry.get("untagged", False))


def _globs(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _suppression(entry: Mapping[str, Json]) -> Suppression:
    return Suppression(
        id=entry["id"],
        expires=date.fromisoformat(entry["expires"]),
        reason=one_line(entry["reason"]),
        package=entry.get("package"),
        path=entry.get("path"),
        repository=entry.get("repository"),
        version=entry.get("version"),
        purl=entry.get("purl"),
        digest=entry.get("digest"),
    )
