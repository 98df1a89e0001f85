"""What a removed stage left: found by its tags, imported, or deleted for good."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deploy.account import Account, DeployError
from deploy.purge import purge
from deploy.retained import RetainedData, adopt, find_retained, import_template
from deploy.stack import Stack
from deploy.terminal import Terminal
from tests.deploy.aws import FakeAws, refusal

TABLE = "ecr-scan-alerts-prod-Table-1ABC"
BUCKET = "ecr-scan-alerts-prod-reportsbucket-1abc"
ACCOUNT = Account("210987654321", "arn:aws:iam::210987654321:role/ops", "eu-west-1")
TEMPLATE = {
    "Parameters": {"DeletionProtection": {"Type": "String"}, "Stage": {"Type": "String"}},
    "Resources": {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "RetainExceptOnCreate",
            "DependsOn": ["Other"],
            "Properties": {"DeletionProtectionEnabled": True},
        },
        "ReportsBucket": {"Type": "AWS::S3::Bucket", "Properties": {}},
        "Other": {"Type": "AWS::SQS::Queue"},
    },
    "Outputs": {"TableName": {"Value": {"Ref": "Table"}}},
}
VALUES = {"Stage": "prod", "DeletionProtection": "true"}
MISSING = refusal("ValidationError", "Stack does not exist")


def tags(stage: str) -> list[dict[str, str]]:
    return [{"Key": "app", "Value": "ecr-scan-alerts"}, {"Key": "stage", "Value": stage}]


def an_account(tables: dict[str, Any], buckets: dict[str, Any], **answers: Any) -> FakeAws:
    """Return an AWS with tables and buckets by name, each with its tags or an error."""

    def bucket_tags(**name: str) -> Any:
        found = buckets[name["Bucket"]]
        return found if isinstance(found, Exception) else {"TagSet": found}

    return FakeAws(
        {
            "dynamodb.list_tables": {"TableNames": list(tables)},
            "dynamodb.describe_table": lambda **name: {"Table": {"TableArn": name["TableName"]}},
            "dynamodb.list_tags_of_resource": lambda **name: {"Tags": tables[name["ResourceArn"]]},
            "s3.list_buckets": {"Buckets": [{"Name": name} for name in buckets]},
            "s3.get_bucket_tagging": bucket_tags,
            **answers,
        }
    )


def a_store(templates: list[str]) -> Callable[[str], str]:
    """Return a place for templates that keeps them in a list."""

    def store(text: str) -> str:
        templates.append(text)
        return "https://import"

    return store


def a_stack(**resources: str) -> Stack:
    template = {"Resources": {"ServerlessDeploymentBucket": {"Type": "AWS::S3::Bucket"}}}
    return Stack("ecr-scan-alerts-prod", "arn", "UPDATE_COMPLETE", {}, resources, template)


# --- finding ------------------------------------------------------------------------------------


def test_data_is_found_by_its_tags() -> None:
    """Names of buckets are shortened, and a stage can be called like the beginning of another."""
    aws = an_account(
        {TABLE: tags("prod"), "ecr-scan-alerts-prod-Table-2-Table-9": tags("prod-Table-2")},
        {
            "ecr-scan-alerts-pr-1x": tags("prod"),
            "ecr-scan-alerts-prod-eu-reportsbucket-2": tags("prod-eu"),
            "ecr-scan-alerts-prod-serverlessdeploymentbucket-3": tags("prod"),
        },
    )

    assert find_retained(aws, "prod", None) == RetainedData(TABLE, "ecr-scan-alerts-pr-1x")


def test_data_without_tags_is_found_by_its_name() -> None:
    """Stages of older versions."""
    aws = an_account(
        {TABLE: []},
        {
            BUCKET: refusal("NoSuchTagSet"),
            "ecr-scan-alerts-logs": refusal("NoSuchTagSet"),
        },
    )

    assert find_retained(aws, "prod", None) == RetainedData(TABLE, BUCKET)
    # The same stage of another region has its own.
    assert aws.made("s3.list_buckets")[0]["BucketRegion"] == "eu-west-1"


def test_what_a_stack_uses_is_not_kept() -> None:
    """A stack whose creation was undone has its deployment bucket only."""
    aws = an_account({TABLE: tags("prod")}, {BUCKET: tags("prod")})

    assert not find_retained(aws, "prod", a_stack(Table=TABLE, ReportsBucket=BUCKET))
    assert find_retained(aws, "prod", a_stack()) == RetainedData(TABLE, BUCKET)


def test_several_are_not_guessed() -> None:
    """Each failed attempt of older versions left one."""
    other = "ecr-scan-alerts-prod-Table-2DEF"
    aws = an_account({TABLE: tags("prod"), other: tags("prod")}, {})

    with pytest.raises(DeployError, match=f"Name one: TABLE={TABLE}"):
        find_retained(aws, "prod", None)
    assert find_retained(aws, "prod", None, table=other) == RetainedData(table=other)
    with pytest.raises(DeployError, match=f"TABLE=mine was not kept .* there are: {TABLE}"):
        find_retained(aws, "prod", None, table="mine")


def test_a_refusal_is_not_an_empty_account() -> None:
    """Else a deployment would begin with an empty table. Another stage's bucket is none of ours."""
    other = an_account({}, {"ecr-scan-alerts-dev-reportsbucket-1": refusal("AccessDenied")})
    assert not find_retained(other, "prod", None)
    aws = an_account({}, {BUCKET: refusal("AccessDenied", "no", "GetBucketTagging")})

    with pytest.raises(DeployError, match="AWS denies GetBucketTagging while looking for what was"):
        find_retained(aws, "prod", None)


# --- adopting -----------------------------------------------------------------------------------


def test_an_import_adds_the_kept_resources_and_nothing_else() -> None:
    """CloudFormation refuses an import that changes anything; an undone one must delete nothing."""
    template = import_template(TEMPLATE, RetainedData(TABLE, BUCKET), a_stack())

    assert set(template["Resources"]) == {"ServerlessDeploymentBucket", "Table", "ReportsBucket"}
    assert template["Resources"]["Table"] == {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "Properties": {"DeletionProtectionEnabled": True},
    }
    assert "Outputs" not in template


def test_what_was_not_kept_is_not_imported() -> None:
    """The next update creates it."""
    assert set(import_template(TEMPLATE, RetainedData(TABLE), None)["Resources"]) == {"Table"}


def an_import(**answers: Any) -> FakeAws:
    """Return an AWS that carries out an import; `answers`: those to other calls."""
    return FakeAws(
        {
            "cloudformation.create_change_set": {"Id": "change", "StackId": "arn"},
            "cloudformation.describe_change_set": {"Status": "CREATE_COMPLETE"},
            "cloudformation.execute_change_set": {},
            "cloudformation.describe_stacks": {
                "Stacks": [{"StackName": "s", "StackStatus": "IMPORT_COMPLETE"}]
            },
            **{call.replace("__", "."): answer for call, answer in answers.items()},
        }
    )


def test_each_resource_is_named_by_its_identifier() -> None:
    """A change set of type IMPORT, carried out when it is ready, and waited for."""
    table = {"Table": {"DeletionProtectionEnabled": False}}
    aws = an_import(dynamodb__describe_table=table, dynamodb__update_table={})
    data = RetainedData(TABLE, BUCKET)

    adopt(aws, TEMPLATE, VALUES, data, None, store=a_store([]), say=print)

    (request,) = aws.made("cloudformation.create_change_set")
    assert (request["StackName"], request["ChangeSetType"]) == ("ecr-scan-alerts-prod", "IMPORT")
    assert request["ResourcesToImport"] == [
        {
            "ResourceType": "AWS::DynamoDB::Table",
            "LogicalResourceId": "Table",
            "ResourceIdentifier": {"TableName": TABLE},
        },
        {
            "ResourceType": "AWS::S3::Bucket",
            "LogicalResourceId": "ReportsBucket",
            "ResourceIdentifier": {"BucketName": BUCKET},
        },
    ]
    assert request["TemplateURL"] == "https://import"
    assert "TemplateBody" not in request
    assert request["Parameters"] == [
        {"ParameterKey": "DeletionProtection", "ParameterValue": "true"},
        {"ParameterKey": "Stage", "ParameterValue": "prod"},
    ]
    # Tags cannot be changed by an import.
    assert "Tags" not in request
    assert aws.made("cloudformation.execute_change_set") == [{"ChangeSetName": "change"}]
    # CloudFormation believes that the table is as the template says.
    assert aws.made("dynamodb.update_table") == [
        {"TableName": TABLE, "DeletionProtectionEnabled": True}
    ]


def test_an_import_into_a_stack_keeps_its_values() -> None:
    """Its template can have parameters that the new one lacks, such as the days of links."""
    aws = an_import()
    running = {"ReportLinkDays": "30", "DeletionProtection": "false"}
    template = {"Parameters": {name: {"Type": "String"} for name in running}, "Resources": {}}
    stack = replace(a_stack(), template=template, parameters=running)
    templates: list[str] = []

    data = RetainedData(bucket=BUCKET)
    adopt(aws, TEMPLATE, VALUES, data, stack, store=a_store(templates), say=print)

    (request,) = aws.made("cloudformation.create_change_set")
    values = {item["ParameterKey"]: item["ParameterValue"] for item in request["Parameters"]}
    assert values == {"Stage": "prod", **running}
    (text,) = templates
    assert set(json.loads(text)["Parameters"]) == set(values)


def test_an_import_that_cannot_be_made_says_why_and_is_not_carried_out() -> None:
    """Another stack holds the table, for example."""
    aws = FakeAws(
        {
            "cloudformation.create_change_set": {"Id": "change", "StackId": "arn"},
            "cloudformation.describe_change_set": {
                "Status": "FAILED",
                "StatusReason": "already exists in stack other",
            },
            "cloudformation.delete_change_set": {},
            "cloudformation.delete_stack": {},
        }
    )

    for stack in (a_stack(), None):
        with pytest.raises(DeployError, match="cannot be adopted: already exists in stack other"):
            adopt(aws, TEMPLATE, VALUES, RetainedData(TABLE), stack, store=a_store([]), say=print)

    assert aws.made("cloudformation.delete_change_set") == [{"ChangeSetName": "change"}] * 2
    # Only the stack that the change set made.
    assert aws.made("cloudformation.delete_stack") == [{"StackName": "arn"}]


# --- deleting -----------------------------------------------------------------------------------


def test_a_purge_names_everything_and_takes_no_other_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Table, items, bucket, objects; and the name of the stage is asked for."""
    aws = an_account(
        {TABLE: tags("prod")},
        {BUCKET: tags("prod")},
        **{
            "cloudformation.describe_stacks": MISSING,
            "dynamodb.describe_table": lambda **name: {
                "Table": {"TableArn": name["TableName"], "ItemCount": 1234}
            },
            "s3.list_object_versions": {
                "Versions": [{"Key": "a", "VersionId": "null"}],
                "DeleteMarkers": [{"Key": "b", "VersionId": "2"}],
            },
        },
    )
    questions: list[str] = []

    def ask(question: str) -> str:
        questions.append(question)
        return "yes"

    with pytest.raises(DeployError, match=r"^Nothing was changed\.$"):
        purge(aws, ACCOUNT, "prod", Terminal(ask=ask, interactive=True))

    output = capsys.readouterr().out
    assert f"table    {TABLE}: about 1,234 items" in output
    assert f"bucket   {BUCKET}: 2 objects" in output
    assert "210987654321" in output
    assert questions == ["All of this is lost. Type the name of the stage (prod) to delete it: "]


def test_a_purge_empties_unprotects_and_deletes() -> None:
    """All versions of objects, and a table that is protected."""
    states = [
        {"Table": {"TableArn": TABLE, "DeletionProtectionEnabled": True}},
        {"Table": {"TableArn": TABLE, "ItemCount": 1}},
        {"Table": {"TableArn": TABLE, "DeletionProtectionEnabled": True}},
        {"Table": {"TableStatus": "ACTIVE"}},
        refusal("ResourceNotFoundException"),
    ]
    aws = an_account(
        {TABLE: tags("prod")},
        {BUCKET: tags("prod")},
        **{
            "cloudformation.describe_stacks": MISSING,
            "dynamodb.describe_table": states,
            "dynamodb.update_table": {},
            "dynamodb.delete_table": {},
            "s3.list_object_versions": {"Versions": [{"Key": "a", "VersionId": "1"}]},
            "s3.delete_objects": {},
            "s3.delete_bucket": {},
        },
    )

    purge(aws, ACCOUNT, "prod", Terminal(ask=lambda _: "prod", interactive=True))

    assert aws.made("s3.delete_objects")[0]["Delete"]["Objects"] == [{"Key": "a", "VersionId": "1"}]
    assert aws.made("s3.delete_bucket") == [{"Bucket": BUCKET}]
    assert aws.made("dynamodb.update_table") == [
        {"TableName": TABLE, "DeletionProtectionEnabled": False}
    ]
    assert aws.made("dynamodb.delete_table") == [{"TableName": TABLE}]


def test_an_object_that_cannot_be_deleted_stops_the_purge() -> None:
    """S3 answers 200 with a list of errors; the table is still there then."""
    aws = an_account(
        {TABLE: tags("prod")},
        {BUCKET: tags("prod")},
        **{
            "cloudformation.describe_stacks": MISSING,
            "s3.list_object_versions": {"Versions": [{"Key": "a", "VersionId": "1"}]},
            "s3.delete_objects": {"Errors": [{"Key": "a", "Message": "Access Denied"}]},
        },
    )

    with pytest.raises(DeployError, match=f"{BUCKET}: a cannot be deleted: Access Denied"):
        purge(aws, ACCOUNT, "prod", Terminal(yes=True))
    assert aws.made("dynamodb.delete_table") == []


def test_a_purge_without_anything_kept_says_where_it_looked() -> None:
    """The wrong account or region is the usual reason."""
    aws = an_account({}, {}, **{"cloudformation.describe_stacks": MISSING})

    with pytest.raises(DeployError, match="prod was kept in eu-west-1 of 210987654321"):
        purge(aws, ACCOUNT, "prod", Terminal(yes=True))
