"""Reads the stacks of a stage, and data without a stack."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from acceptance.account import ClientOf, Poll, unless_missing
from acceptance.outcome import StepError
from acceptance.settings import SERVICE


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack with its status and outputs."""

    status: str
    outputs: Mapping[str, str]


def find_stack(client_of: ClientOf, stage: str) -> Stack | None:
    """Return the stack of a stage; None if there is none."""
    cloudformation, name = client_of("cloudformation"), f"{SERVICE}-{stage}"
    answer = unless_missing(lambda: cloudformation.describe_stacks(StackName=name))
    if answer is None or answer["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE":
        return None
    stack = answer["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    return Stack(stack["StackStatus"], outputs)


def deployed_stack(client_of: ClientOf, stage: str) -> Stack:
    """Return the deployed stack of a stage. Raises `StepError` if there is none."""
    stack = find_stack(client_of, stage)
    if stack is None:
        raise StepError(f"there is no stack {SERVICE}-{stage}")
    return stack


def wait_until_at_rest(client_of: ClientOf, stage: str, poll: Poll, seconds: float) -> None:
    """Wait for the end of all changes of a stack."""

    def at_rest() -> bool | None:
        stack = find_stack(client_of, stage)
        return None if stack is not None and stack.status.endswith("_IN_PROGRESS") else True

    poll.until(at_rest, seconds)


def kept_data(client_of: ClientOf, stage: str) -> tuple[str, ...]:
    """Return the tables and report buckets of a stage, with or without a stack."""
    return tuple(
        sorted([*_tables(client_of("dynamodb"), stage), *_buckets(client_of("s3"), stage)])
    )


def _tables(dynamodb: Any, stage: str) -> Iterator[str]:
    for page in dynamodb.get_paginator("list_tables").paginate():
        yield from (
            f"table {name}"
            for name in page["TableNames"]
            if name.startswith(f"{SERVICE}-{stage}-Table-")
        )


def _buckets(s3: Any, stage: str) -> Iterator[str]:
    # CloudFormation writes bucket names in lower case.
    prefix = f"{SERVICE}-{stage}-reportsbucket-".lower()
    for bucket in s3.list_buckets()["Buckets"]:
        if bucket["Name"].startswith(prefix):
            yield f"bucket {bucket['Name']}"
