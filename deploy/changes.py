"""
Changes of a stack: a change set is made, looked at, carried out, and waited for.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from deploy.account import ClientOf, DeployError, aws_errors
from deploy.stack import REPORTS, SERVICE, TABLE, Say, Stack, wait_until_done

_UNCHANGED: Final = ("didn't contain changes", "No updates are to be performed")
"""How the reason of a change set reads that changes nothing."""
_OPERATION_SECONDS: Final = 10 * 60.0
_POLL: Final = 2.0


class UnchangedError(DeployError):
    """The change set changes nothing."""


def change_stack(
    client_of: ClientOf,
    name: str,
    stack: Stack | None,
    *,
    template_url: str,
    values: Mapping[str, str],
    say: Say,
    poll: float = _POLL,
) -> None:
    """
    Create the stack, or update it, and wait for its end. An unchanged stack is no failure.

    Raises `DeployError` with the reasons of CloudFormation, and for an update that would replace or
    delete the table or the bucket of reports: nothing is changed then.
    """
    stage = values["Stage"]
    request = {
        "StackName": name,
        "ChangeSetType": "CREATE" if stack is None else "UPDATE",
        "TemplateURL": template_url,
        "Parameters": parameter_list(values),
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Tags": [{"Key": "app", "Value": SERVICE}, {"Key": "stage", "Value": stage}],
    }
    try:
        execute(client_of, request, stack, problem=f"{name} cannot be changed", poll=poll, say=say)
    except UnchangedError:
        say(f"{name} is up to date")


def execute(
    client_of: ClientOf,
    request: Mapping[str, Any],
    stack: Stack | None,
    *,
    problem: str,
    say: Say,
    poll: float = _POLL,
) -> None:
    """
    Make a change set, carry it out, and wait for the end of the change.

    A change set that is not carried out is deleted, and so is the empty stack that it made.
    `problem` begins the text of the `DeployError` for one that cannot be made.
    """
    cloudformation = client_of("cloudformation")
    with aws_errors(f"changing the stack {request['StackName']}"):
        change = cloudformation.create_change_set(**request, ChangeSetName=f"make-{time.time_ns()}")
        try:
            _wait_for_change_set(cloudformation, change["Id"], problem, poll)
            _refuse_losses(_changes(cloudformation, change["Id"]))
        except BaseException:
            # Errors of AWS and Ctrl-C, too: nothing is carried out yet.
            _discard(cloudformation, change, stack)
            raise
        cloudformation.execute_change_set(ChangeSetName=change["Id"])
    wait_until_done(client_of, change["StackId"], say=say, poll=poll)


def _discard(cloudformation: Any, change: Mapping[str, str], stack: Stack | None) -> None:
    """Delete a change set, and its stack if it made one. The cause is the error to show."""
    with suppress(BotoCoreError, ClientError):
        cloudformation.delete_change_set(ChangeSetName=change["Id"])
    if stack is None:
        # The next attempt could not use an empty stack under review.
        with suppress(BotoCoreError, ClientError):
            cloudformation.delete_stack(StackName=change["StackId"])


def parameter_list(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the values of parameters as CloudFormation takes them."""
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def _wait_for_change_set(cloudformation: Any, change_set: str, problem: str, poll: float) -> None:
    def ready() -> bool:
        description = cloudformation.describe_change_set(ChangeSetName=change_set)
        if description["Status"] == "FAILED":
            reason = description.get("StatusReason", "CloudFormation gives no reason")
            unchanged = any(words in reason for words in _UNCHANGED)
            raise (UnchangedError if unchanged else DeployError)(f"{problem}: {reason}")
        return bool(description["Status"] == "CREATE_COMPLETE")

    wait(ready, "the change set", poll)


def _changes(cloudformation: Any, change_set: str) -> Iterator[Mapping[str, str]]:
    for page in cloudformation.get_paginator("describe_change_set").paginate(
        ChangeSetName=change_set
    ):
        yield from (change["ResourceChange"] for change in page.get("Changes", ()))


def _refuse_losses(changes: Iterable[Mapping[str, str]]) -> None:
    """Raise `DeployError` if a change would take the data of the stage away."""
    lost = [
        change["LogicalResourceId"]
        for change in changes
        if change["LogicalResourceId"] in (TABLE, REPORTS)
        and (change["Action"] == "Remove" or change.get("Replacement") == "True")
    ]
    if lost:
        raise DeployError(
            f"Nothing was changed: CloudFormation would replace {' and '.join(lost)}, "
            "and the data of the stage would be lost to it"
        )


def wait(done: Callable[[], bool], name: str, poll: float = _POLL) -> None:
    """Wait until something is done. Raises `DeployError` after ten minutes."""
    deadline = time.monotonic() + _OPERATION_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise DeployError(f"{name} is not ready after {_OPERATION_SECONDS:.0f} s")
        time.sleep(poll)
