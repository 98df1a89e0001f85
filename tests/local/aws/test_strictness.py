"""Where ministack is kinder than AWS, the embedded AWS is as strict as AWS."""

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.aws.manifests import INDEX, MANIFEST, digest_of, index_of
from local.aws.process import REGION, EmbeddedAws

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture
def name() -> str:
    return f"strict-{uuid.uuid4().hex[:8]}"


# --- EventBridge ----------------------------------------------------------------------------------


class Rules:
    """A rule, its queue, and the queue for events that could not be delivered."""

    def __init__(self, aws: EmbeddedAws, name: str) -> None:
        self.events, self.sqs, self.name = aws.client("events"), aws.client("sqs"), name
        self.queue, self.queue_arn = self._queue(name)
        self.dlq, self.dlq_arn = self._queue(f"{name}-dlq")
        self.arn: str = self.events.put_rule(
            Name=name, EventPattern=json.dumps({"source": [name]})
        )["RuleArn"]

    def _queue(self, name: str) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, answer["Attributes"]["QueueArn"]

    def allow(self, url: str, arn: str, rule: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    def target(self, arn: str, **more: Any) -> None:
        self.events.put_targets(Rule=self.name, Targets=[{"Id": "one", "Arn": arn, **more}])

    def send(self) -> None:
        entry = {"Source": self.name, "DetailType": "Test", "Detail": '{"team": "payments"}'}
        self.events.put_events(Entries=[entry])

    def received(self, url: str) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=url,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
            WaitTimeSeconds=0,
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages


@pytest.fixture
def rules(embedded_aws: EmbeddedAws, name: str) -> Rules:
    return Rules(embedded_aws, name)


def test_a_call_about_a_rule_needs_the_permission_for_that_rule(
    rules: Rules, role: Callable[..., Any], embedded_aws: EmbeddedAws
) -> None:
    """A rule of the default bus has no bus in its ARN."""
    rules.target(rules.queue_arn)
    arn = f"arn:aws:events:{REGION}:{embedded_aws.account}:rule/"

    events = role("events", ("events:ListTargetsByRule", f"{arn}{rules.name}"))
    targets = events.list_targets_by_rule(Rule=rules.name)["Targets"]

    assert [target["Arn"] for target in targets] == [rules.queue_arn]
    for pattern in (f"{arn}default/{rules.name}", f"{arn}another"):
        with pytest.raises(ClientError, match="not authorized"):
            role("events", ("events:ListTargetsByRule", pattern)).list_targets_by_rule(
                Rule=rules.name
            )


def test_a_rule_reaches_a_queue_whose_policy_names_it(rules: Rules) -> None:
    """EventBridge sends as its service, on behalf of a rule, and the queue's policy decides."""
    rules.target(rules.queue_arn)
    rules.allow(rules.queue, rules.queue_arn, rules.arn)

    rules.send()

    [message] = rules.received(rules.queue)
    assert json.loads(message["Body"])["source"] == rules.name


@pytest.mark.parametrize("allowed", [None, "another"])
def test_a_rule_does_not_reach_a_queue_whose_policy_does_not_name_it(
    rules: Rules, allowed: str | None
) -> None:
    """Neither no policy nor one for another rule is enough."""
    rules.target(rules.queue_arn)
    if allowed:
        rules.allow(rules.queue, rules.queue_arn, f"{rules.arn}-{allowed}")

    rules.send()

    assert rules.received(rules.queue) == []


@pytest.mark.parametrize("target", ["without a policy", "deleted"])
def test_an_undelivered_event_goes_to_the_dead_letter_queue_of_its_target(
    rules: Rules, target: str
) -> None:
    """It comes as it was sent, with the reason in attributes."""
    if target == "deleted":
        rules.sqs.delete_queue(QueueUrl=rules.queue)
    rules.target(rules.queue_arn, DeadLetterConfig={"Arn": rules.dlq_arn})
    rules.allow(rules.dlq, rules.dlq_arn, rules.arn)

    rules.send()

    [message] = rules.received(rules.dlq)
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"])["detail"] == {"team": "payments"}
    assert attributes["RULE_ARN"] == rules.arn
    assert attributes["TARGET_ARN"] == rules.queue_arn
    assert attributes["ERROR_CODE"] == ("NO_RESOURCE" if target == "deleted" else "NO_PERMISSIONS")


def test_a_dead_letter_queue_needs_a_policy_for_the_rule_too(rules: Rules) -> None:
    """Without one the event is lost, as on AWS."""
    rules.target(rules.queue_arn, DeadLetterConfig={"Arn": rules.dlq_arn})

    rules.send()

    assert rules.received(rules.dlq) == []


@pytest.mark.parametrize(
    ("group", "expected"), [("scans", "scans"), ("$.detail.team", "payments"), ("$.source", "")]
)
def test_a_standard_queue_keeps_the_message_group_of_a_rule(
    rules: Rules, group: str, expected: str
) -> None:
    """Fair queues go by it; it is a text or a field of the event."""
    rules.target(rules.queue_arn, SqsParameters={"MessageGroupId": group})
    rules.allow(rules.queue, rules.queue_arn, rules.arn)

    rules.send()

    [message] = rules.received(rules.queue)
    assert message["Attributes"]["MessageGroupId"] == (expected or rules.name)


# --- S3 -------------------------------------------------------------------------------------------


@pytest.fixture
def role(embedded_aws: EmbeddedAws, name: str) -> Iterator[Callable[..., Any]]:
    """Return a maker of clients of a user with the given statements."""
    iam = embedded_aws.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)

    with ExitStack() as stack:

        def client(service: str, *allowed: tuple[str, str]) -> Any:
            statements = [
                {"Effect": "Allow", "Action": action, "Resource": resource}
                for action, resource in allowed
            ]
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
            made = session.client(service, endpoint_url=embedded_aws.endpoint)
            return stack.enter_context(closing(made))

        yield client


@pytest.fixture
def bucket(embedded_aws: EmbeddedAws, name: str) -> str:
    embedded_aws.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return name


@pytest.mark.parametrize("operation", ["get_object", "head_object"])
def test_a_missing_key_is_access_denied_to_a_caller_that_may_not_list_the_bucket(
    role: Callable[..., Any], bucket: str, operation: str
) -> None:
    """S3 does not tell a caller without s3:ListBucket which keys exist."""
    s3 = role("s3", ("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))

    with pytest.raises(ClientError) as error:
        getattr(s3, operation)(Bucket=bucket, Key="reports/missing")

    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert error.value.response["Error"]["Code"] in {"AccessDenied", "403"}


@pytest.mark.parametrize("operation", ["get_object", "head_object"])
def test_a_missing_key_is_missing_to_a_caller_that_may_list_the_bucket(
    role: Callable[..., Any], bucket: str, operation: str
) -> None:
    """The permission is that of the bucket, not of its objects."""
    s3 = role(
        "s3",
        ("s3:GetObject", f"arn:aws:s3:::{bucket}/*"),
        ("s3:ListBucket", f"arn:aws:s3:::{bucket}"),
    )

    with pytest.raises(ClientError) as error:
        getattr(s3, operation)(Bucket=bucket, Key="reports/missing")

    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_presigned_link_to_a_missing_key_is_judged_by_its_signer(
    role: Callable[..., Any], bucket: str, embedded_aws: EmbeddedAws
) -> None:
    """A link of a caller without s3:ListBucket says 403, one of the root user 404."""
    import requests

    s3 = role("s3", ("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    request = {"Params": {"Bucket": bucket, "Key": "missing"}, "ExpiresIn": 60}

    statuses = [
        requests.get(client.generate_presigned_url("get_object", **request), timeout=5).status_code
        for client in (s3, embedded_aws.client("s3"))
    ]

    assert statuses == [403, 404]


# --- names ----------------------------------------------------------------------------------------


NAMES = [
    ("AWS::Lambda::Function", "FunctionName", 64),
    ("AWS::Scheduler::Schedule", "Name", 64),
    ("AWS::SQS::Queue", "QueueName", 80),
    ("AWS::IAM::Role", "RoleName", 64),
    ("AWS::CloudWatch::Alarm", "AlarmName", 255),
    ("AWS::S3::Bucket", "BucketName", 63),
    ("AWS::Events::Rule", "Name", 64),
    ("AWS::SNS::Topic", "TopicName", 256),
    ("AWS::DynamoDB::Table", "TableName", 255),
]


@pytest.mark.parametrize(("kind", "property_name", "limit"), NAMES)
def test_a_stack_with_too_long_a_name_fails(
    embedded_aws: EmbeddedAws, name: str, kind: str, property_name: str, limit: int
) -> None:
    """CloudFormation rolls back, and names the resource and the limit."""
    cloudformation = embedded_aws.client("cloudformation")
    resource = {"Type": kind, "Properties": {property_name: "n" * (limit + 1)}}

    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps({"Resources": {"Long": resource}}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )

    assert _end_of(cloudformation, name) == "ROLLBACK_COMPLETE"
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    ]
    assert any(f"expected maxLength: {limit}, actual: {limit + 1}" in text for text in reasons)


def _end_of(cloudformation: Any, stack: str) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        status: str = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            return status
        time.sleep(0.05)
    raise AssertionError(status)


def test_a_stack_with_a_name_of_the_longest_length_comes_up(
    embedded_aws: EmbeddedAws, name: str
) -> None:
    """The limit itself is allowed."""
    cloudformation = embedded_aws.client("cloudformation")
    resource = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name.ljust(80, "n")}}

    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": {"Longest": resource}})
    )

    assert _end_of(cloudformation, name) == "CREATE_COMPLETE"


def test_calls_with_too_long_a_name_are_refused(embedded_aws: EmbeddedAws) -> None:
    """Each service refuses a name of one character too many, and takes one less."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    calls: list[tuple[Callable[[str], Any], int]] = [
        (lambda text: embedded_aws.client("sqs").create_queue(QueueName=text), 80),
        (
            lambda text: embedded_aws.client("iam").create_role(
                RoleName=text, AssumeRolePolicyDocument=trust
            ),
            64,
        ),
        (
            lambda text: embedded_aws.client("scheduler").create_schedule(
                Name=text,
                ScheduleExpression="rate(1 day)",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={"Arn": "arn:aws:lambda:x", "RoleArn": "arn:aws:iam::1:role/x"},
            ),
            64,
        ),
    ]

    for call, limit in calls:
        with pytest.raises(ClientError, match=r"length|longer"):
            call("n" * (limit + 1))
        call("n" * limit)


def test_a_role_needs_a_permissions_boundary_that_exists(
    embedded_aws: EmbeddedAws, name: str
) -> None:
    """CloudFormation rolls back with the words of IAM; a boundary that exists is attached."""
    cloudformation, iam = embedded_aws.client("cloudformation"), embedded_aws.client("iam")
    trust = {"Version": "2012-10-17", "Statement": []}
    allow = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    arn = f"arn:aws:iam::{embedded_aws.account}:policy/{name}"

    for stack in (f"{name}-before", f"{name}-after"):
        role = {"AssumeRolePolicyDocument": trust, "PermissionsBoundary": arn}
        template = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": role}}}
        cloudformation.create_stack(
            StackName=stack,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM"],
        )
        _end_of(cloudformation, stack)
        if stack.endswith("-before"):
            iam.create_policy(PolicyName=name, PolicyDocument=document)

    assert _end_of(cloudformation, f"{name}-before") == "ROLLBACK_COMPLETE"
    assert _end_of(cloudformation, f"{name}-after") == "CREATE_COMPLETE"


# --- ECR ------------------------------------------------------------------------------------------


def test_a_manifest_of_a_media_type_that_is_not_accepted_is_not_returned(
    embedded_aws: EmbeddedAws, name: str
) -> None:
    """ECR converts no index and nothing that is asked for by digest."""
    ecr = embedded_aws.client("ecr")
    ecr.create_repository(repositoryName=name)
    image = embedded_aws.push(name, "1")
    embedded_aws.push_index(name, "both", {image: "linux/amd64"})
    asked = {"repositoryName": name, "imageIds": [{"imageTag": "both"}]}

    accepted = ecr.batch_get_image(**asked, acceptedMediaTypes=[INDEX])
    refused = ecr.batch_get_image(**asked, acceptedMediaTypes=[MANIFEST, DOCKER])
    anything = ecr.batch_get_image(**asked)

    assert [len(answer["images"]) for answer in (accepted, refused, anything)] == [1, 0, 1]
    assert refused["failures"][0]["failureCode"] == "ImageNotFound"


def test_an_image_asked_for_by_digest_comes_once_for_each_of_its_tags(
    embedded_aws: EmbeddedAws, name: str
) -> None:
    """A caller that counts answers counts an image twice, unless it goes by digest."""
    ecr = embedded_aws.client("ecr")
    ecr.create_repository(repositoryName=name)
    untagged = embedded_aws.push(name)
    manifest = index_of({untagged: "linux/amd64"}, {})
    for tag in ("1.0", "latest"):
        embedded_aws.push_index(name, tag, {untagged: "linux/amd64"})

    by_digest = ecr.batch_get_image(
        repositoryName=name,
        imageIds=[{"imageDigest": digest_of(manifest)}, {"imageDigest": untagged}],
    )["images"]
    by_tag = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "1.0"}])["images"]

    assert [image["imageId"].get("imageTag") for image in by_digest] == ["1.0", "latest", None]
    assert [image["imageId"]["imageTag"] for image in by_tag] == ["1.0"]


def test_images_that_cannot_be_found_are_failures_with_a_reason(
    embedded_aws: EmbeddedAws, name: str
) -> None:
    """Each id is answered; more than a hundred ids are refused."""
    ecr = embedded_aws.client("ecr")
    ecr.create_repository(repositoryName=name)
    digest = embedded_aws.push(name, "1")
    other = embedded_aws.push(name, "2")

    failures = ecr.batch_get_image(
        repositoryName=name,
        imageIds=[{"imageTag": "3"}, {"imageDigest": digest, "imageTag": "2"}, {}],
    )["failures"]

    assert [failure["failureCode"] for failure in failures] == [
        "ImageNotFound",
        "ImageTagDoesNotMatchDigest",
        "MissingDigestAndTag",
    ]
    with pytest.raises(ClientError) as error:
        ecr.batch_get_image(repositoryName=name, imageIds=[{"imageDigest": other}] * 101)
    assert error.value.response["Error"]["Code"] == "InvalidParameterException"


# --- Lambda ---------------------------------------------------------------------------------------

LOOP = """
import boto3, os
def handler(event, context):
    sqs = boto3.client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    for record in event["Records"]:
        number = int(record["body"]) + 1
        if number < int(os.environ["END"]):
            sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=str(number))
        sqs.send_message(QueueUrl=os.environ["SEEN"], MessageBody=str(number))
"""


@pytest.mark.parametrize("allowed", [False, True])
def test_a_function_that_feeds_its_own_queue_is_stopped_after_16_calls(
    embedded_aws: EmbeddedAws, name: str, *, allowed: bool
) -> None:
    """Lambda follows a chain through SQS; RecursiveLoop: Allow lets it go on."""
    stack = _loop(name, allowed=allowed, end=20)
    cloudformation, sqs = embedded_aws.client("cloudformation"), embedded_aws.client("sqs")
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(stack), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    assert _end_of(cloudformation, name) == "CREATE_COMPLETE"
    queue, seen, dead = (
        sqs.get_queue_url(QueueName=f"{name}-{part}")["QueueUrl"]
        for part in ("queue", "seen", "dead")
    )

    sqs.send_message(QueueUrl=queue, MessageBody="0")

    expected = 20 if allowed else 16
    assert _count(sqs, seen, expected) == expected
    assert _count(sqs, dead, 0 if allowed else 1) == (0 if allowed else 1)
    embedded_aws.client("cloudformation").delete_stack(StackName=name)


def _count(sqs: Any, url: str, expected: int) -> int:
    """Return how many messages a queue has, once that is as expected or 20 seconds are over."""
    deadline = time.monotonic() + 20
    while True:
        answer = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        if count >= expected or time.monotonic() > deadline:
            return count
        time.sleep(0.1)


def _loop(name: str, *, allowed: bool, end: int) -> dict[str, Any]:
    role = {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        },
        "Policies": [
            {
                "PolicyName": "all",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
                },
            }
        ],
    }
    function = {
        "FunctionName": name,
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"ZipFile": LOOP},
        "Timeout": 10,
        "Environment": {
            "Variables": {"QUEUE": {"Ref": "Queue"}, "SEEN": {"Ref": "Seen"}, "END": str(end)}
        },
        **({"RecursiveLoop": "Allow"} if allowed else {}),
    }
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 5}
    queue = {"QueueName": f"{name}-queue", "RedrivePolicy": redrive, "VisibilityTimeout": 60}
    mapping = {
        "FunctionName": {"Ref": "Function"},
        "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
        "BatchSize": 1,
    }
    return {
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": role},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": queue},
            "Seen": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{name}-seen"}},
            "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{name}-dead"}},
            "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
        }
    }


def test_a_rule_invokes_only_a_function_that_permits_it(
    embedded_aws: EmbeddedAws, rules: Rules
) -> None:
    """EventBridge needs lambda:InvokeFunction in the policy of the function."""
    name, role = rules.name, f"arn:aws:iam::{embedded_aws.account}:role/{rules.name}"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = {"Version": "2012-10-17", "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
    embedded_aws.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(document)
    )
    functions = embedded_aws.client("lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role,
        Code={"ZipFile": _zipped("def handler(event, context): print('ran')")},
    )
    rules.target(
        functions.get_function(FunctionName=name)["Configuration"]["FunctionArn"],
        DeadLetterConfig={"Arn": rules.dlq_arn},
    )
    rules.allow(rules.dlq, rules.dlq_arn, rules.arn)

    rules.send()
    undelivered = rules.received(rules.dlq)
    functions.add_permission(
        FunctionName=name,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rules.arn,
    )
    rules.send()

    assert len(undelivered) == 1
    assert rules.received(rules.dlq) == []


def _zipped(code: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", code)
    return buffer.getvalue()
