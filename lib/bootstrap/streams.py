"""
The flows about images, streams and notifications, made from stores and adapters.

As in `lib.bootstrap.adapters`, an object is made when it is first asked for.
"""

import uuid
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from lib.bootstrap.settings import Settings
from lib.errors import ConfigError

if TYPE_CHECKING:
    from lib.bootstrap.adapters import Adapters
    from lib.core.sync import SyncRules, ViewPlan
    from lib.flows.copies import CopyWriter
    from lib.flows.couriers import Courier
    from lib.flows.digests import DigestFlow
    from lib.flows.images import ImageFlow
    from lib.flows.moved_tags import MovedTags
    from lib.flows.notifying import NotificationFlow
    from lib.flows.outbox import Outbox
    from lib.flows.passes import ImagePass, Scope
    from lib.flows.repository_checks import RepositoryChecks
    from lib.flows.rounds import SyncRounds
    from lib.flows.rules import RulesBook
    from lib.flows.running import RunningPass
    from lib.flows.stream_passes import StreamPasses
    from lib.flows.summaries import Summaries, Welcomes
    from lib.flows.syncs import StreamSync
    from lib.models import Destination, Digest, Notice
    from lib.models.views import View
    from lib.ports.streams import StreamPartition


class StreamFlows:
    """The flows about images, streams and notifications."""

    def __init__(self, adapters: "Adapters", settings: Settings) -> None:
        self._adapters = adapters
        self._stores = adapters.stores
        self._settings = settings

    # --- the flows -----------------------------------------------------------------------------

    @cached_property
    def images(self) -> "ImageFlow":
        """The flow of events about images."""
        from lib.flows.images import ImageFlow

        return ImageFlow(
            source=self._adapters.source,
            images=self._stores.images,
            objects=self._stores.objects,
            progress=self._stores.progress,
            syncs=self.syncs,
            coverage=lambda: self._adapters.coverage,
            rules=lambda: self.rules.streams,
            now=self._adapters.now,
            provenances=self._adapters.provenances,
        )

    @cached_property
    def repository_checks(self) -> "RepositoryChecks":
        """The flow of checks of repositories."""
        from lib.flows.repository_checks import RepositoryChecks

        return RepositoryChecks(
            repositories=self._adapters.repositories,
            images=self._stores.images,
            objects=self._stores.objects,
            expected=lambda: self._adapters.config.repositories,
            now=self._adapters.now,
        )

    @cached_property
    def moved_tags(self) -> "MovedTags":
        """The flow of tags that should not move."""
        from lib.flows.moved_tags import MovedTags

        return MovedTags(
            tags=self._stores.tags,
            outbox=self.outbox,
            rules=lambda: self.rules,
            expected=lambda: self._adapters.config.repositories,
            cache=self._adapters.repositories.cache,
            now=self._adapters.now,
            stage=self._settings.stage or "",
        )

    @cached_property
    def outbox(self) -> "Outbox":
        """The entrance of messages that never change."""
        from lib.flows.outbox import Outbox

        return Outbox(
            objects=self._stores.objects,
            rows=self._stores.notifications,
            waker=self._stores.waker,
            now=self._adapters.now,
        )

    @cached_property
    def syncs(self) -> "StreamSync":
        """The sync of one stream."""
        from lib.flows.syncs import StreamSync

        return StreamSync(
            streams=self._stores.streams,
            images=self._stores.images,
            objects=self._stores.objects,
            rules=lambda: self.rules,
            now=self._adapters.now,
        )

    @cached_property
    def rounds(self) -> "SyncRounds":
        """Syncs of many streams, with everything that follows."""
        from lib.flows.rounds import SyncRounds

        return SyncRounds(
            syncs=self.syncs,
            waker=self._stores.waker,
            events=self._stores.scan_events,
            queue=self._stores.sync_queue,
            copies=self.copies,
            now=self._adapters.now,
        )

    @cached_property
    def notifications(self) -> "NotificationFlow":
        """The flow of `deliver`."""
        from lib.flows.notifying import NotificationFlow

        return NotificationFlow(
            streams=self._stores.streams,
            objects=self._stores.objects,
            rows=self._stores.notifications,
            pauses=self._stores.pauses,
            couriers=self._courier,
            plan=self.syncs.plan,
            now=self._adapters.now,
            new_token=lambda: uuid.uuid4().hex,
            fallback=self._adapters.config.fallback,
            stage=self._settings.stage or "",
        )

    def _courier(self, destination: "Destination") -> "Courier":
        from lib.flows.couriers import NotifierCourier
        from lib.flows.digest_reports import DigestReports

        reports = DigestReports(streams=self._stores.streams, pages=self._adapters.pages)
        return NotifierCourier(
            self._adapters.notifier(destination),
            secrets=self._stores.secrets,
            now=self._adapters.now,
            pages=self._adapters.pages,
            completions=(self._owned, self._traced, self._with_workloads, self._named),
            digest_completions=(self._with_owners, reports.linked),
        )

    def _owned(self, notice: "Notice") -> "Notice":
        from lib.core.owners import owned

        return owned(notice, self._adapters.config.owners)

    def _with_owners(self, digest: "Digest") -> "Digest":
        from lib.core.owners import with_owners

        return with_owners(digest, self._adapters.config.owners)

    def _traced(self, notice: "Notice") -> "Notice":
        from lib.core.provenance import traced

        return traced(notice, self._adapters.config.sources)

    def _with_workloads(self, notice: "Notice") -> "Notice":
        """Return a notice with what runs its images, where alerts are to name it."""
        from lib.flows.deployments import RunningNow

        workloads = self._adapters.workloads
        return notice if workloads is None else RunningNow(workloads).completed(notice)

    def _named(self, notice: "Notice") -> "Notice":
        """Return a notice with the name that its image has in another stream."""
        from lib.core.streams import stream_rules
        from lib.flows.same_images import SameImages

        config = self._adapters.config
        rules = stream_rules(config.streams, config.routes)
        return SameImages(self._stores.images, self._stores.streams, rules).completed(notice)

    def has_pace(self, destination: "Destination") -> bool:
        """Return whether a receiver asks for time between two messages."""
        with suppress(ConfigError):
            return self._adapters.notifier(destination).interval > 0
        return False

    @cached_property
    def copies(self) -> "CopyWriter":
        """The copies for readers."""
        from lib.flows.copies import CopyWriter

        return CopyWriter(self._stores.current_copies)

    @cached_property
    def digests(self) -> "DigestFlow":
        """The flow of digests."""
        from lib.flows.digests import DigestFlow

        return DigestFlow(
            copies=self._stores.current_copies,
            bases=self._stores.digest_bases,
            outbox=self.outbox,
            rules=lambda: self.rules.rules,
            installed_at=lambda: self.rules.installed_at,
            now=self._adapters.now,
            stage=self._settings.stage or "",
        )

    @cached_property
    def summaries(self) -> "Summaries":
        """The flow of summaries of what alerts.yml changed in many streams."""
        from lib.flows.summaries import Summaries

        return Summaries(
            streams=self._stores.streams,
            rows=self._stores.notifications,
            outbox=self.outbox,
            plan=self._plan,
            rules=lambda: self.rules,
            now=self._adapters.now,
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
            now=self._adapters.now,
            stage=self._settings.stage or "",
        )

    # --- alerts.yml ----------------------------------------------------------------------------

    @cached_property
    def rules(self) -> "SyncRules":
        """The rules in force, as of the first question by this configuration."""
        from lib.flows.sync_rules import sync_rules

        return sync_rules(self._adapters.config, self.rules_book.record())

    @cached_property
    def rules_as_stored(self) -> "SyncRules":
        """The same, for what must not write anything."""
        from lib.flows.sync_rules import sync_rules

        return sync_rules(self._adapters.config, self.rules_book.look())

    @cached_property
    def rules_book(self) -> "RulesBook":
        """The record of alerts.yml."""
        from lib.core.routing import reaches
        from lib.flows.rules import RulesBook, RulesInForce

        in_force = self._adapters.config_in_force
        config, routes = in_force.config, reaches(in_force.config.routes)
        return RulesBook(
            store=self._stores.rules,
            own=RulesInForce(
                config.hash, tuple(config.destinations), routes, in_force.published_at
            ),
            now=self._adapters.now,
            settled=self._settings.config_settled,
        )

    @cached_property
    def passes(self) -> "StreamPasses":
        """The passes over all streams."""
        from lib.flows.stream_passes import StreamPasses

        return StreamPasses(
            streams=self._stores.streams,
            queue=self._stores.sync_queue,
            places=self._stores.places,
            now=self._adapters.now,
        )

    def image_pass(self, *, places: bool = True) -> "ImagePass":
        """Return the pass over all images. Without `places` it begins at the first one."""
        from lib.flows.passes import ImagePass

        return ImagePass(
            registry=self._adapters.registry,
            repositories=self._adapters.repositories,
            coverage=self._adapters.coverage,
            images=self.images,
            records=self._stores.images,
            streams=self._stores.streams,
            listing=self._stores.streams,
            rules=lambda: self.rules.streams,
            events=self._stores.scan_events,
            queue=self._stores.sync_queue,
            now=self._adapters.now,
            places=self._stores.places if places else None,
        )

    @property
    def running_pass(self) -> "RunningPass | None":
        """The pass over what runs; None where no service is asked for it."""
        workloads = self._adapters.workloads
        if workloads is None:
            return None
        from lib.flows.running import CLUSTERS, TASKS, RunningPass

        return RunningPass(
            workloads=workloads,
            images=self._stores.images,
            listing=self._stores.streams,
            rules=lambda: self.rules.streams,
            now=self._adapters.now,
            source=CLUSTERS if self._settings.asks_inspector else TASKS,
        )

    @property
    def reconcile_scope(self) -> "Scope":
        """The scope of a scheduled pass: images pushed within the window."""
        from lib.flows.passes import Scope

        return Scope(self._settings.reconcile_window)
