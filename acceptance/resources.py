"""Creates the shared resources of the steps, and deletes all resources of a run."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from acceptance.account import ClientOf, Poll, unless_missing
from acceptance.deployment import Deployment, DeploymentError
from acceptance.settings import SERVICE, TAG, Names, Waits
from acceptance.stacks import find_stack, kept_data, wait_until_at_rest


@dataclass(frozen=True, slots=True)
class SharedResources:
    """The shared resources: the topic for alerts, and the queue that receives them."""

    topic_arn: str
    queue_url: str


def existing(client_of: ClientOf, names: Names) -> tuple[str, ...]:
    """Return existing resources with the names of a run, which then must not begin."""
    stacks = [f"stack {SERVICE}-{stage}" for stage in names.stages if find_stack(client_of, stage)]
    data = [resource for stage in names.stages for resource in kept_data(client_of, stage)]
    return (*stacks, *data, *tagged(client_of, names.stage).get(names.stage, ()))


def tagged(client_of: ClientOf, stage: str | None = None) -> dict[str, tuple[str, ...]]:
    """Return the ARNs with the tag of runs, by stage. None for all stages."""
    pages = client_of("resourcegroupstaggingapi").get_paginator("get_resources")
    tag = {"Key": TAG, **({"Values": [stage]} if stage else {})}
    arns: dict[str, tuple[str, ...]] = {}
    for page in pages.paginate(TagFilters=[tag]):
        for resource in page["ResourceTagMappingList"]:
            value = next(entry["Value"] for entry in resource["Tags"] if entry["Key"] == TAG)
            arns[value] = (*arns.get(value, ()), resource["ResourceARN"])
    return arns


def make_shared(client_of: ClientOf, names: Names) -> SharedResources:
    """Create repositories, topic and queue, and subscribe the queue."""
    tags = [{"Key": TAG, "Value": names.stage}]
    ecr, sns = client_of("ecr"), client_of("sns")
    for repository in names.repositories:
        ecr.create_repository(
            repositoryName=repository,
            tags=tags,
            imageScanningConfiguration={"scanOnPush": repository == names.scanned},
        )
    topic_arn = sns.create_topic(Name=names.topic, Tags=tags)["TopicArn"]
    url, arn = make_queue(client_of, names, names.topic, "sns.amazonaws.com", topic_arn)
    sns.subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true"},
    )
    return SharedResources(topic_arn, url)


def make_queue(
    client_of: ClientOf, names: Names, name: str, service: str, source: str
) -> tuple[str, str]:
    """Create a queue for messages of a service about a resource; return URL and ARN."""
    sqs = client_of("sqs")
    url = sqs.create_queue(QueueName=name, tags={TAG: names.stage})["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = answer["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": source}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def clean(
    client_of: ClientOf,
    names: Names,
    deployment: Deployment,
    poll: Poll,
    waits: Waits,
    say: Callable[[str], None],
) -> tuple[str, ...]:
    """
    Delete all resources of a run. Return those that could not be deleted, with reasons.

    A missing resource is no failure, so the clean-up can be repeated.
    """
    leftovers = [
        problem
        for stage in names.stages
        for problem in _clean_stage(client_of, stage, deployment, poll, waits, say)
    ]
    for resource, delete in _deletions(client_of, names):
        say(f"deleting {resource}")
        try:
            unless_missing(delete)
        except (ClientError, BotoCoreError) as error:
            leftovers.append(f"{resource}: {error}")
    return tuple(leftovers)


def _clean_stage(
    client_of: ClientOf,
    stage: str,
    deployment: Deployment,
    poll: Poll,
    waits: Waits,
    say: Callable[[str], None],
) -> Iterator[str]:
    try:
        wait_until_at_rest(client_of, stage, poll, waits.stack)
        if find_stack(client_of, stage) is not None:
            say(f"removing the stage {stage}")
            deployment.remove(stage)
        if kept_data(client_of, stage):
            say(f"deleting the data of the stage {stage}")
            deployment.purge(stage)
        yield from kept_data(client_of, stage)
    except (DeploymentError, ClientError, BotoCoreError) as error:
        yield f"stage {stage}: {error}"
    else:
        deployment.forget(stage)


def _deletions(client_of: ClientOf, names: Names) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield each resource outside of the stacks, with the call that deletes it."""
    group = f"/aws/lambda/{names.function}"
    for repository in names.repositories:
        yield (
            f"repository {repository}",
            partial(client_of("ecr").delete_repository, repositoryName=repository, force=True),
        )
    yield f"rule {names.probe}", partial(_delete_rule, client_of("events"), names.probe)
    for queue in (names.topic, names.probe):
        yield f"queue {queue}", partial(_delete_queue, client_of("sqs"), queue)
    yield f"topic {names.topic}", partial(_delete_topic, client_of("sns"), names.topic)
    yield (
        f"function {names.function}",
        partial(client_of("lambda").delete_function, FunctionName=names.function),
    )
    yield f"log group {group}", partial(client_of("logs").delete_log_group, logGroupName=group)


def _delete_rule(events: Any, name: str) -> None:
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    if targets:
        events.remove_targets(Rule=name, Ids=[target["Id"] for target in targets])
    events.delete_rule(Name=name)


def _delete_queue(sqs: Any, name: str) -> None:
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])


def _delete_topic(sns: Any, name: str) -> None:
    """Delete a topic and its subscriptions, which AWS would keep for some days."""
    for page in sns.get_paginator("list_topics").paginate():
        for topic in page["Topics"]:
            if topic["TopicArn"].rpartition(":")[2] == name:
                for subscription in sns.list_subscriptions_by_topic(TopicArn=topic["TopicArn"])[
                    "Subscriptions"
                ]:
                    with contextlib.suppress(ClientError):
                        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
                sns.delete_topic(TopicArn=topic["TopicArn"])
