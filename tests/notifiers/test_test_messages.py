"""What a test of a destination looks like at each receiver, kept as files to read and diff."""

import json
from typing import Any

import pytest

from lib.flows.destination_test import run
from lib.models import HttpAnswer
from lib.notifiers.sns.notifier import FORMATS as SNS_FORMATS
from lib.ports.notifiers import DestinationTest
from tests.notifiers.jira_answers import TEST_ANSWERS
from tests.support import golden
from tests.support.builders import NOW
from tests.support.receivers import (
    ENQUEUED,
    OPTIONS,
    POSTED,
    RecordingTopics,
    ScriptedHttp,
    notifier,
    tools,
)

OK = HttpAnswer(200, '{"ok": true, "user": "alerts", "team": "Example"}')
ANSWERS: dict[str, list[HttpAnswer | Exception]] = {
    "jira": [*TEST_ANSWERS],
    "pagerduty": [ENQUEUED],
    "slack": [HttpAnswer(200, "ok")],
    "slack-bot": [OK, OK, POSTED],
    "webhook": [HttpAnswer(204, "")],
}
"""Of each request of a test, in order; the last one stays."""
FULL = DestinationTest("test-1", NOW, "stage prod", create=True, page=True)


def test_every_mode_is_kept() -> None:
    """A new receiver's test is read before it is sent."""
    missing = sorted(set(OPTIONS) - {*ANSWERS, "sns"})

    assert not missing, f"add the answers to a test to ANSWERS in {__name__}: {missing}"


@pytest.mark.parametrize("mode", ANSWERS)
def test_over_http(mode: str) -> None:
    """Everything that is sent when all is asked for; bodies, for addresses hold secrets."""
    http = ScriptedHttp(ANSWERS[mode])

    checks = run(notifier(mode, tools(http=http)), FULL)

    bodies = [call.body for call in http.calls if call.method != "GET"]
    read = [json.loads(body) if isinstance(body, bytes) else body for body in bodies]
    texts = [f"{check.status.value} {check.subject}: {check.text}" for check in checks]
    # The key is the secret of PagerDuty, and stands in the body.
    shown: list[Any] = [
        {name: value for name, value in body.items() if name != "routing_key"} if body else body
        for body in read
    ]
    golden.check("tests", mode, {"sent": shown, "checks": texts})


@pytest.mark.parametrize("name", SNS_FORMATS)
def test_topics(name: str) -> None:
    """The request, and the body that people or programs read."""
    topics = RecordingTopics()

    run(notifier("sns", tools(topics=topics), format=name), FULL)

    ((_, request),) = topics.published
    golden.check("tests", f"sns-{name}", request)
