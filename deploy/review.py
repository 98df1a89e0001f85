"""
The review before a deployment: account, region, role, and all changes.

Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cli.config_changes import Change, configuration_changes, describe, parameter_changes
from cli.publishing import PublishedConfig
from cli.stage_file import shown, with_defaults
from deploy.account import Account
from deploy.inputs import Inputs
from deploy.stack import DEPLOYMENT_BUCKET, Stack
from deploy.values import stage_settings
from lib.models import Json
from lib.models.program import VERSION

NOTE: Final = "make deploy"
"""The note of the revisions that deployments publish."""
_DELIVER: Final = "DeliverLambdaFunction"
_SUBSCRIPTION: Final = "AlarmSubscription"


@dataclass(frozen=True, slots=True)
class RunningConfiguration:
    """The configuration of the running stack, as far as it can be read."""

    published: PublishedConfig | None = None
    """What is published; None if it is unknown."""
    problem: str = ""
    """The reason why it is unknown."""
    version: str = ""
    """The version of the object that was read; empty where there is none."""

    @property
    def document(self) -> Json:
        """The published alerts.yml; None if it is unknown."""
        return None if self.published is None else self.published.publication.document


def review(
    account: Account,
    inputs: Inputs,
    document: Json,
    stack: Stack | None,
    deployed: RunningConfiguration,
) -> Iterator[str]:
    """Yield the lines of the review."""
    yield f"stage    {inputs.stage}"
    yield f"account  {account.number}"
    yield f"region   {account.region}"
    yield f"role     {account.arn}"
    yield f"config   {shown(inputs.config)}"
    yield f"version  {_version(stack)}"
    yield ""
    if stack is not None and stack.has_data:
        yield from _configuration(document, deployed)
        yield from _parameters(inputs, stack, account.region)
        yield from _old_bucket(stack)
    elif deployed.document is not None:
        yield "The stack is new; its data and its last configuration were kept."
        yield from _configuration(document, deployed)
    else:
        yield "This is the first deployment of this stage. It adds:"
        yield from map(str, describe(document))
        yield from _listed("Parameters other than the defaults:", _first_parameters(inputs))
    yield from _alarms(inputs)
    yield from _topics(document, account)


def _version(stack: Stack | None) -> str:
    running = stack.deployed.get("version", VERSION) if stack is not None else VERSION
    return VERSION if running == VERSION else f"{running} -> {VERSION}"


def _configuration(document: Json, deployed: RunningConfiguration) -> Iterator[str]:
    if deployed.published is None:
        yield f"What changes in the configuration is unknown: {deployed.problem}"
        return
    yield from _pushed(deployed.published)
    changes = configuration_changes(deployed.document, document)
    yield from _listed("Configuration:", changes, none="Configuration: no changes")


def _pushed(published: PublishedConfig) -> Iterator[str]:
    """Yield the author of the configuration in force, unless it is a deployment's."""
    revisions = published.publication.revisions
    if not revisions:
        yield "Another tool wrote the configuration in force."
    elif revisions[0].note != NOTE:
        last = revisions[0]
        yield (
            f"In force is revision {last.number}, which {last.by} published at "
            f"{last.at:%Y-%m-%d %H:%M} UTC."
        )


def _old_bucket(stack: Stack) -> Iterator[str]:
    """Yield what becomes of the bucket that templates without parameters had for the code."""
    if DEPLOYMENT_BUCKET in stack.resources:
        yield (
            f"The bucket {stack.resources[DEPLOYMENT_BUCKET]}, which holds code only, is deleted: "
            "the code lies in a bucket of the account. Table and reports stay as they are."
        )


def _parameters(inputs: Inputs, stack: Stack, region: str) -> Iterator[str]:
    before = deployed_parameters(stack, region)
    after = with_defaults(inputs.parameters)
    changes = parameter_changes(before, {name: after[name] for name in after if name in before})
    yield from _listed("Parameters:", changes, none="Parameters: no changes")


def deployed_parameters(stack: Stack, region: str) -> Mapping[str, Json]:
    """
    Return the settings of a deployed stack.

    They are the values of its parameters. A template without parameters has them in its metadata.
    Of an older one, two are read from the resources: those that a missing variable used to reset.
    """
    if stack.parameters:
        return stage_settings(stack.parameters, region)
    parameters = stack.deployed.get("parameters")
    if isinstance(parameters, dict):
        return with_defaults(parameters)
    resources = stack.template.get("Resources", {})
    subscription = resources.get(_SUBSCRIPTION, {}).get("Properties", {})
    variables = resources.get(_DELIVER, {}).get("Properties", {}).get("Environment", {})
    hosts = str(variables.get("Variables", {}).get("RECEIVER_HOSTS", ""))
    return {
        "alarmEmail": str(subscription.get("Endpoint", "")),
        "receiverHosts": [host.strip() for host in hosts.split(",") if host.strip()],
    }


def _first_parameters(inputs: Inputs) -> tuple[Change, ...]:
    defaults = with_defaults({})
    return parameter_changes(defaults, {**defaults, **inputs.parameters})


def _listed(title: str, changes: tuple[Change, ...], none: str = "") -> Iterator[str]:
    if changes:
        yield title
        yield from map(str, changes)
    elif none:
        yield none


def _alarms(inputs: Inputs) -> Iterator[str]:
    if not inputs.parameters.get("alarmEmail"):
        yield "Alarms are mailed to nobody: alarmEmail is not set."


def _topics(document: Json, account: Account) -> Iterator[str]:
    """Yield topics of another region or account, which are unusual but allowed."""
    for name, arn in topics(document):
        _, _, _, region, number, _ = arn.split(":", 5)
        if region != account.region:
            yield f"{name} publishes to {region}, from {account.region}."
        if number != account.number:
            yield f"{name} publishes to account {number}: the policy of its topic must allow this."


def foreign_topics(document: Json, account: Account) -> Iterator[str]:
    """Yield the destinations that this account can never publish to."""
    for name, arn in topics(document):
        partition = arn.split(":")[1]
        if partition != account.partition:
            yield f"{name} is a topic of {partition}, this account belongs to {account.partition}"


def topics(document: Json) -> Iterator[tuple[str, str]]:
    """Yield the destinations that are SNS topics, with their ARNs."""
    for name, entry in document["destinations"].items():
        if entry["type"] == "sns":
            yield name, entry["topic_arn"]
