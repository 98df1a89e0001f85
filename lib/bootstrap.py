"""
The composition root: environment -> clients -> implementations. The only place that knows them all.

Everything is built when first asked for and kept for the life of the process, so that a warm
invocation starts with open connections and a function builds only what it uses.
"""

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

from lib.config import read_packaged
from lib.config.model import Config
from lib.core.evaluation import INDEX_WAIT, Rules
from lib.errors import ConfigError
from lib.flows.audit import Audit
from lib.flows.deliveries import DeliveryPipeline
from lib.flows.reconciliation import Reconciliation, Scope
from lib.flows.scans import ScanPipeline
from lib.models import Destination, Evaluation, HistoryEntry
from lib.models.diagnostics import Check
from lib.observability import logger
from lib.ports.notifiers import DestinationTest, HttpClient, Notifier, NotifierTools
from lib.ports.sources import FindingSource, ProvenanceSource, RepositorySource, Workloads
from lib.ports.store import (
    DigestStore,
    History,
    ProgressStore,
    ReportStore,
    SecretReader,
    StateStore,
    TagStore,
)
from lib.urls.signed import SignedLinks, verified_key

if TYPE_CHECKING:
    import requests
    from boto3.session import Session

    from lib.flows.digests import DigestPipeline
    from lib.store.ledger import DynamoLedger
    from lib.store.pages import S3Pages
    from lib.store.queues import SqsDeadLetters, SqsReturns, SqsWaker

_CONNECT_TIMEOUT: Final = 3
_READ_TIMEOUT: Final = 10
_DOWNLOAD: Final = 10.0
"""Seconds to read the configuration of an image, some kilobytes, from S3."""
_ATTEMPTS: Final = 5
_PUBLISHING: Final = 3
"""Attempts to publish to SNS, the first included: all of them fit into one delivery attempt."""
_LONGEST_SCAN_RETURN: Final = 900
_LONGEST_DELIVERY_RETURN: Final = 300
"""Seconds. A message that waits holds up its whole group: a destination."""
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the deployment tells a function through its environment."""

    environment: Mapping[str, str]

    def need(self, name: str) -> str:
        """Return a variable. Raises `ConfigError` naming the missing one."""
        value = self.environment.get(name)
        if not value:
            raise ConfigError(f"The environment variable {name} is not set; deploy serverless.yml")
        return value

    @property
    def stage(self) -> str | None:
        """The stage that was deployed; None outside a deployment."""
        return self.environment.get("STAGE") or None

    @property
    def reconcile_window(self) -> timedelta:
        """How far back images are looked at that were pushed."""
        return timedelta(days=int(self.need("RECONCILE_DAYS")))

    @property
    def index_wait(self) -> timedelta:
        """How long scans of untagged images wait for the push of an index."""
        seconds = self.environment.get("INDEX_WAIT_SECONDS")
        return INDEX_WAIT if seconds is None else timedelta(seconds=int(seconds))

    @property
    def traceability(self) -> bool:
        """Whether images are asked where they were made from."""
        return self.environment.get("TRACEABILITY", "true").strip().lower() == "true"

    @property
    def report_links(self) -> SignedLinks | None:
        """How reports are linked to; None: not at all."""
        base = self.environment.get("REPORT_LINK_BASE")
        if not base:
            return None
        return SignedLinks(base, timedelta(days=int(self.need("REPORT_LINK_DAYS"))))

    @property
    def asks_ecs(self) -> bool:
        """Whether the tasks of ECS are asked what runs an image."""
        return self.environment.get("WORKLOADS") == "ecs"

    @property
    def receiver_hosts(self) -> tuple[str, ...]:
        """Hosts that receivers may have beside their vendors' own."""
        hosts = self.environment.get("RECEIVER_HOSTS", "")
        return tuple(host.strip() for host in hosts.split(",") if host.strip())


class Clients:
    """AWS clients of one session, each made when first used."""

    def __init__(
        self,
        session: "Session | None" = None,
        *,
        region: str | None = None,
        attempts: int = _ATTEMPTS,
        read_timeout: float | None = None,
    ) -> None:
        self._given = session
        self._region = region
        self._attempts = attempts
        self._read_timeout = read_timeout or _READ_TIMEOUT
        self._made: dict[tuple[str, str | None], Any] = {}

    @cached_property
    def session(self) -> "Session":
        """The one session; a second one would parse every service model again."""
        import boto3

        return self._given or boto3.session.Session(region_name=self._region)

    def get(self, service: str, region: str | None = None) -> Any:
        """Return a client with timeouts and botocore's own retries."""
        if (service, region) not in self._made:
            from botocore.config import Config as BotoConfig

            config = BotoConfig(
                connect_timeout=_CONNECT_TIMEOUT,
                read_timeout=self._read_timeout,
                retries={"mode": "adaptive", "max_attempts": self._attempts},
            )
            if service == "sns":
                fewer = BotoConfig(retries={"mode": "adaptive", "total_max_attempts": _PUBLISHING})
                config = config.merge(fewer)
            if service == "s3":
                config = config.merge(BotoConfig(**_s3_options(os.environ)))
            self._made[service, region] = self.session.client(
                service,  # type: ignore[call-overload]  # the name is a variable
                region_name=region,
                config=config,
            )
        return self._made[service, region]


def _s3_options(environment: Mapping[str, str]) -> dict[str, Any]:
    """
    Return the options with which links to S3 open in every region.

    By default botocore signs links for the global host, and in old regions by Signature V2. S3
    redirects the global host for a day after a bucket was made, which breaks the signature, and
    refuses it for good in regions since 2019. In us-east-1 the global host works, but it is the
    legacy one; the regional host works everywhere. An endpoint of one's own, such as an
    emulator's, has no host for each bucket.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    own_endpoint = any(environment.get(name) for name in _ENDPOINTS)
    return {
        "signature_version": "s3v4",
        "s3": {
            "addressing_style": "path" if own_endpoint else "virtual",
            "us_east_1_regional_endpoint": "regional",
        },
    }


def utc_now() -> datetime:
    """Return the time; the pipeline gets it handed in."""
    return datetime.now(UTC)


def rules_of(config: Config) -> Rules:
    """Return what the pipeline needs of a configuration."""
    return Rules(
        config.routes,
        config.streams,
        config.suppressions,
        config.sources,
        config.repositories,
    )


class App:
    """One process's objects, from its settings and configuration."""

    def __init__(
        self,
        settings: Settings,
        *,
        clients: Clients | None = None,
        config: Config | None = None,
        now: Callable[[], datetime] = utc_now,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._clients = clients or Clients()
        self._config = config
        self.now = now
        self._pause = pause

    @cached_property
    def config(self) -> Config:
        """The checked configuration that was packaged with the code."""
        return self._config or read_packaged()

    @cached_property
    def source(self) -> FindingSource:
        """Where findings come from."""
        from lib.sources.ecr import EcrFindingSource

        return EcrFindingSource(self._clients.get("ecr"))

    @cached_property
    def provenances(self) -> ProvenanceSource | None:
        """Where images are asked what they were made from; None: nowhere."""
        if not self._settings.traceability:
            return None
        from lib.sources.provenance import EcrProvenanceSource

        return EcrProvenanceSource(self._clients.get("ecr"), _download_session)

    @cached_property
    def workloads(self) -> Workloads | None:
        """Where it is known what runs images; None: nobody is asked."""
        if not self._settings.asks_ecs:
            return None
        from lib.sources.workloads import EcsWorkloads

        return EcsWorkloads(self._clients.get("ecs"), now=self.now)

    @cached_property
    def scans(self) -> ScanPipeline:
        """What process_scan runs."""
        return ScanPipeline(
            source=self.source,
            states=self.states,
            reports=self.reports,
            waker=self.waker,
            rules=rules_of(self.config),
            now=self.now,
            pause=self._pause,
            index_wait=self._settings.index_wait,
            provenances=self.provenances,
            workloads=self.workloads,
            repositories=self.repositories,
            tags=self.tags,
            progress=self.progress,
        )

    @cached_property
    def progress(self) -> ProgressStore:
        """What one invocation fetched for the next one."""
        from lib.store.progress import S3ProgressStore

        return S3ProgressStore(self._clients.get("s3"), self._settings.need("REPORTS_BUCKET"))

    @cached_property
    def repositories(self) -> RepositorySource:
        """How repositories are set up."""
        from lib.sources.repositories import EcrRepositories

        return EcrRepositories(self._clients.get("ecr"))

    @cached_property
    def tags(self) -> TagStore:
        """Where tags point to."""
        from lib.store.tags import DynamoTagStore

        return DynamoTagStore(self._clients.get("dynamodb"), self._settings.need("TABLE_NAME"))

    @property
    def audit(self) -> Audit:
        """What audit_repositories runs."""
        from lib.store.queues import SqsScanEvents

        queue = self._settings.need("SCAN_EVENTS_QUEUE_URL")
        return Audit(
            source=self.repositories,
            events=SqsScanEvents(self._clients.get("sqs"), queue),
            now=self.now,
        )

    def reconciliation(self, *, places: bool = True) -> Reconciliation:
        """Return what reconcile runs; without `places` each pass starts at the beginning."""
        from lib.sources.registry import EcrRegistry
        from lib.store.bookmarks import DynamoPlaces
        from lib.store.queues import SqsScanEvents

        dynamodb, table = self._clients.get("dynamodb"), self._settings.need("TABLE_NAME")
        return Reconciliation(
            registry=EcrRegistry(self._clients.get("ecr")),
            states=self.states,
            events=SqsScanEvents(
                self._clients.get("sqs"), self._settings.need("SCAN_EVENTS_QUEUE_URL")
            ),
            places=DynamoPlaces(dynamodb, table) if places else None,
            now=self.now,
        )

    @property
    def reconcile_scope(self) -> Scope:
        """What a scheduled pass looks at: what was pushed within the window."""
        return Scope(since=self.now() - self._settings.reconcile_window)

    @cached_property
    def deliveries(self) -> DeliveryPipeline:
        """What deliver runs."""
        return DeliveryPipeline(
            ledger=self.ledger,
            reports=self.reports,
            digests=self.digests,
            notifiers=self.notifier,
            now=self.now,
            new_token=lambda: uuid.uuid4().hex,
            pause=self._pause,
            secrets=self.secrets,
            fallback=self.config.fallback,
            pages=self.pages,
            stage=self._settings.stage or "",
        )

    @cached_property
    def states(self) -> StateStore:
        """What is known about images."""
        from lib.store.state import DynamoStateStore

        return DynamoStateStore(self._clients.get("dynamodb"), self._settings.need("TABLE_NAME"))

    @cached_property
    def reports(self) -> ReportStore:
        """The evaluations."""
        from lib.store.reports import S3ReportStore

        return S3ReportStore(self._clients.get("s3"), self._settings.need("REPORTS_BUCKET"))

    @cached_property
    def digests(self) -> DigestStore:
        """The digests."""
        from lib.store.digests import S3DigestStore

        return S3DigestStore(self._clients.get("s3"), self._settings.need("REPORTS_BUCKET"))

    @property
    def digest_pipeline(self) -> "DigestPipeline":
        """What send_digests runs."""
        from lib.flows.digests import DigestPipeline
        from lib.sources.registry import EcrRegistry

        return DigestPipeline(
            history=self.history,
            reports=self.reports,
            states=self.states,
            registry=EcrRegistry(self._clients.get("ecr")),
            digests=self.digests,
            ledger=self.ledger,
            waker=self.waker,
            routes=self.config.routes,
            now=self.now,
            stage=self._settings.stage or "",
        )

    @cached_property
    def history(self) -> History:
        """How streams went."""
        from lib.store.history import DynamoHistory

        return DynamoHistory(self._clients.get("dynamodb"), self._settings.need("TABLE_NAME"))

    @cached_property
    def pages(self) -> "S3Pages":
        """The report pages."""
        from lib.store.pages import S3Pages

        return S3Pages(
            self._clients.get("s3"),
            self._settings.need("REPORTS_BUCKET"),
            history=self.history,
            render=self._page,
            link=self.link,
        )

    def _page(self, evaluation: Evaluation, history: Sequence[HistoryEntry]) -> str:
        from lib.page import render

        return render(evaluation, history, now=self.now())

    def link(self, key: str) -> str | None:
        """Return a signed link to an object of the bucket; None where there are no links."""
        links = self._settings.report_links
        return None if links is None else links.url(key, secret=self._link_secret, now=self.now())

    def opened(self, path: str, query: Mapping[str, str]) -> str | None:
        """
        Return where S3 has what a signed link leads to; None when it is kept no more.

        Raises `LinkError` for a link that does not open.
        """
        from lib.store.pages import redirect

        key = verified_key(path, query, secret=self._link_secret, now=self.now())
        return redirect(self._clients.get("s3"), self._settings.need("REPORTS_BUCKET"), key)

    @property
    def _link_secret(self) -> str:
        return self.secrets.read({"secret": self._settings.need("REPORT_LINK_SECRET")})

    @cached_property
    def ledger(self) -> "DynamoLedger":
        """The delivery rows."""
        from lib.store.ledger import DynamoLedger

        return DynamoLedger(self._clients.get("dynamodb"), self._settings.need("TABLE_NAME"))

    @cached_property
    def waker(self) -> "SqsWaker":
        """The queues."""
        from lib.store.queues import SqsWaker

        return SqsWaker(
            self._clients.get("sqs"),
            deliveries=self._settings.need("DELIVERIES_QUEUE_URL"),
            scan_events=self._settings.environment.get("SCAN_EVENTS_QUEUE_URL"),
        )

    @cached_property
    def dead_letters(self) -> "SqsDeadLetters":
        """Where rejected scan events are kept."""
        from lib.store.queues import SqsDeadLetters

        return SqsDeadLetters(self._clients.get("sqs"), self._settings.need("SCAN_EVENTS_DLQ_URL"))

    @cached_property
    def scan_returns(self) -> "SqsReturns":
        """When scan events that failed come back."""
        return self._returns("SCAN_EVENTS_QUEUE_URL", _LONGEST_SCAN_RETURN)

    @cached_property
    def delivery_returns(self) -> "SqsReturns":
        """When wake-ups that failed come back."""
        return self._returns("DELIVERIES_QUEUE_URL", _LONGEST_DELIVERY_RETURN)

    def _returns(self, queue: str, longest: int) -> "SqsReturns":
        from lib.store.queues import SqsReturns

        return SqsReturns(self._clients.get("sqs"), self._settings.need(queue), longest=longest)

    def notifier(self, destination: Destination) -> Notifier:
        """
        Make the notifier of one destination for one attempt, whose time begins here.

        Raises `ConfigError` for an unknown destination.
        """
        from lib.notifiers import NOTIFIERS

        entry = self.config.destinations.get(destination)
        if entry is None:
            raise ConfigError(f"Destination {destination!r} is not in alerts.yml (any more)")
        factory = NOTIFIERS[entry.type]
        hosts = entry.hosts(factory.hosts, self._settings.receiver_hosts)
        return factory(entry.options, self._tools(destination, hosts))

    def test_destination(self, destination: Destination, test: DestinationTest) -> Sequence[Check]:
        """
        Test one destination as `deliver` would reach it; nothing of it enters the ledger.

        Secrets are read anew: a stored one counts at once. Raises `ConfigError` for a destination
        that is not in alerts.yml.
        """
        from lib.flows.destination_test import run

        self.secrets.renew()
        return run(self.notifier(destination), test)

    def _tools(self, destination: Destination, hosts: tuple[str, ...]) -> NotifierTools:
        from lib.notifiers.sns.publisher import SnsPublisher

        return NotifierTools(
            http=self.http(hosts),
            secrets=self.secrets,
            topics=SnsPublisher(lambda region: self._clients.get("sns", region)),
            destination=destination,
            now=self.now,
            pages=self.pages if "REPORTS_BUCKET" in self._settings.environment else None,
            stage=self._settings.stage or "",
        )

    def http(self, hosts: tuple[str, ...]) -> HttpClient:
        """Make a client that may call these hosts, for one attempt."""
        import requests

        from lib.http_client import RequestsClient

        return RequestsClient(hosts, session=requests.Session(), now=self.now)

    @cached_property
    def secrets(self) -> SecretReader:
        """What receivers ask for, by name."""
        from lib.store.secrets import CachedSecrets

        return CachedSecrets(self._clients.get, stage=self._settings.stage)


def _download_session() -> "requests.Session":
    from lib.http_deadline import session_of

    return session_of(_DOWNLOAD)


@cache
def app() -> App:
    """
    Return this process's objects; what a handler starts from.

    Logs once which boto3 the runtime brought: an older one drops fields that it does not know.
    """
    import boto3

    logger.info("started", boto3=boto3.__version__)
    return App(Settings(os.environ))
