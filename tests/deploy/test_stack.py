"""The stack of a stage, as CloudFormation describes it, and waiting for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.account import DeployError
from deploy.stack import (
    Stack,
    failures,
    find_stack,
    update_obstacle,
    wait_for_queue_names,
    wait_until_done,
)
from tests.deploy.aws import FakeAws, refusal

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NAME = "ecr-scan-alerts-prod"


def a_stack(status: str = "UPDATE_COMPLETE", **values: Any) -> Stack:
    return Stack(
        **{
            "name": NAME,
            "id": "arn",
            "status": status,
            "outputs": {},
            "resources": {},
            "template": {},
        }
        | values
    )


def a_resource(name: str, status: str = "CREATE_COMPLETE") -> dict[str, str]:
    return {"LogicalResourceId": name, "PhysicalResourceId": f"id-{name}", "ResourceStatus": status}


def test_a_stack_is_read_with_its_resources_and_its_template() -> None:
    """What failed to be created or was deleted does not exist."""
    aws = FakeAws(
        {
            "cloudformation.describe_stacks": {
                "Stacks": [
                    {
                        "StackId": "arn",
                        "StackStatus": "UPDATE_COMPLETE",
                        "Outputs": [{"OutputKey": "TableName", "OutputValue": "t"}],
                    }
                ]
            },
            "cloudformation.list_stack_resources": {
                "StackResourceSummaries": [
                    a_resource("Table"),
                    a_resource("ReportsBucket", "UPDATE_COMPLETE"),
                    a_resource("Old", "DELETE_COMPLETE"),
                    a_resource("Broken", "CREATE_FAILED"),
                ]
            },
            "cloudformation.get_template": {
                "TemplateBody": '{"Metadata": {"EcrScanAlerts": {"config": "abc"}}}'
            },
        }
    )

    stack = find_stack(aws, NAME)

    assert stack is not None
    assert dict(stack.resources) == {"Table": "id-Table", "ReportsBucket": "id-ReportsBucket"}
    assert stack.has_data
    assert stack.outputs == {"TableName": "t"}
    assert stack.deployed == {"config": "abc"}


def test_no_stack_is_no_error_and_a_refusal_is_one() -> None:
    """The first deployment has no stack; without permission nobody knows."""
    missing = refusal("ValidationError", f"Stack with id {NAME} does not exist")
    denied = refusal("AccessDenied", "not authorized", "DescribeStacks")

    assert find_stack(FakeAws({"cloudformation.describe_stacks": missing}), NAME) is None
    with pytest.raises(DeployError, match=f"denies DescribeStacks while reading the stack {NAME}"):
        find_stack(FakeAws({"cloudformation.describe_stacks": denied}), NAME)


def test_a_stack_under_review_has_no_template() -> None:
    """A change set made it, and nobody carried that out."""
    described = {"StackId": "arn", "StackStatus": "REVIEW_IN_PROGRESS"}
    aws = FakeAws(
        {
            "cloudformation.describe_stacks": {"Stacks": [described]},
            "cloudformation.list_stack_resources": {"StackResourceSummaries": []},
        }
    )

    stack = find_stack(aws, NAME)

    assert stack is not None
    assert (stack.template, stack.deployed, stack.has_data) == ({}, {}, False)


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("UPDATE_IN_PROGRESS", "another deployment is running"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "another deployment is running"),
        ("ROLLBACK_COMPLETE", "can only be deleted: make remove STAGE=prod"),
        ("DELETE_FAILED", "make remove STAGE=prod"),
        ("REVIEW_IN_PROGRESS", "Delete it: make remove STAGE=prod"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name ecr-scan-alerts-prod"),
    ],
)
def test_a_stack_that_cannot_be_updated_says_what_helps(status: str, advice: str) -> None:
    """Before a question is asked and a package is built."""
    assert advice in (update_obstacle(a_stack(status)) or "")


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"]
)
def test_other_stacks_can_be_updated(status: str) -> None:
    """A change that was undone can be tried again."""
    assert update_obstacle(a_stack(status)) is None


def waited(summary: dict[str, Any], events: Any = None) -> tuple[list[float], list[str]]:
    """Return for how long queue names are waited for, and what is said."""
    aws = FakeAws(
        {
            "cloudformation.list_stacks": {
                "StackSummaries": [
                    {"StackName": "other", **summary},
                    {"StackName": NAME, **summary},
                ]
            },
            "cloudformation.describe_stack_events": events,
        }
    )
    sleeps: list[float] = []
    lines: list[str] = []
    wait_for_queue_names(aws, NAME, say=lines.append, now=lambda: NOW, sleep=sleeps.append)
    return sleeps, lines


def test_names_of_deleted_queues_are_waited_for() -> None:
    """SQS refuses a name for a minute: `make remove` and `make deploy` in a row fail without it."""
    sleeps, lines = waited(
        {"StackStatus": "DELETE_COMPLETE", "DeletionTime": NOW - timedelta(seconds=20)}
    )

    assert sleeps == [45]
    assert lines == ["Waiting 45 s: SQS gives the name of a deleted queue away after a minute"]


def test_queues_of_an_undone_creation_are_waited_for() -> None:
    """The second attempt comes soon after the first one failed."""
    events = {"StackEvents": [{"Timestamp": NOW - timedelta(seconds=5)}]}

    sleeps, _ = waited({"StackStatus": "UPDATE_ROLLBACK_COMPLETE", "StackId": "arn"}, events)

    assert sleeps == [60]


def test_nothing_is_waited_for_later_and_never_for_long() -> None:
    """A clock that is wrong must not stop anybody for hours."""
    old = {"StackStatus": "DELETE_COMPLETE", "DeletionTime": NOW - timedelta(minutes=5)}
    ahead = {"StackStatus": "DELETE_COMPLETE", "DeletionTime": NOW + timedelta(hours=5)}

    assert waited(old) == ([], [])
    assert waited(ahead)[0] == [65]


def test_without_the_permission_to_look_nothing_is_waited_for() -> None:
    """It is a courtesy; the deployment goes on and says what can happen."""
    aws = FakeAws({"cloudformation.list_stacks": refusal("AccessDenied", "no", "ListStacks")})
    lines: list[str] = []

    wait_for_queue_names(aws, NAME, say=lines.append, sleep=lambda _: None)

    assert "AWS denies ListStacks" in lines[0]
    assert "SQS refuses the names of the queues" in lines[0]


def a_status(status: str) -> dict[str, Any]:
    return {"Stacks": [{"StackName": NAME, "StackStatus": status}]}


def test_a_change_is_waited_for_and_each_state_is_said_once() -> None:
    """Somebody looks at the terminal for minutes."""
    states = [*["DELETE_IN_PROGRESS"] * 4, "DELETE_COMPLETE"]
    aws = FakeAws(
        {
            "cloudformation.describe_stacks": list(map(a_status, states)),
            "cloudformation.list_stack_resources": [
                refusal("AccessDenied"),
                resources(done=0),
                resources(done=2),
                resources(done=2),
            ],
        }
    )
    lines: list[str] = []

    assert wait_until_done(aws, "arn", say=lines.append, poll=0) == "DELETE_COMPLETE"
    assert lines == [
        f"{NAME}: delete in progress",
        f"{NAME}: delete in progress, 2 resources done",
        f"{NAME}: delete complete",
    ]


def resources(*, done: int) -> dict[str, Any]:
    """Return the resources of a stack: some that this change is done with, and others."""
    now = datetime.now(UTC)
    states = [("DELETE_COMPLETE", now)] * done
    states += [("DELETE_IN_PROGRESS", now), ("CREATE_COMPLETE", now - timedelta(days=1))]
    return {
        "StackResourceSummaries": [
            {"ResourceStatus": state, "LastUpdatedTimestamp": at} for state, at in states
        ]
    }


def test_a_change_that_is_undone_says_why() -> None:
    """The first failure is the cause of the others; one of an earlier change is not."""
    now = datetime.now(UTC)
    events = (
        (now, "Sweep", "CREATE_FAILED", "Resource creation cancelled"),
        (now, "Table", "IMPORT_FAILED", "Table: t does not exist"),
        (now - timedelta(days=1), "Deliver", "UPDATE_FAILED", "of yesterday"),
    )
    aws = FakeAws(
        {
            "cloudformation.describe_stacks": a_status("IMPORT_ROLLBACK_COMPLETE"),
            "cloudformation.describe_stack_events": {
                "StackEvents": [
                    {
                        "Timestamp": at,
                        "LogicalResourceId": name,
                        "ResourceStatus": status,
                        "ResourceStatusReason": reason,
                    }
                    for at, name, status, reason in events
                ]
            },
        }
    )

    with pytest.raises(
        DeployError, match=r"IMPORT_ROLLBACK_COMPLETE: Table: Table: t does not exist$"
    ):
        wait_until_done(aws, "arn", say=lambda _: None, poll=0)
    assert failures(aws, "arn").startswith("Table: Table: t does not exist; Deliver: of")


def test_what_is_found_before_anything_is_changed_is_said() -> None:
    """The event of the stack only says how many mistakes there are."""
    refused = {
        "Timestamp": NOW,
        "LogicalResourceId": NAME,
        "ResourceStatus": "UPDATE_FAILED",
        "ResourceStatusReason": "Validation failed with 1 error(s). Call DescribeEvents to see",
    }
    found = {
        "Timestamp": NOW,
        "LogicalResourceId": "Logs",
        "ValidationStatusReason": "the group already exists",
    }
    aws = FakeAws(
        {
            "cloudformation.describe_stack_events": {"StackEvents": [refused]},
            "cloudformation.describe_events": {"OperationEvents": [{}, found]},
        }
    )

    assert failures(aws, "arn") == "Logs: the group already exists"


def test_a_failure_without_a_reason_is_said_as_such() -> None:
    """Nobody looks for a text that is not there."""
    aws = FakeAws(
        {
            "cloudformation.describe_stack_events": {"StackEvents": []},
            "cloudformation.describe_events": {"OperationEvents": []},
        }
    )

    assert failures(aws, "arn") == ""


def test_a_failure_of_an_earlier_deployment_is_not_the_reason_of_this_one() -> None:
    """CloudFormation keeps events for months."""
    event = {
        "LogicalResourceId": "Deliver",
        "ResourceStatus": "UPDATE_FAILED",
        "ResourceStatusReason": "no such role",
        "Timestamp": NOW,
    }
    aws = FakeAws(
        {
            "cloudformation.describe_stack_events": {"StackEvents": [event]},
            "cloudformation.describe_events": {"OperationEvents": []},
        }
    )

    assert failures(aws, "arn", since=NOW) == "Deliver: no such role"
    assert failures(aws, "arn", since=NOW + timedelta(seconds=1)) == ""
