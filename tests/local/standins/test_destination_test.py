"""`destinations test` against every stand-in, with the right secret and with a wrong one."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import pytest
import requests
from jsonschema import Draft202012Validator

from lib.errors import (
    ConfigError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.flows.destination_test import run
from lib.http_client import RequestsClient
from lib.models import Destination
from lib.models.diagnostics import Check, CheckStatus, has_failed
from lib.notifiers import NOTIFIERS, testing
from lib.notifiers.jira.checks import NEEDED, USEFUL
from lib.notifiers.sns.notifier import FORMATS
from lib.notifiers.sns.testing import BODIES
from lib.ports.notifiers import DestinationTest, NotifierTools
from local.aws.process import ROOT
from local.standins.server import Accept, Answer, Disconnect, Receivers
from tests.support.builders import NOW
from tests.support.receivers import CHANNEL, OPTIONS, TOPIC, RecordingTopics

SCHEMA = Draft202012Validator(json.loads((ROOT / "schemas/test-1.0.0.json").read_text("utf-8")))
NAME: Final = Destination("team")
WRONG: Final = "wrong-secret-0123456789abcdef000"
GRANTED: Final = json.dumps(
    {"permissions": {name: {"havePermission": True} for name in (*NEEDED, *USEFUL)}}
)
TEST: Final = DestinationTest("test-1", NOW, "stage prod")


@dataclass
class Named:
    """Secrets by name; a missing one is refused as Secrets Manager's would be."""

    values: dict[str, str]

    def read(self, reference: Mapping[str, str]) -> str:
        try:
            return self.values[reference["secret"]]
        except KeyError:
            text = "The secret 'x' could not be read (Gone); create it: aws make x"
            raise ConfigError(text, reason="secret") from None

    def renew(self) -> bool:
        return True


@dataclass
class Bench:
    """One destination of each mode, and the receivers behind it."""

    receivers: Receivers
    session: requests.Session
    topics: Any = field(default_factory=RecordingTopics)

    @property
    def secrets(self) -> dict[str, str]:
        email, token = self.receivers.jira_credentials
        return {
            "ecr-scan-alerts/jira": json.dumps({"email": email, "token": token}),
            "ecr-scan-alerts/pagerduty": self.receivers.pagerduty_key("team"),
            "ecr-scan-alerts/slack": self.receivers.slack_url("team"),
            "ecr-scan-alerts/slack-bot": self.receivers.slack_token,
            "ecr-scan-alerts/hook-url": self.receivers.webhook_url("team"),
            "ecr-scan-alerts/hook-secret": self.receivers.webhook_secret,
        }

    @property
    def wrong(self) -> dict[str, str]:
        """Secrets of the right form whose receivers do not know them."""
        hook, bot = self.receivers.slack_url("team"), WRONG
        jira = json.dumps({"email": "alerts@example.com", "token": WRONG})
        return self.secrets | {
            "ecr-scan-alerts/jira": jira,
            "ecr-scan-alerts/pagerduty": "0" * 32,
            "ecr-scan-alerts/slack": f"{hook.rpartition('/')[0]}/{WRONG.replace('-', '')}",
            "ecr-scan-alerts/slack-bot": bot,
            "ecr-scan-alerts/hook-secret": b64encode(WRONG.encode()).decode(),
        }

    def test(
        self,
        mode: str,
        secrets: dict[str, str] | None = None,
        *,
        hosts: tuple[str, ...] = ("127.0.0.1",),
        options: Mapping[str, Any] | None = None,
        **asked: bool,
    ) -> tuple[Check, ...]:
        chosen = {**OPTIONS[mode], "site": self.receivers.url, **(options or {})}
        tools = NotifierTools(
            http=RequestsClient(hosts, session=self.session, now=lambda: NOW),
            secrets=Named(self.secrets if secrets is None else secrets),
            topics=self.topics,
            destination=NAME,
            now=partial(_now),
        )
        test = DestinationTest(TEST.id, NOW, TEST.origin, **asked)
        return run(NOTIFIERS[chosen["type"]](chosen, tools), test)


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Open the receivers."""
    with Receivers() as receivers, requests.Session() as session:
        yield Bench(receivers, session)


def failures(checks: tuple[Check, ...]) -> list[Check]:
    return [check for check in checks if check.status is CheckStatus.FAILED]


def test_all_modes_take_part() -> None:
    """A new receiver is tested here, too."""
    assert {options["type"] for options in OPTIONS.values()} == set(NOTIFIERS)
    assert set(BODIES) == set(FORMATS)


@pytest.mark.parametrize("mode", sorted(OPTIONS))
def test_right_secret_passes(bench: Bench, mode: str) -> None:
    """All checks pass, and what arrives is marked TEST and names destination and sender."""
    checks = bench.test(mode)

    assert not failures(checks), checks
    arrived = [json.dumps(message.payload) for message in bench.receivers.messages()]
    arrived += [json.dumps(request) for _, request in bench.topics.published]
    assert len(arrived) == (mode != "jira")
    assert all("TEST" in text and "team" in text and "stage prod" in text for text in arrived)


@pytest.mark.parametrize("mode", sorted(set(OPTIONS) - {"sns"}))
def test_wrong_secret_fails_with_remedy(bench: Bench, mode: str) -> None:
    """One check fails with the answer of the receiver and what to do; no secret is shown."""
    checks = bench.test(mode, bench.wrong)

    (failure,) = failures(checks)
    assert failure.remedy
    assert "answered" in failure.text
    assert WRONG.replace("-", "") not in str(checks).replace("-", "")
    assert not bench.receivers.messages()


@pytest.mark.parametrize("mode", sorted(set(OPTIONS) - {"sns"}))
def test_missing_secret_is_the_only_check(bench: Bench, mode: str) -> None:
    """Without its secret nothing else can be said."""
    checks = bench.test(mode, {})

    (check,) = checks
    assert (check.subject, check.status) == ("secret", CheckStatus.FAILED)
    assert check.text == "The secret 'x' could not be read (Gone)"
    assert check.remedy == "Create it: aws make x"
    assert not bench.receivers.requests()


@pytest.mark.parametrize("send", [True, False])
@pytest.mark.parametrize("mode", sorted(set(OPTIONS) - {"sns"}))
def test_secret_of_wrong_form_is_refused(
    bench: Bench,
    mode: str,
    send: bool,  # noqa: FBT001  # the case
) -> None:
    """A password, a URL of nothing: said before anything is sent."""
    secrets = dict.fromkeys(bench.secrets, "two words") | {
        "ecr-scan-alerts/hook-secret": bench.receivers.webhook_secret
    }

    checks = bench.test(mode, secrets, send=send)

    assert failures(checks)
    assert "two words" not in str(checks)
    assert not bench.receivers.messages()


@pytest.mark.parametrize("mode", sorted(set(OPTIONS) - {"sns"}))
def test_host_must_be_allowed(bench: Bench, mode: str) -> None:
    """The same rule as for alerts."""
    checks = bench.test(mode, hosts=("hooks.slack.com",))

    (failure,) = failures(checks)
    assert "is not allowed here" in failure.text


@pytest.mark.parametrize("mode", sorted(OPTIONS))
def test_look_only_sends_nothing(bench: Bench, mode: str) -> None:
    """`doctor` may run every minute."""
    checks = bench.test(mode, send=False, create=True, page=True)

    assert not failures(checks), checks
    assert not bench.receivers.messages()
    assert not bench.topics.published


@pytest.mark.parametrize("mode", ["slack", "pagerduty", "webhook"])
def test_look_only_notices_silence(bench: Bench, mode: str) -> None:
    """A host that nobody listens at is not reachable, whatever the secret."""
    url = bench.receivers.url
    secrets = {
        name: value.replace(url, "http://127.0.0.1:9") for name, value in bench.secrets.items()
    }

    checks = bench.test(mode, secrets, options={"site": "http://127.0.0.1:9"}, send=False)

    assert failures(checks)[0].subject == "connection"


@pytest.mark.parametrize(
    "error",
    [
        PermanentDeliveryError("404", reason="http-404"),
        TemporaryDeliveryError("503", reason="http-503"),
        ThrottledError("429", reason="http-429"),
    ],
)
def test_look_only_takes_any_answer(bench: Bench, error: Exception) -> None:
    """A refusal of the root is an answer: the way there works."""

    class Refusing:
        def get(self, url: str, **_: Any) -> Any:
            assert url == f"{bench.receivers.url}/"
            raise error

    check = testing.reachable(Refusing(), bench.receivers.slack_url("x"))  # type: ignore[arg-type]

    assert check.status is CheckStatus.OK


def test_look_only_notices_a_request_that_cannot_be_made(bench: Bench) -> None:
    """A proxy that is none, for example: nothing was reached."""

    class Broken:
        def get(self, _: str, **__: Any) -> Any:
            raise PermanentDeliveryError("GET x: InvalidProxyURL", reason="invalid-request")

    check = testing.reachable(Broken(), bench.receivers.slack_url("x"))  # type: ignore[arg-type]

    assert check.status is CheckStatus.FAILED


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("not_in_channel", "/invite"),
        ("channel_not_found", "the id of a channel"),
        ("missing_scope", "chat:write"),
        ("is_archived", "Unarchive"),
    ],
)
def test_bot_is_told_what_to_do(bench: Bench, word: str, remedy: str) -> None:
    """Slack's word becomes an instruction."""
    body = json.dumps({"ok": False, "error": word})
    bench.receivers.script(f"slack/{CHANNEL}", [Answer(200, body), Answer(200, body)])

    checks = bench.test("slack-bot")

    (failure,) = failures(checks)
    assert failure.subject == "message"
    assert word in failure.text
    assert remedy in failure.remedy
    # Reading history is a convenience: its lack alone fails no test.
    assert [check.subject for check in checks if check.status is CheckStatus.NOTE] == ["history"]


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (Answer(403, "action_prohibited"), "ask one"),
        (Answer(410, "channel_is_archived"), "Unarchive"),
        (Answer(404, "no_service"), "Incoming Webhooks"),
        (Answer(200, '{"ok": false, "error": "invalid_token"}'), "Incoming Webhooks"),
        (Answer(429, "", {"Retry-After": "7"}), "try again in 7 seconds"),
        (Answer(503, ""), "Try again"),
    ],
)
def test_webhook_of_slack_says_what_to_do(bench: Bench, answer: Answer, remedy: str) -> None:
    """A revoked webhook is replaced; a forbidden one is another person's matter."""
    bench.receivers.script("slack/team", [answer])

    (failure,) = failures(bench.test("slack"))

    assert remedy in failure.remedy


def test_bot_begins_no_thread_of_a_stream(bench: Bench) -> None:
    """A test message has no metadata by which a delivery could be taken for sent."""
    bench.test("slack-bot")

    (message,) = bench.receivers.messages()
    assert "metadata" not in message.payload
    assert "thread_ts" not in message.payload


def test_page_opens_and_resolves(bench: Bench) -> None:
    """`--page` wakes somebody, once, and leaves nothing open."""
    checks = bench.test("pagerduty", page=True)

    kinds = [str(message.kind) for message in bench.receivers.messages("pagerduty")]
    assert kinds == ["notified", "created", "resolved"]
    assert not bench.receivers.open_incidents
    assert not failures(checks)


def test_change_event_without_success_fails(bench: Bench) -> None:
    """A proxy that answers 200 is no PagerDuty."""
    bench.receivers.script("pagerduty", [Answer(200, "hello")])

    assert failures(bench.test("pagerduty"))[0].subject == "change event"


class TestJira:
    """Writes nothing, unless asked."""

    def test_says_what_an_alert_would_do(self, bench: Bench) -> None:
        """Nothing but reads; the account, the permissions and the create screen are named."""
        checks = bench.test("jira")

        assert [check.subject for check in checks] == [
            "secret",
            "credentials",
            "project",
            "permissions",
            "issue type",
            "message",
        ]
        assert "would create a Task in SEC" in checks[-1].text
        assert {request.method for request in bench.receivers.requests()} == {"GET"}

    def test_create_deletes_again(self, bench: Bench) -> None:
        """The issue carries no label of a stream, and is gone afterwards."""
        checks = bench.test("jira", create=True)

        (message,) = bench.receivers.messages()
        assert message.payload["fields"]["labels"] == ["ecr-scan-alerts-test"]
        assert [check.text for check in checks[-2:]] == [
            "SEC-1 was created, marked TEST",
            "SEC-1 was deleted again",
        ]
        assert answer(bench, "/issue/SEC-1") == 404

    def test_create_closes_where_it_may_not_delete(self, bench: Bench) -> None:
        """Most accounts may not delete: then the issue is closed, and its address said."""
        bench.receivers.deny_in_jira("DELETE_ISSUES")

        check = bench.test("jira", create=True)[-1]

        assert check.status is CheckStatus.NOTE
        assert "closed" in check.text
        assert check.text.endswith("/browse/SEC-1")

    @pytest.mark.parametrize(
        "steps", [[Answer(403), Answer(200, '{"transitions": []}')], [Answer(403), Answer(500)]]
    )
    def test_issue_that_stays_is_named(self, bench: Bench, steps: list[Any]) -> None:
        """Neither deleted nor closed: a person has to do it."""
        bench.receivers.script("jira/SEC-1", steps)

        check = bench.test("jira", create=True)[-1]

        assert "neither deleted nor closed" in check.text
        assert check.remedy == "Delete it by hand"

    @pytest.mark.parametrize(
        ("permission", "status"),
        [("CREATE_ISSUES", CheckStatus.FAILED), ("TRANSITION_ISSUES", CheckStatus.NOTE)],
    )
    def test_missing_permission(self, bench: Bench, permission: str, status: CheckStatus) -> None:
        """What loses alerts fails; what only makes them poorer is a note."""
        bench.receivers.deny_in_jira(permission)

        checks = bench.test("jira")

        found = [check for check in checks if check.subject == "permissions"]
        assert status in [check.status for check in found]
        assert all(check.remedy for check in found if check.status is not CheckStatus.OK)

    def test_nothing_is_created_without_permission(self, bench: Bench) -> None:
        """What is known to be refused is not tried."""
        bench.receivers.deny_in_jira("CREATE_ISSUES")

        checks = bench.test("jira", create=True)

        assert "issue" not in [check.subject for check in checks]
        assert {request.method for request in bench.receivers.requests()} == {"GET"}

    def test_create_that_is_refused(self, bench: Bench) -> None:
        """The refusal is a check, with Jira's own words."""
        bench.receivers.script("jira", [Accept()] * 4 + [Answer(400, "Team is required")])

        check = bench.test("jira", create=True)[-1]

        assert check.status is CheckStatus.FAILED
        assert "Team is required" in check.text

    def test_create_without_a_key(self, bench: Bench) -> None:
        """An odd answer is no issue."""
        types = json.dumps({"issueTypes": [{"id": "1", "name": "Task"}]})
        fields = json.dumps({"fields": [{"fieldId": "labels"}, {"fieldId": "priority"}]})
        granted = GRANTED
        steps = [Answer(200, text) for text in ('{"displayName": "A"}', granted, types, fields)]
        bench.receivers.script("jira", [*steps, Answer(201, "[]")])

        check = bench.test("jira", create=True)[-1]

        assert check.text == "Jira answered 201 without an issue key"

    def test_issue_type_that_does_not_exist(self, bench: Bench) -> None:
        """Those that exist are listed."""
        check = bench.test("jira", options={"issue_type": "Alarm"})[-1]

        assert check.status is CheckStatus.FAILED
        assert "Task, Bug, Story" in check.text

    def test_create_screen(self, bench: Bench) -> None:
        """A field that we set and the screen lacks, and one that it asks for: both are refusals."""
        types = json.dumps({"issueTypes": [{"id": "1", "name": "Task"}]})
        asked = {"fieldId": "customfield_1", "name": "Team", "required": True}
        given = {"fieldId": "customfield_2", "required": True, "hasDefaultValue": True}
        fields = json.dumps({"fields": [{"fieldId": "priority"}, asked, given]})
        granted = GRANTED
        steps = [Answer(200, text) for text in ('{"displayName": "A"}', granted, types, fields)]
        bench.receivers.script("jira", steps)

        found = failures(bench.test("jira"))

        screen = [check.text for check in found if check.subject == "create screen"]
        assert screen == [
            "the create screen of Task lacks labels",
            "the create screen of Task asks for Team, which alerts do not set",
        ]

    def test_minimal_options_ask_for_no_field(self, bench: Bench) -> None:
        """`labels: false` and no priority: the screen may lack both."""
        types = json.dumps({"issueTypes": [{"id": "1", "name": "Task"}]})
        granted = GRANTED
        texts = ('{"displayName": "A"}', granted, types, '{"fields": null}')
        bench.receivers.script("jira", [Answer(200, text) for text in texts])
        options = {"labels": False, "priority": None}

        checks = bench.test("jira", options=options, create=True)

        assert not [check for check in checks if check.subject == "create screen"]
        (message,) = bench.receivers.messages()
        assert "labels" not in message.payload["fields"]

    @pytest.mark.parametrize("body", ["<html>", "[]", "[" * 100_000])
    def test_site_of_another_kind(self, bench: Bench, body: str) -> None:
        """A login page at the address of the site is said to be none of Jira's."""
        bench.receivers.script("jira", [Answer(200, body)])

        (failure,) = failures(bench.test("jira"))

        assert failure.subject == "credentials"
        assert "check `site`" in failure.text

    def test_project_that_is_hidden(self, bench: Bench) -> None:
        """Jira answers 404 for what an account may not see."""
        bench.receivers.script("jira", [Answer(200, "{}"), Answer(404, "no project")])

        (failure,) = failures(bench.test("jira"))

        assert failure.subject == "project"
        assert "let the account see" in failure.remedy


class TestDocuments:
    """Programs can tell a test from an alert."""

    @pytest.mark.parametrize("name", ["json", "ocsf"])
    def test_topic(self, bench: Bench, name: str) -> None:
        """test-1.0.0 with the attribute kind=TEST."""
        bench.test("sns", options={"format": name})

        ((topic, request),) = bench.topics.published
        assert topic == TOPIC
        SCHEMA.validate(json.loads(request["Message"]))
        assert request["MessageAttributes"]["kind"]["StringValue"] == '["TEST"]'

    @pytest.mark.parametrize("name", ["text", "amazon-q"])
    def test_topic_for_people(self, bench: Bench, name: str) -> None:
        """A sentence."""
        bench.test("sns", options={"format": name})

        ((_, request),) = bench.topics.published
        assert "nothing to do" in " ".join(request["Message"].split())
        assert request["Subject"] == "TEST: this is not an alert"

    def test_fifo_topic(self, bench: Bench) -> None:
        """A group of its own, so that it waits for no stream."""
        bench.test("sns", options={"topic_arn": f"{TOPIC}.fifo"})

        ((_, request),) = bench.topics.published
        assert (request["MessageGroupId"], request["MessageDeduplicationId"]) == ("TEST", "test-1")

    def test_topic_that_refuses(self, bench: Bench) -> None:
        """SNS's words, and what to do."""

        class Refusing:
            def publish(self, *_: Any) -> str:
                raise PermanentDeliveryError("SNS refused with NotFound: no topic", broken=True)

        bench.topics = Refusing()

        (failure,) = failures(bench.test("sns"))

        assert failure.remedy == "There is no such topic: create it, or correct topic_arn"

    def test_webhook(self, bench: Bench) -> None:
        """A CloudEvent of a type of its own."""
        bench.test("webhook")

        (message,) = bench.receivers.messages()
        assert message.payload["type"] == "ecr_scan_alerts.test.v1"
        assert message.payload["dataschema"].endswith("/test-1.0.0.json")
        SCHEMA.validate(message.payload["data"])


class Raising:
    """A notifier whose test ends with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def test(self, _: DestinationTest) -> Iterator[Check]:
        yield Check("secret", CheckStatus.OK, "readable")
        raise self.error


def test_what_ends_a_test_is_its_last_check() -> None:
    """What was found before it is kept."""
    errors: list[Callable[[], Exception]] = [
        lambda: ThrottledError("busy", retry_after=3.0),
        lambda: ThrottledError("busy"),
        lambda: ConfigError("no secret", reason="secret"),
    ]

    results = [run(Raising(make()), TEST) for make in errors]  # type: ignore[arg-type]

    assert all(len(checks) == 2 and has_failed(checks) for checks in results)
    assert [checks[-1].subject for checks in results] == ["destination", "destination", "secret"]
    assert results[0][-1].remedy.endswith("try again in 3 seconds")
    assert results[1][-1].remedy.endswith("try again")


def test_lost_connection_asks_to_try_again(bench: Bench) -> None:
    """An error that may pass says so."""
    bench.receivers.script("slack", [Disconnect()])

    (failure,) = failures(bench.test("slack-bot"))

    assert "Try again" in failure.remedy


def test_notifier_without_a_test() -> None:
    """The optional interface is optional."""
    (check,) = run(object(), TEST)  # type: ignore[arg-type]

    assert check.text == "object has no test"


def answer(bench: Bench, path: str) -> int:
    url = f"{bench.receivers.url}/rest/api/3{path}"
    response = bench.session.get(url, auth=bench.receivers.jira_credentials, timeout=5)
    return response.status_code
