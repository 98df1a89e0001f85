"""The stack of a stage: whether it can be used, and which others there are."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.stacks import outputs_of, unusable
from lib.errors import DocumentError


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


class CloudFormation:
    """Knows some stacks by name."""

    meta = SimpleNamespace(region_name="eu-central-1")

    def __init__(self, *names: str, status: str = "UPDATE_COMPLETE", listed: bool = True) -> None:
        self.names = names
        self.status = status
        self.listed = listed

    def get(self, service: str) -> "CloudFormation":
        assert service == "cloudformation"
        return self

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: N803  # boto3's name
        if StackName not in self.names:
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        outputs = [{"OutputKey": "TableName", "OutputValue": "table"}]
        return {"Stacks": [{"StackStatus": self.status, "Outputs": outputs}]}

    def get_paginator(self, operation: str) -> "CloudFormation":
        assert operation == "describe_stacks"
        return self

    def paginate(self) -> Iterator[Any]:
        if not self.listed:
            raise refusal("AccessDenied", "not this")
        yield {"Stacks": [{"StackName": name} for name in self.names]}


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (
            CloudFormation("ecr-scan-alerts-staging", "ecr-scan-alerts-dev", "other"),
            "in eu-central-1 of this account; did you mean staging?; there are: dev, staging",
        ),
        (CloudFormation("other"), "nor any other: check --region and --profile, or deploy it"),
        (CloudFormation(listed=False), "check --stage, --region and --profile"),
    ],
)
def test_a_missing_stage_is_answered_with_those_there_are(there: CloudFormation, said: str) -> None:
    """As far as they may be listed."""
    with pytest.raises(DocumentError) as refused:
        outputs_of("stagin", there)  # type: ignore[arg-type]  # as much of it as is used

    assert said in str(refused.value)


def test_the_stage_of_the_demo_is_in_no_account() -> None:
    """It is deployed in the AWS that `make demo` runs."""
    with pytest.raises(DocumentError, match="for the demo, paste the `export` line that `make de"):
        outputs_of("local", CloudFormation("ecr-scan-alerts-dev"))  # type: ignore[arg-type]  # as much of it as is used


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("REVIEW_IN_PROGRESS", "wait"),
        ("CREATE_FAILED", "make deploy STAGE=prod"),
        ("ROLLBACK_IN_PROGRESS", "make remove STAGE=prod"),
        ("DELETE_COMPLETE", "being removed"),
        ("DELETE_FAILED", "its removal failed"),
    ],
)
def test_a_state_in_which_nothing_works_is_named(status: str, advice: str) -> None:
    """With what to do."""
    problem = unusable("prod", status)

    assert problem is not None
    assert status in problem
    assert advice in problem


@pytest.mark.parametrize(
    ("status", "remarked"),
    [
        ("CREATE_COMPLETE", False),
        ("UPDATE_COMPLETE", False),
        ("UPDATE_ROLLBACK_COMPLETE", False),
        ("UPDATE_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_FAILED", True),
    ],
)
def test_a_stack_that_works_is_used(
    status: str, capsys: pytest.CaptureFixture[str], *, remarked: bool
) -> None:
    """What goes on there is said; an output that is missing is an error when it is needed."""
    stack = CloudFormation("ecr-scan-alerts-prod", status=status)

    outputs = outputs_of("prod", stack)  # type: ignore[arg-type]  # as much of it as is used

    assert outputs["TableName"] == "table"
    assert (status in capsys.readouterr().err) is remarked
    with pytest.raises(DocumentError, match=r"no output Other: .* make deploy STAGE=prod"):
        outputs["Other"]


def test_another_refusal_is_not_a_missing_stage(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever may not look does not know; the name may be wrong all the same."""
    stack = CloudFormation("x")
    stack.describe_stacks = lambda **_: (_ for _ in ()).throw(refusal("AccessDenied", "no"))  # type: ignore[method-assign]

    with pytest.raises(ClientError):
        outputs_of("prod", stack)  # type: ignore[arg-type]  # as much of it as is used

    assert "is prod the name?" in capsys.readouterr().err
