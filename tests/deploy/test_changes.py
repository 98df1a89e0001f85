"""Changes of a stack: what is asked of CloudFormation, and what is never carried out."""

from typing import Any

import pytest

from deploy.account import DeployError
from deploy.changes import change_stack, wait
from deploy.stack import Stack
from tests.deploy.aws import FakeAws, refusal

STACK = Stack("ecr-scan-alerts-prod", "arn", "UPDATE_COMPLETE", {}, {}, {})
VALUES = {"Stage": "prod", "CodeKey": "stages/prod/1/ecr-scan-alerts.zip"}
READY = {"Status": "CREATE_COMPLETE"}


def an_aws(*answers: Any, status: str = "UPDATE_COMPLETE") -> FakeAws:
    """Return a CloudFormation that answers about the change set in this order."""
    described = {"StackName": "ecr-scan-alerts-prod", "StackStatus": status}
    return FakeAws(
        {
            "cloudformation.create_change_set": {"Id": "change", "StackId": "arn"},
            "cloudformation.describe_change_set": list(answers),
            "cloudformation.execute_change_set": {},
            "cloudformation.delete_change_set": {},
            "cloudformation.delete_stack": {},
            "cloudformation.describe_stacks": {"Stacks": [described]},
        }
    )


def changed(aws: FakeAws, stack: Stack | None) -> list[str]:
    """Change the stack and return what is printed."""
    lines: list[str] = []
    change_stack(
        aws,
        "ecr-scan-alerts-prod",
        stack,
        template_url="https://template",
        values=VALUES,
        say=lines.append,
        poll=0,
    )
    return lines


@pytest.mark.parametrize(("stack", "kind"), [(None, "CREATE"), (STACK, "UPDATE")])
def test_a_change_set_is_made_and_carried_out(stack: Stack | None, kind: str) -> None:
    """Of the template, with all values, and the tags by which data is found again."""
    aws = an_aws({"Status": "CREATE_IN_PROGRESS"}, READY)

    lines = changed(aws, stack)

    (request,) = aws.made("cloudformation.create_change_set")
    assert request.pop("ChangeSetName").startswith("make-")
    assert request == {
        "StackName": "ecr-scan-alerts-prod",
        "ChangeSetType": kind,
        "TemplateURL": "https://template",
        "Parameters": [
            {"ParameterKey": "Stage", "ParameterValue": "prod"},
            {"ParameterKey": "CodeKey", "ParameterValue": VALUES["CodeKey"]},
        ],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Tags": [
            {"Key": "app", "Value": "ecr-scan-alerts"},
            {"Key": "stage", "Value": "prod"},
        ],
    }
    assert aws.made("cloudformation.execute_change_set") == [{"ChangeSetName": "change"}]
    assert lines == ["ecr-scan-alerts-prod: update complete"]


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information to create",
        "No updates are to be performed.",
    ],
)
def test_an_unchanged_stack_is_no_failure(reason: str) -> None:
    """CloudFormation fails the change set; it is deleted."""
    aws = an_aws({"Status": "FAILED", "StatusReason": reason})

    assert changed(aws, STACK) == ["ecr-scan-alerts-prod is up to date"]
    assert aws.made("cloudformation.delete_change_set") == [{"ChangeSetName": "change"}]
    assert aws.made("cloudformation.execute_change_set") == []


@pytest.mark.parametrize("stack", [None, STACK])
def test_a_refused_change_set_is_deleted(stack: Stack | None) -> None:
    """With the empty stack that it made, which would be in the way of the next attempt."""
    aws = an_aws({"Status": "FAILED", "StatusReason": "no such type"})

    with pytest.raises(DeployError, match="ecr-scan-alerts-prod cannot be changed: no such type"):
        changed(aws, stack)

    assert aws.made("cloudformation.delete_change_set") == [{"ChangeSetName": "change"}]
    assert aws.made("cloudformation.delete_stack") == ([] if stack else [{"StackName": "arn"}])


@pytest.mark.parametrize(
    "cause", [refusal("Throttling"), KeyboardInterrupt()], ids=["error", "ctrl-c"]
)
@pytest.mark.parametrize("stack", [None, STACK], ids=["first", "update"])
def test_an_interrupted_change_leaves_nothing_in_the_way(
    cause: BaseException, stack: Stack | None
) -> None:
    """An error of AWS or Ctrl-C, while the change set is awaited."""

    def interrupted(**_: Any) -> Any:
        raise cause

    aws = an_aws(interrupted)

    with pytest.raises((DeployError, KeyboardInterrupt)):
        changed(aws, stack)

    assert aws.made("cloudformation.delete_change_set") == [{"ChangeSetName": "change"}]
    assert aws.made("cloudformation.delete_stack") == ([] if stack else [{"StackName": "arn"}])


def test_a_failed_cleanup_does_not_hide_the_cause() -> None:
    """Both deletions are tried."""
    aws = an_aws({"Status": "FAILED", "StatusReason": "no such type"})
    aws.answers["cloudformation.delete_change_set"] = refusal("AccessDenied")

    with pytest.raises(DeployError, match="no such type"):
        changed(aws, None)

    assert aws.made("cloudformation.delete_stack") == [{"StackName": "arn"}]


@pytest.mark.parametrize("name", ["Table", "ReportsBucket"])
@pytest.mark.parametrize(
    "change", [{"Action": "Remove"}, {"Action": "Modify", "Replacement": "True"}]
)
def test_an_update_that_would_lose_data_is_not_carried_out(
    name: str, change: dict[str, str]
) -> None:
    """Whatever template it is: CloudFormation says before what it would replace."""
    loss = {"ResourceChange": {"LogicalResourceId": name, **change}}
    aws = an_aws({**READY, "Changes": [loss]})

    with pytest.raises(DeployError, match=f"Nothing was changed: .* would replace {name}"):
        changed(aws, STACK)

    assert aws.made("cloudformation.execute_change_set") == []
    assert aws.made("cloudformation.delete_change_set") == [{"ChangeSetName": "change"}]


def test_other_changes_are_carried_out() -> None:
    """A new property of the table, and a queue that goes."""
    changes = [
        {"LogicalResourceId": "Table", "Action": "Modify", "Replacement": "False"},
        {"LogicalResourceId": "OldQueue", "Action": "Remove"},
    ]
    aws = an_aws({**READY, "Changes": [{"ResourceChange": change} for change in changes]})

    changed(aws, STACK)

    assert aws.made("cloudformation.execute_change_set")


def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes by the clock."""
    times = iter((0.0, 599.0, 601.0))
    monkeypatch.setattr("deploy.changes.time.monotonic", lambda: next(times))

    with pytest.raises(DeployError, match="the change set is not ready after 600 s"):
        wait(lambda: False, "the change set", 0)
