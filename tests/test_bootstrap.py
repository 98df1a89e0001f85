"""The composition root: what it needs, and what it says when that is missing."""

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from cli.simulation.memory import MemoryStreams
from lib.bootstrap import process
from lib.bootstrap.adapters import utc_now
from lib.bootstrap.app import App
from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.config import load
from lib.config.model import Config
from lib.errors import AmbiguousDeliveryError, ConfigError, LinkError
from lib.flows.audit import Audit
from lib.flows.passes import ImagePass
from lib.http_deadline import DeadlineAdapter, TimeLimits
from lib.models import Destination, Owner
from lib.notifiers.jira import identity
from lib.notifiers.slack.webhook import SlackWebhookNotifier
from lib.notifiers.sns.publisher import SnsPublisher
from lib.observability import logger
from lib.sources.provenance import EcrProvenanceSource
from tests.support.builders import NOW
from tests.support.digests import a_digest_of
from tests.support.notices import notices
from tests.support.receivers import OPTIONS

ENVIRONMENT = {
    "TABLE_NAME": "table",
    "REPORTS_BUCKET": "bucket",
    "SCAN_EVENTS_QUEUE_URL": "https://scan-events",
    "SCAN_EVENTS_DLQ_URL": "https://scan-events-dlq",
    "SYNC_QUEUE_URL": "https://syncs",
    "DELIVERIES_QUEUE_URL": "https://deliveries",
    "RECONCILE_DAYS": "30",
}


@pytest.fixture
def config() -> Config:
    document = {
        "version": 1,
        "destinations": {
            "team": {"type": "slack", "webhook": {"secret": "ecr-scan-alerts/team"}},
        },
        "routes": [{"name": "all", "notify": ["team"]}],
    }
    return load(document, today=date(2026, 11, 23))


def an_app(config: Config | None, **environment: str) -> App:
    settings = Settings({**ENVIRONMENT, **environment})
    return App(settings, clients=Clients(region="eu-central-1"), config=config)


def test_the_flows_are_built_once(config: Config) -> None:
    """What is asked for twice is the same object, so connections are kept."""
    app = an_app(config)

    assert app.streams is app.streams
    assert app.stores.waker is app.stores.waker
    assert app.stores.dead_letters is app.stores.dead_letters


def test_reconciliation_looks_back_as_far_as_was_deployed(config: Config) -> None:
    """The window ends now; a pass by hand keeps no place."""
    app = an_app(config)
    app.now = lambda: NOW

    assert isinstance(app.streams.image_pass(), ImagePass)
    assert isinstance(app.streams.image_pass(places=False), ImagePass)
    assert isinstance(app.audit, Audit)
    assert app.streams.reconcile_scope.since == timedelta(days=30)


def test_images_are_asked_what_they_are_made_from_unless_switched_off(config: Config) -> None:
    """Each download has time and a connection of its own."""
    app = an_app(config)

    assert isinstance(app.provenances, EcrProvenanceSource)
    sessions = [app.provenances._session() for _ in range(2)]  # noqa: SLF001  # no other way to see
    assert sessions[0] is not sessions[1]
    assert isinstance(sessions[0].get_adapter("https://"), DeadlineAdapter)
    assert an_app(config, TRACEABILITY="True ").provenances is not None
    assert an_app(config, TRACEABILITY="false").provenances is None


def test_the_flow_of_images_makes_no_client_of_inspector(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few reports are doubted, and a client takes 25 ms in a fresh process."""
    made: list[str] = []
    monkeypatch.setattr(Clients, "get", lambda _, service, __=None: made.append(service))

    assert an_app(config).streams.images is not None

    assert sorted(set(made)) == ["dynamodb", "ecr", "s3"]


def test_a_client_is_made_once_per_service_and_region() -> None:
    """Another region is another client; the same one is reused."""
    clients = Clients(region="eu-central-1")

    assert clients.get("sqs") is clients.get("sqs")
    assert clients.get("sns", "us-east-1") is not clients.get("sns", "eu-west-1")
    assert clients.get("sns", "us-east-1").meta.region_name == "us-east-1"


def test_a_missing_variable_is_named() -> None:
    """A function that was not deployed with the template says what it misses."""
    with pytest.raises(ConfigError, match="TABLE_NAME"):
        Settings({}).need("TABLE_NAME")


def test_the_stage_comes_from_the_deployment() -> None:
    """An operator's command has none."""
    assert Settings({"STAGE": "prod"}).stage == "prod"
    assert Settings({"STAGE": ""}).stage is None
    assert Settings({}).stage is None


def test_further_receiver_hosts_come_from_the_deployment() -> None:
    """A list with commas and blanks; empty means none."""
    assert Settings({"RECEIVER_HOSTS": "127.0.0.1, .example.org,"}).receiver_hosts == (
        "127.0.0.1",
        ".example.org",
    )
    assert Settings({}).receiver_hosts == ()


def test_a_notifier_is_made_from_its_destination(config: Config) -> None:
    """The type chooses the class."""
    assert isinstance(an_app(config).notifier(Destination("team")), SlackWebhookNotifier)


def test_a_notifier_knows_its_stage() -> None:
    """Two stages may share a Jira project: each has its own issue of a stream."""
    document = {
        "version": 1,
        "destinations": {"team": {**OPTIONS["jira"], "labels": ["containers"]}},
        "routes": [{"name": "all", "notify": ["team"]}],
    }
    config = load({**document}, today=date(2026, 11, 23))
    alert = notices()["baseline"]

    payloads = [
        an_app(config, **environment).notifier(Destination("team")).render(alert)
        for environment in ({}, {"STAGE": "dev"}, {"STAGE": "prod"})
    ]

    marks = [payload["create"]["properties"][0]["value"]["mark"] for payload in payloads]
    assert marks == [identity.owner_of(alert, stage).mark for stage in ("", "dev", "prod")]


def test_each_attempt_has_a_notifier_with_time_of_its_own(config: Config) -> None:
    """The client of a notifier is that of one attempt: its time, its connections."""
    app = an_app(config)

    first, second = (app.http(()), app.http(()))

    assert first is not second
    assert app.notifier(Destination("team")) is not app.notifier(Destination("team"))


def test_a_destination_that_was_removed_is_named(config: Config) -> None:
    """A row may outlive its destination in the file."""
    with pytest.raises(ConfigError, match=r"'gone' is not in alerts\.yml"):
        an_app(config).notifier(Destination("gone"))


def test_without_a_packaged_configuration_the_remedy_is_said() -> None:
    """Run from the repository there is no alerts.json; only a package has one."""
    app: Any = an_app(None)

    with pytest.raises(ConfigError):
        _ = app.config


def test_the_queue_of_a_record_is_found_by_its_name(config: Config) -> None:
    """What waits in order comes back sooner than the rest: it holds up its group."""
    app = an_app(
        config,
        SCAN_EVENTS_QUEUE_URL="https://sqs/1/scan-events",
        DELIVERIES_QUEUE_URL="https://sqs/1/deliveries.fifo",
    )

    assert app.stores.returns("arn:aws:sqs:eu-central-1:1:scan-events") is not None
    assert app.stores.returns("arn:aws:sqs:eu-central-1:1:deliveries.fifo") is not None
    with pytest.raises(ConfigError, match="does not know the queue other"):
        app.stores.returns("arn:aws:sqs:eu-central-1:1:other")


class OneSecret:
    """Every secret is the same."""

    def read(self, reference: Any) -> str:
        return f"value of {reference['secret']}"

    def renew(self) -> bool:
        return False


def test_a_link_that_is_made_can_be_opened(config: Config) -> None:
    """By the same secret, which the deployment names. No other key opens, and nothing too late."""
    app = an_app(
        config,
        REPORT_LINK_BASE="https://links.example/",
        REPORT_LINK_DAYS="30",
        REPORT_LINK_SECRET="ecr-scan-alerts/prod/report-links-1",
    )
    app.stores.secrets = OneSecret()
    link = app.link("pages/one.html")

    assert link is not None
    split = urlsplit(link)
    query = dict(parse_qsl(split.query))
    assert app.linked(split.path, query) == "pages/one.html"
    with pytest.raises(LinkError, match="not valid"):
        app.linked("/pages/another.html", query)
    app.now = lambda: utc_now() + timedelta(days=31)
    with pytest.raises(LinkError, match="ended"):
        app.linked(split.path, query)


def test_without_an_address_there_are_no_links(config: Config) -> None:
    """Pages are made all the same: some receivers take them as files."""
    app = an_app(config)

    assert app.link("pages/one.html") is None
    assert app.pages is app.pages


def test_a_process_says_once_which_boto3_it_has(caplog: pytest.LogCaptureFixture) -> None:
    """What answers lack may be the fault of an old one."""
    process.objects.cache_clear()

    with caplog.at_level("INFO", logger=logger.name):
        assert process.app() is process.app()

    (record,) = caplog.records
    assert (record.getMessage(), record.__dict__["boto3"]) == ("started", boto3.__version__)


def test_each_answer_of_sns_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 500 may hide a published message, whatever a second request would return."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = Clients(region="eu-central-1").get("sns")
    answers = iter((500, 503, 403))

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        text = b"<ErrorResponse><Error><Code>E</Code></Error></ErrorResponse>"
        return AWSResponse(
            request.url, next(answers), {}, SimpleNamespace(stream=lambda **_: iter((text,)))
        )

    client.meta.events.register("before-send.sns", answer)
    with pytest.raises(AmbiguousDeliveryError):
        SnsPublisher(lambda _: client).publish("arn:aws:sns:eu-central-1:1:t", {"Message": "x"})

    config = client.meta.config
    assert config.connect_timeout + config.read_timeout <= TimeLimits().attempt


def test_a_message_on_its_way_gets_the_owner_of_its_image(config: Config) -> None:
    """By the configuration that is in force."""
    app = an_app(replace(config, owners=(("*", Owner("payments")),)))
    app.stores.images = app.stores.streams = MemoryStreams()
    notice = notices()["new-and-resolved"]

    courier = app.streams._courier(Destination("team"))  # noqa: SLF001  # as `deliver` gets it
    letters = [complete(notice) for complete in courier._completions]  # noqa: SLF001  # same

    assert [letter.owner for letter in letters if letter.owner is not None] == [Owner("payments")]
    (first, *_) = courier._digest_completions  # noqa: SLF001  # same
    assert first(a_digest_of()).repositories[0].owner == Owner("payments")
