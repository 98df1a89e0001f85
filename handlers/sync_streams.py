"""Passes streams from the sync queue to the syncs: rules, the daily pass, what is due."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batches import BatchAnswer, QueueRecord, process_each
from handlers.records import body_of, failures_logged
from handlers.sync_log import log_syncs
from lib.bootstrap.app import App
from lib.bootstrap.garbage import collected_afterwards
from lib.bootstrap.process import app
from lib.errors import EventError
from lib.models import Json, StreamId
from lib.observability import logger, metrics

SYNC_RESERVE = 20.0
"""Seconds that one sync and its writes may take."""


@collected_afterwards
@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> BatchAnswer:
    """Sync a batch of streams."""
    return process_batch(app(), event, context)


def process_batch(application: App, event: dict[str, Any], context: LambdaContext) -> BatchAnswer:
    """Sync the streams of each message. What there is no time for goes back to the queue."""

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() / 1000 > SYNC_RESERVE

    return process_each(event, partial(process_record, application, has_time))


def process_record(application: App, has_time: Callable[[], bool], record: QueueRecord) -> None:
    """Sync the streams of a message. It comes back where one of them could not be synced."""
    with failures_logged(record, application.stores.returns):
        streams, cause = _streams(body_of(record.body))
        log_syncs(application.streams.rounds.run(streams, cause, has_time=has_time), cause)


def _streams(body: dict[str, Json]) -> tuple[Iterable[StreamId], str]:
    match body:
        case {"cause": str(cause), "streams": list(names)} if all(
            isinstance(name, str) for name in names
        ):
            return map(StreamId, names), cause
    raise EventError("The message names no streams and cause", reason="bad-sync")
