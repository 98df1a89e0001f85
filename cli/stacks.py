"""The CloudFormation stack of a stage: its outputs, or why it cannot be used."""

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from cli.parser import DEMO_HINT, DEMO_STAGE, suggestion
from cli.terminal import remark
from lib.bootstrap.clients import Clients
from lib.errors import DocumentError

SERVICE: Final = "ecr-scan-alerts"
_PREFIX: Final = f"{SERVICE}-"


class Outputs(dict[str, str]):
    """The outputs of a stack by name. A missing one raises `DocumentError`."""

    def __init__(self, stage: str, outputs: Mapping[str, str]) -> None:
        super().__init__(outputs)
        self._stage = stage

    def __missing__(self, name: str) -> str:
        """Raise an error: the stack has another version, or was not deployed completely."""
        raise DocumentError(
            f"The stack of stage {self._stage} has no output {name}: its deployment failed, or it "
            f"is of another version. Deploy it again: make deploy STAGE={self._stage}"
        )


def stack_of(stage: str) -> str:
    """Return the name of a stage's stack."""
    return f"{_PREFIX}{stage}"


def outputs_of(stage: str, clients: Clients) -> Outputs:
    """
    Return the outputs of a stage's stack.

    Raises `DocumentError` when there is no such stage, with those there are, or when its stack is
    in no state to be used.
    """
    client = clients.get("cloudformation")
    try:
        (stack,) = client.describe_stacks(StackName=stack_of(stage))["Stacks"]
    except ClientError as error:
        stated = error.response.get("Error", {})
        if str(stated.get("Code", "")).startswith("AccessDenied"):
            remark(f"a policy may be limited to the stacks of other stages: is {stage} the name?")
        if "does not exist" not in stated.get("Message", ""):
            raise
        raise DocumentError(_no_such_stage(stage, _stages(client), client)) from None
    problem = unusable(stage, stack.get("StackStatus", ""))
    if problem is not None:
        raise DocumentError(problem)
    if str(stack.get("StackStatus", "")).endswith(("_IN_PROGRESS", "_ROLLBACK_FAILED")):
        remark(f"the stack of stage {stage} is {stack['StackStatus']}")
    outputs = stack.get("Outputs", ())
    return Outputs(stage, {output["OutputKey"]: output["OutputValue"] for output in outputs})


def unusable(stage: str, status: str) -> str | None:
    """
    Return why a stack in this state cannot be used, and what to do; None where it can.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
    """
    match status:
        case "CREATE_IN_PROGRESS" | "REVIEW_IN_PROGRESS" | "IMPORT_IN_PROGRESS":
            advice = "wait until it is deployed; if nobody is deploying it, remove and deploy it"
        case "CREATE_FAILED" | "IMPORT_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_FAILED":
            advice = f"its first deployment failed; deploy it again: make deploy STAGE={stage}"
        case "ROLLBACK_COMPLETE" | "ROLLBACK_IN_PROGRESS" | "ROLLBACK_FAILED":
            advice = (
                "its first deployment failed and was rolled back; the stack's events say why. Then "
                f"make remove STAGE={stage}, and deploy it again"
            )
        case "DELETE_IN_PROGRESS" | "DELETE_COMPLETE":
            advice = "it is being removed"
        case "DELETE_FAILED":
            advice = f"its removal failed; the stack's events say why: make remove STAGE={stage}"
        case _:
            return None
    return f"Stage {stage} cannot be used, its stack is {status}: {advice}"


def _no_such_stage(stage: str, stages: list[str] | None, client: Any) -> str:
    text = f"There is no stage {stage} in {client.meta.region_name} of this account"
    if stage == DEMO_STAGE:
        return f"{text}: {DEMO_HINT}"
    if stages is None:
        return f"{text}: check --stage, --region and --profile"
    if not stages:
        return f"{text}, nor any other: check --region and --profile, or deploy it (make deploy)"
    return f"{text}{suggestion(stage, stages)}; there are: {', '.join(stages)}"


def _stages(client: Any) -> list[str] | None:
    """Return the names of the deployed stages; None when they may not be listed."""
    try:
        pages = list(client.get_paginator("describe_stacks").paginate())
    except (ClientError, BotoCoreError):
        return None
    names = (stack["StackName"] for page in pages for stack in page["Stacks"])
    return sorted(name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX))
