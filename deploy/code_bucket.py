"""
The bucket of the code: one for an account and region, beside the stacks.

    ecr-scan-alerts-ACCOUNT-REGION/stages/STAGE/HASH/ecr-scan-alerts.zip
    ecr-scan-alerts-ACCOUNT-REGION/stages/STAGE/HASH/template.json

A stack cannot hold it: the zip has to be there before the functions are made.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from deploy.account import (
    Account,
    ClientOf,
    DeniedError,
    DeployError,
    aws_errors,
    is_denied,
    is_missing,
)
from deploy.osls import WITH_LINKS
from deploy.package import ZIP, Package
from deploy.stack import SERVICE

_OLDEST_REGION: Final = "us-east-1"
"""Its buckets have no location constraint:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html"""
_IMPORT: Final = "import.json"
"""The template by which kept data is adopted. It goes with the code of its deployment."""
_NOT_EMPTY: Final = "BucketNotEmpty"
_MOST_DELETIONS: Final = 1000
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""


@dataclass(frozen=True, slots=True)
class Code:
    """Where the zip and the template of a package lie."""

    prefix: str
    """The name of the bucket without its region."""
    key: str
    template_url: str

    @property
    def values(self) -> dict[str, str]:
        """The parameters of the template that say where the zip is."""
        return {"CodeBucketPrefix": self.prefix, "CodeKey": self.key}


def upload(client_of: ClientOf, account: Account, stage: str, package: Package) -> Code:
    """
    Put the zip and the template of a package into the bucket, which is made if there is none.

    Raises `DeployError`, also if the bucket belongs to another account.
    """
    s3, name = client_of("s3"), bucket_name(account)
    folder = f"{_folder(stage)}{package.archive.sha256[:16]}"
    owner = {"Bucket": name, "ExpectedBucketOwner": account.number}
    with aws_errors(f"storing the code in the bucket {name}"):
        _prepare(s3, account, owner)
        for path, file in ((package.archive.path, ZIP), (package.template, WITH_LINKS)):
            s3.put_object(**owner, Key=f"{folder}/{file}", Body=path.read_bytes())
    # The endpoint has the domain of the partition.
    url = f"{s3.meta.endpoint_url}/{name}/{folder}/{WITH_LINKS}"
    return Code(_prefix(account), f"{folder}/{ZIP}", url)


def store_template(client_of: ClientOf, account: Account, code: Code, text: str) -> str:
    """Put another template beside the zip of a package and return its URL. Raises `DeployError`."""
    key = f"{code.key.removesuffix(ZIP)}{_IMPORT}"
    with aws_errors(f"storing a template in the bucket {bucket_name(account)}"):
        client_of("s3").put_object(
            Bucket=bucket_name(account),
            ExpectedBucketOwner=account.number,
            Key=key,
            Body=text.encode(),
        )
    return code.template_url.removesuffix(WITH_LINKS) + _IMPORT


def delete_code(
    client_of: ClientOf, account: Account, stage: str, *, keep: Collection[str] = ()
) -> None:
    """Delete the code of a stage but for some keys of zips. Raises `DeployError`."""
    s3, name = client_of("s3"), bucket_name(account)
    folders = tuple(key.removesuffix(ZIP) for key in keep)
    with aws_errors(f"deleting old code from the bucket {name}"):
        try:
            pages = s3.get_paginator("list_objects_v2").paginate(
                Bucket=name, Prefix=_folder(stage), ExpectedBucketOwner=account.number
            )
            old = [
                {"Key": item["Key"]}
                for page in pages
                for item in page.get("Contents", ())
                if not item["Key"].startswith(folders)
            ]
        except ClientError as error:
            if is_missing(error):
                return
            raise
        for begin in range(0, len(old), _MOST_DELETIONS):
            objects = old[begin : begin + _MOST_DELETIONS]
            answer = s3.delete_objects(
                Bucket=name,
                ExpectedBucketOwner=account.number,
                Delete={"Objects": objects, "Quiet": True},
            )
            # S3 answers 200 with a list of errors.
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise DeployError(f"{name}: {first['Key']} cannot be deleted: {first['Message']}")


def delete_all_code(client_of: ClientOf, account: Account, stage: str) -> None:
    """
    Delete the code of a stage, and the bucket if nothing else is in it. Raises `DeployError`.

    The bucket stays where the caller may not delete it: an empty one costs nothing.
    """
    delete_code(client_of, account, stage)
    name = bucket_name(account)
    with aws_errors(f"deleting the bucket {name}"):
        try:
            client_of("s3").delete_bucket(Bucket=name, ExpectedBucketOwner=account.number)
        except ClientError as error:
            in_use = error.response["Error"]["Code"] == _NOT_EMPTY
            if not (in_use or is_missing(error) or is_denied(error)):
                raise


def bucket_name(account: Account) -> str:
    """Return the name of the bucket in the account and region."""
    return f"{_prefix(account)}-{account.region}"


def _prefix(account: Account) -> str:
    return f"{SERVICE}-{account.number}"


def _folder(stage: str) -> str:
    return f"stages/{stage}/"


def _prepare(s3: Any, account: Account, owner: dict[str, str]) -> None:
    """Create the bucket if it is missing, and give it its policy, also after an interruption."""
    name = owner["Bucket"]
    try:
        if not _exists(s3, owner):
            _create(s3, account, name)
        if not _has_policy(s3, owner):
            s3.put_bucket_policy(**owner, Policy=json.dumps(_policy(account, name)))
    except ClientError as error:
        if not is_denied(error):
            raise
        raise DeniedError(_remedy(error.operation_name, name)) from error


def _remedy(operation: str, name: str) -> str:
    denial = f"AWS denies {operation} on {name}, the bucket of the code"
    match operation:
        case "HeadBucket":
            return (
                f"{denial}. It belongs to another account, or you lack s3:ListBucket: attach "
                "docs/iam/deployer.json as it is now"
            )
        case "CreateBucket" | "PutBucketPolicy":
            return (
                f"{denial}. The first deployment in an account and region makes it: attach "
                "docs/iam/code-bucket.json for this deployment"
            )
        case _:
            return f"{denial}. Attach docs/iam/deployer.json as it is now"


def _exists(s3: Any, owner: dict[str, str]) -> bool:
    try:
        s3.head_bucket(**owner)
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def _has_policy(s3: Any, owner: dict[str, str]) -> bool:
    try:
        s3.get_bucket_policy(**owner)
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def _create(s3: Any, account: Account, name: str) -> None:
    """Create the bucket. It is private and encrypted, as all new buckets are."""
    place = (
        {}
        if account.region == _OLDEST_REGION
        else {"CreateBucketConfiguration": {"LocationConstraint": account.region}}
    )
    s3.create_bucket(Bucket=name, **place)


def _policy(account: Account, name: str) -> dict[str, Any]:
    """Return the policy of the bucket: encrypted transport only."""
    arn = f"arn:{account.partition}:s3:::{name}"
    statement = {
        "Sid": "OnlyEncryptedTransport",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        # The embedded AWS speaks http; no request reaches S3 from there.
        "Condition": {
            "Bool": {"aws:SecureTransport": "false"},
            "NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"},
        },
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
