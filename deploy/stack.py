"""
The CloudFormation stack of a stage: its state, and waiting for its changes.

Each wait has a limit and shows its reason.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from deploy.account import ClientOf, DeniedError, DeployError, aws_errors, is_missing
from lib.models import Json

SERVICE: Final = "ecr-scan-alerts"
METADATA: Final = "EcrScanAlerts"
"""The key of the program's version in the metadata of the template."""
DEPLOYMENT_BUCKET: Final = "ServerlessDeploymentBucket"
"""The bucket of the code in stacks whose template has no parameters."""
TABLE: Final = "Table"
REPORTS: Final = "ReportsBucket"
_QUEUE_SECONDS: Final = 60
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html"""
_CLOCKS: Final = 5
"""Tolerated difference between the clocks of AWS and of this machine, in seconds."""
_LONGEST: Final = 45 * 60.0
"""Seconds. Deleting log groups and roles takes a few minutes."""
_POLL: Final = 3.0

_MOST_REASONS: Final = 3
_VALIDATION: Final = "DescribeEvents"
"""CloudFormation names this call if it refused a template before any change."""

Say = Callable[[str], None]
_NEVER: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack, as CloudFormation describes it."""

    name: str
    id: str
    status: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    """Physical ids of existing resources, by their logical ids."""
    template: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The values of the template's parameters."""

    @property
    def has_data(self) -> bool:
        """Whether the table and the bucket of reports belong to this stack."""
        return TABLE in self.resources and REPORTS in self.resources

    @property
    def deployed(self) -> Mapping[str, Json]:
        """The version of the program; of a template without parameters their values, too."""
        metadata = self.template.get("Metadata", {}).get(METADATA, {})
        return metadata if isinstance(metadata, dict) else {}


def stack_name(stage: str) -> str:
    """Return the name of the stack of a stage."""
    return f"{SERVICE}-{stage}"


def find_stack(client_of: ClientOf, name: str) -> Stack | None:
    """Read a stack; None if it does not exist. Raises `DeployError`."""
    cloudformation = client_of("cloudformation")
    with aws_errors(f"reading the stack {name}"):
        try:
            (description,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        resources = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource.get("PhysicalResourceId") and _exists(resource["ResourceStatus"])
        }
        # A stack under review has no template yet.
        reviewed = description["StackStatus"] == "REVIEW_IN_PROGRESS"
        template = {} if reviewed else cloudformation.get_template(StackName=name)["TemplateBody"]
    outputs = {item["OutputKey"]: item["OutputValue"] for item in description.get("Outputs", ())}
    parameters = {
        item["ParameterKey"]: item["ParameterValue"] for item in description.get("Parameters", ())
    }
    return Stack(
        name=name,
        id=description["StackId"],
        status=description["StackStatus"],
        outputs=MappingProxyType(outputs),
        resources=MappingProxyType(resources),
        template=json.loads(template) if isinstance(template, str) else template,
        parameters=MappingProxyType(parameters),
    )


def _exists(status: str) -> bool:
    return not status.startswith("DELETE_COMPLETE") and status not in (
        "CREATE_FAILED",
        "DELETE_SKIPPED",
    )


def update_obstacle(stack: Stack) -> str | None:
    """Return why CloudFormation would refuse to update a stack; None if it would not."""
    if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
        return f"{stack.name} is {stack.status}: another deployment is running. Wait for its end"
    if stack.status in ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED"):
        return f"{stack.name} is {stack.status} and can only be deleted: {_removal(stack)}"
    if stack.status == "REVIEW_IN_PROGRESS":
        return (
            f"{stack.name} is {stack.status}: a change set was made and not carried out. "
            f"Delete it: {_removal(stack)}"
        )
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        return (
            f"{stack.name} is {stack.status}. First: aws cloudformation continue-update-rollback "
            f"--stack-name {stack.name}"
        )
    return None


def _removal(stack: Stack) -> str:
    return f"make remove STAGE={stack.name.removeprefix(f'{SERVICE}-')}"


# --- waiting ------------------------------------------------------------------------------------


def wait_for_queue_names(
    client_of: ClientOf,
    name: str,
    *,
    say: Say,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """
    Wait until SQS releases the names of deleted queues, a minute after the deletion.

    Queues are deleted with their stack, and when the creation of a stack is rolled back.
    """
    try:
        with aws_errors("looking for queues that were deleted just now"):
            deleted = _last_deletion(client_of("cloudformation"), name)
    except DeniedError as error:
        say(f"{error} Within a minute of a removal SQS refuses the names of the queues.")
        return
    seconds = _QUEUE_SECONDS + _CLOCKS - (now() - deleted).total_seconds()
    if seconds > 0:
        seconds = min(seconds, _QUEUE_SECONDS + _CLOCKS)
        say(f"Waiting {seconds:.0f} s: SQS gives the name of a deleted queue away after a minute")
        sleep(seconds)


def _last_deletion(cloudformation: Any, name: str) -> datetime:
    deletions = [_NEVER]
    pages = cloudformation.get_paginator("list_stacks").paginate(
        StackStatusFilter=["DELETE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]
    )
    for summary in (summary for page in pages for summary in page["StackSummaries"]):
        if summary["StackName"] != name:
            continue
        if summary["StackStatus"] == "DELETE_COMPLETE":
            deletions.append(summary.get("DeletionTime", _NEVER))
        else:
            # The newest event comes first.
            events = cloudformation.describe_stack_events(StackName=summary["StackId"])
            deletions.append(events["StackEvents"][0]["Timestamp"])
    return max(deletions)


def wait_until_done(client_of: ClientOf, stack: str, *, say: Say, poll: float = _POLL) -> str:
    """
    Wait for the end of a stack's change, show its progress, and return the last status.

    `stack` is a stack id, because deleted stacks have no other name. Raises `DeployError` with the
    reasons of failed resources.
    """
    cloudformation = client_of("cloudformation")
    begin = datetime.now(UTC) - timedelta(seconds=_CLOCKS)
    deadline = time.monotonic() + _LONGEST
    last = ""
    while True:
        with aws_errors("waiting for CloudFormation"):
            (description,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        status: str = description["StackStatus"]
        running = status.endswith("IN_PROGRESS")
        done = _progress(cloudformation, stack, begin) if running else ""
        line = f"{description['StackName']}: {status.replace('_', ' ').lower()}{done}"
        if line != last:
            say(line)
            last = line
        if not running:
            break
        if time.monotonic() > deadline:
            raise DeployError(f"{description['StackName']} is still {status}; look at its events")
        time.sleep(poll)
    if "ROLLBACK" in status or "FAILED" in status:
        reasons = failures(client_of, stack, since=begin) or "CloudFormation gives no reason"
        raise DeployError(f"{description['StackName']} is {status}: {reasons}")
    return status


def _progress(cloudformation: Any, stack: str, since: datetime) -> str:
    """Return the number of finished resources; empty if the stack cannot be read."""
    try:
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        done = sum(
            not resource["ResourceStatus"].endswith("IN_PROGRESS")
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["LastUpdatedTimestamp"] >= since
        )
    except (BotoCoreError, ClientError):
        # Only a line of progress.
        return ""
    return f", {done} resources done" if done else ""


def failures(client_of: ClientOf, stack: str, *, since: datetime = _NEVER) -> str:
    """Return the resources that failed since a time, with reasons; empty if there are none."""
    cloudformation = client_of("cloudformation")
    with aws_errors("reading the events of the stack"):
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
            for event in events
            if event["ResourceStatus"].endswith("_FAILED")
            and event["Timestamp"] >= since
            and "cancelled" not in event.get("ResourceStatusReason", "")
        ]
        # The newest event comes first. The oldest failure is the cause of the others.
        reasons = reasons[-_MOST_REASONS:]
        if not reasons or any(_VALIDATION in reason for reason in reasons):
            reasons = _validation_failures(cloudformation, stack, since) or reasons
    return "; ".join(reasons)


def _validation_failures(cloudformation: Any, stack: str, since: datetime) -> list[str]:
    """
    Return the failures that CloudFormation reports before it changes anything.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
    """
    events = cloudformation.describe_events(StackName=stack)["OperationEvents"]
    return [
        f"{event.get('LogicalResourceId', 'the template')}: {event['ValidationStatusReason']}"
        for event in events
        if event.get("ValidationStatusReason") and event["Timestamp"] >= since
    ][:_MOST_REASONS]
