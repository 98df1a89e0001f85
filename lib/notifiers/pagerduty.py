"""
PagerDuty, Events API v2: an incident for each destination and image stream while findings are open.

A trigger opens it or adds to it, a resolve closes it. Both name it by a key of ours, so that a
repeat changes nothing. A scan without a result is an incident of its own; the next one closes it.
https://developer.pagerduty.com/docs/events-api-v2-overview
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final, Self

from lib.errors import AmbiguousDeliveryError, ConfigError, PermanentDeliveryError
from lib.messages import wording
from lib.models import (
    Alert,
    Change,
    ChangeKind,
    Destination,
    Digest,
    HttpAnswer,
    Json,
    Message,
    NotThere,
    Receipt,
    ScanProblem,
    Severity,
    StreamId,
    Upgrade,
    Usage,
    Verdict,
)
from lib.models.diagnostics import Check
from lib.notifiers import testing
from lib.ports import DestinationTest, NotifierTools
from lib.text import one_line, truncate
from lib.wire.report import time_from_json, time_to_json

# https://developer.pagerduty.com/docs/send-alert-event and, for the size of an event, the overview.
MAX_SUMMARY: Final = 1024
MAX_BYTES: Final = 512_000
KEY_LENGTH: Final = 32

CLIENT: Final = "ecr-scan-alerts"
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
        ChangeKind.SCAN_FAILED.value: "warning",
        ChangeKind.NOT_SCANNED.value: "warning",
    }
)
_DEFAULT_REGION: Final = "us"
_ROUTING_KEY: Final = len(f', "routing_key": "{"x" * KEY_LENGTH}"')
"""Bytes of an event that `send` adds."""
_LINES: Final = 20
_CHARACTERS: Final = 4000
"""Of each list: five of them fit whatever letters they are of, at 12 bytes in ASCII."""
_REASONS: Final = 12
_PROBLEM: Final = 1000
_NAME: Final = 200
_MAX_URL: Final = 2000

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


class Incident(StrEnum):
    """What there can be an incident about in a stream."""

    FINDINGS = "findings"
    SCAN = "scan"


class Action(StrEnum):
    """What an event does to its incident."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Told:
    """
    What was told of a stream so far: the thread of its messages.

    An alert that was held up must not open again, or close, what a newer one has settled.
    """

    evaluated_at: datetime | None = None
    """Of the newest usable scan."""
    pushed_at: datetime | None = None
    """Of the newest image."""

    @classmethod
    def of(cls, thread: str | None) -> Self:
        """Understand a thread; one of another kind of receiver says nothing."""
        evaluated_at, _, pushed_at = (thread or "").partition(" ")
        return cls(_moment(evaluated_at), _moment(pushed_at))

    @property
    def thread(self) -> str:
        """What `of` understands."""
        return f"{time_to_json(self.evaluated_at)} {time_to_json(self.pushed_at)}"

    def then(self, alert: Alert) -> Self:
        """Return what was told once this alert is."""
        evaluated_at = None if alert.problem else alert.evaluated_at
        return type(self)(
            _newest(self.evaluated_at, evaluated_at), _newest(self.pushed_at, alert.image.pushed_at)
        )

    def supersedes(self, alert: Alert) -> bool:
        """Say whether a newer usable scan was told."""
        return _is_before(alert.evaluated_at, self.evaluated_at)

    def leaves_the_last_word(self, alert: Alert) -> bool:
        """Say whether an alert is the newest one, and about the newest image."""
        return not (alert.outdated or _is_before(alert.image.pushed_at, self.pushed_at))


def _alert(message: Message) -> Alert:
    """Return what can be an incident. Raises `ConfigError`; check-config refuses it before."""
    if isinstance(message, Digest):
        raise ConfigError("PagerDuty has no digests; `digest` in alerts.yml must not name it")
    return message


class PagerDutyNotifier:
    """
    Its options are those of `schemas/notifiers/pagerduty.json`.

    Any message of a stream may be the first, so they need not wait for each other.
    """

    hosts: ClassVar[tuple[str, ...]] = ("events.pagerduty.com", "events.eu.pagerduty.com")
    threaded: ClassVar[bool] = False
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

        None when newer ones were told that settle everything it is about. `send` adds the key.
        """
        told = _alert(alert)
        return self._payload(told, thread, _details(told))

    def plain(self, alert: Message, *, thread: str | None = None) -> Json:
        """See `Notifier.plain`: the same events, in a few words."""
        told = _alert(alert)
        return self._payload(told, thread, _in_short(told))

    def verify(
        self,
        alert: Message,  # noqa: ARG002  # the port's
        *,
        since: datetime,  # noqa: ARG002  # the port's
        now: datetime,  # noqa: ARG002  # the port's
        thread: str | None = None,  # noqa: ARG002  # the port's
        tried_at: datetime | None = None,  # noqa: ARG002  # the port's
    ) -> Verdict:
        """See `Notifier.verify`. It cannot be asked; a repeat changes nothing."""
        return NotThere()

    def usage(self, payload: Json) -> tuple[Usage, ...]:
        """See `Notifier.usage`. Of several events the largest counts."""
        events = payload["events"]
        size = max((len(json.dumps(each)) + _ROUTING_KEY for each in events), default=0)
        summary = max((len(each["payload"]["summary"]) for each in events), default=0)
        return (
            Usage("bytes", size, MAX_BYTES),
            Usage("characters of the summary", summary, MAX_SUMMARY),
        )

    def send(self, payload: Json) -> Receipt:
        """See `Notifier.send`. Who is interrupted sends all of it again: the last is what shows."""
        key = _routing_key(self._tools.secrets.read(self._options["routing_key"]))
        for event in payload["events"]:
            self._enqueue(self._url, event, key)
        keys = ["nothing to change", *(each["dedup_key"] for each in payload["events"])]
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

    def _payload(self, alert: Alert, thread: str | None, details: Json) -> Json:
        told = Told.of(thread)
        actions = [*_actions(alert, told)]
        events = [
            self._event(alert, *each, details if each == actions[-1] else _in_short(alert))
            for each in actions
        ]
        return {"events": events, "thread": told.then(alert).thread}

    def _event(self, alert: Alert, incident: Incident, action: Action, details: Json) -> Json:
        links = _links(alert)
        event: dict[str, Json] = {
            "event_action": action.value,
            "dedup_key": dedup_key(self._tools.stage, alert.destination, alert.stream, incident),
            "payload": {
                "summary": _summary(alert),
                "source": wording.repository_arn(alert.image),
                "severity": self._severities[_level(alert, incident)],
                "timestamp": time_to_json(alert.evaluated_at),
                "component": wording.short(alert.image.name, _NAME),
                "group": wording.short(alert.stream, _NAME),
                "class": incident.value,
                "custom_details": details,
            },
            "links": links,
            "client": CLIENT,
        }
        return event | ({"client_url": links[0]["href"]} if links else {})


def dedup_key(stage: str, destination: Destination, stream: StreamId, incident: Incident) -> str:
    """
    Return the key of an incident, far below the 255 characters that one may have.

    Two stages with one routing key have an incident each: neither closes that of the other.
    """
    subject = f"{stage}\n{destination}\n{stream}".encode("utf-8", "replace")
    return f"{CLIENT}/{hashlib.sha256(subject).hexdigest()[:32]}/{incident.value}"


def _actions(alert: Alert, told: Told) -> Iterator[tuple[Incident, Action]]:
    """
    Yield what an alert does to which incident; what people see of it comes last.

    Findings that are asked for keep theirs open. It is closed by a complete scan of the newest
    image that has none; closing what is not open does nothing. Platforms without a result are told
    with what was found on the others; where that is nothing, as a scan without a result.
    """
    if told.supersedes(alert):
        return
    if alert.problem is not None:
        yield Incident.SCAN, Action.TRIGGER
        return
    settles = told.leaves_the_last_word(alert)
    unscanned = any(each.counts is None for each in alert.parts)
    if settles and not unscanned:
        yield Incident.SCAN, Action.RESOLVE
    if alert.standing:
        yield Incident.FINDINGS, Action.TRIGGER
    elif unscanned:
        yield Incident.SCAN, Action.TRIGGER
    elif settles and alert.scan.complete:
        yield Incident.FINDINGS, Action.RESOLVE


def _level(alert: Alert, incident: Incident) -> str:
    """Return by which name the options give an event its severity."""
    if incident is Incident.SCAN:
        return (alert.problem.kind if alert.problem else ChangeKind.NOT_SCANNED).value
    return max((each.finding.severity for each in alert.standing), default=Severity.UNKNOWN).name


def _moment(text: str) -> datetime | None:
    try:
        moment = time_from_json(text)
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _newest(*moments: datetime | None) -> datetime | None:
    return max((each for each in moments if each is not None), default=None)


def _is_before(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other


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
    """Say whether every event is refused: "Invalid routing key", in one spelling or another."""
    try:
        errors = json.loads(error.answer)["errors"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return False
    return "routing" in str(errors).lower()


def _accepted(answer: HttpAnswer) -> bool:
    try:
        said = json.loads(answer.text)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("status") == "success"


# --- what an event says -----------------------------------------------------------------------


def _summary(alert: Alert) -> str:
    name = wording.short(alert.image.name, _NAME)
    if alert.problem is not None:
        return truncate(one_line(f"{name}: {alert.verdict}"), MAX_SUMMARY)
    said = f"{name}: {wording.how_it_stands(alert)}. {alert.verdict}"
    return truncate(one_line(said), MAX_SUMMARY)


def _links(alert: Alert) -> list[Json]:
    links = (
        ("Full report", alert.report_url),
        (f"{wording.page_of(alert).capitalize()} in the ECR console", alert.console_url),
        *wording.source_links(alert),
    )
    return [{"href": url, "text": text} for text, url in links if url and len(url) <= _MAX_URL]


def _in_short(alert: Alert) -> Json:
    known = wording.not_clear(alert) if alert.problem else wording.all_findings(alert)
    command = wording.report_command(alert)
    return {
        "verdict": truncate(one_line(alert.verdict), MAX_SUMMARY),
        "findings": known,
        **({"full_report": command} if command else {}),
        "delivery": wording.footer(alert),
    }


def _details(alert: Alert) -> Json:
    """Return what there is to read, under the names that event rules can refer to."""
    found = {
        **_in_short(alert),
        "open": wording.counts(wording.by_severity(alert.standing)),
        "why": wording.why(alert),
        "what_to_do": _remedy(alert.problem) if alert.problem else list(_to_do(alert)),
        **{_name(each.title): _listing(each) for each in wording.sections(alert)},
        "left_out": wording.left_out(alert, _REASONS),
        "platforms": wording.platforms(alert.parts, _LINES),
        "warnings": wording.warnings(alert),
        **{_name(label): value for label, value in wording.facts(alert)},
    }
    return {name: value for name, value in found.items() if value}


def _name(words: str) -> str:
    return words.lower().replace(" ", "_")


def _remedy(problem: ScanProblem) -> str:
    return truncate(one_line(problem.remedy), _PROBLEM)


def _to_do(alert: Alert) -> Iterator[str]:
    ready = wording.upgradable(alert)
    shown, hidden = wording.fitting(ready, _upgrade, lines=_LINES, characters=_CHARACTERS)
    yield from shown
    if hidden:
        yield wording.more_upgrades(hidden)
    mended, rest = wording.steps(alert, command=_CHARACTERS, limit=_CHARACTERS)
    for each in mended:
        yield f"{each.title}: {' ; '.join(each.commands) or each.remark}"
    yield from filter(None, (rest,))
    yield from filter(
        None, (wording.deploy(alert), wording.without_fix(alert), wording.without_version(alert))
    )


def _upgrade(upgrade: Upgrade) -> str:
    versions = wording.upgrade_from(upgrade)
    start = f" from {versions}" if versions else ""
    return (
        f"{upgrade.origin.remedy}: {wording.short(upgrade.package)}{start} to "
        f"{wording.upgrade_to(upgrade)}, removes {wording.counts(upgrade.fixes)}"
    )


def _listing(section: wording.Section) -> list[str]:
    shown, hidden = wording.fitting(
        section.changes,
        lambda each: _finding(section, each),
        lines=_LINES,
        characters=_CHARACTERS,
    )
    return [*shown, *([wording.more(hidden)] if hidden else [])]


def _finding(section: wording.Section, change: Change) -> str:
    finding = change.finding
    name = f"{wording.severity(finding)} {wording.short(finding.vulnerability_id)}"
    about: Iterable[str] = (
        wording.installed(finding),
        wording.fix(finding),
        *section.remarks(change),
    )
    return f"{name}: {', '.join(filter(None, about))}"
