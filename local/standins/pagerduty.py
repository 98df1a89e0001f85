"""
PagerDuty's Events API v2: validates events, and keeps incidents by their keys.

https://developer.pagerduty.com/docs/send-alert-event
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from types import MappingProxyType
from typing import Final

from local.standins.wire import NOT_FOUND, Answer, Call, Draft, Json, Kind, Outcome, size

PATH: Final = "/v2/enqueue"
CHANGES: Final = "/v2/change/enqueue"
BODY: Final = 512_000
SUMMARY: Final = 1024
KEY: Final = 255

_ROUTING_KEY: Final = 32
_ACTIONS: Final = ("trigger", "acknowledge", "resolve")
_SEVERITIES: Final = ("critical", "error", "warning", "info")
_JSON: Final = MappingProxyType({"Content-Type": "application/json"})


@dataclass(slots=True)
class _Incident:
    number: str
    integration: str
    key: str
    open: bool = True


class PagerDutyStandIn:
    """A PagerDuty account. Each integration has its own incidents."""

    def __init__(self) -> None:
        self._integrations: dict[str, str] = {}
        self._incidents: list[_Incident] = []
        self._lock = Lock()

    def routing_key(self, name: str) -> str:
        """Return the key of an integration, which is created on first use."""
        for key, integration in self._integrations.items():
            if integration == name:
                return key
        self._integrations[secrets.token_hex(_ROUTING_KEY // 2)] = name
        return self.routing_key(name)

    @property
    def open(self) -> tuple[str, ...]:
        """The keys of open incidents, oldest first."""
        with self._lock:
            return tuple(incident.key for incident in self._incidents if incident.open)

    def destination(self, call: Call) -> str:
        """Return the number of the open incident of a call, or ""."""
        event = _parsed(call.body)
        incident = self._find(event) if isinstance(event, dict) else None
        return incident.number if incident else ""

    def integration(self, call: Call) -> str:
        """Return the integration of a call by its key, or ""."""
        event = _parsed(call.body)
        return self._of(event) if isinstance(event, dict) else ""

    def handle(self, call: Call) -> Outcome:
        """Answer as PagerDuty does. An accepted event may have no effect."""
        if (call.method, call.path) == ("POST", CHANGES):
            return self._change(call)
        if (call.method, call.path) != ("POST", PATH):
            return NOT_FOUND
        if len(call.body) > BODY:
            return Outcome(
                Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE), reason=f"more than {BODY:,} bytes"
            )
        event = _parsed(call.body)
        errors = [*self._problems(event)]
        if errors:
            return _invalid(errors)
        with self._lock:
            draft = self._take(event, len(call.body))
        document = {"status": "success", "message": "Event processed"}
        return Outcome(
            Answer(
                HTTPStatus.ACCEPTED,
                json.dumps(document | {"dedup_key": event["dedup_key"]}),
                _JSON,
            ),
            draft,
        )

    def _change(self, call: Call) -> Outcome:
        """
        Accept a change event, which is listed at the service and notifies nobody.

        https://developer.pagerduty.com/docs/send-change-event
        """
        event = _parsed(call.body)
        if not isinstance(event, dict):
            return _invalid(["the body is not a JSON object"])
        payload = event.get("payload")
        summary = payload.get("summary") if isinstance(payload, dict) else None
        errors = [*self._key_problems(event)]
        if not isinstance(summary, str) or not 0 < len(summary) <= SUMMARY:
            errors.append("'payload.summary' is missing, blank or too long")
        if errors:
            return _invalid(errors)
        document = {"status": "success", "message": "Change event processed"}
        payload_without_key = {
            name: value for name, value in event.items() if name != "routing_key"
        }
        notes = (size(len(summary or ""), SUMMARY, "characters of summary"),)
        return Outcome(
            Answer(HTTPStatus.ACCEPTED, json.dumps(document), _JSON),
            Draft(self._of(event), Kind.NOTIFIED, payload_without_key, notes),
        )

    def _take(self, event: Json, length: int) -> Draft | None:
        """Apply an event. Return None for a resolve without an open incident."""
        incident = self._find(event)
        kind = Kind.UPDATED
        if event["event_action"] == "resolve":
            if incident is None:
                return None
            incident.open, kind = False, Kind.RESOLVED
        elif incident is None:
            number = str(len(self._incidents) + 1)
            incident = _Incident(number, self._of(event), event["dedup_key"])
            self._incidents.append(incident)
            kind = Kind.CREATED
        summary = event["payload"]["summary"]
        notes = (
            size(length, BODY, "bytes"),
            size(len(summary), SUMMARY, "characters of summary"),
        )
        payload_without_key = {
            name: value for name, value in event.items() if name != "routing_key"
        }
        return Draft(incident.number, kind, payload_without_key, notes)

    def _of(self, event: Json) -> str:
        return self._integrations.get(str(event.get("routing_key")), "")

    def _find(self, event: Json) -> _Incident | None:
        identity = (self._of(event), event.get("dedup_key"))
        matches = (
            incident
            for incident in self._incidents
            if (incident.integration, incident.key) == identity
        )
        return next((incident for incident in matches if incident.open), None)

    def _key_problems(self, event: dict[str, Json]) -> Iterator[str]:
        key = event.get("routing_key")
        if not isinstance(key, str) or len(key) != _ROUTING_KEY:
            yield f"Length of 'routing_key' is incorrect (should be {_ROUTING_KEY} characters)"
        elif key not in self._integrations:
            yield "Invalid routing key"

    def _problems(self, event: Json) -> Iterator[str]:
        if not isinstance(event, dict):
            yield "the body is not a JSON object"
            return
        yield from self._key_problems(event)
        if event.get("event_action") not in _ACTIONS:
            yield "'event_action' is invalid"
        dedup_key = event.get("dedup_key")
        # PagerDuty generates a missing key, but this project always sends one.
        if not isinstance(dedup_key, str) or not 0 < len(dedup_key) <= KEY:
            yield "'dedup_key' is missing, blank or too long"
        yield from _payload_problems(event.get("payload"))
        links = event.get("links", [])
        if not isinstance(links, list) or not all(
            isinstance(link, dict) and str(link.get("href", "")).startswith("https://")
            for link in links
        ):
            yield "'links' is invalid"


def _invalid(errors: list[str]) -> Outcome:
    document = {"status": "invalid event", "message": "Event object is invalid"}
    answer = Answer(HTTPStatus.BAD_REQUEST, json.dumps(document | {"errors": errors}), _JSON)
    return Outcome(answer, reason="; ".join(errors))


def _payload_problems(payload: Json) -> Iterator[str]:
    if not isinstance(payload, dict):
        yield "'payload' is missing or blank"
        return
    for name in ("summary", "source"):
        if not isinstance(payload.get(name), str) or not payload[name].strip():
            yield f"'payload.{name}' is missing or blank"
    if len(str(payload.get("summary"))) > SUMMARY:
        yield f"'payload.summary' has more than {SUMMARY:,} characters"
    if payload.get("severity") not in _SEVERITIES:
        yield "'payload.severity' is invalid"
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "'payload.custom_details' is not an object"


def _parsed(body: bytes) -> Json:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
