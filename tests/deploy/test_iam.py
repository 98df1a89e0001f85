"""docs/iam: the deployer's policy against the template and the deploy program, both ways."""

import ast
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest

from cli.aws_errors import action_of
from deploy.inputs import ROOT
from tests.deploy.conftest import Package

FOLDER = ROOT / "docs" / "iam"
POLICIES = sorted(FOLDER.glob("*.json"))
LIMIT = 6144
"""Characters of a managed policy but for white space. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

AS_THE_CALLER = {"s3:GetObject"}
"""CloudFormation reads the template, and Lambda the zip, with the rights of the caller."""

UNUSED = {
    # Keys, networks, file systems and streams of one's own: the template has none.
    "ec2:*",
    "elasticfilesystem:*",
    "firehose:*",
    "kinesis:*",
    "kms:*",
    "s3files:*",
    "s3tables:*",
    "iam:CreateServiceLinkedRole",
    # Inline policies of roles only.
    "iam:*GroupPolicy",
    "iam:*UserPolicy",
    "iam:AttachRolePolicy",
    "iam:DetachRolePolicy",
    # Imports, replicas, streams, insights and resource policies of tables.
    "dynamodb:AssociateTableReplica",
    "dynamodb:BatchWriteItem",
    "dynamodb:CreateTableReplica",
    "dynamodb:DeleteItem",
    "dynamodb:DeleteResourcePolicy",
    "dynamodb:DisableKinesisStreamingDestination",
    "dynamodb:EnableKinesisStreamingDestination",
    "dynamodb:GetItem",
    "dynamodb:ImportTable",
    "dynamodb:PutItem",
    "dynamodb:PutResourcePolicy",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateContributorInsights",
    "dynamodb:UpdateItem",
    "dynamodb:UpdateKinesisStreamingDestination",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    # Code signing, layers, versions, reserved concurrency and capacity of functions.
    "lambda:AssociateRuntimeAlias",
    "lambda:DeleteFunctionCodeSigningConfig",
    "lambda:DeleteFunctionConcurrency",
    "lambda:PassCapacityProvider",
    "lambda:PublishVersion",
    "lambda:PutFunctionCodeSigningConfig",
    "lambda:PutFunctionConcurrency",
    "lambda:PutFunctionScalingConfig",
    "lambda:PutRuntimeManagementConfig",
    # Data protection, indexes, delivery and keys of log groups.
    "logs:AssociateKmsKey",
    "logs:CreateLogDelivery",
    "logs:Delete*Policy",
    "logs:DisassociateKmsKey",
    "logs:PutBearerTokenAuthentication",
    "logs:PutDataProtectionPolicy",
    "logs:PutIndexPolicy",
    "logs:PutLogGroupDeletionProtection",
    "logs:PutResourcePolicy",
    "s3:REST.PUT.OBJECT",
    # What else a bucket can have.
    "s3:*BucketAnalyticsConfiguration",
    "s3:*BucketMetadata*",
    "s3:*BucketReplication",
    "s3:*BucketWebsite",
    "s3:DeleteBucketCors",
    "s3:DeleteBucketEncryption",
    "s3:DeleteBucketLifecycle",
    "s3:DeleteBucketMetricsConfiguration",
    "s3:GetObjectMetadata",
    "s3:GetObjectVersion",
    "s3:PutAccelerateConfiguration",
    "s3:PutAnalyticsConfiguration",
    "s3:PutBucketAbac",
    "s3:PutBucketAcl",
    "s3:PutBucketCORS",
    "s3:PutBucketLogging",
    "s3:PutBucketNotification",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketVersioning",
    "s3:PutIntelligentTieringConfiguration",
    "s3:PutInventoryConfiguration",
    "s3:PutMetricsConfiguration",
    "s3:PutObjectAcl",
    "s3:PutObjectLockConfiguration",
    "s3:PutReplicationConfiguration",
    # The topic of alarms holds no findings, and the secret is in one region.
    "sns:PutDataProtectionPolicy",
    "secretsmanager:GetSecretValue",
    "secretsmanager:RemoveRegionsFromReplication",
    "secretsmanager:ReplicateSecretToRegions",
}
"""What CloudFormation may need for these types, and not for these resources."""

ANYBODY = {"sts:GetCallerIdentity"}
"""Needs no permission."""
NAMES = {"s3:ListBuckets": "s3:ListAllMyBuckets", "s3:ListObjectVersions": "s3:ListBucketVersions"}
NAMES |= {"s3:DeleteObjects": "s3:DeleteObject"}
NAMES |= {"s3:HeadBucket": "s3:ListBucket", "s3:ListObjectsV2": "s3:ListBucket"}
CODE = "arn:aws:s3:::ecr-scan-alerts-ACCOUNT-REGION"
"""The bucket that the code of all stages is in."""
BESIDE = {"s3:DeleteObjects": "s3:DeleteObjectVersion"}
"""Deleting a version needs a permission of its own."""


def statements(path: Path) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["Statement"]
    return listed


def as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


def granted(path: Path) -> set[str]:
    return {action for statement in statements(path) for action in as_list(statement["Action"])}


def allows(path: Path, action: str, resource: str) -> bool:
    return any(
        matches(action, set(as_list(statement["Action"])))
        and any(
            fnmatchcase(resource, pattern)
            for pattern in as_list(statement["Resource"])
            if "s3" in pattern
        )
        for statement in statements(path)
    )


def matches(action: str, patterns: set[str]) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in patterns)


def of_types(built: Package) -> set[str]:
    """Return what CloudFormation may call for every type in the template, from its registry."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    kinds = {resource["Type"] for resource in built.template["Resources"].values()}
    handlers = [
        PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
        for kind in kinds
    ]
    return {
        action
        for handler in handlers
        for name, rule in handler.items()
        if name != "list"
        for action in rule["permissions"]
    }


def of_the_program() -> set[str]:
    """Return the actions of the calls in deploy/, as its source names clients and methods."""
    session = boto3.session.Session(region_name="us-east-1")
    actions: set[str] = set()
    for path in sorted((ROOT / "deploy").glob("*.py")):
        text = path.read_text("utf-8")
        methods = set(called(ast.parse(text)))
        for service in re.findall(r'(?:client_of|\.client)\(\s*"(\w+)"', text):
            client = session.client(service, aws_access_key_id="none", aws_secret_access_key="none")
            operations = client.meta.method_to_api_mapping
            for method in methods & set(operations):
                operation = f"{service}:{operations[method]}"
                actions.add(action_of(NAMES.get(operation, operation)))
                if operation in BESIDE:
                    actions.add(BESIDE[operation])
    return actions


def called(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr
            if node.func.attr in {"get_paginator", "get_waiter"} and node.args:
                yield ast.literal_eval(node.args[0])


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
class TestDocuments:
    def test_fits_into_a_managed_policy(self, path: Path) -> None:
        """It can be pasted as it is, with longer names in place of the placeholders."""
        text = "".join(path.read_text("utf-8").split())
        filled = text.replace("ACCOUNT", "0" * 12).replace("REGION", "ap-southeast-3")

        assert len(filled.replace("STAGE", "s" * 20)) <= LIMIT

    def test_names_what_it_allows(self, path: Path) -> None:
        """No action is "*"; everything is of this stage unless its service knows no resource."""
        for statement in statements(path):
            assert statement["Effect"] == "Allow"
            assert "*" not in as_list(statement["Action"])
            for action in as_list(statement["Action"]):
                service, _, name = action.partition(":")
                reads = re.match("Describe|Get|List|Batch|Validate", name)
                if "*" in as_list(statement["Resource"]):
                    assert reads, f"{service}:{name} on everything"

    def test_is_in_order(self, path: Path) -> None:
        """Differences are easy to read."""
        for statement in statements(path):
            actions = as_list(statement["Action"])
            assert actions == sorted(set(actions)), statement["Sid"]


def test_placeholders_are_explained() -> None:
    """README of the folder names them."""
    readme = (FOLDER / "README.md").read_text("utf-8")

    assert all(f"`{name}`" in readme for name in ("ACCOUNT", "REGION", "STAGE"))
    assert all(path.name in readme for path in POLICIES)


def test_the_first_deployer_creates_the_bucket_of_the_code() -> None:
    """Once for an account and region; the policy is needed for nothing else."""
    policy = FOLDER / "code-bucket.json"

    assert granted(policy) == {"s3:CreateBucket", "s3:DeleteBucket", "s3:PutBucketPolicy"}
    assert all(allows(policy, action, CODE) for action in granted(policy))
    assert not allows(policy, "s3:PutBucketPolicy", f"{CODE}-other")


def test_the_command_fills_in_every_placeholder() -> None:
    """A line of a policy can have one twice."""
    readme = (FOLDER / "README.md").read_text("utf-8")

    assert re.findall(r"-e s/([A-Z]+)/[^/]+/g", readme) == ["ACCOUNT", "REGION", "STAGE"]


class TestDeployer:
    POLICY = FOLDER / "deployer.json"

    def test_covers_every_resource(self, built: Package) -> None:
        """What CloudFormation calls for each type, but for unused features."""
        needed = {each for each in of_types(built) if not matches(each, UNUSED)}

        assert not sorted(each for each in needed if not matches(each, granted(self.POLICY)))

    def test_covers_the_program(self) -> None:
        """Our own calls, and those of AWS in our name."""
        needed = (of_the_program() | AS_THE_CALLER) - ANYBODY

        assert not sorted(each for each in needed if not matches(each, granted(self.POLICY)))

    def test_allows_nothing_else(self, built: Package) -> None:
        """Each action, and each exception, has something that it is for."""
        handlers = of_types(built)
        known = handlers | of_the_program() | AS_THE_CALLER

        assert not sorted(
            pattern
            for pattern in granted(self.POLICY)
            if not any(fnmatchcase(each, pattern) for each in known)
        )
        assert not sorted(
            pattern
            for pattern in UNUSED
            if not any(fnmatchcase(each, pattern) for each in handlers)
        )

    @pytest.mark.parametrize("action", ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"])
    def test_reaches_the_code_of_its_own_stage_only(self, action: str) -> None:
        """Who writes the code of a stage decides what its roles do."""
        assert allows(self.POLICY, action, f"{CODE}/stages/STAGE/1/ecr-scan-alerts.zip")
        assert not allows(self.POLICY, action, f"{CODE}/stages/other/1/ecr-scan-alerts.zip")

    def test_only_reads_the_bucket_of_all_stages(self) -> None:
        """Its policy could give the code of other stages away."""
        actions = sorted(granted(self.POLICY) | granted(FOLDER / "code-bucket.json"))

        assert [action for action in actions if allows(self.POLICY, action, CODE)] == [
            "s3:GetBucketPolicy",
            "s3:ListBucket",
        ]

    def test_passes_roles_to_two_services(self) -> None:
        """A role that could be passed to any service would be a way around this policy."""
        (passing,) = (each for each in statements(self.POLICY) if each["Action"] == "iam:PassRole")

        services = passing["Condition"]["StringEquals"]["iam:PassedToService"]
        assert services == ["lambda.amazonaws.com", "scheduler.amazonaws.com"]
