"""Deploying a package to the embedded AWS: the template as it is."""

import json
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deploy.package import TEMPLATE, VALUES, ZIP
from local.aws.process import REGION, EmbeddedAws
from local.demo.deploy import DeployError, deploy

HANDLER = "def handler(event, context):\n    return {'heard': event}\n"


def a_template(**resources: Any) -> dict[str, Any]:
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
    }
    bucket = {"Fn::Sub": "${CodeBucketPrefix}-${AWS::Region}"}
    code = {"S3Bucket": bucket, "S3Key": {"Ref": "CodeKey"}}
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "echo.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": code,
        },
    }
    return {
        "Parameters": {
            name: {"Type": "String"} for name in ("Stage", "CodeBucketPrefix", "CodeKey")
        },
        "Resources": {
            "Role": role,
            "Echo": function,
            **resources,
        },
        "Outputs": {"Function": {"Value": {"Ref": "Echo"}}},
    }


def a_package(folder: Path, template: dict[str, Any]) -> Path:
    with zipfile.ZipFile(folder / ZIP, "w") as archive:
        archive.writestr("echo.py", HANDLER)
    (folder / TEMPLATE).write_text(json.dumps(template))
    (folder / VALUES).write_text(json.dumps({"Stage": "any"}))
    return folder


@pytest.fixture
def name() -> str:
    return f"stage-{uuid.uuid4().hex[:8]}"


def test_what_was_packaged_runs(embedded_aws: EmbeddedAws, tmp_path: Path, name: str) -> None:
    """The outputs name a function that answers with the packaged code."""
    stack = deploy(embedded_aws, a_package(tmp_path, a_template()), name)

    answer = embedded_aws.client("lambda").invoke(
        FunctionName=stack.outputs["Function"], Payload=b'{"a": 1}'
    )

    assert json.loads(answer["Payload"].read()) == {"heard": {"a": 1}}


def test_a_second_deployment_changes_the_stack(
    embedded_aws: EmbeddedAws, tmp_path: Path, name: str
) -> None:
    """The same package is no error; a changed template is an update."""
    deploy(embedded_aws, a_package(tmp_path, a_template()), name)
    deploy(embedded_aws, tmp_path, name)
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}

    deploy(embedded_aws, a_package(tmp_path, a_template(Queue=queue)), name)

    assert embedded_aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]


def test_a_failure_names_the_resource_and_the_reason(
    embedded_aws: EmbeddedAws, tmp_path: Path, name: str
) -> None:
    """Whoever reads the error knows where to look."""
    embedded_aws.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    taken = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}

    with pytest.raises(DeployError, match=f"Taken: .*'{name}' already exists"):
        deploy(embedded_aws, a_package(tmp_path, a_template(Taken=taken)), name)


def test_a_refused_template_is_said(embedded_aws: EmbeddedAws, tmp_path: Path, name: str) -> None:
    """A resource type that does not exist is refused as a whole."""
    unknown = {"Type": "AWS::No::Thing"}

    with pytest.raises(DeployError, match="AWS::No::Thing"):
        deploy(embedded_aws, a_package(tmp_path, a_template(Unknown=unknown)), name)
