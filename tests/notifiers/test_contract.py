"""What holds for every receiver in the registry; a new one needs options in `receivers.OPTIONS`."""

import base64
import json
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    PermanentDeliveryError,
    ScanAlertError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.http_client import RequestsClient
from lib.interfaces import Notifier
from lib.models import Alert, Finding, HttpAnswer, Package, Part, Receipt, Severity
from lib.notifiers import NOTIFIERS
from tests.builders import a_filter, a_report, an_image
from tests.notifiers.alerts import INJECTIONS, evaluated, injected, stories, told
from tests.notifiers.receivers import (
    ANSWERS,
    CREDENTIALS,
    JIRA_TOKEN,
    OPTIONS,
    SLACK_TOKEN,
    WEBHOOK,
    ScriptedHttp,
    tools,
)
from tests.strategies import COUNTS

STORIES = stories()
TYPES = sorted(NOTIFIERS)
HTTP_TYPES = sorted(ANSWERS)
FORMATS = [
    *((name, OPTIONS[name]) for name in TYPES),
    ("sns", {**OPTIONS["sns"], "format": "json"}),
]
AUTHORIZATION = base64.b64encode(f"robot@example.com:{JIRA_TOKEN}".encode()).decode()
SECRETS = (WEBHOOK, SLACK_TOKEN, CREDENTIALS, JIRA_TOKEN, AUTHORIZATION)

each_type = pytest.mark.parametrize("name", TYPES)
each_format = pytest.mark.parametrize(("name", "options"), FORMATS)


def make(name: str, *answers: HttpAnswer | Exception, **given_tools: Any) -> Notifier:
    return NOTIFIERS[name](OPTIONS[name], tools(*answers, **given_tools))


@each_type
def test_options_are_what_the_schema_allows(name: str) -> None:
    """The options that these tests use are ones that people can write."""
    assert OPTIONS[name]["type"] == name


@each_format
@pytest.mark.parametrize("story", STORIES)
def test_every_alert_is_rendered_within_limits(name: str, options: Any, story: str) -> None:
    """Every story, with and without a thread, in full and plain, fits and is the same each time."""
    notifier = NOTIFIERS[name](options, tools())

    for render in (notifier.render, notifier.plain):
        for thread in (None, "SEC-7"):
            payload = render(STORIES[story], thread=thread)

            assert payload == render(STORIES[story], thread=thread)
            assert all(each.used <= each.limit for each in notifier.usage(payload))
            json.dumps(payload)


@each_format
@pytest.mark.parametrize("story", sorted(set(STORIES) - {"ten-thousand"}))
def test_plain_is_not_larger(name: str, options: Any, story: str) -> None:
    """The degraded attempt must be the easier one to take."""
    notifier = NOTIFIERS[name](options, tools())

    plain, full = (
        len(json.dumps(render(STORIES[story], thread=None)))
        for render in (notifier.plain, notifier.render)
    )

    assert plain <= full


ANY_TEXT = st.text(max_size=30) | st.sampled_from(INJECTIONS)
MAYBE = st.none() | ANY_TEXT
PACKAGES = st.builds(Package, ANY_TEXT, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE)
FINDINGS = st.builds(
    Finding,
    vulnerability_id=ANY_TEXT,
    package=PACKAGES,
    severity=st.sampled_from(Severity),
    source_severity=MAYBE,
    title=MAYBE,
    description=MAYBE,
    fixed_version=MAYBE,
    fix_available=st.sampled_from([None, "YES", "NO", "PARTIAL", "SOON"]),
    exploit_available=st.sampled_from([None, "YES", "NO"]),
    epss=st.none() | st.floats(0, 1),
    links=st.lists(ANY_TEXT, max_size=2).map(tuple),
    source_status=st.sampled_from([None, "ACTIVE", "CLOSED", "SUPPRESSED"]),
    platforms=st.lists(ANY_TEXT, max_size=8).map(tuple),
)
REPORTS = st.lists(FINDINGS, max_size=12, unique_by=lambda each: each.id).map(tuple)
PARTS = st.lists(
    st.builds(Part, ANY_TEXT, ANY_TEXT, ANY_TEXT, st.none() | COUNTS, MAYBE), max_size=31
).map(tuple)
FILTERS = st.builds(
    a_filter,
    route=ANY_TEXT,
    severity=st.sampled_from(Severity),
    only=st.sampled_from([(), ("fixable",), ("exploitable",), ("fixable", "exploitable")]),
    unknown_severity=st.booleans(),
)


@st.composite
def alerts(draw: st.DrawFn) -> Alert:
    """Return any alert that the pipeline could make."""
    image = an_image(
        1,
        repository=draw(ANY_TEXT),
        tags=draw(st.lists(ANY_TEXT, max_size=3).map(tuple)),
        platform=draw(MAYBE),
    )
    before = a_report(*draw(REPORTS), image=an_image(2)) if draw(st.booleans()) else None
    after = a_report(*draw(REPORTS), image=image, complete=draw(st.booleans()))
    after = replace(after, parts=draw(PARTS))
    filters = draw(st.lists(FILTERS, min_size=1, max_size=3))
    return told(evaluated(after, before=before), *filters)


@settings(deadline=None)
@given(alert=alerts())
def test_any_alert_stays_within_every_limit(alert: Alert) -> None:
    """Whatever a scanner writes into its fields, each receiver gets something it takes."""
    for name, options in FORMATS:
        notifier = NOTIFIERS[name](options, tools())
        for payload in (notifier.render(alert), notifier.render(alert, thread="SEC-7")):
            assert all(each.used <= each.limit for each in notifier.usage(payload)), name
            json.dumps(payload)


@pytest.mark.parametrize("name", HTTP_TYPES)
@pytest.mark.parametrize("story", STORIES)
def test_secrets_stay_out_of_payloads(name: str, story: str) -> None:
    """What is rendered can be previewed, stored and logged."""
    notifier = make(name, ANSWERS[name])

    payload = notifier.render(STORIES[story], thread="SEC-7")
    notifier.send(payload)

    shown = json.dumps(payload) + repr(notifier) + repr(notifier.usage(payload))
    assert not [each for each in SECRETS if each in shown]


class Answering(requests.Session):
    """A session whose every request gets the same answer, which repeats the secrets it was sent."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status
        self.asked: list[str] = []

    def request(  # type: ignore[override]
        self, method: str, url: str, *, headers: Mapping[str, str], **_: Any
    ) -> requests.Response:
        self.asked.append(f"{method} {url}")
        response = requests.Response()
        response.status_code = self.status
        sent = headers.get("Authorization", "").removeprefix("Basic ")
        echo = f"refused {url} Basic {sent} {base64.b64decode(sent).decode()}"
        response._content = echo.encode()  # noqa: SLF001  # no other way to set it
        return response


@pytest.fixture
def session(status: int) -> Iterator[Answering]:
    """Open a session that answers with the status of the test."""
    with Answering(status) as answering:
        yield answering


EXPECTED = {
    408: TemporaryDeliveryError,
    429: ThrottledError,
    503: TemporaryDeliveryError,
    **dict.fromkeys(set(range(500, 600)) - {503}, AmbiguousDeliveryError),
}


@pytest.mark.parametrize("name", HTTP_TYPES)
@pytest.mark.parametrize("status", range(300, 600))
def test_retry_class_of_every_status(name: str, status: int, session: Answering) -> None:
    """No receiver decides for itself; and no error shows a secret, whatever was answered."""
    with pytest.raises(DeliveryError) as caught:
        send(name, session)

    assert type(caught.value) is EXPECTED.get(status, PermanentDeliveryError)
    assert not [each for each in SECRETS if each in printed(caught.value)]
    retried = name == "jira" and status == 404
    assert len(session.asked) == 1 + retried


@pytest.mark.parametrize("name", HTTP_TYPES)
@pytest.mark.parametrize("thread", [None, "SEC-7"])
@pytest.mark.parametrize("status", [200, 201, 204])
def test_accepted_answers_do_not_tell_secrets(
    name: str, thread: str | None, session: Answering
) -> None:
    """A proxy answering 200 with all it was sent: neither error nor receipt repeats it."""
    said = ""
    try:
        said = repr(send(name, session, thread))
    except ScanAlertError as error:
        said = printed(error)

    assert said
    assert not [each for each in SECRETS if each in said]


def send(name: str, session: requests.Session, thread: str | None = "SEC-7") -> Receipt:
    """Send an alert by the real client."""
    http = RequestsClient(
        NOTIFIERS[name].hosts, session=session, now=lambda: datetime(2026, 11, 23, tzinfo=UTC)
    )
    notifier = make(name, http=http)
    return notifier.send(notifier.render(STORIES["new-and-resolved"], thread=thread))


def printed(error: Exception) -> str:
    """Return all that a log could show of an error."""
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize("name", HTTP_TYPES)
def test_secrets_are_read_for_each_message(name: str) -> None:
    """A rotated secret is used without a restart: nothing of it is kept."""
    given_tools = tools(ANSWERS[name])
    notifier = NOTIFIERS[name](OPTIONS[name], given_tools)
    payload = notifier.render(STORIES["no-findings"])

    notifier.send(payload)
    notifier.send(payload)

    assert len(given_tools.secrets.read_names) == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", HTTP_TYPES)
def test_errors_are_from_the_one_tree(name: str) -> None:
    """The pipeline knows what to do with every error that leaves a notifier."""
    http = ScriptedHttp([HttpAnswer(200, "what?")])
    notifier = make(name, http=http)

    with pytest.raises(ScanAlertError):
        notifier.send(notifier.render(injected("x")))
