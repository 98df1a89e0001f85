"""
Table and bucket of a stage that was removed: found, adopted by a new stack, or deleted for good.

They keep their tags, by which they are found again. How CloudFormation imports what exists:
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
_OF_ANOTHER: Final = ({"Key": "stage", "Value": ""},)
"""The tags of a bucket that belongs to another stage, whichever."""
_OPERATION_SECONDS: Final = 10 * 60.0
_POLL: Final = 2.0


@dataclass(frozen=True, slots=True)
class Retained:
    """The table and the bucket that a removed stage left; empty: there is none."""

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
) -> Retained:
    """
    Return what removed stacks of a stage left and no stack has now.

    `table`, `bucket`: the names to take when there are several. Raises `DeployError` when there are
    several and none is named.
    """
    used = frozenset(stack.resources.values() if stack is not None else ())
    with aws_errors(f"looking for what was kept of the stage {stage}"):
        tables = [name for name in _tables(client_of("dynamodb"), stage) if name not in used]
        buckets = [name for name in _buckets(client_of("s3"), stage) if name not in used]
    return Retained(_only(tables, table, "TABLE"), _only(buckets, bucket, "BUCKET"))


def _only(names: list[str], wanted: str, variable: str) -> str:
    if wanted:
        if wanted not in names:
            found = ", ".join(names) or "none"
            raise DeployError(f"{variable}={wanted} was not kept of this stage; there are: {found}")
        return wanted
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
    # CloudFormation makes the names of buckets lower case and shortens them.
    prefix = f"{SERVICE}-{stage}-{REPORTS}".lower()
    # The same stage in another region has a bucket of its own, and boto3 would follow it there.
    here = s3.get_paginator("list_buckets").paginate(
        Prefix=f"{SERVICE}-", BucketRegion=s3.meta.region_name
    )
    for page in here:
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
            # The policies of a deployer allow one stage.
            return _OF_ANOTHER
        if is_missing(error):
            return ()
        raise
    return tags


def _belongs(tags: Sequence[Mapping[str, str]], stage: str, *, named: bool) -> bool:
    """Whether data belongs to a stage: by its tags, or by its name where it has none."""
    values = {tag["Key"]: tag["Value"] for tag in tags}
    if "stage" not in values:
        return named
    return (values.get("app"), values["stage"]) == (SERVICE, stage)


# --- adopting -----------------------------------------------------------------------------------


def import_template(template: Mapping[str, Any], retained: Retained, stack: Stack | None) -> Any:
    """
    Return the template that imports: what the stack has now, and the kept resources.

    Pure. An import may change nothing else: no outputs, no other resources. The kept resources get
    the policy Retain, for an import that is undone must not delete them.
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
    retained: Retained,
    stack: Stack | None,
    *,
    say: Say,
) -> None:
    """
    Make the kept table and bucket part of the stage's stack, which is created when there is none.

    The next deployment completes the stack and tags it: an import may not. Raises `DeployError`
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
                # An empty stack under review would be in the way of the next attempt.
                cloudformation.delete_stack(StackName=change["StackId"])
            raise
        cloudformation.execute_change_set(ChangeSetName=change["Id"])
    wait_until_done(client_of, change["StackId"], say=say)
    if retained.table:
        properties = template["Resources"][TABLE]["Properties"]
        _protect(client_of, retained.table, wanted=properties.get("DeletionProtectionEnabled"))


def _protect(client_of: ClientOf, table: str, *, wanted: bool | None) -> None:
    """Set the protection of an imported table: CloudFormation takes it to be as in the template."""
    dynamodb = client_of("dynamodb")
    with aws_errors(f"protecting the table {table}"):
        described = dynamodb.describe_table(TableName=table)["Table"]
        if bool(described.get("DeletionProtectionEnabled")) != bool(wanted):
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=bool(wanted))


def _imported(retained: Retained) -> Iterator[tuple[str, tuple[str, dict[str, str]]]]:
    names = {TABLE: retained.table, REPORTS: retained.bucket}
    for logical, kind, key in _IDENTIFIERS:
        if names[logical]:
            yield logical, (kind, {key: names[logical]})


def _wait_for_change_set(cloudformation: Any, change_set: str) -> None:
    def ready() -> bool:
        described = cloudformation.describe_change_set(ChangeSetName=change_set)
        if described["Status"] == "FAILED":
            reason = described.get("StatusReason", "CloudFormation gives no reason")
            raise DeployError(f"The data that was kept cannot be adopted: {reason}")
        return bool(described["Status"] == "CREATE_COMPLETE")

    _wait(ready, "the change set")


def _wait(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _OPERATION_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise DeployError(f"{what} is not ready after {_OPERATION_SECONDS:.0f} s")
        time.sleep(_POLL)


# --- deleting -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Contents:
    """How much would be deleted."""

    items: int
    """As DynamoDB counts them: every six hours or so."""
    objects: int
    """Versions and delete markers included."""


def contents(client_of: ClientOf, retained: Retained) -> Contents:
    """Count what the kept table and bucket hold."""
    items = objects = 0
    with aws_errors(f"counting what is in {retained}"):
        if retained.table:
            table = client_of("dynamodb").describe_table(TableName=retained.table)["Table"]
            items = table.get("ItemCount", 0)
        if retained.bucket:
            objects = sum(map(len, _versions(client_of("s3"), retained.bucket)))
    return Contents(items, objects)


def delete_retained(client_of: ClientOf, retained: Retained, *, say: Say) -> None:
    """Delete the kept table and bucket with everything in them. Raises `DeployError`."""
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
    """Delete every object of a bucket in all its versions."""
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
    """Yield what a bucket holds in batches of at most 1,000: what one call deletes."""
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
