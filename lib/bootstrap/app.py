"""
The objects of a process, made from its settings, its clients and its configuration.

An object is made when it is first asked for, and is kept for the life of the process. A warm
invocation finds its connections open. A function makes and imports only what it uses: imports of
other rooms stand in the methods.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.errors import ConfigError
from lib.observability import Metric, logger, metrics

if TYPE_CHECKING:
    import requests

    from lib.bootstrap.live_config import ConfigInForce, LiveConfig
    from lib.bootstrap.streams import StreamFlows
    from lib.config.model import Config
    from lib.flows.audit import Audit
    from lib.models import Destination
    from lib.models.diagnostics import Check
    from lib.ports.notifiers import DestinationTest, HttpClient, Notifier, NotifierTools
    from lib.ports.sources import FindingSource, ProvenanceSource, RepositorySource, Workloads
    from lib.ports.store import (
        ProgressStore,
        SecretReader,
    )
    from lib.store.queues import SqsDeadLetters, SqsReturns, SqsWaker

_DOWNLOAD: Final = 10.0
"""Seconds to read the configuration of an image, some kilobytes, from S3."""
_LONGEST_RETURN: Final = 900
_LONGEST_RETURN_IN_ORDER: Final = 300
"""Seconds. A message of a FIFO queue that waits holds up its whole group."""


def utc_now() -> datetime:
    """Return the current time. Flows take it as an argument."""
    return datetime.now(UTC)


class App:
    """The objects of a process."""

    def __init__(
        self,
        settings: Settings,
        *,
        clients: Clients | None = None,
        config: "Config | None" = None,
        now: Callable[[], datetime] = utc_now,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._clients = clients or Clients()
        self._config = config
        self.now = now
        self.hold = pause

    @property
    def config(self) -> "Config":
        """The checked configuration in force."""
        return self.config_in_force.config

    @property
    def config_in_force(self) -> "ConfigInForce":
        """The configuration in force, and since when it is published."""
        return self._given or self._live_config.current

    def refresh_config(self, *, at_once: bool = False) -> None:
        """
        Follow a newly published configuration, for the invocation that begins.

        Objects that were made from the one before are made anew.
        """
        if "CONFIG_BUCKET" not in self._settings.environment:
            return
        if self._live_config.refresh(at_once=at_once):
            vars(self).pop("streams", None)
            logger.info("configuration changed", config=self.config.hash)

    @cached_property
    def _live_config(self) -> "LiveConfig":
        from lib.bootstrap.live_config import LiveConfig
        from lib.config import read_packaged
        from lib.store.publications import S3Publications

        bucket, key = self._settings.config_place
        return LiveConfig(
            S3Publications(self._clients.get("s3"), bucket, key),
            read_packaged,
            now=self.now,
            every=self._settings.config_age,
            report=_report_config,
        )

    @cached_property
    def _given(self) -> "ConfigInForce | None":
        """The configuration that does not change: a given one, or the only one there is."""
        from lib.bootstrap.live_config import ConfigInForce
        from lib.config import read_packaged

        if self._config is not None:
            return ConfigInForce(self._config)
        if "CONFIG_BUCKET" in self._settings.environment:
            return None
        return ConfigInForce(read_packaged())

    @cached_property
    def source(self) -> "FindingSource":
        """The source of findings."""
        from lib.sources.ecr import EcrFindingSource

        return EcrFindingSource(self._clients.get("ecr"))

    @cached_property
    def provenances(self) -> "ProvenanceSource | None":
        """The source of build provenance; None where images are not asked for it."""
        if not self._settings.traceability:
            return None
        from lib.sources.provenance import EcrProvenanceSource

        return EcrProvenanceSource(self._clients.get("ecr"), _download_session)

    @cached_property
    def workloads(self) -> "Workloads | None":
        """The source of deployments; None where no service is asked for them."""
        if self._settings.asks_inspector:
            from lib.sources.clusters import InspectorWorkloads
            from lib.sources.coverage import InspectorCoverage

            client = self._clients.get("inspector2")
            return InspectorWorkloads(client, InspectorCoverage(client))
        return self._tasks

    @cached_property
    def _tasks(self) -> "Workloads | None":
        """The tasks of ECS; None where ECS is not asked."""
        if not self._settings.asks_ecs:
            return None
        from lib.sources.workloads import EcsWorkloads

        return EcsWorkloads(self._clients.get("ecs"), now=self.now)

    @cached_property
    def streams(self) -> "StreamFlows":
        """The flows about images, streams and notifications."""
        from lib.bootstrap.streams import StreamFlows

        return StreamFlows(self, self._settings, self._clients)

    @cached_property
    def progress(self) -> "ProgressStore":
        """The store of findings that one invocation fetched for the next one."""
        from lib.store.progress import S3ProgressStore

        return S3ProgressStore(self._clients.get("s3"), self._settings.need("REPORTS_BUCKET"))

    @cached_property
    def repositories(self) -> "RepositorySource":
        """The source of repository settings."""
        from lib.sources.coverage import InspectorCoverage
        from lib.sources.repositories import EcrRepositories
        from lib.sources.running import RunningImages

        coverage = InspectorCoverage(self._clients.get("inspector2"))
        running = RunningImages(coverage, self._tasks)
        return EcrRepositories(self._clients.get("ecr"), running)

    @property
    def audit(self) -> "Audit":
        """The flow of `audit_repositories`."""
        from lib.flows.audit import Audit
        from lib.store.queues import SqsScanEvents

        queue = self._settings.need("SCAN_EVENTS_QUEUE_URL")
        return Audit(
            source=self.repositories,
            events=SqsScanEvents(self._clients.get("sqs"), queue),
            now=self.now,
        )

    def link(self, key: str) -> str | None:
        """Return a signed link to an object of the bucket; None where there are no links."""
        links = self._settings.report_links
        return None if links is None else links.url(key, secret=self._link_secret, now=self.now())

    def linked(self, path: str, query: Mapping[str, str]) -> str:
        """Return the key that a signed link opens. Raises `LinkError` and `ConfigError`."""
        from lib.urls.signed import verified_key

        return verified_key(path, query, secret=self._link_secret, now=self.now())

    @property
    def _link_secret(self) -> str:
        return self.secrets.read({"secret": self._settings.need("REPORT_LINK_SECRET")})

    @cached_property
    def waker(self) -> "SqsWaker":
        """The queues of deliveries and scan events."""
        from lib.store.queues import SqsWaker

        return SqsWaker(
            self._clients.get("sqs"),
            deliveries=self._settings.need("DELIVERIES_QUEUE_URL"),
            scan_events=self._settings.environment.get("SCAN_EVENTS_QUEUE_URL"),
        )

    @cached_property
    def dead_letters(self) -> "SqsDeadLetters":
        """The queue of rejected scan events."""
        from lib.store.queues import SqsDeadLetters

        return SqsDeadLetters(self._clients.get("sqs"), self._settings.need("SCAN_EVENTS_DLQ_URL"))

    def returns(self, queue_arn: str) -> "SqsReturns":
        """Return the delays after which failed messages of a queue come back."""
        from lib.store.queues import SqsReturns

        name = queue_arn.rpartition(":")[2]
        longest = _LONGEST_RETURN_IN_ORDER if name.endswith(".fifo") else _LONGEST_RETURN
        url = self._settings.queue_url(name)
        return SqsReturns(self._clients.get("sqs"), url, longest=longest)

    def notifier(self, destination: "Destination") -> "Notifier":
        """
        Make the notifier of a destination for one attempt. Its time begins here.

        Raises `ConfigError` for an unknown destination.
        """
        from lib.notifiers import NOTIFIERS

        entry = self.config.destinations.get(destination)
        if entry is None:
            raise ConfigError(f"Destination {destination!r} is not in alerts.yml (any more)")
        factory = NOTIFIERS[entry.type]
        hosts = entry.hosts(factory.hosts, self._settings.receiver_hosts)
        return factory(entry.options, self._tools(destination, hosts))

    def test_destination(
        self, destination: "Destination", test: "DestinationTest"
    ) -> "Sequence[Check]":
        """
        Test a destination in the way that `deliver` reaches it. No row is changed.

        Secrets are read again, so that a changed secret is used at once. Raises `ConfigError` for
        a destination that is not in alerts.yml.
        """
        from lib.flows.destination_test import run

        self.secrets.renew()
        return run(self.notifier(destination), test)

    def _tools(self, destination: "Destination", hosts: tuple[str, ...]) -> "NotifierTools":
        from lib.notifiers.sns.publisher import SnsPublisher
        from lib.ports.notifiers import NotifierTools

        return NotifierTools(
            http=self.http(hosts),
            secrets=self.secrets,
            topics=SnsPublisher(lambda region: self._clients.get("sns", region)),
            destination=destination,
            now=self.now,
            pages=self.streams.pages if "REPORTS_BUCKET" in self._settings.environment else None,
            stage=self._settings.stage or "",
        )

    def http(self, hosts: tuple[str, ...]) -> "HttpClient":
        """Make an HTTP client for one attempt. It may call these hosts only."""
        import requests

        from lib.http_client import RequestsClient

        return RequestsClient(hosts, session=requests.Session(), now=self.now)

    @cached_property
    def secrets(self) -> "SecretReader":
        """The reader of secrets, by name."""
        from lib.store.secrets import CachedSecrets

        return CachedSecrets(self._clients.get, stage=self._settings.stage)


def _report_config(error: Exception) -> None:
    """Make known that another configuration than the published one may be in force."""
    metrics.add_metric(Metric.CONFIG_UNREAD, "Count", 1)
    logger.error("configuration not read", reason=str(error))


def _download_session() -> "requests.Session":
    from lib.http_deadline import session_of

    return session_of(_DOWNLOAD)
