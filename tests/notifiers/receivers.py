"""What notifiers call, in memory: HTTP with scripted answers, secrets, topics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lib.interfaces import Notifier, NotifierTools
from lib.models import Destination, HttpAnswer, Upload
from lib.notifiers import NOTIFIERS
from tests.builders import NOW

SLACK_TOKEN: Final = "not-a-real-webhook"
WEBHOOK: Final = f"https://hooks.slack.com/services/T00/B00/{SLACK_TOKEN}"
BOT_TOKEN: Final = "not-a-real-bot-token"
CHANNEL: Final = "C0123ALERTS"
JIRA_TOKEN: Final = "not-a-real-token"
CREDENTIALS: Final = f'{{"email": "robot@example.com", "token": "{JIRA_TOKEN}"}}'
HOOK_HOST: Final = "hooks.example.com"
HOOK_TOKEN: Final = "not-a-real-address"
HOOK: Final = f"https://{HOOK_HOST}/ingest/{HOOK_TOKEN}"
SIGNING_SECRET: Final = "not-a-real-secret-to-sign-with"
ROUTING_KEY: Final = "notarealroutingkey" + 14 * "0"
TOPIC: Final = "arn:aws:sns:eu-central-1:000474600478:scan-alerts"

OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "jira": {
        "type": "jira",
        "site": "https://example.atlassian.net",
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

JIRA_CREATED: Final = HttpAnswer(201, '{"id": "10000", "key": "SEC-7"}')
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
    "jira": "SEC-7",
    "pagerduty": "2026-11-20T09:00:00Z 2016-01-01T00:00:00Z",
    "slack-bot": f"{CHANNEL}:1795424400.000100",
}
"""What a receipt leaves for the next message, where a receiver has threads."""


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    url: str
    body: Any
    headers: Mapping[str, str]


@dataclass
class ScriptedHttp:
    """Answers in order, or raises what stands in the script; the last one stays."""

    answers: list[HttpAnswer | Exception]
    calls: list[Call] = field(default_factory=list)

    def post(
        self,
        url: str,
        body: Any,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),  # noqa: ARG002  # the port's
    ) -> HttpAnswer:
        return self._call("POST", url, body, headers)

    def put(self, url: str, body: Any, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        return self._call("PUT", url, body, headers)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        return self._call("GET", url, None, headers)

    def delete(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        return self._call("DELETE", url, None, headers)

    def upload(
        self, url: str, file: Upload, *, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        return self._call("POST", url, file, headers)

    def _call(
        self, method: str, url: str, body: Any, headers: Mapping[str, str] | None
    ) -> HttpAnswer:
        self.calls.append(Call(method, url, body, headers or {}))
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
