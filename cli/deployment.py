"""A deployed stage, as the operator's commands reach it: by the outputs of its stack."""

import argparse
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from botocore.exceptions import ClientError

from cli.inputs import add_region_option, calling_aws
from lib.bootstrap import App, Clients, Settings
from lib.config import Config
from lib.digest_pipeline import DigestPipeline
from lib.errors import DocumentError
from lib.reconciliation import Reconciliation
from lib.store.dead_letters import DeadLetterQueue
from lib.store.ledger import DynamoLedger
from lib.store.queues import SqsWaker

SERVICE: Final = "ecr-scan-alerts"
DEAD_LETTERS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "scan-events": ("ScanEventsDlqUrl", "ScanEventsQueueUrl"),
        "deliveries": ("DeliveriesDlqUrl", "DeliveriesQueueUrl"),
        # What EventBridge could not put into the queue belongs there all the same.
        "undelivered-events": ("UndeliveredEventsDlqUrl", "ScanEventsQueueUrl"),
    }
)
"""The dead-letter queues by name: where they are, and where their letters belong."""

Connect = Callable[..., Clients]


def add_stage_options(parser: argparse.ArgumentParser) -> None:
    """Declare --stage and --region."""
    parser.add_argument("--stage", required=True, help="the stage that was deployed")
    add_region_option(parser)


class Deployment:
    """The ledger and the queues of one stage."""

    def __init__(self, stage: str, clients: Clients) -> None:
        outputs = _outputs(f"{SERVICE}-{stage}", clients)
        self.clients = clients
        self._sqs, self._outputs = clients.get("sqs"), outputs
        self.ledger = DynamoLedger(clients.get("dynamodb"), outputs["TableName"])
        self.waker = SqsWaker(self._sqs, deliveries=outputs["DeliveriesQueueUrl"], scan_events=None)

    def output(self, name: str) -> str:
        """Return an output of the stack. Raises `DocumentError` where an older version has none."""
        if name not in self._outputs:
            raise DocumentError(
                f"The stack has no output {name}: `make deploy` brings it up to date"
            )
        return self._outputs[name]

    def dead_letters(self, name: str) -> DeadLetterQueue:
        """Return a queue of `DEAD_LETTERS`."""
        url, source = (self._outputs[each] for each in DEAD_LETTERS[name])
        return DeadLetterQueue(self._sqs, name=name, url=url, source=source)

    def reconciliation(self) -> Reconciliation:
        """Return what compares with what this stage has evaluated, from the beginning each time."""
        settings = Settings(
            {
                "TABLE_NAME": self._outputs["TableName"],
                "SCAN_EVENTS_QUEUE_URL": self._outputs["ScanEventsQueueUrl"],
            }
        )
        return App(settings, clients=self.clients).reconciliation(places=False)

    def digests(self, config: Config) -> DigestPipeline:
        """Return what adds up the streams of this stage, as a configuration's routes ask."""
        settings = Settings(
            {
                "TABLE_NAME": self._outputs["TableName"],
                "REPORTS_BUCKET": self._outputs["ReportsBucketName"],
                "DELIVERIES_QUEUE_URL": self._outputs["DeliveriesQueueUrl"],
            }
        )
        return App(settings, clients=self.clients, config=config).digest_pipeline


def deployment(options: argparse.Namespace, connect: Connect = Clients) -> Deployment:
    """Find what a stage deployed. Raises `DocumentError` when there is no such stage."""
    with calling_aws():
        return Deployment(options.stage, connect(region=options.region))


def _outputs(stack: str, clients: Clients) -> dict[str, str]:
    try:
        (found,) = clients.get("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" not in error.response["Error"].get("Message", ""):
            raise
        raise DocumentError(
            f"There is no stack {stack} here: check --stage and --region"
        ) from error
    return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
