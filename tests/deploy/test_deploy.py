"""`make deploy`, `remove` and `purge`: what they refuse, and all of them on the embedded AWS."""

import io
import json
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cli.stage_file import find_stage, stage_path
from deploy import deploy as deployment
from deploy import inputs, purge, remove
from deploy.account import Account, DeployError
from deploy.deploy import Choices, checked_inputs, main, read_deployed
from deploy.inputs import Inputs
from deploy.package import ROOT
from deploy.stack import Stack, find_stack, wait_until_done
from deploy.terminal import Terminal
from lib.errors import ConfigError
from lib.store.publications import KEY
from local.aws.process import EmbeddedAws
from tests.deploy.aws import FakeAws, refusal
from tests.deploy.conftest import Package
from tests.support.builders import NOW

ALERTS = """\
version: 1
destinations:
  team: {type: slack, webhook: {secret: ecr-scan-alerts/team}}
routes:
  - {name: all, severity: HIGH, notify: [team]}
"""
STAGE, UPGRADED = "keeps", "upgraded"


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have stage files in a folder of the test's own, and nothing else said."""
    monkeypatch.setattr(inputs, "find_stage", partial(find_stage, folder=tmp_path))
    monkeypatch.setattr(deployment, "stage_path", partial(stage_path, folder=tmp_path))
    for name in ("ALARM_EMAIL", "RECEIVER_HOSTS", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration that names nobody's example."""
    path = tmp_path / "alerts.yml"
    path.write_text(ALERTS)
    return path


@pytest.fixture
def on_embedded_aws(embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> EmbeddedAws:
    """Return the embedded AWS, which this process takes for AWS."""
    for name, value in embedded_aws.environment().items():
        monkeypatch.setenv(name, value)
    return embedded_aws


# --- before AWS is asked ------------------------------------------------------------------------


@pytest.mark.usefixtures("stages")
def test_the_stage_of_the_embedded_aws_is_not_deployed(capsys: pytest.CaptureFixture[str]) -> None:
    """Its table and its bucket are deleted with the stack, and its receivers are this machine."""
    code = main(["--stage", "local", "--region", "eu-central-1"])

    assert code == 1
    assert "Not deployed. The stage local is that of `make demo`" in capsys.readouterr().err


@pytest.mark.usefixtures("stages")
def test_the_sample_is_not_deployed(capsys: pytest.CaptureFixture[str]) -> None:
    """`make deploy` without a configuration takes alerts.yml, which names nobody as it comes."""
    code = main(["--stage", "prod", "--region", "eu-central-1"])

    assert code == 1
    assert "These are not yours yet:\nalerts.yml:18: error: " in capsys.readouterr().err.replace(
        f"{ROOT}/", ""
    )


def test_an_example_in_the_stage_is_not_deployed(config: Path) -> None:
    """Alarms that go to an example go to nobody."""
    order = Inputs("prod", "eu-west-1", config, {"alarmEmail": "oncall@example.com"})

    with pytest.raises(ConfigError, match=r"deploy/stages/prod\.yml:5: error: alarmEmail: example"):
        checked_inputs(order)


@pytest.mark.usefixtures("stages")
def test_a_region_is_needed(config: Path) -> None:
    """It is not guessed: a second stack would begin with an empty table."""
    with pytest.raises(DeployError, match=r"Which region.* make deploy STAGE=prod REGION="):
        checked_inputs(Inputs("prod", "", config))


@pytest.mark.usefixtures("stages")
def test_without_credentials_nothing_is_packaged(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, at once; and no file of the stage."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(deployment, "package", None)

    code = main(["--stage", "prod", "--region", "eu-west-1", "--config", str(config)])

    assert code == 1
    assert capsys.readouterr().err.startswith(
        "Not deployed. There are no AWS credentials here. Log in (aws sso login"
    )


@pytest.mark.parametrize("command", [remove.main, purge.main])
def test_removing_needs_a_region_and_no_configuration(
    command: Callable[[list[str]], int], stages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A contradiction is refused here, too: it would look in the wrong place."""
    (stages / "prod.yml").write_text("region: eu-west-1\nconfig: /no/such/file.yml\n")

    assert command(["--stage", "other"]) == 1
    assert "Which region of AWS has the stage other? Add REGION=" in capsys.readouterr().err
    assert command(["--stage", "prod", "--region", "us-east-1"]) == 1
    assert "Write `region: us-east-1` there, or leave REGION out" in capsys.readouterr().err


# --- what runs now ------------------------------------------------------------------------------


def body(text: str) -> dict[str, Any]:
    return {"Body": io.BytesIO(text.encode()), "ETag": "1", "LastModified": NOW}


def test_what_was_deployed_is_read_from_the_bucket() -> None:
    """And only what has the shape of a configuration is compared with."""
    document = {"destinations": {}, "routes": [{"name": "all"}]}

    assert read_deployed(FakeAws({}), "").document is None
    assert (
        read_deployed(FakeAws({"s3.get_object": body(json.dumps(document))}), "b").document
        == document
    )


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (refusal("NoSuchKey"), "the bucket has no config/current.json; this deployment stores it"),
        (refusal("AccessDenied", "not you", "GetObject"), "AWS denies GetObject while reading"),
        (body("no JSON"), "config/current.json in the bucket is no configuration"),
        (body("[]"), "is no configuration"),
        (body('{"destinations": {}, "routes": [1]}'), "is no configuration"),
    ],
)
def test_why_it_cannot_be_read_is_said(answer: Any, problem: str) -> None:
    """A refusal is no reason to deploy unseen, and none to give up."""
    found = read_deployed(FakeAws({"s3.get_object": answer}), "bucket")

    assert found.document is None
    assert problem in found.problem


def test_adopting_is_for_stages_without_data() -> None:
    """A stack has one table."""
    stack = Stack("s", "arn", "UPDATE_COMPLETE", {}, {"Table": "t", "ReportsBucket": "b"}, {})

    with pytest.raises(DeployError, match="s has its table and bucket; leave ADOPT=1 out"):
        deployment.data_to_adopt(FakeAws({}), "prod", stack, Choices(adopt=True))


def test_without_the_permission_to_look_people_are_asked_and_pipelines_stop(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An empty table beside a kept one reports every image anew."""
    denied = refusal("AccessDeniedException", "not you", "ListTables")
    aws = FakeAws({"dynamodb.list_tables": denied})
    look = partial(deployment.choose_data, aws, "prod", None)

    assert not look(Choices(), Terminal(interactive=True))
    assert "Whether a removed stack left data is unknown: AWS denies" in capsys.readouterr().out
    with pytest.raises(DeployError, match=r"AWS denies ListTables.* Add ADOPT=0"):
        look(Choices(), Terminal(yes=True))
    with pytest.raises(DeployError, match="AWS denies ListTables"):
        look(Choices(adopt=True), Terminal(interactive=True))
    assert not look(Choices(adopt=False), Terminal(yes=True))


# --- old code -----------------------------------------------------------------------------------


def tidied(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> str:
    """Tidy up after the update of a stack without parameters, and return what is printed."""
    before = Stack("s", "arn", "UPDATE_COMPLETE", {}, {"ServerlessDeploymentBucket": "old"}, {})
    account = Account("210987654321", "arn:aws:iam::210987654321:role/ops", "eu-west-1")
    values = {"Stage": "prod", "CodeKey": "stages/prod/2/ecr-scan-alerts.zip"}

    deployment.tidy(aws, account, before, values, Terminal())

    return capsys.readouterr().out


def test_the_old_bucket_of_the_code_is_emptied_and_deleted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """CloudFormation leaves a bucket that is not empty where it is."""
    aws = FakeAws(
        {
            "s3.list_objects_v2": {
                "Contents": [
                    {"Key": "stages/prod/1/ecr-scan-alerts.zip"},
                    {"Key": "stages/prod/2/ecr-scan-alerts.zip"},
                    {"Key": "stages/prod/2/template.json"},
                ]
            },
            "s3.head_bucket": {},
            "s3.list_object_versions": {"Versions": [{"Key": "a.zip", "VersionId": "1"}]},
            "s3.delete_objects": {},
            "s3.delete_bucket": {},
        }
    )

    assert "deleted bucket old" in tidied(aws, capsys)
    own, old = aws.made("s3.delete_objects")
    assert own["Bucket"] == "ecr-scan-alerts-210987654321-eu-west-1"
    assert own["Delete"]["Objects"] == [{"Key": "stages/prod/1/ecr-scan-alerts.zip"}]
    assert (old["Bucket"], aws.made("s3.delete_bucket")) == ("old", [{"Bucket": "old"}])


def test_old_code_that_may_not_be_deleted_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The stage is deployed; what CloudFormation has deleted already is no problem."""
    denied = refusal("AccessDenied", "not you", "ListObjectsV2")
    nothing = {"s3.list_objects_v2": {}, "s3.head_bucket": refusal("404")}

    assert "Old code stays: AWS denies ListObjectsV2" in tidied(
        FakeAws({"s3.list_objects_v2": denied}), capsys
    )
    assert tidied(FakeAws(nothing), capsys) == ""


# --- on the embedded AWS --------------------------------------------------------------------------


def test_a_stage_lives_is_removed_comes_back_and_goes_for_good(  # noqa: PLR0915  # a life
    on_embedded_aws: EmbeddedAws,
    stages: Path,
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Deployed, changed, removed, adopted with its table, removed again, purged."""
    monkeypatch.setenv("ALARM_EMAIL", "ops@acme.io")
    here = ["--stage", STAGE]
    first = [*here, "--region", on_embedded_aws.region, "--config", str(config)]

    def run(command: Callable[[list[str]], int], *arguments: str, code: int = 0) -> str:
        assert command([*here, *arguments]) == code, capsys.readouterr().err
        output = capsys.readouterr()
        return output.out + output.err

    # Nobody answers: nothing happens, not even the file of the stage.
    output = run(main, *first, code=1)
    assert "This is the first deployment of this stage" in output
    assert "Nobody can answer here: add YES=1" in output
    assert not (stages / f"{STAGE}.yml").exists()

    # The first deployment writes the file, stores the configuration and protects the table.
    output = run(main, *first, "--yes")
    assert "Protecting the table against deletion" in output
    assert f"--name ecr-scan-alerts/{STAGE}/team" in output
    assert 'alarmEmail: "ops@acme.io"' in (stages / f"{STAGE}.yml").read_text()
    stack = find_stack(on_embedded_aws.client, f"ecr-scan-alerts-{STAGE}")
    assert stack is not None
    table, bucket = stack.resources["Table"], stack.resources["ReportsBucket"]
    assert is_protected(on_embedded_aws, table)
    stored = on_embedded_aws.client("s3").get_object(Bucket=bucket, Key=KEY)["Body"].read()
    assert list(json.loads(stored)["document"]["destinations"]) == ["team"]
    assert "Published the configuration as revision 1" in output

    # The next one needs the stage only, and shows what changes.
    monkeypatch.delenv("ALARM_EMAIL")
    config.write_text(ALERTS.replace("severity: HIGH", "severity: LOW"))
    (stages / f"{STAGE}.yml").write_text(
        f"region: {on_embedded_aws.region}\nconfig: {config}\nreportLinkDays: 7\n"
    )
    output = run(main, "--yes")
    assert "      severity: HIGH -> LOW" in output
    assert "Published the configuration as revision 2" in output
    assert "  - alarmEmail: ops@acme.io" in output
    assert "  ~ reportLinkDays: 30 -> 7" in output
    assert "Protecting" not in output
    # Only code that a stack may need stays: of this deployment, and of the one before.
    assert len(zips(on_embedded_aws)) == 2
    assert f"ecr-scan-alerts-{STAGE} is up to date" in run(main, "--yes")

    # Removing needs no configuration; table and bucket stay, with a row.
    config.write_text("broken: [")
    on_embedded_aws.client("dynamodb").put_item(
        TableName=table, Item={"pk": {"S": "ROW"}, "sk": {"S": "1"}}
    )
    made = creation(on_embedded_aws, table)
    assert "uses its data. First: make remove" in run(purge.main, "--yes", code=1)
    assert f"table {table}, bucket {bucket}" in run(remove.main, "--yes")
    assert zips(on_embedded_aws) == []
    assert find_stack(on_embedded_aws.client, f"ecr-scan-alerts-{STAGE}") is None
    assert "There is no stack" in run(remove.main, "--yes", code=1)

    # A new stack does not pass its data by.
    config.write_text(ALERTS)
    output = run(main, "--yes", code=1)
    assert f"left the table {table} and bucket {bucket}" in output
    output = run(main, "--yes", "--adopt", "1")
    assert "The stack is new; its data and its last configuration were kept." in output
    assert "      severity: LOW -> HIGH" in output
    adopted = find_stack(on_embedded_aws.client, f"ecr-scan-alerts-{STAGE}")
    assert adopted is not None
    assert (adopted.resources["Table"], adopted.resources["ReportsBucket"]) == (table, bucket)
    assert adopted.outputs["TableName"] == table
    # Images are not reported anew: the table is as old as it was, and has its rows.
    assert creation(on_embedded_aws, table) == made
    assert on_embedded_aws.client("dynamodb").scan(TableName=table)["Count"] == 1
    assert is_protected(on_embedded_aws, table)
    assert adopted.template["Resources"]["Table"]["DeletionPolicy"] == "RetainExceptOnCreate"

    # For good.
    run(remove.main, "--yes")
    output = run(purge.main, "--yes")
    assert f"deleted table {table}" in output
    assert f"deleted bucket {bucket}" in output
    assert "was kept in" in run(purge.main, "--yes", code=1)


def test_a_first_deployment_that_fails_leaves_nothing(
    embedded_aws: EmbeddedAws, built: Package
) -> None:
    """Retained data of a stack that never was is in nobody's way: the policy excepts creation."""
    cloudformation, name = embedded_aws.client("cloudformation"), "ecr-scan-alerts-failing"
    resources = deepcopy(built.template["Resources"])
    kept = {logical: resources[logical] for logical in ("Table", "ReportsBucket")}
    kept["Table"]["Properties"]["DeletionProtectionEnabled"] = False
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    # Nobody signals, so it fails a second after the others were created.
    broken = {
        "Type": "AWS::CloudFormation::WaitCondition",
        "DependsOn": [*kept],
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1"},
    }
    first = {"Resources": {"ServerlessDeploymentBucket": {"Type": "AWS::S3::Bucket"}}}
    whole = {"Resources": {**first["Resources"], **kept, "Handle": handle, "Broken": broken}}
    stack = cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(first))["StackId"]
    wait_until_done(embedded_aws.client, stack, say=lambda _: None, poll=0.05)
    cloudformation.update_stack(StackName=name, TemplateBody=json.dumps(whole))

    with pytest.raises(DeployError, match=r"UPDATE_ROLLBACK_COMPLETE: Broken: "):
        wait_until_done(embedded_aws.client, stack, say=lambda _: None, poll=0.05)

    left = find_stack(embedded_aws.client, name)
    assert left is not None
    assert set(left.resources) == {"ServerlessDeploymentBucket"}
    tables = embedded_aws.client("dynamodb").list_tables()["TableNames"]
    buckets = embedded_aws.client("s3").list_buckets()["Buckets"]
    names = [*tables, *(bucket["Name"] for bucket in buckets)]
    assert [
        found for found in names if found.startswith((f"{name}-Table", f"{name}-reports"))
    ] == []


def test_a_stack_without_parameters_is_updated_in_place(
    on_embedded_aws: EmbeddedAws,
    built: Package,
    stages: Path,
    config: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As deployments before the parameters made it: every resource stays, and every row."""
    before = stack_without_parameters(on_embedded_aws, built.zip)
    table, bucket = before.resources["Table"], before.resources["ReportsBucket"]
    row = {"pk": {"S": "ROW"}, "sk": {"S": "1"}}
    on_embedded_aws.client("dynamodb").put_item(TableName=table, Item=row)
    on_embedded_aws.client("s3").put_object(Bucket=bucket, Key="reports/1", Body=b"report")
    created = creation(on_embedded_aws, table)
    (stages / f"{UPGRADED}.yml").write_text(
        f"region: {on_embedded_aws.region}\nconfig: {config}\n"
        "alarmEmail: ops@acme.io\nreportLinkDays: 7\n"
    )

    assert main(["--stage", UPGRADED, "--yes"]) == 0, capsys.readouterr().err

    output = capsys.readouterr().out
    assert "Parameters: no changes" in output
    after = find_stack(on_embedded_aws.client, before.name)
    assert after is not None
    old_bucket = before.resources["ServerlessDeploymentBucket"]
    assert after.resources == {
        logical: physical
        for logical, physical in before.resources.items()
        if not logical.startswith("ServerlessDeploymentBucket")
    }
    assert after.parameters["AlarmEmail"] == "ops@acme.io"
    assert creation(on_embedded_aws, table) == created
    assert on_embedded_aws.client("dynamodb").scan(TableName=table)["Items"] == [row]
    assert on_embedded_aws.client("s3").get_object(Bucket=bucket, Key="reports/1")
    assert is_protected(on_embedded_aws, table)
    # The bucket of the code is not data.
    assert old_bucket not in names_of_buckets(on_embedded_aws)
    answer = on_embedded_aws.client("lambda").invoke(FunctionName=f"{before.name}-sweep")
    assert "FunctionError" not in answer


def stack_without_parameters(aws: EmbeddedAws, package: Path) -> Stack:
    """Deploy the stored template in two steps, as osls did: the bucket, then everything."""
    client, name = aws.client("cloudformation"), f"ecr-scan-alerts-{UPGRADED}"
    text = (Path(__file__).parent / "template-without-parameters.json").read_text()
    template = json.loads(text)
    own = ("ServerlessDeploymentBucket", "ServerlessDeploymentBucketPolicy")
    first = {"Resources": {logical: template["Resources"][logical] for logical in own}}
    client.create_stack(StackName=name, TemplateBody=json.dumps(first))
    wait_until_done(aws.client, name, say=lambda _: None, poll=0.05)
    (bucket, _) = (
        item["PhysicalResourceId"]
        for item in client.list_stack_resources(StackName=name)["StackResourceSummaries"]
    )
    key = template["Resources"]["DeliverLambdaFunction"]["Properties"]["Code"]["S3Key"]
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=package.read_bytes())
    aws.client("s3").put_object(Bucket=bucket, Key="template.json", Body=text.encode())
    client.update_stack(
        StackName=name,
        TemplateURL=f"https://s3.amazonaws.com/{bucket}/template.json",
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    wait_until_done(aws.client, name, say=lambda _: None, poll=0.05)
    stack = find_stack(aws.client, name)
    assert stack is not None
    return stack


def zips(aws: EmbeddedAws) -> list[str]:
    """Return the keys of the code that is kept for the stage."""
    bucket = f"ecr-scan-alerts-{aws.account}-{aws.region}"
    if bucket not in names_of_buckets(aws):
        return []
    listed = aws.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"stages/{STAGE}/")
    return [each["Key"] for each in listed.get("Contents", ()) if each["Key"].endswith(".zip")]


def names_of_buckets(aws: EmbeddedAws) -> list[str]:
    return [each["Name"] for each in aws.client("s3").list_buckets()["Buckets"]]


def is_protected(aws: EmbeddedAws, table: str) -> bool:
    described = aws.client("dynamodb").describe_table(TableName=table)["Table"]
    return bool(described["DeletionProtectionEnabled"])


def creation(aws: EmbeddedAws, table: str) -> Any:
    return aws.client("dynamodb").describe_table(TableName=table)["Table"]["CreationDateTime"]
