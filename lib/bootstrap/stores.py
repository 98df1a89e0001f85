"""
The stores and queues of a stage, made from the clients of a process.

An object is made when it is first asked for. A function imports only what it uses: imports of
other rooms stand in the methods.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Final

from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings

if TYPE_CHECKING:
    from lib.store.current import S3CurrentCopies
    from lib.store.digest_bases import S3DigestBases
    from lib.store.history import DynamoStreamHistory
    from lib.store.images import DynamoImageStore
    from lib.store.notifications import DynamoNotificationStore
    from lib.store.pages import S3Pages
    from lib.store.pauses import DynamoPauses
    from lib.store.places import DynamoPlaces
    from lib.store.progress import S3ProgressStore
    from lib.store.publications import S3Publications
    from lib.store.queues import (
        SqsDeadLetters,
        SqsFindingQueue,
        SqsReturns,
        SqsScanEvents,
        SqsSyncQueue,
        SqsWaker,
    )
    from lib.store.rules import DynamoRulesStore
    from lib.store.secrets import CachedSecrets
    from lib.store.stream_objects import S3StreamObjects
    from lib.store.streams import DynamoStreamStore
    from lib.store.tags import DynamoTagStore

_LONGEST_RETURN: Final = 900
_LONGEST_RETURN_IN_ORDER: Final = 300
"""Seconds. A message of a FIFO queue that waits holds up its whole group."""


class Stores:
    """The stores and queues of a stage. Each raises `ConfigError` where its place is not set."""

    def __init__(self, settings: Settings, clients: Clients) -> None:
        self._settings = settings
        self._clients = clients

    # --- rows of the table ---------------------------------------------------------------------

    @property
    def _table(self) -> str:
        return self._settings.need("TABLE_NAME")

    @cached_property
    def streams(self) -> "DynamoStreamStore":
        """The rows of streams and views."""
        from lib.store.streams import DynamoStreamStore

        return DynamoStreamStore(self._clients.get("dynamodb"), self._table)

    @cached_property
    def images(self) -> "DynamoImageStore":
        """The rows of images."""
        from lib.store.images import DynamoImageStore

        return DynamoImageStore(self._clients.get("dynamodb"), self._table)

    @cached_property
    def tags(self) -> "DynamoTagStore":
        """The rows of tags that should not move."""
        from lib.store.tags import DynamoTagStore

        return DynamoTagStore(self._clients.get("dynamodb"), self._table)

    @cached_property
    def history(self) -> "DynamoStreamHistory":
        """The rows of the history of streams."""
        from lib.store.history import DynamoStreamHistory

        return DynamoStreamHistory(self._clients.get("dynamodb"), self._table)

    @cached_property
    def notifications(self) -> "DynamoNotificationStore":
        """The rows of notifications."""
        from lib.store.notifications import DynamoNotificationStore

        return DynamoNotificationStore(self._clients.get("dynamodb"), self._table)

    @cached_property
    def pauses(self) -> "DynamoPauses":
        """The destinations that nothing is sent to for a while."""
        from lib.store.pauses import DynamoPauses

        return DynamoPauses(self._clients.get("dynamodb"), self._table)

    @cached_property
    def rules(self) -> "DynamoRulesStore":
        """The row of alerts.yml."""
        from lib.store.rules import DynamoRulesStore

        return DynamoRulesStore(self._clients.get("dynamodb"), self._table)

    @cached_property
    def places(self) -> "DynamoPlaces":
        """The places where passes stopped."""
        from lib.store.places import DynamoPlaces

        return DynamoPlaces(self._clients.get("dynamodb"), self._table)

    # --- objects of the bucket -----------------------------------------------------------------

    @property
    def _bucket(self) -> str:
        return self._settings.need("REPORTS_BUCKET")

    @property
    def has_bucket(self) -> bool:
        """Whether there is a bucket of reports; outside a deployment there may be none."""
        return "REPORTS_BUCKET" in self._settings.environment

    @cached_property
    def objects(self) -> "S3StreamObjects":
        """Reports, states and pinned messages."""
        from lib.store.stream_objects import S3StreamObjects

        return S3StreamObjects(self._clients.get("s3"), self._bucket)

    @cached_property
    def pages(self) -> "S3Pages":
        """The report pages."""
        from lib.store.pages import S3Pages

        return S3Pages(self._clients.get("s3"), self._bucket)

    @cached_property
    def progress(self) -> "S3ProgressStore":
        """The findings that one invocation fetched for the next one."""
        from lib.store.progress import S3ProgressStore

        return S3ProgressStore(self._clients.get("s3"), self._bucket)

    @cached_property
    def current_copies(self) -> "S3CurrentCopies":
        """The copies of what is open in the streams now, for readers."""
        from lib.store.current import S3CurrentCopies

        return S3CurrentCopies(self._clients.get("s3"), self._bucket)

    @cached_property
    def digest_bases(self) -> "S3DigestBases":
        """The shares of streams that digests are made of."""
        from lib.store.digest_bases import S3DigestBases

        return S3DigestBases(self._clients.get("s3"), self._bucket)

    @cached_property
    def publications(self) -> "S3Publications":
        """The published configuration."""
        from lib.store.publications import S3Publications

        bucket, key = self._settings.config_place
        copies = self._settings.environment.get("CONFIG_COPY_BUCKET", "")
        return S3Publications(self._clients.get("s3"), bucket, key, copies=copies)

    # --- queues --------------------------------------------------------------------------------

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

    # --- secrets -------------------------------------------------------------------------------

    @cached_property
    def secrets(self) -> "CachedSecrets":
        """The reader of secrets, by name."""
        from lib.store.secrets import CachedSecrets

        return CachedSecrets(self._clients.get, stage=self._settings.stage)
