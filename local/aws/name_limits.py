"""
Maximum lengths of physical names on AWS. Pure.

CloudFormation refuses a resource with a longer name when it creates it, minutes into a deployment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class NameLimit:
    """The property with the name of a resource, its maximum length, and the source."""

    name: str
    max_length: int
    source: str


LIMITS: Final[Mapping[str, NameLimit]] = {
    "AWS::CloudWatch::Alarm": NameLimit(
        "AlarmName",
        255,
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
    ),
    "AWS::CloudWatch::Dashboard": NameLimit(
        "DashboardName",
        255,
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudwatch-dashboard.html",
    ),
    "AWS::DynamoDB::Table": NameLimit(
        "TableName",
        255,
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html",
    ),
    "AWS::ECR::Repository": NameLimit(
        "RepositoryName",
        256,
        "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html",
    ),
    "AWS::Events::Rule": NameLimit(
        "Name",
        64,
        "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html",
    ),
    "AWS::IAM::Role": NameLimit(
        "RoleName", 64, "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"
    ),
    "AWS::Lambda::Function": NameLimit(
        "FunctionName",
        64,
        "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html",
    ),
    "AWS::Logs::LogGroup": NameLimit(
        "LogGroupName",
        512,
        "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
    ),
    "AWS::S3::Bucket": NameLimit(
        "BucketName",
        63,
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
    ),
    "AWS::SNS::Topic": NameLimit(
        "TopicName", 256, "https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html"
    ),
    "AWS::SQS::Queue": NameLimit(
        "QueueName",
        80,
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
    ),
    "AWS::Scheduler::Schedule": NameLimit(
        "Name",
        64,
        "https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html",
    ),
    "AWS::SecretsManager::Secret": NameLimit(
        "Name",
        512,
        "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html",
    ),
}


def refusal(kind: str, properties: Mapping[str, Any]) -> str | None:
    """Return why CloudFormation refuses the name of a resource; None for an allowed name."""
    limit = LIMITS.get(kind)
    name = properties.get(limit.name) if limit else None
    if limit is None or not isinstance(name, str) or len(name) <= limit.max_length:
        return None
    return (
        f"Model validation failed (#/{limit.name}: expected maxLength: {limit.max_length},"
        f" actual: {len(name)})"
    )
