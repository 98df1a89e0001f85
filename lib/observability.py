"""
Logger and metrics of the Lambda functions, and the names of all metrics.

One structured line per outcome, correlated by `image` (the digest is in it) and `delivery`; metrics
in CloudWatch's embedded format. Tracing is Lambda's own: the X-Ray SDK costs 250 ms at start.
"""

from enum import StrEnum
from typing import Final

from aws_lambda_powertools import Logger, Metrics

logger: Final = Logger(utc=True)
metrics: Final = Metrics()


class Metric(StrEnum):
    """What is counted. README.md explains each; a test compares."""

    EVENTS_RECEIVED = "EventsReceived"
    EVENTS_IGNORED = "EventsIgnored"
    EVENTS_REPEATED = "EventsRepeated"
    EVENTS_REJECTED = "EventsRejected"
    PUSHES_ACKNOWLEDGED = "PushesAcknowledged"
    FINDING_EVENTS = "FindingEvents"
    SCANS_EVALUATED = "ScansEvaluated"
    SCANS_UNUSABLE = "ScansUnusable"
    SCANS_CONTINUED = "ScansContinued"
    SCANS_REVISITED = "ScansRevisited"
    IMAGES_GONE = "ImagesGone"
    RECORDS_FAILED = "RecordsFailed"
    FINDINGS_LISTED = "FindingsListed"
    RECOVERED_SCANS = "RecoveredScans"
    QUIET_BASELINES = "QuietBaselines"
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
    DELIVERIES_WOKEN = "DeliveriesWoken"
    DEAD_DELIVERIES = "DeadDeliveries"
    PAGES_FAILED = "PagesFailed"
    DIGESTS_MADE = "DigestsMade"
    LINKS_OPENED = "LinksOpened"
    LINKS_REFUSED = "LinksRefused"
    DELIVERY_LATENCY = "DeliveryLatency"
