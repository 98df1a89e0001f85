"""A deployed stage for the operator's commands, found by the outputs of its stack."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Final

from botocore.exceptions import ClientError

from cli.inputs import add_region_option
from cli.parser import STAGE_VARIABLE, is_stage_name
from cli.publishing import Publisher
from cli.session import Connect, OperatorClients, connected
from cli.stacks import outputs_of
from cli.terminal import remark, working
from lib.bootstrap.app import App
from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.config.checking import check
from lib.config.model import Config
from lib.config.parsing import parse
from lib.core.sync import SyncRules
from lib.errors import ConfigError, DocumentError, StoreError
from lib.flows.digests import DigestFlow
from lib.flows.passes import ImagePass
from lib.store.dead_letters import DeadLetterQueue
from lib.store.notifications import DynamoNotificationStore
from lib.store.pauses import DynamoPauses
from lib.store.publications import KEY, S3PublicationWriter
from lib.store.queues import SqsSyncQueue, SqsWaker
from lib.store.stream_objects import S3StreamObjects
from lib.store.streams import DynamoStreamStore

DEAD_LETTERS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "scan-events": ("ScanEventsDlqUrl", "ScanEventsQueueUrl"),
        "changed-images": ("ChangedImagesDlqUrl", "ChangedImagesQueueUrl"),
        "syncs": ("SyncDlqUrl", "SyncQueueUrl"),
        "deliveries": ("DeliveriesDlqUrl", "DeliveriesQueueUrl"),
        # Events that EventBridge could not put into the queue are redriven to it.
        "undelivered-events": ("UndeliveredEventsDlqUrl", "ScanEventsQueueUrl"),
    }
)
"""The dead-letter queues by name, with their source queues."""

_NOT_STORED: Final = ("NoSuchKey", "NoSuchBucket", "AccessDenied")


def add_stage_options(parser: argparse.ArgumentParser) -> None:
    """Declare --stage and --region."""
    parser.add_argument(
        "--stage",
        default=argparse.SUPPRESS,
        help=f"a deployed stage (default: {STAGE_VARIABLE})",
    )
    add_region_option(parser)


class Deployment:
    """The rows, objects and queues of a stage."""

    def __init__(self, stage: str, clients: Clients) -> None:
        outputs = outputs_of(stage, clients)
        self.clients = clients
        self.stage = stage
        self._sqs, self._outputs = clients.get("sqs"), outputs
        dynamodb, table = clients.get("dynamodb"), outputs["TableName"]
        self.rows = DynamoNotificationStore(dynamodb, table)
        self.pauses = DynamoPauses(dynamodb, table)
        self.objects = S3StreamObjects(clients.get("s3"), outputs["ReportsBucketName"])
        self.waker = SqsWaker(self._sqs, deliveries=outputs["DeliveriesQueueUrl"], scan_events=None)

    @property
    def outputs(self) -> Mapping[str, str]:
        """The outputs of the stack."""
        return self._outputs

    def output(self, name: str) -> str:
        """Return an output of the stack. Raises `DocumentError` if an older version lacks it."""
        return self._outputs[name]

    @property
    def streams(self) -> DynamoStreamStore:
        """Streams, and what destinations were notified of."""
        return DynamoStreamStore(self.clients.get("dynamodb"), self._outputs["TableName"])

    @property
    def sync_queue(self) -> SqsSyncQueue:
        """The queue of streams that are to be synced."""
        return SqsSyncQueue(self._sqs, self._outputs["SyncQueueUrl"])

    @cached_property
    def rules(self) -> SyncRules:
        """The deployed rules. Raises `DocumentError` where the stage has none that can be read."""
        return self.application().streams.rules

    @cached_property
    def publisher(self) -> Publisher:
        """The published configuration of the stage."""
        return Publisher(publications_of(self.clients, self._outputs))

    def config(self) -> Config | None:
        """Return the published configuration; None if it is not stored, or is not readable."""
        try:
            published = self.publisher.published()
        except StoreError as error:
            cause = error.__cause__
            # Without permission to list, S3 answers for a missing object that access is denied.
            if isinstance(cause, ClientError):
                if cause.response["Error"]["Code"] not in _NOT_STORED:
                    raise cause from None
                return None
            raise
        except ConfigError:
            document = None
        else:
            if published is None:
                return None
            document = published.publication.document
        problems = check(document, today=datetime.now(UTC).date())
        if any(problem.level == "error" for problem in problems):
            remark("the published configuration is of another version, and was not read")
            return None
        return parse(document)

    def dead_letters(self, name: str) -> DeadLetterQueue:
        """Return a queue of `DEAD_LETTERS`."""
        url, source = (self._outputs[output] for output in DEAD_LETTERS[name])
        return DeadLetterQueue(self._sqs, name=name, url=url, source=source)

    def image_pass(self) -> ImagePass:
        """Return the pass over the images of this stage, which starts at the beginning."""
        return self._application(self.config()).streams.image_pass(places=False)

    def application(self) -> App:
        """Return the program as it is deployed. Raises `DocumentError` without its alerts.yml."""
        config = self.config()
        if config is None:
            raise DocumentError("The deployed configuration is missing or of another version")
        return self._application(config)

    def _application(self, config: Config | None) -> App:
        settings = {
            "STAGE": self.stage,
            "TABLE_NAME": self._outputs["TableName"],
            "REPORTS_BUCKET": self._outputs["ReportsBucketName"],
            "SCAN_EVENTS_QUEUE_URL": self._outputs["ScanEventsQueueUrl"],
            "SYNC_QUEUE_URL": self._outputs["SyncQueueUrl"],
        }
        return App(Settings(settings), clients=self.clients, config=config)

    def digests(self, config: Config) -> DigestFlow:
        """Return the flow of digests of this stage, with the routes of a configuration."""
        settings = Settings(
            {
                "STAGE": self.stage,
                "TABLE_NAME": self._outputs["TableName"],
                "REPORTS_BUCKET": self._outputs["ReportsBucketName"],
                "DELIVERIES_QUEUE_URL": self._outputs["DeliveriesQueueUrl"],
            }
        )
        return App(settings, clients=self.clients, config=config).streams.digests


def publications_of(clients: Clients, outputs: Mapping[str, str]) -> S3PublicationWriter:
    """Return the object that the functions of a stage take their configuration from."""
    bucket = outputs.get("ConfigBucketName") or outputs["ReportsBucketName"]
    return S3PublicationWriter(clients.get("s3"), bucket, outputs.get("ConfigKey") or KEY)


def deployment(options: argparse.Namespace, connect: Connect = OperatorClients) -> Deployment:
    """Return a deployed stage. Raises `DocumentError` if it does not exist."""
    stage = required_stage(options)
    with working("looking up the stage"):
        return Deployment(stage, connected(options, connect))


def _which_stage() -> str:
    # Imported late: the YAML parser takes a while to load.
    from cli.stage_file import stage_names

    names = stage_names()
    name = names[0] if len(names) == 1 else "NAME"
    more = f"; deploy/stages has {', '.join(names)}" if len(names) > 1 else ""
    return f"Which stage? Add --stage {name}, or set {STAGE_VARIABLE}{more}"


def required_stage(options: argparse.Namespace) -> str:
    """Return the name of the stage. Raises `DocumentError` if it is missing or invalid."""
    stage: str | None = options.stage
    if stage is None:
        raise DocumentError(_which_stage())
    if not is_stage_name(stage):
        raise DocumentError(
            f"{stage!r} is not a stage: its name has letters, digits and hyphens, such as prod"
        )
    return stage
