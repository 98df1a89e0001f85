"""The bucket of the code: made once for an account and region, and never somebody else's."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.account import Account, DeployError
from deploy.archive import Archive
from deploy.code_bucket import Code, delete_all_code, delete_code, store_template, upload
from deploy.package import Package
from tests.deploy.aws import FakeAws, refusal

ACCOUNT = Account("210987654321", "arn:aws-cn:iam::210987654321:role/ops", "cn-north-1")
BUCKET = "ecr-scan-alerts-210987654321-cn-north-1"
OWNER = {"Bucket": BUCKET, "ExpectedBucketOwner": "210987654321"}


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """Return a package of two small files."""
    (tmp_path / "a.zip").write_bytes(b"zip")
    (tmp_path / "template.json").write_bytes(b"{}")
    archive = Archive(tmp_path / "a.zip", 1, 3, "0123456789abcdef" * 4)
    return Package(archive, tmp_path / "template.json", {})


def an_aws(monkeypatch: pytest.MonkeyPatch, head: Any, **answers: Any) -> FakeAws:
    endpoint = SimpleNamespace(endpoint_url="https://s3.cn-north-1.amazonaws.com.cn")
    monkeypatch.setattr("tests.deploy.aws.FakeClient.meta", endpoint)
    made = {"s3.create_bucket": {}, "s3.put_bucket_policy": {}, "s3.put_object": {}}
    policy = {"s3.get_bucket_policy": {}}
    return FakeAws({"s3.head_bucket": head, **policy, **made, **answers})


def test_a_bucket_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch, package: Package) -> None:
    """Zip and template lie below the stage, by the hash of the zip, in the partition's domain."""
    aws = an_aws(monkeypatch, {})

    code = upload(aws, ACCOUNT, "prod", package)

    folder = "stages/prod/0123456789abcdef"
    assert code == Code(
        "ecr-scan-alerts-210987654321",
        f"{folder}/ecr-scan-alerts.zip",
        f"https://s3.cn-north-1.amazonaws.com.cn/{BUCKET}/{folder}/template.json",
    )
    assert aws.made("s3.put_object") == [
        {**OWNER, "Key": f"{folder}/ecr-scan-alerts.zip", "Body": b"zip"},
        {**OWNER, "Key": f"{folder}/template.json", "Body": b"{}"},
    ]
    assert aws.made("s3.create_bucket") == []


@pytest.mark.parametrize(
    ("region", "place"),
    [
        ("us-east-1", {}),
        ("eu-west-1", {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}),
    ],
)
def test_a_bucket_that_is_missing_is_made(
    monkeypatch: pytest.MonkeyPatch, package: Package, region: str, place: dict[str, Any]
) -> None:
    """In its region, and for encrypted transport only."""
    account = Account("210987654321", "arn:aws:iam::210987654321:role/ops", region)
    missing = {"s3.get_bucket_policy": refusal("NoSuchBucketPolicy")}
    aws = an_aws(monkeypatch, refusal("404"), **missing)

    upload(aws, account, "prod", package)

    name = f"ecr-scan-alerts-210987654321-{region}"
    assert aws.made("s3.create_bucket") == [{"Bucket": name, **place}]
    (policy,) = aws.made("s3.put_bucket_policy")
    (statement,) = json.loads(policy["Policy"])["Statement"]
    assert statement["Resource"] == [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    assert statement["Condition"]["Bool"] == {"aws:SecureTransport": "false"}


def test_a_bucket_of_somebody_else_gets_no_code(
    monkeypatch: pytest.MonkeyPatch, package: Package
) -> None:
    """Names of buckets are worldwide, and anybody could have made one with this name."""
    aws = an_aws(monkeypatch, refusal("403", "Forbidden", "HeadBucket"))

    with pytest.raises(DeployError, match="belongs to another account, or you lack s3:ListBucket"):
        upload(aws, ACCOUNT, "prod", package)
    assert aws.made("s3.put_object") == []


def test_a_bucket_without_its_policy_gets_it(
    monkeypatch: pytest.MonkeyPatch, package: Package
) -> None:
    """The first deployment was interrupted after it had created the bucket."""
    missing = {"s3.get_bucket_policy": refusal("NoSuchBucketPolicy")}
    aws = an_aws(monkeypatch, {}, **missing)

    upload(aws, ACCOUNT, "prod", package)

    assert aws.made("s3.create_bucket") == []
    (request,) = aws.made("s3.put_bucket_policy")
    assert "OnlyEncryptedTransport" in request.pop("Policy")
    assert request == OWNER


@pytest.mark.parametrize(
    ("operation", "policy"),
    [
        ("create_bucket", "code-bucket.json"),
        ("get_bucket_policy", "deployer.json"),
        ("put_bucket_policy", "code-bucket.json"),
    ],
)
def test_a_denial_names_the_policy_to_attach(
    monkeypatch: pytest.MonkeyPatch, package: Package, operation: str, policy: str
) -> None:
    """A deployer of an older version has no right on the bucket."""
    name = operation.title().replace("_", "")
    answers = {"s3.get_bucket_policy": refusal("NoSuchBucketPolicy")}
    answers[f"s3.{operation}"] = refusal("AccessDenied", "no", name)
    aws = an_aws(monkeypatch, refusal("404"), **answers)

    with pytest.raises(DeployError, match=rf"AWS denies {name} on {BUCKET}.*docs/iam/{policy}"):
        upload(aws, ACCOUNT, "prod", package)


def test_another_error_of_the_bucket_is_shown(
    monkeypatch: pytest.MonkeyPatch, package: Package
) -> None:
    """No policy helps against it."""
    slow = refusal("SlowDown", "Reduce your request rate", "GetBucketPolicy")
    aws = an_aws(monkeypatch, {}, **{"s3.get_bucket_policy": slow})

    with pytest.raises(DeployError, match="AWS refused GetBucketPolicy while storing the code"):
        upload(aws, ACCOUNT, "prod", package)


def test_code_that_cannot_be_deleted_is_named() -> None:
    """S3 answers 200 with a list of errors."""
    aws = FakeAws(
        {
            "s3.list_objects_v2": {"Contents": [{"Key": "stages/prod/1/ecr-scan-alerts.zip"}]},
            "s3.delete_objects": {"Errors": [{"Key": "stages/prod/1", "Message": "Access Denied"}]},
        }
    )

    with pytest.raises(DeployError, match="stages/prod/1 cannot be deleted: Access Denied"):
        delete_all_code(aws, ACCOUNT, "prod")


def test_the_template_of_an_import_lies_beside_the_code() -> None:
    """CloudFormation takes at most 51,200 characters in a request; the code goes with it."""
    folder = "stages/prod/0123456789abcdef"
    code = Code("prefix", f"{folder}/ecr-scan-alerts.zip", f"https://s3/{folder}/template.json")
    aws = FakeAws({"s3.put_object": {}})

    assert store_template(aws, ACCOUNT, code, "{}") == f"https://s3/{folder}/import.json"
    assert aws.made("s3.put_object") == [{**OWNER, "Key": f"{folder}/import.json", "Body": b"{}"}]


def test_code_of_other_stages_stays() -> None:
    """A name of a stage can be the beginning of another; more than one request has room for."""
    keys = [f"stages/prod/{number}/ecr-scan-alerts.zip" for number in range(1002)]
    listed = {"Contents": [{"Key": key} for key in keys]}
    aws = FakeAws({"s3.list_objects_v2": listed, "s3.delete_objects": {}})

    delete_code(aws, ACCOUNT, "prod", keep=[keys[7]])

    assert aws.calls[0][1]["Prefix"] == "stages/prod/"
    first, second = (call["Delete"]["Objects"] for call in aws.made("s3.delete_objects"))
    assert (len(first), len(second)) == (1000, 1)
    assert {"Key": keys[7]} not in first + second


@pytest.mark.parametrize(
    "answer",
    [{}, refusal("BucketNotEmpty"), refusal("NoSuchBucket"), refusal("AccessDenied")],
    ids=["unused", "in use", "missing", "denied"],
)
def test_a_removed_stage_takes_the_bucket_if_no_other_uses_it(answer: Any) -> None:
    """S3 refuses to delete one that holds anything. A deployer of one stage may delete none."""
    aws = FakeAws({"s3.list_objects_v2": {}, "s3.delete_bucket": answer})

    delete_all_code(aws, ACCOUNT, "prod")

    assert aws.made("s3.delete_bucket") == [OWNER]


def test_a_bucket_that_cannot_be_deleted_is_named() -> None:
    """The stack is removed already; only this is left."""
    conflict = refusal("OperationAborted", "try again", "DeleteBucket")
    aws = FakeAws({"s3.list_objects_v2": {}, "s3.delete_bucket": conflict})

    with pytest.raises(
        DeployError, match=f"AWS refused DeleteBucket while deleting the bucket {BUCKET}"
    ):
        delete_all_code(aws, ACCOUNT, "prod")


def test_without_a_bucket_there_is_nothing_to_delete() -> None:
    """A stage that was deployed by another tool."""
    delete_code(FakeAws({"s3.list_objects_v2": refusal("NoSuchBucket")}), ACCOUNT, "prod")

    denied = FakeAws({"s3.list_objects_v2": refusal("AccessDenied", "no", "ListObjectsV2")})
    with pytest.raises(DeployError, match="AWS denies ListObjectsV2 while deleting old code"):
        delete_code(denied, ACCOUNT, "prod")
