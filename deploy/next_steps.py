"""Manual steps after a deployment: at most three, each with its command."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from deploy.account import ClientOf, DeployError, aws_errors, is_missing
from deploy.inputs import Inputs
from lib.config.secret_names import creation_command, stage_name
from lib.models import Json

Reference = tuple[str, str]
"""The kind of a secret ("secret", "parameter") and its full name."""


def next_steps(
    client_of: ClientOf, inputs: Inputs, document: Json, outputs: Mapping[str, str]
) -> Iterator[str]:
    """Yield the steps. Facts that AWS denies to read are put as questions."""
    yield from _confirm_mail(client_of, inputs, outputs)
    yield from _secrets(client_of, inputs, document)
    yield f"Check the stage: ./ecr-scan-alerts doctor --stage {inputs.stage}, then push an image"


def _confirm_mail(client_of: ClientOf, inputs: Inputs, outputs: Mapping[str, str]) -> Iterator[str]:
    email = inputs.parameters.get("alarmEmail")
    if not email:
        return
    try:
        with aws_errors("looking at the subscription to alarms"):
            pages = client_of("sns").get_paginator("list_subscriptions_by_topic")
            states = [
                subscription["SubscriptionArn"]
                for page in pages.paginate(TopicArn=outputs["AlarmTopicArn"])
                for subscription in page["Subscriptions"]
                if subscription["Endpoint"] == email
            ]
    except DeployError:
        yield f"Has {email} confirmed the subscription to alarms? AWS sent a mail with a link"
        return
    if not any(state.startswith("arn:") for state in states):
        yield f"Confirm the mail that AWS sent to {email}: no alarm arrives before that"


def _secrets(client_of: ClientOf, inputs: Inputs, document: Json) -> Iterator[str]:
    references = sorted(set(secret_references(document, inputs.stage)))
    missing, unknown = [], []
    for reference in references:
        try:
            if not _exists(client_of, reference):
                missing.append(reference)
        except DeployError:
            unknown.append(reference)
    if missing:
        commands = [f"     {creation_command(*reference, inputs.region)}" for reference in missing]
        yield "\n".join(("Store the secrets that are missing:", *commands))
    if unknown:
        names = ", ".join(name for _, name in unknown)
        yield f"Are these secrets stored? AWS does not let you look: {names}"


def secret_references(document: Json, stage: str) -> Iterator[Reference]:
    """Yield the secrets that a configuration refers to, by their names in the stage."""
    for entry in document["destinations"].values():
        for value in entry.values():
            match value:
                case {"secret": str() as name}:
                    yield "secret", stage_name("secret", name, stage)
                case {"parameter": str() as name}:
                    yield "parameter", stage_name("parameter", name, stage)


def _exists(client_of: ClientOf, reference: Reference) -> bool:
    """Whether a secret exists. Its value is not read."""
    kind, name = reference
    with aws_errors(f"looking for {name}"):
        if kind == "parameter":
            parameters: list[Any] = client_of("ssm").describe_parameters(
                ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}]
            )["Parameters"]
            return bool(parameters)
        try:
            secret = client_of("secretsmanager").describe_secret(SecretId=name)
        except ClientError as error:
            if is_missing(error):
                return False
            raise
    return "DeletedDate" not in secret
