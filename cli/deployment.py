"""A deployed stage, as the operator's commands reach it: by the outputs of its stack."""

import argparse
from collections.abc import Callable
from typing import Final

from botocore.exceptions import ClientError

from cli.inputs import add_region_option, calling_aws
from lib.bootstrap import App, Clients, Settings
from lib.errors import DocumentError
from lib.reconciliation import Reconciliation
from lib.store.ledger import DynamoLedger
from lib.store.queues import SqsWaker

SERVICE: Final = "ecr-scan-alerts"

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
        self._settings = Settings(
            {
                "TABLE_NAME": outputs["TableName"],
                "SCAN_EVENTS_QUEUE_URL": outputs["ScanEventsQueueUrl"],
            }
        )
        self.ledger = DynamoLedger(clients.get("dynamodb"), outputs["TableName"])
        self.waker = SqsWaker(
            clients.get("sqs"), deliveries=outputs["DeliveriesQueueUrl"], scan_events=None
        )

    def reconciliation(self) -> Reconciliation:
        """Return what compares with what this stage has evaluated, from the beginning each time."""
        return App(self._settings, clients=self.clients).reconciliation(places=False)


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
