"""
Logger, metrics and metric names of the Lambda functions.

One structured line per outcome, correlated by `image` (which includes the digest) and `delivery`;
metrics in CloudWatch's embedded format. Tracing is Lambda's own: the X-Ray SDK costs 250 ms at
start.
"""

from enum import StrEnum
from typing import Final

from aws_lambda_powertools import Logger, Metrics

logger: Final = Logger(utc=True)
metrics: Final = Metrics()


class Metric(StrEnum):
    """The names of the metrics. README.md explains them; a test compares both."""

    EVENTS_RECEIVED = "EventsReceived"
    EVENTS_IGNORED = "EventsIgnored"
    EVENTS_REPEATED = "EventsRepeated"
    EVENTS_REJECTED = "EventsRejected"
    PUSHES_ACKNOWLEDGED = "PushesAcknowledged"
    FINDING_EVENTS_ACKNOWLEDGED = "FindingEventsAcknowledged"
    SCANS_EVALUATED = "ScansEvaluated"
    SCANS_UNUSABLE = "ScansUnusable"
    SCANS_CONTINUED = "ScansContinued"
    SCANS_DEFERRED = "ScansDeferred"
    IMAGES_DELETED = "ImagesDeleted"
    RECORDS_FAILED = "RecordsFailed"
    FINDINGS_LISTED = "FindingsListed"
    SCANS_RECOVERED = "ScansRecovered"
    BASELINES_QUEUED = "BaselinesQueued"
    PROVENANCE_UNREAD = "ProvenanceUnread"
    WORKLOADS_UNREAD = "WorkloadsUnread"
    REPOSITORIES_UNREAD = "RepositoriesUnread"
    DELIVERIES_CREATED = "DeliveriesCreated"
    DELIVERIES_SUPPRESSED = "DeliveriesSuppressed"
    DELIVERIES_SENT = "DeliveriesSent"
    DELIVERIES_RETRIED = "DeliveriesRetried"
    DELIVERIES_MISCONFIGURED = "DeliveriesMisconfigured"
    DELIVERIES_PAUSED = "DeliveriesPaused"
    DELIVERIES_SKIPPED = "DeliveriesSkipped"
    DELIVERIES_QUEUED = "DeliveriesQueued"
    DELIVERIES_DEAD = "DeliveriesDead"
    PAGES_FAILED = "PagesFailed"
    DIGESTS_CREATED = "DigestsCreated"
    LINKS_OPENED = "LinksOpened"
    LINKS_REJECTED = "LinksRejected"
    DELIVERY_LATENCY = "DeliveryLatency"
