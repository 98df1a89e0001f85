"""What notifiers call, in memory: HTTP with scripted answers, secrets, topics."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from lib.models import SHORT_ANSWER, Destination, HttpAnswer, Message, Upload
from lib.notifiers import NOTIFIERS
from lib.notifiers.jira import identity
from lib.ports.notifiers import Notifier, NotifierTools
from tests.support.builders import NOW

SLACK_TOKEN: Final = "not-a-real-webhook"
WEBHOOK: Final = f"https://hooks.slack.com/services/T00/B00/{SLACK_TOKEN}"
BOT_TOKEN: Final = "not-a-real-bot-token"
CHANNEL: Final = "C0123ALERTS"
JIRA_SITE: Final = "https://example.atlassian.net"
JIRA_TOKEN: Final = "not-a-real-token"
CREDENTIALS: Final = f'{{"email": "robot@example.com", "token": "{JIRA_TOKEN}"}}'
HOOK_HOST: Final = "hooks.example.com"
HOOK_TOKEN: Final = "not-a-real-address"
HOOK: Final = f"https://{HOOK_HOST}/ingest/{HOOK_TOKEN}"
SIGNING_KEY: Final = b"not a real secret to sign with"
SIGNING_SECRET: Final = base64.b64encode(SIGNING_KEY).decode()
ROUTING_KEY: Final = "notarealroutingkey" + 14 * "0"
TOPIC: Final = "arn:aws:sns:eu-central-1:000474600478:scan-alerts"

OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "jira": {
        "type": "jira",
        "site": JIRA_SITE,
        "project": "SEC",
        "credentials": {"secret": "ecr-scan-alerts/jira"},
        "labels": ["containers", "two words"],
        "priority": {"CRITICAL": "Highest"},
    },
    "pagerduty": {"type": "pagerduty", "routing_key": {"secret": "ecr-scan-alerts/pagerduty"}},
    "slack": {"type": "slack", "webhook": {"secret": "ecr-scan-alerts/slack"}},
    "slack-bot": {
        "type": "slack",
        "token": {"secret": "ecr-scan-alerts/slack-bot"},
        "channel": CHANNEL,
    },
    "sns": {"type": "sns", "topic_arn": TOPIC},
    "webhook": {
        "type": "webhook",
        "host": HOOK_HOST,
        "url": {"secret": "ecr-scan-alerts/hook-url"},
        "secret": {"secret": "ecr-scan-alerts/hook-secret"},
    },
}
"""By type, and by mode where a type has several."""
SECRETS: Final = {
    "ecr-scan-alerts/jira": CREDENTIALS,
    "ecr-scan-alerts/pagerduty": ROUTING_KEY,
    "ecr-scan-alerts/slack": WEBHOOK,
    "ecr-scan-alerts/slack-bot": BOT_TOKEN,
    "ecr-scan-alerts/hook-url": HOOK,
    "ecr-scan-alerts/hook-secret": SIGNING_SECRET,
}

JIRA_CREATED: Final = HttpAnswer(201, '{"id": "10000", "key": "SEC-7", "issues": []}')
"""A new issue; as the answer to the search before it: there is none yet."""
ENQUEUED: Final = HttpAnswer(202, '{"status": "success", "message": "Event processed"}')
POSTED: Final = HttpAnswer(200, '{"ok": true, "channel": "C0123ALERTS", "ts": "1795428000.000200"}')
ANSWERS: Final = {
    "jira": JIRA_CREATED,
    "pagerduty": ENQUEUED,
    "slack": HttpAnswer(200, "ok"),
    "slack-bot": POSTED,
    "webhook": HttpAnswer(204, ""),
}
ANY_ANSWER: Final = ("webhook",)
"""Modes to which every 2xx is a success: nobody says what their receivers write into it."""
THREADS: Final = {
    "jira": f"{JIRA_SITE}|SEC|SEC-7",
    "pagerduty": "2026-11-20T09:00:00Z 2016-01-01T00:00:00Z",
    "slack-bot": f"https://slack.com|{CHANNEL}|1795424400.000100",
}
"""What a receipt leaves for the next message, where a receiver has threads."""


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    url: str
    body: Any
    headers: Mapping[str, str]
    limit: int = SHORT_ANSWER
    any_answer: bool = False
    leaves_time: bool = False
    """Whether it left the time of one more call."""


@dataclass
class ScriptedHttp:
    """Answers in order, or raises what stands in the script; the last one stays."""

    answers: list[HttpAnswer | Exception]
    calls: list[Call] = field(default_factory=list)
    reserved: int = 0

    def post(
        self,
        url: str,
        body: Any,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),  # noqa: ARG002  # the port's
        limit: int = SHORT_ANSWER,
        any_answer: bool = False,
    ) -> HttpAnswer:
        return self._call("POST", url, body, headers, limit, any_answer=any_answer)

    def put(self, url: str, body: Any, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        return self._call("PUT", url, body, headers)

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limit: int = SHORT_ANSWER,
        any_answer: bool = False,
    ) -> HttpAnswer:
        return self._call("GET", url, None, headers, limit, any_answer=any_answer)

    def delete(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        return self._call("DELETE", url, None, headers)

    def upload(
        self, url: str, file: Upload, *, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        return self._call("POST", url, file, headers)

    @contextmanager
    def reserve_call(self) -> Iterator[None]:
        self.reserved += 1
        yield
        self.reserved -= 1

    def _call(
        self,
        method: str,
        url: str,
        body: Any,
        headers: Mapping[str, str] | None,
        limit: int = SHORT_ANSWER,
        *,
        any_answer: bool = False,
    ) -> HttpAnswer:
        call = Call(method, url, body, headers or {}, limit, any_answer, self.reserved > 0)
        self.calls.append(call)
        answer = self.answers[min(len(self.calls), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class NamedSecrets:
    """Secrets by name, and which were read."""

    values: Mapping[str, str] = field(default_factory=lambda: SECRETS)
    read_names: list[str] = field(default_factory=list)

    def read(self, reference: Mapping[str, str]) -> str:
        self.read_names.append(reference["secret"])
        return self.values[reference["secret"]]


@dataclass
class RecordingTopics:
    """Takes every message."""

    published: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def publish(self, topic_arn: str, request: Mapping[str, Any]) -> str:
        self.published.append((topic_arn, request))
        return f"message-{len(self.published)}"


def jira_search(*keys: Any, next_token: str | None = None) -> HttpAnswer:
    """Return what Jira's search found."""
    page = {"issues": [{"key": key} for key in keys], "isLast": next_token is None}
    return HttpAnswer(200, json.dumps(page | ({"nextPageToken": next_token} if next_token else {})))


def jira_issue(
    message: Message,
    *,
    category: str = "new",
    resolution: str | None = None,
    delivery: str = "another",
    stage: str = "",
) -> HttpAnswer:
    """Return the issue of the stream of a message, created by some delivery."""
    owner = replace(identity.owner_of(message, stage), delivery=delivery)
    named = identity.property_of(owner)
    status = {"name": "X", "statusCategory": {"key": category}}
    fields = {"status": status, "resolution": {"name": resolution} if resolution else None}
    return HttpAnswer(
        200, json.dumps({"fields": fields, "properties": {named["key"]: named["value"]}})
    )


def notifier(mode: str, given: NotifierTools, **options: Any) -> Notifier:
    """Return the notifier of a mode, with further options."""
    chosen = {**OPTIONS[mode], **options}
    return NOTIFIERS[chosen["type"]](chosen, given)


def tools(
    *answers: HttpAnswer | Exception,
    secrets: NamedSecrets | None = None,
    topics: RecordingTopics | None = None,
    http: Any = None,
) -> NotifierTools:
    """Return tools that answer as scripted."""
    return NotifierTools(
        http=http or ScriptedHttp(list(answers)),
        secrets=secrets or NamedSecrets(),
        topics=topics or RecordingTopics(),
        destination=Destination("team-slack"),
        now=lambda: NOW,
    )
