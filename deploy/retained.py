"""
Table and bucket of a removed stage: found, adopted by a new stack, or deleted.

They are found by their tags, which they keep. Import of existing resources by CloudFormation:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from deploy.account import ClientOf, DeployError, aws_errors, is_denied, is_missing
from deploy.stack import REPORTS, SERVICE, TABLE, Say, Stack, stack_name, wait_until_done

CHANGE_SET: Final = "adopt-retained-data"
_IDENTIFIERS: Final = (
    (TABLE, "AWS::DynamoDB::Table", "TableName"),
    (REPORTS, "AWS::S3::Bucket", "BucketName"),
)
_OTHER_STAGE: Final = ({"Key": "stage", "Value": ""},)
"""The tags of a bucket of any other stage."""
_OPERATION_SECONDS: Final = 10 * 60.0
_POLL: Final = 2.0


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
        "Resources": {**base.get("Resources", {}), **resources},
    }


def adopt(
    client_of: ClientOf,
    stage: str,
    template: Mapping[str, Any],
    retained: RetainedData,
    stack: Stack | None,
    *,
    say: Say,
) -> None:
    """
    Import the kept table and bucket into the stage's stack, which is created if there is none.

    The next deployment completes and tags the stack, because an import cannot. Raises `DeployError`
    with CloudFormation's reason.
    """
    cloudformation, name = client_of("cloudformation"), stack_name(stage)
    say(f"Adopting {retained}")
    with aws_errors("adopting the data that was kept"):
        change = cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=CHANGE_SET,
            ChangeSetType="IMPORT",
            TemplateBody=json.dumps(import_template(template, retained, stack)),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            ResourcesToImport=[
                {
                    "ResourceType": kind,
                    "LogicalResourceId": logical,
                    "ResourceIdentifier": identifier,
                }
                for logical, (kind, identifier) in _imported(retained)
            ],
        )
        try:
            _wait_for_change_set(cloudformation, change["Id"])
        except DeployError:
            cloudformation.delete_change_set(ChangeSetName=change["Id"])
            if stack is None:
                # The next attempt could not use an empty stack under review.
                cloudformation.delete_stack(StackName=change["StackId"])
            raise
        cloudformation.execute_change_set(ChangeSetName=change["Id"])
    wait_until_done(client_of, change["StackId"], say=say)
    if retained.table:
        properties = template["Resources"][TABLE]["Properties"]
        _protect(client_of, retained.table, wanted=properties.get("DeletionProtectionEnabled"))


def _protect(client_of: ClientOf, table: str, *, wanted: bool | None) -> None:
    """Set the deletion protection of an imported table, which the import does not change."""
    dynamodb = client_of("dynamodb")
    with aws_errors(f"protecting the table {table}"):
        description = dynamodb.describe_table(TableName=table)["Table"]
        if bool(description.get("DeletionProtectionEnabled")) != bool(wanted):
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=bool(wanted))


def _imported(retained: RetainedData) -> Iterator[tuple[str, tuple[str, dict[str, str]]]]:
    names = {TABLE: retained.table, REPORTS: retained.bucket}
    for logical, kind, key in _IDENTIFIERS:
        if names[logical]:
            yield logical, (kind, {key: names[logical]})


def _wait_for_change_set(cloudformation: Any, change_set: str) -> None:
    def ready() -> bool:
        description = cloudformation.describe_change_set(ChangeSetName=change_set)
        if description["Status"] == "FAILED":
            reason = description.get("StatusReason", "CloudFormation gives no reason")
            raise DeployError(f"The data that was kept cannot be adopted: {reason}")
        return bool(description["Status"] == "CREATE_COMPLETE")

    _wait(ready, "the change set")


def _wait(done: Callable[[], bool], name: str) -> None:
    deadline = time.monotonic() + _OPERATION_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise DeployError(f"{name} is not ready after {_OPERATION_SECONDS:.0f} s")
        time.sleep(_POLL)


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
        empty_bucket(client_of, retained.bucket, say=say)
        with aws_errors(f"deleting the bucket {retained.bucket}"):
            client_of("s3").delete_bucket(Bucket=retained.bucket)
        say(f"deleted bucket {retained.bucket}")
    if retained.table:
        with aws_errors(f"deleting the table {retained.table}"):
            _delete_table(client_of("dynamodb"), retained.table)
        say(f"deleted table {retained.table}")


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
        _wait(active, f"the table {name}")
    dynamodb.delete_table(TableName=name)
    _wait(gone, f"the deletion of {name}")
