"""
Logger, metrics and metric names of the Lambda functions.

One structured line per outcome, correlated by `image` (which includes the digest) and `delivery`;
metrics in CloudWatch's embedded format. Tracing is Lambda's own: the X-Ray SDK costs 250 ms at
start.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

logger: Final = Logger(utc=True)
metrics: Final = Metrics()
_NAMESPACE: Final = "EcrScanAlerts"
"""As serverless.yml has it; said here, because a count must not fail where nobody set it."""


class Metric(StrEnum):
    """The names of the metrics. docs/metrics.md explains them; a test compares both."""

    EVENTS_RECEIVED = "EventsReceived"
    EVENTS_IGNORED = "EventsIgnored"
    ARTIFACTS_IGNORED = "ArtifactsIgnored"
    EVENTS_REPEATED = "EventsRepeated"
    EVENTS_REJECTED = "EventsRejected"
    FINDING_EVENTS_GATHERED = "FindingEventsGathered"
    REPORTS_STORED = "ReportsStored"
    REPORTS_STALE = "ReportsStale"
    TAGS_CHANGED = "TagsChanged"
    STREAMS_SYNCED = "StreamsSynced"
    STREAMS_FAILED = "StreamsFailed"
    SCANS_CONTINUED = "ScansContinued"
    SCANS_DEFERRED = "ScansDeferred"
    IMAGES_DELETED = "ImagesDeleted"
    RECORDS_FAILED = "RecordsFailed"
    SCANS_RECOVERED = "ScansRecovered"
    CHECKS_UNKNOWN = "ChecksUnknown"
    PROVENANCE_UNREAD = "ProvenanceUnread"
    REPOSITORIES_UNREAD = "RepositoriesUnread"
    WORKLOADS_UNREAD = "WorkloadsUnread"
    COVERAGE_UNREAD = "CoverageUnread"
    CONFIG_UNREAD = "ConfigUnread"
    DELIVERIES_CREATED = "DeliveriesCreated"
    DELIVERIES_OBSOLETE = "DeliveriesObsolete"
    DELIVERIES_FOLDED = "DeliveriesFolded"
    DELIVERIES_SENT = "DeliveriesSent"
    ITEMS_NOTIFIED = "ItemsNotified"
    DELIVERIES_RETRIED = "DeliveriesRetried"
    DELIVERIES_MISCONFIGURED = "DeliveriesMisconfigured"
    DELIVERIES_PAUSED = "DeliveriesPaused"
    DELIVERIES_SKIPPED = "DeliveriesSkipped"
    DELIVERIES_QUEUED = "DeliveriesQueued"
    DELIVERIES_DEAD = "DeliveriesDead"
    PAGES_FAILED = "PagesFailed"
    DIGESTS_CREATED = "DigestsCreated"
    PAGES_CREATED = "PagesCreated"
    LINKS_OPENED = "LinksOpened"
    LINKS_REJECTED = "LinksRejected"
    DELIVERY_LATENCY = "DeliveryLatency"
    TIME_TO_ALERT = "TimeToAlert"


def count_items(kind: str, number: int) -> None:
    """Count items of one kind that a receiver was notified of; the kind is a dimension."""
    counted = single_metric(Metric.ITEMS_NOTIFIED, MetricUnit.Count, number, namespace=_NAMESPACE)
    with counted as metric:
        metric.add_dimension("kind", kind)


def measure_alert(destination: str, time: timedelta) -> None:
    """Measure the time from a scan's end to its alert; the destination is a dimension."""
    milliseconds = time.total_seconds() * 1000
    measured = single_metric(
        Metric.TIME_TO_ALERT, MetricUnit.Milliseconds, milliseconds, namespace=_NAMESPACE
    )
    with measured as metric:
        metric.add_dimension("destination", destination)
