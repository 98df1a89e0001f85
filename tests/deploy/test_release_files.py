"""The files of a release: a zip and templates with parameters, deployed without this repository."""

import hashlib
import json
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from cli.stage_file import defaults
from deploy import release_files
from deploy.package import LONGEST_STAGE, ROOT, PackageError
from deploy.parameters import STAGE, logical, parametrized
from deploy.release_files import EMPTY, SUMS, WITH_LINKS, WITHOUT_LINKS
from lib.config.parsing import parse
from local.aws.process import EmbeddedAws
from tests.deploy.conftest import Package, locked, needed
from tests.support import docs
from tests.support.cloud_fixtures import quick_aws

ZIP = "ecr-scan-alerts.zip"
TEMPLATES = (WITH_LINKS, WITHOUT_LINKS)
ALERTS = """\
version: 1
destinations:
  team: {type: slack, webhook: {secret: ecr-scan-alerts/team}}
routes:
  - {name: all, severity: LOW, notify: [team]}
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the files of a release."""
    needed(ROOT / "node_modules" / ".bin" / "osls", "`make test` installs osls")
    folder = tmp_path_factory.mktemp("release")
    build = ROOT / ".build" / STAGE
    build.mkdir(parents=True, exist_ok=True)
    with locked(build / ".lock"):
        assert release_files.main([str(folder)]) == 0
    return folder


def template(release: Path, name: str) -> Any:
    return json.loads((release / name).read_text("utf-8"))


def test_sums_are_those_of_the_files(release: Path) -> None:
    """As sha256sum --check reads them."""
    for line in (release / SUMS).read_text("utf-8").splitlines():
        digest, _, name = line.partition("  ")
        assert digest == hashlib.sha256((release / name).read_bytes()).hexdigest()


def test_the_zip_notifies_nobody_until_a_push(release: Path) -> None:
    """Its configuration has no destination, and is one that functions can use."""
    with zipfile.ZipFile(release / ZIP) as archive:
        document = json.loads(archive.read("alerts.json"))

    assert document == dict(EMPTY)
    assert not parse(document).destinations


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_key_of_a_stage_file_is_a_parameter(release: Path, name: str) -> None:
    """With the same default, and with its rule."""
    parameters = template(release, name)["Parameters"]
    own = {"Stage", "CodeBucketPrefix", "CodeKey", "TopicArns"}
    left_out = set() if name == WITH_LINKS else {"ReportLinkDays"}

    assert set(parameters) - own == {logical(key) for key in defaults()} - left_out
    assert f"{{0,{LONGEST_STAGE - 1}}}" in parameters["Stage"]["AllowedPattern"]
    assert parameters["Workloads"]["AllowedValues"][:2] == ["", "ecs"]
    assert parameters["DeletionProtection"]["Default"] == "true"
    assert parameters["LogRetentionDays"]["Type"] == "Number"
    assert parameters["ReceiverHosts"]["Default"] == ""


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_of_one_stage_is_left(release: Path, name: str) -> None:
    """Each parameter is used, and the console shows each in a group."""
    document = template(release, name)
    text = json.dumps({key: document[key] for key in ("Conditions", "Resources", "Outputs")})

    assert STAGE not in text
    assert "ServerlessDeploymentBucket" not in text
    for parameter in document["Parameters"]:
        assert f'{{"Ref": "{parameter}"}}' in text or f"${{{parameter}}}" in text, parameter
    groups = document["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [parameter for group in groups for parameter in group["Parameters"]]
    assert sorted(shown) == sorted(document["Parameters"])


def test_templates_are_those_that_are_deployed(
    release: Path, built: Package, built_without_links: Package
) -> None:
    """So cfn-lint's verdict in `test_template.py`, for every region, is about these, too."""
    for name, package in ((WITH_LINKS, built), (WITHOUT_LINKS, built_without_links)):
        assert (release / name).read_bytes() == package.path.read_bytes()
        types = {resource["Type"] for resource in template(release, name)["Resources"].values()}
        assert ("AWS::Lambda::Url" in types) is (name == WITH_LINKS)


def test_a_mark_in_a_wrong_place_is_refused() -> None:
    """Such as the name of a resource, which takes no reference."""
    broken = {"Resources": {STAGE: {"Type": "A"}}, "Outputs": {}, "Conditions": {}}

    with pytest.raises(ValueError, match="takes no reference"):
        parametrized(broken, {"properties": {}}, version="1", links=True)


def test_a_release_that_cannot_be_made_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The workflow stops with it."""

    def refuse(_: Path) -> None:
        raise PackageError("osls is not installed")

    monkeypatch.setattr(release_files, "write_release", refuse)

    assert release_files.main([str(tmp_path)]) == 1
    assert "Not written. osls is not installed" in capsys.readouterr().err


# --- deployed on the embedded AWS, as somebody does who has a browser and a login ---------------


@pytest.fixture(scope="module")
def aws(
    tmp_path_factory: pytest.TempPathFactory,
    embedded_aws: EmbeddedAws,  # noqa: ARG001  # skips where there is none
) -> Iterator[EmbeddedAws]:
    """Yield an account of its own."""
    with quick_aws(tmp_path_factory.mktemp("release-aws") / "cloud.log") as aws:
        yield aws


def upload(aws: EmbeddedAws, release: Path, version: str) -> None:
    """Put a release into the bucket of its region."""
    s3, bucket = aws.client("s3"), f"acme-alerts-{aws.region}"
    place = {"LocationConstraint": aws.region}
    if bucket not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    for name in (ZIP, *TEMPLATES):
        key = f"ecr-scan-alerts/{version}/{name}"
        s3.put_object(Bucket=bucket, Key=key, Body=(release / name).read_bytes())


def change(aws: EmbeddedAws, action: str, version: str, **parameters: str) -> dict[str, str]:
    """Create or update the stack, and return its outputs."""
    client, name = aws.client("cloudformation"), f"ecr-scan-alerts-{parameters['Stage']}"
    given = {
        "CodeBucketPrefix": "acme-alerts",
        "CodeKey": f"ecr-scan-alerts/{version}/{ZIP}",
        **parameters,
    }
    getattr(client, action)(
        StackName=name,
        TemplateURL=f"https://s3.amazonaws.com/acme-alerts-{aws.region}/ecr-scan-alerts/{version}/{WITH_LINKS}",
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": given[key]} for key in given],
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.1)
    assert stack["StackStatus"] == f"{action.partition('_')[0].upper()}_COMPLETE", stack
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def variables(aws: EmbeddedAws, stage: str, function: str) -> dict[str, str]:
    answer = aws.client("lambda").get_function_configuration(
        FunctionName=f"ecr-scan-alerts-{stage}-{function}"
    )
    found: dict[str, str] = answer["Environment"]["Variables"]
    return found


def test_a_release_is_deployed_configured_upgraded_and_rolled_back(
    aws: EmbeddedAws,
    release: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By template, zip and command; an upgrade is another key, and so is the way back."""
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    for version in ("1.0.0", "1.1.0"):
        upload(aws, release, version)

    topic = f"arn:aws:sns:{aws.region}:000000000000:alerts"
    outputs = change(
        aws,
        "create_stack",
        "1.0.0",
        Stage="prod",
        TopicArns=topic,
        Workloads="ecs",
        ReceiverHosts="jira.acme.io",
        AlarmEmail="ops@acme.io",
        ReportLinkDays="7",
        DeletionProtection="false",
        ScanConcurrency="5",
    )

    assert outputs["TopicArns"] == topic
    assert outputs["ReceiverHosts"] == "jira.acme.io,"
    assert outputs["ConfigBucketName"] == outputs["ReportsBucketName"]
    deliver = variables(aws, "prod", "deliver")
    assert (deliver["STAGE"], deliver["WORKLOADS"]) == ("prod", "ecs")
    assert (deliver["RECEIVER_HOSTS"], deliver["REPORT_LINK_DAYS"]) == ("jira.acme.io", "7")
    assert sweep(aws, "prod")["queued"] == 0

    alerts = tmp_path / "alerts.yml"
    alerts.write_text(ALERTS)
    aws.client("secretsmanager").create_secret(
        Name="ecr-scan-alerts/prod/team", SecretString="https://hooks.example.com"
    )
    assert main(["config", "push", "--config", str(alerts), "--stage", "prod"]) == 0
    assert "published revision 1" in capsys.readouterr().out

    # A central configuration, and another version of the code; then back.
    s3, bucket = aws.client("s3"), f"acme-alerts-{aws.region}"
    s3.put_object(Bucket=bucket, Key="prod.json", Body=json.dumps(dict(EMPTY)).encode())
    central = {"ConfigBucket": bucket, "ConfigKey": "prod.json"}
    for version, place in (("1.1.0", central), ("1.0.0", {})):
        outputs = change(aws, "update_stack", version, Stage="prod", TopicArns=topic, **place)
        sweeps = variables(aws, "prod", "sweep")
        assert outputs["ConfigBucketName"] == sweeps["CONFIG_BUCKET"]
        assert sweeps["CONFIG_KEY"] == place.get("ConfigKey", "config/current.json")
        assert (sweeps["CONFIG_BUCKET"] == bucket) is bool(place)
        assert sweep(aws, "prod")["queued"] == 0


def sweep(aws: EmbeddedAws, stage: str) -> Any:
    """Run a function with the code of the release, under its own role."""
    answer = aws.client("lambda").invoke(FunctionName=f"ecr-scan-alerts-{stage}-sweep")
    return json.loads(answer["Payload"].read())


GLOBAL_NAMES = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::S3::Bucket": "BucketName",
}
"""Names that two stacks of one account cannot share, whatever their regions."""


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_stackset_can_deploy_the_template(release: Path, name: str) -> None:
    """The recipe gives each parameter that has no default, and regions share no name."""
    section = docs.text_of("docs/deploy.md").partition("a StackSet\n")[2].partition("\n### ")[0]
    given = set(re.findall(r"ParameterKey=(\w+)", section))
    document = template(release, name)
    parameters = document["Parameters"]
    required = {key for key, parameter in parameters.items() if "Default" not in parameter}

    assert required <= given <= set(parameters)
    assert "CAPABILITY_NAMED_IAM" in section
    for resource in document["Resources"].values():
        fixed = resource.get("Properties", {}).get(GLOBAL_NAMES.get(resource["Type"], ""))
        assert fixed is None or "AWS::Region" in json.dumps(fixed), resource
