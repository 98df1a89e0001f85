"""
Deploys the output of `make package` to the embedded AWS, in two steps as osls does.

First the deployment bucket, which is a part of the template. Then the package in that bucket, and
the complete, unchanged template: it is the same on a laptop and on AWS.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from local.aws.process import EmbeddedAws

PACKAGE: Final = "ecr-scan-alerts.zip"
TEMPLATE: Final = "cloudformation-template-update-stack.json"
BUCKET: Final = "ServerlessDeploymentBucket"
"""osls's logical id of the deployment bucket. The id of its policy begins with it."""
STACK_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.05


class DeployError(Exception):
    """A stack could not be created or updated. The text names the failed resources and reasons."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack and its outputs."""

    name: str
    outputs: Mapping[str, str]


def deploy(aws: EmbeddedAws, folder: Path, name: str) -> Stack:
    """
    Create or update the stack from a folder of `make package`; return its outputs.

    Raises `DeployError`.
    """
    cloudformation, s3 = aws.client("cloudformation"), aws.client("s3")
    text = (folder / TEMPLATE).read_text("utf-8")
    template = json.loads(text)
    if not _exists(cloudformation, name):
        first = json.dumps(bucket_alone(template))
        _change(cloudformation.create_stack, cloudformation, name, TemplateBody=first)
    bucket = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId=BUCKET)
    bucket = bucket["StackResourceDetail"]["PhysicalResourceId"]
    for key in artifact_keys(template):
        s3.upload_file(str(folder / PACKAGE), bucket, key)
    # CloudFormation accepts templates above 51,200 bytes only from a bucket.
    s3.put_object(Bucket=bucket, Key=TEMPLATE, Body=text.encode())
    url = f"https://s3.amazonaws.com/{bucket}/{TEMPLATE}"
    stack = _change(cloudformation.update_stack, cloudformation, name, TemplateURL=url)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    return Stack(name, outputs)


def bucket_alone(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a template with the deployment bucket, which osls deploys first."""
    resources = {
        name: resource
        for name, resource in template["Resources"].items()
        if name.startswith(BUCKET)
    }
    return {**template, "Resources": resources, "Conditions": {}, "Outputs": {}}


def artifact_keys(template: Mapping[str, Any]) -> set[str]:
    """Return the keys of the functions' code in the deployment bucket."""
    return {
        resource["Properties"]["Code"]["S3Key"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    }


def _exists(cloudformation: Any, name: str) -> bool:
    try:
        cloudformation.describe_stacks(StackName=name)
    except ClientError:
        return False
    return True


def _change(operation: Any, cloudformation: Any, name: str, **template: str) -> Any:
    """Start a change of a stack and wait for its end. Raises `DeployError`."""
    try:
        operation(StackName=name, Capabilities=["CAPABILITY_NAMED_IAM"], **template)
    except ClientError as error:
        text = error.response["Error"]["Message"]
        # An unchanged stack is no failure.
        if "No updates are to be performed" not in text:
            raise DeployError(f"{name}: {text}") from error
    deadline = time.monotonic() + STACK_SECONDS
    while True:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        status = stack["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            break
        if time.monotonic() > deadline:
            raise DeployError(f"{name} is still {status} after {STACK_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
    if "ROLLBACK" in status or "FAILED" in status:
        raise DeployError(f"{name} is {status}: {_reasons(cloudformation, name)}")
    return stack


def _reasons(cloudformation: Any, name: str) -> str:
    events = cloudformation.describe_events(StackName=name)["OperationEvents"]
    failed = [
        f"{event['LogicalResourceId']} ({_reason(event)})"
        for event in events
        if event.get("ResourceStatus", event.get("ValidationStatus", "")).endswith("FAILED")
    ]
    return "; ".join(failed) or "no resource gave a reason"


def _reason(event: Mapping[str, Any]) -> str:
    return str(
        event.get("ValidationStatusReason") or event.get("ResourceStatusReason") or "no reason"
    )
