"""
The flows about images, streams and notifications, made from the clients of a process.

As in `lib.bootstrap.app`, an object is made when it is first asked for.

Long because every flow names all that it is made of.
"""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.errors import ConfigError

if TYPE_CHECKING:
    from lib.bootstrap.app import App
    from lib.config.model import Config
    from lib.core.sync import SyncRules, ViewPlan
    from lib.flows.copies import CopyWriter
    from lib.flows.couriers import Courier
    from lib.flows.digests import DigestFlow
    from lib.flows.images import ImageFlow
    from lib.flows.moved_tags import MovedTags
    from lib.flows.notifying import NotificationFlow
    from lib.flows.outbox import Outbox
    from lib.flows.pages import ReportPages
    from lib.flows.passes import ImagePass, Scope
    from lib.flows.rounds import SyncRounds
    from lib.flows.rules import RulesBook
    from lib.flows.running import RunningPass
    from lib.flows.settings import SettingsFlow
    from lib.flows.stream_passes import StreamPasses
    from lib.flows.summaries import Summaries, Welcomes
    from lib.flows.syncs import StreamSync
    from lib.models import Destination, Notice
    from lib.models.streams import HistoryPoint
    from lib.models.views import PinnedMessage, View
    from lib.ports.rules import RulesRecord
    from lib.ports.streams import StreamPartition
    from lib.sources.coverage import InspectorCoverage
    from lib.sources.registry import EcrRegistry
    from lib.store.current import S3CurrentCopies
    from lib.store.images import DynamoImageStore
    from lib.store.notifications import DynamoNotificationStore
    from lib.store.pauses import DynamoPauses
    from lib.store.places import DynamoPlaces
    from lib.store.queues import SqsFindingQueue, SqsScanEvents, SqsSyncQueue
    from lib.store.rules import DynamoRulesStore
    from lib.store.stream_objects import S3StreamObjects
    from lib.store.streams import DynamoStreamStore


def sync_rules(config: "Config", record: "RulesRecord") -> "SyncRules":
    """Return the rules of a sync: alerts.yml, and since when its parts are there."""
    from lib.core.profiles import profile_of
    from lib.core.routing import reaches
    from lib.core.streams import stream_rules
    from lib.core.sync import SyncRules
    from lib.core.verdicts import RuleSet

    return SyncRules(
        RuleSet(config.routes, config.suppressions, record.hash),
        stream_rules(config.streams, config.routes),
        {
            name: profile_of(destination.type, destination.options, announces=destination.announce)
            for name, destination in config.destinations.items()
        },
        record.installed_at,
        record.destinations_since,
        {
            name: record.routes_since.get(reach, record.routes_since.get(name, record.installed_at))
            for name, reach in reaches(config.routes).items()
        },
        checks_repositories=config.repositories is not None,
    )


class StreamFlows:
    """The flows about images, streams and notifications."""

    def __init__(self, app: "App", settings: Settings, clients: Clients) -> None:
        """`app` has the sources, queues and notifiers of the process."""
        self._app = app
        self._settings = settings
        self._clients = clients

    # --- the flows -----------------------------------------------------------------------------

    @cached_property
    def images(self) -> "ImageFlow":
        """The flow of events about images."""
        from lib.flows.images import ImageFlow

        return ImageFlow(
            source=self._app.source,
            images=self.image_store,
            objects=self.objects,
            progress=self._app.progress,
            keep=self.syncs.keep,
            coverage=lambda: self.coverage,
            findings_before=self.syncs.findings_before,
            rules=lambda: self.rules.streams,
            watched=self.syncs.watches,
            now=self._app.now,
            provenances=self._app.provenances,
        )

    @cached_property
    def settings(self) -> "SettingsFlow":
        """The flow of checks of repositories."""
        from lib.flows.settings import SettingsFlow

        return SettingsFlow(
            repositories=self._app.repositories,
            images=self.image_store,
            objects=self.objects,
            expected=lambda: self._app.config.repositories,
            now=self._app.now,
        )

    @cached_property
    def moved_tags(self) -> "MovedTags":
        """The flow of tags that should not move."""
        from lib.flows.moved_tags import MovedTags
        from lib.store.tags import DynamoTagStore

        return MovedTags(
            tags=DynamoTagStore(self._clients.get("dynamodb"), self._table),
            outbox=self.outbox,
            rules=lambda: self.rules,
            expected=lambda: self._app.config.repositories,
            cache=self._app.repositories.cache,
            now=self._app.now,
            stage=self._settings.stage or "",
        )

    @cached_property
    def outbox(self) -> "Outbox":
        """The entrance of messages that never change."""
        from lib.flows.outbox import Outbox

        return Outbox(
            objects=self.objects,
            rows=self.notification_store,
            waker=self._app.waker,
            now=self._app.now,
        )

    @cached_property
    def syncs(self) -> "StreamSync":
        """The sync of one stream."""
        from lib.flows.syncs import StreamSync

        return StreamSync(
            streams=self.stream_store,
            images=self.image_store,
            objects=self.objects,
            rules=lambda: self.rules,
            now=self._app.now,
        )

    @cached_property
    def rounds(self) -> "SyncRounds":
        """Syncs of many streams, with everything that follows."""
        from lib.flows.rounds import SyncRounds

        return SyncRounds(
            syncs=self.syncs,
            waker=self._app.waker,
            events=self.scan_events,
            queue=self.sync_queue,
            copies=self.copies,
            now=self._app.now,
        )

    @cached_property
    def notifications(self) -> "NotificationFlow":
        """The flow of `deliver`."""
        from lib.flows.notifying import NotificationFlow

        return NotificationFlow(
            streams=self.stream_store,
            objects=self.objects,
            rows=self.notification_store,
            pauses=self.pauses,
            couriers=self._courier,
            plan=self.syncs.plan,
            now=self._app.now,
            new_token=lambda: uuid.uuid4().hex,
            fallback=self._app.config.fallback,
            stage=self._settings.stage or "",
        )

    def _courier(self, destination: "Destination") -> "Courier":
        from lib.flows.couriers import NotifierCourier
        from lib.flows.digest_reports import DigestReports

        return NotifierCourier(
            self._app.notifier(destination),
            secrets=self._app.secrets,
            now=self._app.now,
            pages=self.pages,
            completions=(self._owned, self._traced, self._with_workloads),
            reports=DigestReports(streams=self.stream_store, pages=self.pages).linked,
        )

    def _owned(self, notice: "Notice") -> "Notice":
        from lib.core.owners import owned

        return owned(notice, self._app.config.owners)

    def _traced(self, notice: "Notice") -> "Notice":
        from lib.core.provenance import traced

        return traced(notice, self._app.config.sources)

    def _with_workloads(self, notice: "Notice") -> "Notice":
        """Return a notice with what runs its images, where alerts are to name it."""
        from lib.flows.deployments import RunningNow

        workloads = self._app.workloads
        return notice if workloads is None else RunningNow(workloads).completed(notice)

    def has_pace(self, destination: "Destination") -> bool:
        """Return whether a receiver asks for time between two messages."""
        with suppress(ConfigError):
            return self._app.notifier(destination).interval > 0
        return False

    @cached_property
    def pages(self) -> "ReportPages":
        """The report pages."""
        from lib.flows.pages import ReportPages
        from lib.store.pages import S3Pages
        from lib.store.points import DynamoStreamHistory

        return ReportPages(
            pages=S3Pages(self._clients.get("s3"), self._bucket),
            objects=self.objects,
            history=DynamoStreamHistory(self._clients.get("dynamodb"), self._table),
            render=self._page,
            link=self._app.link,
        )

    def _page(self, message: "PinnedMessage", history: "Sequence[HistoryPoint]") -> str:
        from lib.models import notice_of
        from lib.page import render

        return render(notice_of(message), history, now=self._app.now())

    @cached_property
    def copies(self) -> "CopyWriter":
        """The copies for readers."""
        from lib.flows.copies import CopyWriter

        return CopyWriter(self.current_copies)

    @cached_property
    def digests(self) -> "DigestFlow":
        """The flow of digests."""
        from lib.flows.digests import DigestFlow
        from lib.store.digest_bases import S3DigestBases

        return DigestFlow(
            copies=self.current_copies,
            bases=S3DigestBases(self._clients.get("s3"), self._bucket),
            outbox=self.outbox,
            rules=lambda: self.rules.rules,
            installed_at=lambda: self.rules.installed_at,
            now=self._app.now,
            stage=self._settings.stage or "",
        )

    @cached_property
    def summaries(self) -> "Summaries":
        """The flow of summaries of what alerts.yml changed in many streams."""
        from lib.flows.summaries import Summaries

        return Summaries(
            streams=self.stream_store,
            rows=self.notification_store,
            outbox=self.outbox,
            plan=self._plan,
            rules=lambda: self.rules,
            now=self._app.now,
            stage=self._settings.stage or "",
        )

    def _plan(self, partition: "StreamPartition", view: "View") -> "ViewPlan | None":
        """Return what a view should become: few summaries ask, so its flow is made late."""
        return self.syncs.plan(partition, view)

    @cached_property
    def welcomes(self) -> "Welcomes":
        """The flow of summaries for destinations that were added."""
        from lib.flows.summaries import Welcomes

        return Welcomes(
            digests=self.digests,
            outbox=self.outbox,
            rules=lambda: self.rules,
            now=self._app.now,
            stage=self._settings.stage or "",
        )

    # --- alerts.yml ----------------------------------------------------------------------------

    @cached_property
    def rules(self) -> "SyncRules":
        """The rules in force, as of the first question by this configuration."""
        return sync_rules(self._app.config, self.rules_book.record())

    @cached_property
    def rules_as_stored(self) -> "SyncRules":
        """The same, for what must not write anything."""
        return sync_rules(self._app.config, self.rules_book.look())

    @cached_property
    def rules_book(self) -> "RulesBook":
        """The record of alerts.yml."""
        from lib.core.routing import reaches
        from lib.flows.rules import RulesBook, RulesInForce

        in_force = self._app.config_in_force
        config, routes = in_force.config, reaches(in_force.config.routes)
        return RulesBook(
            store=self.rules_store,
            own=RulesInForce(
                config.hash, tuple(config.destinations), routes, in_force.published_at
            ),
            now=self._app.now,
            settled=self._settings.config_settled,
        )

    @cached_property
    def passes(self) -> "StreamPasses":
        """The passes over all streams."""
        from lib.flows.stream_passes import StreamPasses

        return StreamPasses(
            streams=self.stream_store,
            queue=self.sync_queue,
            places=self.places,
            now=self._app.now,
        )

    def image_pass(self, *, places: bool = True) -> "ImagePass":
        """Return the pass over all images. Without `places` it begins at the first one."""
        from lib.flows.passes import ImagePass

        return ImagePass(
            registry=self.registry,
            repositories=self._app.repositories,
            coverage=self.coverage,
            images=self.images,
            records=self.image_store,
            streams=self.stream_store,
            listing=self.stream_store,
            rules=lambda: self.rules.streams,
            events=self.scan_events,
            queue=self.sync_queue,
            now=self._app.now,
            places=self.places if places else None,
        )

    @property
    def running_pass(self) -> "RunningPass | None":
        """The pass over what runs; None where no service is asked for it."""
        workloads = self._app.workloads
        if workloads is None:
            return None
        from lib.flows.running import CLUSTERS, TASKS, RunningPass

        return RunningPass(
            workloads=workloads,
            images=self.image_store,
            listing=self.stream_store,
            rules=lambda: self.rules.streams,
            now=self._app.now,
            source=CLUSTERS if self._settings.asks_inspector else TASKS,
        )

    @property
    def reconcile_scope(self) -> "Scope":
        """The scope of a scheduled pass: images pushed within the window."""
        from lib.flows.passes import Scope

        return Scope(self._settings.reconcile_window)

    @cached_property
    def places(self) -> "DynamoPlaces":
        """The places where passes stopped."""
        from lib.store.places import DynamoPlaces

        return DynamoPlaces(self._clients.get("dynamodb"), self._table)

    # --- stores, queues and sources ------------------------------------------------------------

    @property
    def _table(self) -> str:
        return self._settings.need("TABLE_NAME")

    @property
    def _bucket(self) -> str:
        return self._settings.need("REPORTS_BUCKET")

    @cached_property
    def stream_store(self) -> "DynamoStreamStore":
        """The rows of streams and views."""
        from lib.store.streams import DynamoStreamStore

        return DynamoStreamStore(self._clients.get("dynamodb"), self._table)

    @cached_property
    def image_store(self) -> "DynamoImageStore":
        """The rows of images."""
        from lib.store.images import DynamoImageStore

        return DynamoImageStore(self._clients.get("dynamodb"), self._table)

    @cached_property
    def notification_store(self) -> "DynamoNotificationStore":
        """The rows of notifications."""
        from lib.store.notifications import DynamoNotificationStore

        return DynamoNotificationStore(self._clients.get("dynamodb"), self._table)

    @cached_property
    def pauses(self) -> "DynamoPauses":
        """The destinations that nothing is sent to for a while."""
        from lib.store.pauses import DynamoPauses

        return DynamoPauses(self._clients.get("dynamodb"), self._table)

    @cached_property
    def rules_store(self) -> "DynamoRulesStore":
        """The row of alerts.yml."""
        from lib.store.rules import DynamoRulesStore

        return DynamoRulesStore(self._clients.get("dynamodb"), self._table)

    @cached_property
    def registry(self) -> "EcrRegistry":
        """The lists of ECR."""
        from lib.sources.registry import EcrRegistry

        return EcrRegistry(self._clients.get("ecr"))

    @cached_property
    def objects(self) -> "S3StreamObjects":
        """Reports, states and pinned messages."""
        from lib.store.stream_objects import S3StreamObjects

        return S3StreamObjects(self._clients.get("s3"), self._bucket)

    @cached_property
    def current_copies(self) -> "S3CurrentCopies":
        """What is open in the streams now, for readers."""
        from lib.store.current import S3CurrentCopies

        return S3CurrentCopies(self._clients.get("s3"), self._bucket)

    @cached_property
    def coverage(self) -> "InspectorCoverage":
        """Inspector's coverage."""
        from lib.sources.coverage import InspectorCoverage

        return InspectorCoverage(self._clients.get("inspector2"))

    @cached_property
    def scan_events(self) -> "SqsScanEvents":
        """The entrance to the queue of scan events."""
        from lib.store.queues import SqsScanEvents

        return SqsScanEvents(self._clients.get("sqs"), self._settings.need("SCAN_EVENTS_QUEUE_URL"))

    @cached_property
    def sync_queue(self) -> "SqsSyncQueue":
        """The queue of streams that are to be synced."""
        from lib.store.queues import SqsSyncQueue

        return SqsSyncQueue(self._clients.get("sqs"), self._settings.need("SYNC_QUEUE_URL"))

    @cached_property
    def finding_queue(self) -> "SqsFindingQueue":
        """The queue in which events about findings are gathered for each image."""
        from lib.store.queues import SqsFindingQueue

        return SqsFindingQueue(
            self._clients.get("sqs"),
            self._settings.need("CHANGED_IMAGES_QUEUE_URL"),
            window=self._settings.gather_window,
        )
