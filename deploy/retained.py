"""
Table and bucket of a removed stage: found, adopted by a new stack, or deleted.

They are found by their tags, which they keep. Import of existing resources by CloudFormation:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from deploy.account import ClientOf, DeployError, aws_errors, is_denied, is_missing
from deploy.changes import execute, parameter_list, wait
from deploy.stack import REPORTS, SERVICE, TABLE, Say, Stack, stack_name

_IDENTIFIERS: Final = (
    (TABLE, "AWS::DynamoDB::Table", "TableName"),
    (REPORTS, "AWS::S3::Bucket", "BucketName"),
)
_OTHER_STAGE: Final = ({"Key": "stage", "Value": ""},)
"""The tags of a bucket of any other stage."""


@dataclass(frozen=True, slots=True)
class RetainedData:
    """The table and the bucket of a removed stage; empty where there is none."""

    table: str = ""
    bucket: str = ""

    def __bool__(self) -> bool:
        return bool(self.table or self.bucket)

    def __str__(self) -> str:
        parts = [f"table {self.table}"] if self.table else []
        return " and ".join([*parts, *([f"bucket {self.bucket}"] if self.bucket else [])])


# --- finding ------------------------------------------------------------------------------------


def find_retained(
    client_of: ClientOf, stage: str, stack: Stack | None, *, table: str = "", bucket: str = ""
) -> RetainedData:
    """
    Return the data of removed stacks of a stage that belongs to no stack now.

    `table` and `bucket` choose among several. Raises `DeployError` if there are several and none is
    chosen.
    """
    used_names = frozenset(stack.resources.values() if stack is not None else ())
    with aws_errors(f"looking for what was kept of the stage {stage}"):
        tables = [name for name in _tables(client_of("dynamodb"), stage) if name not in used_names]
        buckets = [name for name in _buckets(client_of("s3"), stage) if name not in used_names]
    return RetainedData(_choose(tables, table, "TABLE"), _choose(buckets, bucket, "BUCKET"))


def _choose(names: list[str], choice: str, variable: str) -> str:
    if choice:
        if choice not in names:
            choices = ", ".join(names) or "none"
            raise DeployError(
                f"{variable}={choice} was not kept of this stage; there are: {choices}"
            )
        return choice
    if len(names) > 1:
        raise DeployError(
            f"Several were kept of this stage: {', '.join(names)}. Name one: {variable}={names[0]}"
        )
    return names[0] if names else ""


def _tables(dynamodb: Any, stage: str) -> Iterator[str]:
    for page in dynamodb.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            if name.startswith(f"{SERVICE}-{stage}-{TABLE}"):
                table = dynamodb.describe_table(TableName=name)["Table"]
                tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
                if _belongs(tags, stage, named=True):
                    yield name


def _buckets(s3: Any, stage: str) -> Iterator[str]:
    # CloudFormation shortens bucket names and writes them in lower case.
    prefix = f"{SERVICE}-{stage}-{REPORTS}".lower()
    # The stage may exist in another region, too, and boto3 would follow its bucket there.
    pages = s3.get_paginator("list_buckets").paginate(
        Prefix=f"{SERVICE}-", BucketRegion=s3.meta.region_name
    )
    for page in pages:
        for bucket in page["Buckets"]:
            name = bucket["Name"]
            if "deploymentbucket" in name:
                continue
            if _belongs(_bucket_tags(s3, name, stage), stage, named=name.startswith(prefix)):
                yield name


def _bucket_tags(s3: Any, name: str, stage: str) -> Sequence[Mapping[str, str]]:
    try:
        tags: Sequence[Mapping[str, str]] = s3.get_bucket_tagging(Bucket=name)["TagSet"]
    except ClientError as error:
        if is_denied(error) and not name.startswith(f"{SERVICE}-{stage}-".lower()):
            # A deployer's policies allow one stage.
            return _OTHER_STAGE
        if is_missing(error):
            return ()
        raise
    return tags


def _belongs(tags: Sequence[Mapping[str, str]], stage: str, *, named: bool) -> bool:
    """Whether data belongs to a stage: by its tags, or by its name if it has none."""
    values = {tag["Key"]: tag["Value"] for tag in tags}
    if "stage" not in values:
        return named
    return (values.get("app"), values["stage"]) == (SERVICE, stage)


# --- adopting -----------------------------------------------------------------------------------


def import_template(
    template: Mapping[str, Any], retained: RetainedData, stack: Stack | None
) -> Any:
    """
    Return the template of the import: the resources of the stack, and the kept ones.

    Pure. An import may change nothing else: no outputs, no other resources. The kept resources get
    the policy Retain, so that a rollback does not delete them.
    """
    base: Mapping[str, Any] = stack.template if stack is not None else {}
    resources = {
        logical: {
            **{k: v for k, v in template["Resources"][logical].items() if k != "DependsOn"},
            "DeletionPolicy": "Retain",
        }
        for logical, _ in _imported(retained)
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        **base,
        "Parameters": {**template["Parameters"], **base.get("Parameters", {})},
        "Resources": {**base.get("Resources", {}), **resources},
    }


def adopt(
    client_of: ClientOf,
    template: Mapping[str, Any],
    values: Mapping[str, str],
    retained: RetainedData,
    stack: Stack | None,
    *,
    store: Callable[[str], str],
    say: Say,
) -> None:
    """
    Import the kept table and bucket into the stage's stack, which is created if there is none.

    `store` puts a template where CloudFormation reads it, and returns the address: that of a whole
    stack is too long for a request. The next deployment completes and tags the stack, because an
    import cannot. Raises `DeployError` with CloudFormation's reason.
    """
    say(f"Adopting {retained}")
    body = import_template(template, retained, stack)
    current = {**values, **(stack.parameters if stack is not None else {})}
    request = {
        "StackName": stack_name(values["Stage"]),
        "ChangeSetType": "IMPORT",
        "TemplateURL": store(json.dumps(body)),
        # An import changes no other resource, so it changes no value.
        "Parameters": parameter_list({name: current[name] for name in body["Parameters"]}),
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "ResourcesToImport": [
            {"ResourceType": kind, "LogicalResourceId": logical, "ResourceIdentifier": identifier}
            for logical, (kind, identifier) in _imported(retained)
        ],
    }
    execute(client_of, request, stack, problem="The data that was kept cannot be adopted", say=say)
    if retained.table:
        _protect(client_of, retained.table, wanted=values["DeletionProtection"] == "true")


def _protect(client_of: ClientOf, table: str, *, wanted: bool) -> None:
    """Set the deletion protection of an imported table, which the import does not change."""
    dynamodb = client_of("dynamodb")
    with aws_errors(f"protecting the table {table}"):
        description = dynamodb.describe_table(TableName=table)["Table"]
        if bool(description.get("DeletionProtectionEnabled")) != wanted:
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=wanted)


def _imported(retained: RetainedData) -> Iterator[tuple[str, tuple[str, dict[str, str]]]]:
    names = {TABLE: retained.table, REPORTS: retained.bucket}
    for logical, kind, key in _IDENTIFIERS:
        if names[logical]:
            yield logical, (kind, {key: names[logical]})


# --- deleting -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Contents:
    """The amount of data to delete."""

    items: int
    """DynamoDB's count, which is updated about every six hours."""
    objects: int
    """Including versions and delete markers."""


def contents(client_of: ClientOf, retained: RetainedData) -> Contents:
    """Count the items and objects of the kept table and bucket."""
    items = objects = 0
    with aws_errors(f"counting what is in {retained}"):
        if retained.table:
            table = client_of("dynamodb").describe_table(TableName=retained.table)["Table"]
            items = table.get("ItemCount", 0)
        if retained.bucket:
            objects = sum(map(len, _versions(client_of("s3"), retained.bucket)))
    return Contents(items, objects)


def delete_retained(client_of: ClientOf, retained: RetainedData, *, say: Say) -> None:
    """Delete the kept table and bucket with their content. Raises `DeployError`."""
    if retained.bucket:
        delete_bucket(client_of, retained.bucket, say=say)
    if retained.table:
        with aws_errors(f"deleting the table {retained.table}"):
            _delete_table(client_of("dynamodb"), retained.table)
        say(f"deleted table {retained.table}")


def delete_bucket(client_of: ClientOf, bucket: str, *, say: Say) -> None:
    """Delete a bucket with its content. Raises `DeployError`."""
    empty_bucket(client_of, bucket, say=say)
    with aws_errors(f"deleting the bucket {bucket}"):
        client_of("s3").delete_bucket(Bucket=bucket)
    say(f"deleted bucket {bucket}")


def empty_bucket(client_of: ClientOf, bucket: str, *, say: Say) -> None:
    """Delete all objects of a bucket, in all versions."""
    s3, count = client_of("s3"), 0
    with aws_errors(f"emptying the bucket {bucket}"):
        for batch in _versions(s3, bucket):
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise DeployError(f"{bucket}: {first['Key']} cannot be deleted: {first['Message']}")
            count += len(batch)
            say(f"deleted {count} {'object' if count == 1 else 'objects'} of {bucket}")


def _versions(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    """Yield all versions in a bucket, in batches of at most 1,000: the limit of a call."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        batch = [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        ]
        if batch:
            yield batch


def _delete_table(dynamodb: Any, name: str) -> None:
    def active() -> bool:
        table = dynamodb.describe_table(TableName=name)["Table"]
        return bool(table["TableStatus"] == "ACTIVE")

    def gone() -> bool:
        try:
            dynamodb.describe_table(TableName=name)
        except ClientError as error:
            if is_missing(error):
                return True
            raise
        return False

    table = dynamodb.describe_table(TableName=name)["Table"]
    if table.get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        wait(active, f"the table {name}")
    dynamodb.delete_table(TableName=name)
    wait(gone, f"the deletion of {name}")
