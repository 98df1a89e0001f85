"""
The sources, the receivers and the configuration of a process, made from its settings and clients.

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
from lib.bootstrap.stores import Stores
from lib.errors import ConfigError
from lib.observability import Metric, logger, metrics

if TYPE_CHECKING:
    import requests

    from lib.bootstrap.live_config import ConfigInForce, LiveConfig
    from lib.config.model import Config
    from lib.flows.pages import ReportPages
    from lib.models import Destination
    from lib.models.streams import HistoryPoint
    from lib.models.views import PinnedMessage
    from lib.ports.notifiers import HttpClient, Notifier, NotifierTools
    from lib.ports.sources import FindingSource, ProvenanceSource, RepositorySource, Workloads
    from lib.sources.coverage import InspectorCoverage
    from lib.sources.registry import EcrRegistry

_DOWNLOAD: Final = 10.0
"""Seconds to read the configuration of an image, some kilobytes, from S3."""


def utc_now() -> datetime:
    """Return the current time. Flows take it as an argument."""
    return datetime.now(UTC)


class Adapters:
    """The sources, the receivers and the configuration of a process."""

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
        self.stores = Stores(settings, self._clients)

    # --- configuration -------------------------------------------------------------------------

    @property
    def config(self) -> "Config":
        """The checked configuration in force."""
        return self.config_in_force.config

    @property
    def config_in_force(self) -> "ConfigInForce":
        """The configuration in force, and since when it is published."""
        return self._given or self._live_config.current

    @cached_property
    def _live_config(self) -> "LiveConfig":
        from lib.bootstrap.live_config import LiveConfig
        from lib.config import read_packaged

        return LiveConfig(
            self.stores.publications,
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

    # --- sources -------------------------------------------------------------------------------

    @cached_property
    def source(self) -> "FindingSource":
        """The source of findings."""
        from lib.sources.ecr import EcrFindingSource

        return EcrFindingSource(self._clients.get("ecr"))

    @cached_property
    def registry(self) -> "EcrRegistry":
        """The lists of ECR."""
        from lib.sources.registry import EcrRegistry

        return EcrRegistry(self._clients.get("ecr"))

    @cached_property
    def coverage(self) -> "InspectorCoverage":
        """Inspector's coverage."""
        from lib.sources.coverage import InspectorCoverage

        return InspectorCoverage(self._clients.get("inspector2"))

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

            return InspectorWorkloads(self._clients.get("inspector2"), self.coverage)
        return self._tasks

    @cached_property
    def _tasks(self) -> "Workloads | None":
        """The tasks of ECS; None where ECS is not asked."""
        if not self._settings.asks_ecs:
            return None
        from lib.sources.workloads import EcsWorkloads

        return EcsWorkloads(self._clients.get("ecs"), now=self.now)

    @cached_property
    def repositories(self) -> "RepositorySource":
        """The source of repository settings."""
        from lib.sources.repositories import EcrRepositories
        from lib.sources.running import RunningImages

        running = RunningImages(self.coverage, self._tasks)
        return EcrRepositories(self._clients.get("ecr"), running)

    # --- report pages --------------------------------------------------------------------------

    @cached_property
    def pages(self) -> "ReportPages":
        """The report pages."""
        from lib.flows.pages import ReportPages

        return ReportPages(
            pages=self.stores.pages,
            objects=self.stores.objects,
            history=self.stores.history,
            render=self._page,
            link=self.link,
        )

    def _page(self, message: "PinnedMessage", history: "Sequence[HistoryPoint]") -> str:
        from lib.models import notice_of
        from lib.page import render

        return render(notice_of(message), history, now=self.now())

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
        return self.stores.secrets.read({"secret": self._settings.need("REPORT_LINK_SECRET")})

    # --- receivers -----------------------------------------------------------------------------

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

    def _tools(self, destination: "Destination", hosts: tuple[str, ...]) -> "NotifierTools":
        from lib.notifiers.sns.publisher import SnsPublisher
        from lib.ports.notifiers import NotifierTools

        return NotifierTools(
            http=self.http(hosts),
            secrets=self.stores.secrets,
            topics=SnsPublisher(lambda region: self._clients.get("sns", region)),
            destination=destination,
            now=self.now,
            pages=self.pages if self.stores.has_bucket else None,
            stage=self._settings.stage or "",
        )

    def http(self, hosts: tuple[str, ...]) -> "HttpClient":
        """Make an HTTP client for one attempt. It may call these hosts only."""
        import requests

        from lib.http_client import RequestsClient

        return RequestsClient(hosts, session=requests.Session(), now=self.now)


def _report_config(error: Exception) -> None:
    """Make known that another configuration than the published one may be in force."""
    metrics.add_metric(Metric.CONFIG_UNREAD, "Count", 1)
    logger.error("configuration not read", reason=str(error))


def _download_session() -> "requests.Session":
    from lib.http_deadline import session_of

    return session_of(_DOWNLOAD)
