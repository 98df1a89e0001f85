"""
PagerDuty, Events API v2: an incident for each destination and image stream while findings are open.

A trigger opens it or adds to it, a resolve closes it. Both name it by a key of ours, so that a
repeat changes nothing. A scan without a result is an incident of its own; the next one closes it.
https://developer.pagerduty.com/docs/events-api-v2-overview
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from lib.errors import AmbiguousDeliveryError, ConfigError, PermanentDeliveryError
from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import (
    Digest,
    HttpAnswer,
    Json,
    Message,
    Notice,
    Receipt,
    Severity,
    Usage,
)
from lib.models.diagnostics import Check
from lib.models.views import Condition
from lib.notifiers import testing
from lib.notifiers.pagerduty.event import (
    LINES,
    MAX_SUMMARY,
    NAME,
    details_of,
    in_short,
    links_of,
    summary_of,
)
from lib.notifiers.pagerduty.incidents import (
    CLIENT,
    Action,
    Incident,
    actions_of,
    base_key,
    dedup_key,
)
from lib.ports.notifiers import DestinationTest, Notifier, NotifierTools
from lib.text import one_line, short, truncate
from lib.urls.arns import repository_arn
from lib.wire.values import time_to_json

MAX_BYTES: Final = 512_000
KEY_LENGTH: Final = 32

SITES: Final[Mapping[str, str]] = MappingProxyType(
    {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
)
"""https://support.pagerduty.com/main/docs/service-regions"""
SEVERITIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        Severity.CRITICAL.name: "critical",
        Severity.HIGH.name: "error",
        Severity.MEDIUM.name: "warning",
        Severity.LOW.name: "info",
        Severity.INFORMATIONAL.name: "info",
        Severity.UNKNOWN.name: "info",
        Condition.SCAN_FAILED.value: "warning",
        Condition.NOT_SCANNED.value: "warning",
    }
)
_DEFAULT_REGION: Final = "us"
_ROUTING_KEY: Final = len(f', "routing_key": "{"x" * KEY_LENGTH}"')
"""Bytes of an event that `send` adds."""

_REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "outing key": (
            "The integration was removed, or belongs to the other region (`region: us` or `eu`). "
            "Store the key of an Events API v2 integration under the same secret"
        ),
        "routing_key": "Store the key of an Events API v2 integration under the same secret",
    }
)
"""By the words that PagerDuty uses of a key, in one spelling or another."""


def _alert(message: Message) -> Notice:
    """Return what can be an incident. Raises `ConfigError`; check-config refuses it before."""
    if isinstance(message, Digest):
        raise ConfigError("PagerDuty has no digests; `digest` in alerts.yml must not name it")
    return message


class PagerDutyNotifier(Notifier):
    """
    Its options are those of `schemas/notifiers/pagerduty.json`.

    Any message of a stream may be the first, so they need not wait for each other. PagerDuty cannot
    be asked about a lost answer; a repeat changes nothing.
    """

    hosts: ClassVar[tuple[str, ...]] = ("events.pagerduty.com", "events.eu.pagerduty.com")
    # About 120 calls a minute and routing key, and most alerts are two:
    # https://developer.pagerduty.com/docs/events-api-rate-limits
    interval: ClassVar[float] = 1.0

    def __init__(self, options: Mapping[str, Json], tools: NotifierTools) -> None:
        self._options = options
        self._tools = tools
        self._severities = {**SEVERITIES, **options.get("severity", {})}
        site = options.get("site") or SITES[options.get("region", _DEFAULT_REGION)]
        self._url = f"{site.rstrip('/')}/v2/enqueue"
        self._changes = f"{site.rstrip('/')}/v2/change/enqueue"

    def render(self, alert: Message, *, thread: str | None = None) -> Json:
        """
        Return {"events": […], "thread": …}: one event for each incident that the alert is about.

        There is none where a notice neither opens nor resolves an incident. `send` adds the key.
        """
        shown = _alert(alert)
        text = text_of(shown, rows=LINES)
        return self._payload(shown, text, thread, details_of(text))

    def plain(self, alert: Message, *, thread: str | None = None) -> Json:
        """See `Notifier.plain`: the same events, in a few words."""
        shown = _alert(alert)
        text = text_of(shown)
        return self._payload(shown, text, thread, in_short(text))

    def usage(self, payload: Json) -> tuple[Usage, ...]:
        """See `Notifier.usage`. Of several events the largest counts."""
        events = payload["events"]
        size = max((len(json.dumps(event)) + _ROUTING_KEY for event in events), default=0)
        summary = max((len(event["payload"]["summary"]) for event in events), default=0)
        return (
            Usage("bytes", size, MAX_BYTES),
            Usage("characters of the summary", summary, MAX_SUMMARY),
        )

    def send(self, payload: Json) -> Receipt:
        """See `Notifier.send`. Who is interrupted sends all of it again: the last is what shows."""
        key = _routing_key(self._tools.secrets.read(self._options["routing_key"]))
        for event in payload["events"]:
            self._enqueue(self._url, event, key)
        keys = ["nothing to change", *(event["dedup_key"] for event in payload["events"])]
        return Receipt(keys[-1], thread=payload["thread"])

    def test(self, test: DestinationTest) -> Iterator[Check]:
        """
        See `Testable.test`. A change event wakes nobody; only `page` opens an incident.

        https://developer.pagerduty.com/docs/send-change-event
        """
        key = _routing_key(self._tools.secrets.read(self._options["routing_key"]))
        yield testing.readable(self._options["routing_key"])
        if not test.send:
            yield testing.reachable(self._tools.http, self._url)
            return
        sentence = testing.sentence(self._tools.destination, test)
        yield testing.attempt("change event", lambda: self._changed(sentence, test, key), _REMEDIES)
        if test.page:
            yield testing.attempt("incident", lambda: self._paged(sentence, test, key), _REMEDIES)

    def _changed(self, sentence: str, test: DestinationTest, key: str) -> str:
        change = {
            "summary": truncate(one_line(f"{testing.TITLE}. {sentence}"), MAX_SUMMARY),
            "source": CLIENT,
            "timestamp": time_to_json(test.time),
        }
        self._enqueue(self._changes, {"payload": change}, key)
        return "PagerDuty accepted it (see Recent Changes of the service); nobody was paged"

    def _paged(self, sentence: str, test: DestinationTest, key: str) -> str:
        """Open an incident and resolve it; a second test has a key of its own."""
        event = {
            "dedup_key": f"{CLIENT}/test/{test.id}",
            "payload": {
                "summary": truncate(one_line(f"{testing.TITLE}. {sentence}"), MAX_SUMMARY),
                "source": CLIENT,
                "severity": SEVERITIES[Severity.INFORMATIONAL.name],
                "timestamp": time_to_json(test.time),
            },
            "client": CLIENT,
        }
        for action in Action:
            self._enqueue(self._url, {**event, "event_action": action.value}, key)
        return "opened and resolved; how it pages depends on the urgency rules of the service"

    def _enqueue(self, url: str, event: Mapping[str, Json], key: str) -> None:
        try:
            answer = self._tools.http.post(url, {**event, "routing_key": key}, secrets=(key,))
        except PermanentDeliveryError as error:
            if not _about_the_key(error):
                raise
            raise PermanentDeliveryError(str(error), broken=True, reason=error.reason) from None
        if not _accepted(answer):
            raise AmbiguousDeliveryError(
                f"PagerDuty answered {answer.status} without success", reason="no-success"
            )

    def _payload(self, notice: Notice, text: AlertText, thread: str | None, details: Json) -> Json:
        actions = actions_of(notice)
        events = [
            self._event(notice, text, *action, details if action == actions[-1] else in_short(text))
            for action in actions
        ]
        return {"events": events, "thread": self._thread(notice, thread, actions)}

    def _thread(
        self, notice: Notice, thread: str | None, actions: Sequence[tuple[Incident, Action]]
    ) -> str | None:
        """Return how the keys of incidents begin, once one was opened."""
        key = base_key(self._tools.stage, notice.destination, notice.group)
        is_opened = any(action is Action.TRIGGER for _, action in actions)
        return key if is_opened or thread == key else None

    def _event(
        self,
        notice: Notice,
        text: AlertText,
        incident: Incident,
        action: Action,
        details: Json,
    ) -> Json:
        links = links_of(text)
        event: dict[str, Json] = {
            "event_action": action.value,
            "dedup_key": dedup_key(self._tools.stage, notice.destination, notice.group, incident),
            "payload": {
                "summary": summary_of(text, incident),
                "source": repository_arn(text.image),
                "severity": self._severities[_level(notice, text, incident)],
                "timestamp": time_to_json(notice.message.delta.agreement.at),
                "component": short(text.image.name, NAME),
                "group": short(notice.stream, NAME),
                "class": incident.value,
                "custom_details": details,
            },
            "links": links,
            "client": CLIENT,
        }
        return event | ({"client_url": links[0]["href"]} if links else {})


def _level(notice: Notice, text: AlertText, incident: Incident) -> str:
    """Return by which name the options give an event its severity."""
    if incident is Incident.FINDINGS:
        return (text.worst or Severity.UNKNOWN).name
    items = notice.message.delta.after.values()
    is_failed = any(item.condition is Condition.SCAN_FAILED for item in items)
    return (Condition.SCAN_FAILED if is_failed else Condition.NOT_SCANNED).value


def _routing_key(secret: str) -> str:
    """Return the key. Raises `ConfigError`: its length is the first thing that PagerDuty checks."""
    key = secret.strip()
    if len(key) != KEY_LENGTH or not (key.isascii() and key.isalnum()):
        raise ConfigError(
            f"The routing key of PagerDuty must be the {KEY_LENGTH} letters and digits of an "
            "integration for the Events API v2; a key of the REST API is none"
        )
    return key


def _about_the_key(error: PermanentDeliveryError) -> bool:
    """Return whether every event is refused: "Invalid routing key", in one spelling or another."""
    try:
        errors = json.loads(error.answer)["errors"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return False
    return "routing" in str(errors).lower()


def _accepted(answer: HttpAnswer) -> bool:
    try:
        document = json.loads(answer.text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("status") == "success"


# --- what an event says -----------------------------------------------------------------------
