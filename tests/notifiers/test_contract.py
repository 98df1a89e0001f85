"""What holds for every receiver and mode; a new one needs options in `receivers.OPTIONS`."""

import base64
import json
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from html import unescape
from itertools import product
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.commands.scan import parse_reference
from lib.config.model import DestinationConfig
from lib.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    PermanentDeliveryError,
    ScanAlertError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.flows.destination_test import run
from lib.http_client import RequestsClient
from lib.messages import facts
from lib.messages.linking import pieces
from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import Finding, HttpAnswer, Notice, Package, Part, Receipt, Severity
from lib.notifiers import NOTIFIERS
from lib.notifiers.sns.notifier import FORMATS as SNS_FORMATS
from lib.ports import notifiers as ports
from lib.ports.notifiers import Notifier
from tests.support import receivers
from tests.support.answers import an_answer
from tests.support.builders import NOW, a_filter, a_finding, a_report, an_image
from tests.support.every import every
from tests.support.notices import injected, noticed, notices
from tests.support.receivers import (
    ANSWERS,
    ANY_ANSWER,
    HOOK_TOKEN,
    JIRA_TOKEN,
    OPTIONS,
    SLACK_TOKEN,
    THREADS,
    ScriptedHttp,
    notifier,
    tools,
)
from tests.support.scenes import INJECTIONS, Scene
from tests.support.shared_texts import shared_text
from tests.support.strategies import COUNTS
from tests.support.thorough import THOROUGH

pytestmark = pytest.mark.untraced
"""The tests of each receiver cover the same lines."""

STORIES = notices()
LARGE = set() if THOROUGH else {"hundreds", "thirty-platforms"}
"""Stories that take three quarters of the time of all."""
MODES = sorted(OPTIONS)
HTTP_MODES = sorted(ANSWERS)
FORMATS: list[tuple[str, dict[str, Any]]] = [
    *((mode, {}) for mode in MODES),
    *(("sns", {"format": name}) for name in SNS_FORMATS if name != "text"),
]
FOR_PROGRAMS = ({"format": "json"}, {"format": "ocsf"})
FOR_PEOPLE = [
    (mode, options)
    for mode, options in FORMATS
    if mode != "webhook" and options not in FOR_PROGRAMS
]
AUTHORIZATION = base64.b64encode(f"robot@example.com:{JIRA_TOKEN}".encode()).decode()
SECRETS = (*receivers.SECRETS.values(), SLACK_TOKEN, JIRA_TOKEN, AUTHORIZATION, HOOK_TOKEN)
"""All of them, and the parts by which they could be used."""

RECEIVERS = [notifier(mode, tools(), **options) for mode, options in FORMATS]
"""One for each format."""

each_format = pytest.mark.parametrize(("mode", "options"), FORMATS)
each_http_mode = pytest.mark.parametrize("mode", HTTP_MODES)


def make(mode: str, *answers: HttpAnswer | Exception, **given_tools: Any) -> Notifier:
    return notifier(mode, tools(*answers, **given_tools))


def test_every_type_takes_part() -> None:
    """No receiver of the registry is passed by."""
    assert {options["type"] for options in OPTIONS.values()} == set(NOTIFIERS)


@pytest.mark.parametrize("mode", MODES)
def test_every_receiver_can_be_tested(mode: str) -> None:
    """`destinations test` works for it; tests/local/standins/test_destination_test.py tries it."""
    made = notifier(mode, tools())

    assert isinstance(made, ports.Testable), f"{type(made).__name__} needs a method test"


@each_format
@every("story", STORIES)
def test_every_alert_is_rendered_within_limits(mode: str, options: Any, story: str) -> None:
    """Every story, in a thread or in none, in full and plain."""
    made = notifier(mode, tools(), **options)

    for is_plain, thread in product((False, True), {None, THREADS.get(mode)}):
        assert fits(made, rendered(mode, options, story, thread, is_plain=is_plain))


@each_format
@every("story", ["new-and-resolved", "scan-failed"])
def test_a_message_is_the_same_each_time(mode: str, options: Any, story: str) -> None:
    """A second attempt sends what the first one sent: receivers know it again by that."""
    made = notifier(mode, tools(), **options)

    for is_plain, thread in product((False, True), {None, THREADS.get(mode)}):
        again = (made.plain if is_plain else made.render)(replace(STORIES[story]), thread=thread)
        assert again == rendered(mode, options, story, thread, is_plain=is_plain)


@each_format
def test_the_text_is_built_once_for_a_message(
    mode: str, options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many parts of a payload show it: reading 10,000 findings twice costs time."""
    built: list[Notice] = []
    footer = facts.footer
    monkeypatch.setattr(facts, "footer", lambda *args: built.append(args[-1]) or footer(*args))
    made = notifier(mode, tools(), **options)

    made.render(replace(STORIES["new-and-resolved"]), thread=THREADS.get(mode))

    assert len(built) == 1


@each_format
@every("thread", THREADS.values())
def test_the_thread_of_another_receiver_is_none(mode: str, options: Any, thread: str) -> None:
    """A destination was another kind of receiver before: its thread says nothing here."""
    made = notifier(mode, tools(), **options)
    alert = STORIES["new-and-resolved"]

    payload = made.render(alert, thread=thread)

    assert fits(made, payload)
    if thread != THREADS.get(mode):
        assert payload == made.render(alert, thread=None)


def rendered(
    mode: str, options: Any, story: str, thread: str | None = None, *, is_plain: bool = False
) -> Any:
    """Return the payload of a story. Several tests read it, and rendering takes most of them."""
    key = (mode, options.get("format"), story, thread, is_plain)
    if key not in _PAYLOADS:
        made = notifier(mode, tools(), **options)
        render = made.plain if is_plain else made.render
        _PAYLOADS[key] = render(STORIES[story], thread=thread)
    return _PAYLOADS[key]


_PAYLOADS: dict[Any, Any] = {}


def fits(made: Notifier, payload: Any) -> bool:
    """Return whether a payload is JSON within every limit."""
    json.dumps(payload)
    return all(usage.used <= usage.limit for usage in made.usage(payload))


@pytest.mark.parametrize(("mode", "options"), FOR_PEOPLE)
@every("story", STORIES)
def test_every_receiver_says_what_the_text_says(mode: str, options: Any, story: str) -> None:
    """
    Headline, numbers, what to do, the worst news, how to accept the risk, the small print.

    A page leaves out what nobody does at night, and changes that a route may hide.
    """
    payload = rendered(mode, options, story)
    if payload.get("events") == []:
        assert story in SILENT, f"{mode} sends nothing of {story}"
        return

    shown = letters(" ".join(strings(payload)))

    text = shared_text(STORIES[story], rows=1)
    if mode == "pagerduty":
        hidden = text.changes if text.not_open.groups else ""
        numbers = tuple(line for line in text.numbers if line != hidden)
        text = replace(text, accept_command="", to_do=text.to_do.now, numbers=numbers)
    texts = sentences(text, whole=options != {"format": "amazon-q"})
    assert [text for text in texts if letters(text)[:LETTERS] not in shown] == []


SILENT = {"repository-fixed", "one-left", "instead"}
"""Stories in which PagerDuty opens and resolves nothing: a part ended, and others stay open."""
LETTERS = 40
"""Of a sentence: receivers cut long ones, each in its own place."""


def sentences(text: AlertText, *, whole: bool) -> Iterator[str]:
    """Yield what every receiver has to say. `whole`: also what Amazon Q has no room for."""
    yield from (text.name, text.verdict, *text.numbers, text.accept_command)
    if text.problem is None:
        yield text.urgency_line.removeprefix("Urgency: ") or text.why
    else:
        yield from (text.problem.reason, text.problem.caution, text.problem.quote)
        for step in text.problem.steps:
            yield from (piece.text for piece in pieces(step, text.problem.pages))
    yield from (text.to_do.deploy, text.to_do.without_fix)
    for upgrade in text.to_do.upgrades:
        yield from (upgrade.package, upgrade.fixed)
    for row in (row for section in text.news for row in section.rows):
        yield from (row.name, row.installed)
    for step in text.to_do.all_steps:
        yield from (step.title, step.id)
    if text.source is not None:
        yield from (link.url for link in text.sources)
    yield from text.warnings
    yield from text.small
    if whole:
        for step in (*text.to_do.before, *text.to_do.after, *text.to_do.remarks):
            yield from step.split("`")


def letters(text: str) -> str:
    """Return what is left of a text whatever a receiver escapes, wraps or takes for markup."""
    return re.sub("[^a-z0-9]", "", unquote(unescape(text)).lower())


def strings(value: Any) -> Iterator[str]:
    """Yield every string of a payload; a document in one is read."""
    match value:
        case str() if value.startswith("{"):
            yield from strings(json.loads(value))
        case str():
            yield value
        case dict():
            for part in value.values():
                yield from strings(part)
        case list():
            for part in value:
                yield from strings(part)


@each_format
@every("story", STORIES)
def test_every_message_links_to_its_page(mode: str, options: Any, story: str) -> None:
    """The plain one after a refusal, too: it is the one that leaves most to the page."""
    url = STORIES[story].report_url
    assert url is not None
    page = url.partition("?")[0]

    for thread in {None, THREADS.get(mode)}:
        for is_plain in (False, True):
            payload = rendered(mode, options, story, thread, is_plain=is_plain)
            assert page in json.dumps(payload) or (payload.get("events") == [] and story in SILENT)


@pytest.mark.parametrize("format_", [name for name in SNS_FORMATS if name != "text"])
@every("story", STORIES)
def test_filter_policies_match_whatever_the_format(format_: str, story: str) -> None:
    """One policy serves subscribers of any topic."""
    expected, attributes = (
        {
            name: value
            for name, value in rendered("sns", options, story)["MessageAttributes"].items()
            if name != "truncated"
        }
        for options in ({}, {"format": format_})
    )

    assert attributes == expected
    assert {"severity", "repository", "account", "kind", "route"} <= {*attributes}


@each_format
@every("story", ["baseline", "scan-failed"])
def test_the_report_page_is_linked_where_there_is_one(mode: str, options: Any, story: str) -> None:
    """Whoever wants to know more has one click to it; without a page nothing is promised."""
    made = notifier(mode, tools(), **options)
    alert, link = STORIES[story], "lambda-url.eu-central-1.on.aws/pages/"

    assert link in json.dumps(made.render(alert, thread=THREADS.get(mode)))
    without = replace(alert, report_url=None, page_key=None)
    assert "full report" not in json.dumps(made.render(without)).lower()


@pytest.mark.parametrize(("mode", "options"), FOR_PEOPLE)
@every("story", [story for story in STORIES if story not in LARGE])
def test_a_page_without_a_link_is_made_by_a_command(mode: str, options: Any, story: str) -> None:
    """Where functions have no addresses, messages name the command, and it takes what they say."""
    made = notifier(mode, tools(), **options)
    alert = replace(STORIES[story], report_url=None)
    image = shared_text(alert).image
    name = f"{image.repository}@{image.digest}"
    expected = {name} if image.digest and story != "injection" else set()
    if mode == "pagerduty" and not made.render(alert)["events"]:
        expected = set()

    for payload in (made.render(alert, thread=None), made.plain(alert, thread=None)):
        assert all(each.used <= each.limit for each in made.usage(payload))
        subjects = set(re.findall(r"ecr-scan-alerts report (\S+) --region", json.dumps(payload)))
        assert subjects == expected
        assert all(parse_reference(subject) for subject in subjects)


@pytest.mark.parametrize(
    "changes",
    [
        {"repository": "a;reboot"},
        {"repository": "`reboot`"},
        {"repository": "Up"},
        {"digest": "sha256:1"},
        {"digest": ""},
        {"region": "eu-central-1 && reboot"},
        {"region": ""},
    ],
)
def test_a_strange_name_gets_no_command(changes: dict[str, str]) -> None:
    """What is pasted into a shell holds nothing from outside but plain names."""
    alert = replace(STORIES["baseline"], report_url=None)

    assert text_of(alert).report_command != ""
    renamed = noticed(Scene(a_report(a_finding(), image=replace(an_image(), **changes))))
    assert text_of(replace(renamed, report_url=None)).report_command == ""
    assert text_of(replace(alert, page_key=None)).report_command == ""


@each_format
@every("story", STORIES)
def test_plain_is_not_larger(mode: str, options: Any, story: str) -> None:
    """The degraded attempt must be the easier one to take; an attribute may say that it is cut."""
    plain, full = (
        len(json.dumps(rendered(mode, options, story, is_plain=is_plain)))
        for is_plain in (True, False)
    )

    assert plain <= full + len("true")


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
def alerts(draw: st.DrawFn) -> Notice:
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
    return noticed(Scene(after, before, tuple(filters)))


@settings(deadline=None)
@given(alert=alerts())
def test_any_alert_stays_within_every_limit(alert: Notice) -> None:
    """Whatever a scanner writes into its fields, each receiver gets something it takes."""
    for (mode, _), made in zip(FORMATS, RECEIVERS, strict=True):
        for thread in {None, THREADS.get(mode)}:
            assert fits(made, made.render(alert, thread=thread)), mode


@each_http_mode
@every("story", STORIES)
def test_secrets_stay_out_of_payloads(mode: str, story: str) -> None:
    """What is rendered can be previewed, stored and logged."""
    made = make(mode, ANSWERS[mode])

    payload = rendered(mode, {}, story, THREADS.get(mode))
    made.send(payload)

    shown = json.dumps(payload) + repr(made) + repr(made.usage(payload))
    assert not [each for each in SECRETS if each in shown]


class Answering(requests.Session):
    """A session whose every request gets the same answer, which repeats the secrets it was sent."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status
        self.asked: list[str] = []
        self.finds_nothing = False
        """Whether a search is answered well: then the next request gets the status."""

    def request(  # type: ignore[override]
        self, method: str, url: str, *, headers: Mapping[str, str], **body: Any
    ) -> requests.Response:
        self.asked.append(f"{method} {url}")
        scheme, _, sent = headers.get("Authorization", "").partition(" ")
        account = base64.b64decode(sent).decode() if scheme == "Basic" else ""
        if self.finds_nothing and url.endswith("/search/jql"):
            return an_answer(200, b'{"issues": []}')
        echo = f"refused {url} {scheme} {sent} {account} {body}"
        return an_answer(self.status, echo.encode())


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


ASKS_FIRST = ("jira",)
"""Modes whose first call only reads: whatever the answer, nothing was sent."""


def expected(mode: str, status: int) -> type[DeliveryError]:
    """Return the class of the error that the first answer with a status becomes."""
    class_ = EXPECTED.get(status, PermanentDeliveryError)
    reads = mode in ASKS_FIRST and class_ is AmbiguousDeliveryError
    return TemporaryDeliveryError if reads else class_


@dataclass(frozen=True)
class Refusal:
    """What became of a message that was refused."""

    error: type[Exception]
    requests: int
    shown_secrets: tuple[str, ...] = ()


STATUSES = sorted(
    {*range(300, 600, 1 if THOROUGH else 10), 401, 404, 408, 409, 410, 413, 429, 502, 503, 504}
)
"""All of them with `make thorough`; tests/test_http_client.py tries them all in each run."""


@each_http_mode
def test_retry_class_of_every_status(mode: str) -> None:
    """No receiver decides for itself; and no error shows a secret, whatever was answered."""
    refusals = {status: refusal(mode, status) for status in STATUSES}

    assert refusals == {
        status: Refusal(expected(mode, status), 2 if (mode, status) == ("jira", 404) else 1)
        for status in STATUSES
    }


@pytest.mark.parametrize("mode", ASKS_FIRST)
def test_retry_class_of_every_status_after_the_question(mode: str) -> None:
    """What is sent then is in doubt where its answer says nothing; and nothing is sent twice."""
    refusals = {status: refusal(mode, status, finds_nothing=True) for status in STATUSES}

    assert refusals == {
        status: Refusal(EXPECTED.get(status, PermanentDeliveryError), 2) for status in STATUSES
    }


def refusal(mode: str, status: int, *, finds_nothing: bool = False) -> Refusal:
    """Send an alert to a receiver that answers with a status; beyond its search, or at once."""
    with Answering(status) as session:
        session.finds_nothing = finds_nothing
        with pytest.raises(DeliveryError) as caught:
            send(mode, session, None if finds_nothing else THREADS.get(mode))
    shown = printed(caught.value)
    secrets = tuple(secret for secret in SECRETS if secret in shown)
    return Refusal(type(caught.value), len(session.asked), secrets)


@pytest.mark.parametrize("mode", ASKS_FIRST)
@pytest.mark.parametrize("status", [200, 201, 204])
def test_accepted_answers_after_the_question_do_not_tell_secrets(
    mode: str, session: Answering
) -> None:
    """The answer to a create repeats all that was sent: it is ambiguous, and shows nothing."""
    session.finds_nothing = True

    with pytest.raises(AmbiguousDeliveryError) as caught:
        send(mode, session, None)

    assert not [each for each in SECRETS if each in printed(caught.value)]


@each_http_mode
@every("threads", [{}, THREADS])
@pytest.mark.parametrize("status", [200, 201, 204])
def test_accepted_answers_do_not_tell_secrets(
    mode: str, threads: Mapping[str, str], session: Answering
) -> None:
    """A proxy answering 200 with all it was sent: neither error nor receipt repeats it."""
    said = ""
    try:
        said = repr(send(mode, session, threads.get(mode)))
    except ScanAlertError as error:
        said = printed(error)

    assert said
    assert not [each for each in SECRETS if each in said]


def send(mode: str, session: requests.Session, thread: str | None) -> Receipt:
    """Send an alert by the real client."""
    return made_with(mode, session).send(payload_of(mode, thread))


@cache
def payload_of(mode: str, thread: str | None) -> Mapping[str, Any]:
    """Render an alert; sending changes nothing of it."""
    return notifier(mode, tools()).render(STORIES["new-and-resolved"], thread=thread)


def made_with(mode: str, session: requests.Session) -> Notifier:
    """Return a notifier with the real client."""
    options = OPTIONS[mode]
    hosts = DestinationConfig(options["type"], options).hosts(NOTIFIERS[options["type"]].hosts, ())
    http = RequestsClient(hosts, session=session, now=lambda: datetime(2026, 11, 23, tzinfo=UTC))
    return make(mode, http=http)


def printed(error: Exception) -> str:
    """Return all that a log could show of an error."""
    return "".join(traceback.format_exception(error)) + repr(error)


@each_http_mode
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429, 500, 503])
def test_tests_do_not_tell_secrets(mode: str, session: Answering) -> None:
    """`destinations test` shows what the receiver answered, but no secret that it repeats."""
    asked = ports.DestinationTest("test-1", NOW, "stage prod", create=True, page=True)

    checks = run(made_with(mode, session), asked)

    assert checks
    assert not [each for each in SECRETS if each in repr(checks)]


@each_http_mode
def test_secrets_are_read_for_each_message(mode: str) -> None:
    """A rotated secret is used without a restart: nothing of it is kept."""
    given_tools = tools(ANSWERS[mode])
    made = notifier(mode, given_tools)
    payload = made.render(STORIES["all-fixed"])

    made.send(payload)
    made.send(payload)

    read = given_tools.secrets.read_names  # type: ignore[attr-defined]
    assert read
    assert read[: len(read) // 2] == read[len(read) // 2 :]


@each_http_mode
def test_only_who_takes_any_answer_asks_for_none(mode: str) -> None:
    """A 2xx that cannot be read leaves open what was accepted, unless its status is enough."""
    http = ScriptedHttp([ANSWERS[mode]])
    made = make(mode, http=http)

    made.send(made.render(STORIES["all-fixed"]))

    assert http.calls[-1].any_answer is (mode in ANY_ANSWER)


@pytest.mark.parametrize("mode", sorted(set(HTTP_MODES) - set(ANY_ANSWER)))
def test_errors_are_from_the_one_tree(mode: str) -> None:
    """The pipeline knows what to do with every error that leaves a notifier."""
    http = ScriptedHttp([HttpAnswer(200, "what?")])
    made = make(mode, http=http)

    with pytest.raises(ScanAlertError):
        made.send(made.render(injected("x")))
