"""What the embedded AWS is taught beside scanning: to judge calls as AWS does."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from threading import Timer
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.aws import process
from local.aws.process import REGION, EmbeddedAws


@pytest.fixture
def name() -> str:
    return f"judged-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def user(embedded_aws: EmbeddedAws, name: str) -> Iterator[Callable[..., Any]]:
    """Make clients of a user who may do one thing; root may do everything, whatever is denied."""
    iam = embedded_aws.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)

    with ExitStack() as stack:

        def client(service: str, action: str, resource: str = "*") -> Any:
            allow = {"Effect": "Allow", "Action": action, "Resource": resource}
            document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
            iam.put_user_policy(UserName=name, PolicyName="one", PolicyDocument=document)
            made = session.client(service, endpoint_url=embedded_aws.endpoint)
            return stack.enter_context(closing(made))

        yield client


def test_batches_of_sqs_need_the_permission_of_a_single_message(
    embedded_aws: EmbeddedAws, user: Callable[[str, str], Any], name: str
) -> None:
    """IAM knows sqs:SendMessage, which covers SendMessageBatch, and nothing else."""
    url = embedded_aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    sender = user("sqs", "sqs:SendMessage")

    sent = sender.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x"}])

    assert len(sent["Successful"]) == 1
    with pytest.raises(ClientError) as error:
        sender.receive_message(QueueUrl=url)
    assert error.value.response["Error"]["Code"].startswith("AccessDenied")


def test_listing_repositories_is_about_all_of_them(
    embedded_aws: EmbeddedAws, user: Callable[..., Any], name: str
) -> None:
    """A policy for every repository allows it, one for some does not."""
    embedded_aws.client("ecr").create_repository(repositoryName=name)
    arn = f"arn:aws:ecr:{REGION}:{embedded_aws.account}:repository/"
    action = "ecr:DescribeRepositories"

    listed = user("ecr", action, f"{arn}*").describe_repositories()["repositories"]

    assert name in {each["repositoryName"] for each in listed}
    with pytest.raises(ClientError, match="ecr:DescribeRepositories"):
        user("ecr", action, f"{arn}{name}").describe_repositories()


def test_calls_on_loopback_count_as_calls_over_tls(
    embedded_aws: EmbeddedAws, user: Callable[[str, str], Any], name: str
) -> None:
    """A bucket that refuses plain HTTP can be used, as it can over https."""
    s3 = embedded_aws.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    s3.put_bucket_policy(Bucket=name, Policy=document)

    user("s3", "s3:PutObject").put_object(Bucket=name, Key="report", Body=b"findings")

    assert s3.get_object(Bucket=name, Key="report")["Body"].read() == b"findings"


def test_messages_are_counted_until_they_are_deleted(embedded_aws: EmbeddedAws, name: str) -> None:
    """Also those that are delayed, and those that somebody works on."""
    sqs = embedded_aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    counts = [embedded_aws.message_counts()[name]]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=900)
    counts.append(embedded_aws.message_counts()[name])

    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    counts.append(embedded_aws.message_counts()[name])

    assert counts == [0, 2, 1]


def test_a_wait_ends_when_the_queues_are_empty(embedded_aws: EmbeddedAws, name: str) -> None:
    """All of them, and no others; a wait that is over says how many messages are left."""
    sqs = embedded_aws.client("sqs")
    urls = [sqs.create_queue(QueueName=f"{name}-{n}")["QueueUrl"] for n in range(3)]
    for url in urls:
        sqs.send_message(QueueUrl=url, MessageBody="x")
    waited = [f"{name}-0", f"{name}-1"]
    sqs.purge_queue(QueueUrl=urls[0])

    left = embedded_aws.wait_until_empty(waited, 0.05)
    timer = Timer(0.2, lambda: sqs.purge_queue(QueueUrl=urls[1]))
    timer.start()
    end = embedded_aws.wait_until_empty(waited, 60)

    timer.join()
    assert (left, end) == (1, 0)
    assert embedded_aws.message_counts()[f"{name}-2"] == 1


def test_a_long_wait_is_several_requests(
    embedded_aws: EmbeddedAws, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them lasts longer than a client waits for an answer."""
    monkeypatch.setattr(process, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(process, "DOOR_SECONDS", 0.5)
    sqs = embedded_aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")

    assert embedded_aws.wait_until_empty([name], 0.7) == 1


def test_a_policy_that_is_replaced_counts_at_once(
    embedded_aws: EmbeddedAws, user: Callable[[str, str], Any], name: str
) -> None:
    """Policies are kept by their text, and not by their name."""
    url = embedded_aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    sender = user("sqs", "sqs:SendMessage")
    assert sender.send_message(QueueUrl=url, MessageBody="x")["MessageId"]

    user("sqs", "sqs:GetQueueUrl")

    with pytest.raises(ClientError, match="AccessDenied"):
        sender.send_message(QueueUrl=url, MessageBody="x")
