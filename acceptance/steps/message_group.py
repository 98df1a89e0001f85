"""
Reads the message group of an event in a queue.

The function consumes the stage's own queue immediately. Therefore a second rule with the same
parameters copies push events to a queue of this program.
"""

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

from acceptance.account import ClientOf
from acceptance.images import build
from acceptance.outcome import Outcome, StepError, failed, judged
from acceptance.packages import FEW
from acceptance.resources import make_queue
from acceptance.settings import TAG, Names
from acceptance.step import Step
from acceptance.world import World


def _run(world: World) -> Outcome:
    parameters = _parameters(world.client_of, world.facts.outputs["ScanEventsQueueUrl"])
    if not parameters:
        return failed("no rule of the stage names a message group")
    url = _make_probe(world.client_of, world.names, parameters)
    image, tags = build(FEW, run=f"{world.run} first"), count(1)

    def look() -> Mapping[str, Any] | None:
        # Another tag is another event. Events before the rule took effect are not copied.
        world.registry.push(world.names.scanned, image, f"group-{next(tags)}")
        answer = world.client_of("sqs").receive_message(
            QueueUrl=url,
            MessageSystemAttributeNames=["All"],
            WaitTimeSeconds=world.waits.receive,
        )
        return next(iter(answer.get("Messages", ())), None)

    message = world.poll.until(look, world.waits.group)
    if message is None:
        raise StepError("no event in the queue of the second rule")
    return judge(message, account=world.account)


def judge(message: Mapping[str, Any], *, account: str) -> Outcome:
    """Judge the group of a message. Pure."""
    group = message.get("Attributes", {}).get("MessageGroupId")
    return judged(f"MessageGroupId {group or 'missing'}", right=group == account)


def _parameters(client_of: ClientOf, queue_url: str) -> Mapping[str, str]:
    """Return the SqsParameters of the stage's rules, which are all equal."""
    sqs, events = client_of("sqs"), client_of("events")
    answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    arn = answer["Attributes"]["QueueArn"]
    for rule in events.list_rule_names_by_target(TargetArn=arn)["RuleNames"]:
        for target in events.list_targets_by_rule(Rule=rule)["Targets"]:
            if target["Arn"] == arn and target.get("SqsParameters"):
                parameters: Mapping[str, str] = target["SqsParameters"]
                return parameters
    return {}


def _make_probe(client_of: ClientOf, names: Names, parameters: Mapping[str, str]) -> str:
    events = client_of("events")
    pattern = {
        "source": ["aws.ecr"],
        "detail-type": ["ECR Image Action"],
        "detail": {"repository-name": [names.scanned]},
    }
    rule = events.put_rule(
        Name=names.probe,
        EventPattern=json.dumps(pattern),
        Tags=[{"Key": TAG, "Value": names.stage}],
    )["RuleArn"]
    url, arn = make_queue(client_of, names, names.probe, "events.amazonaws.com", rule)
    events.put_targets(
        Rule=names.probe,
        Targets=[{"Id": "probe", "Arn": arn, "SqsParameters": dict(parameters)}],
    )
    return url


STEP = Step(
    5,
    "message group",
    "EventBridge gives an event the account as its message group",
    _run,
    needs=(1,),
)
