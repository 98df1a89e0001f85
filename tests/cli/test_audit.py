"""`audit`: what is found is printed with its remedy, and decides the exit code."""

import csv
import io
import json
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from cli.__main__ import parser
from cli.commands import audit
from lib.bootstrap.clients import Clients
from local.aws.process import ACCOUNT, SECRET, EmbeddedAws
from tests.sources.test_repositories import Refusing

CONFIG = """\
version: 1
destinations:
  audit: {type: sns, topic_arn: "arn:aws:sns:eu-central-1:123456789012:audit", format: json}
routes:
  - {name: everything, notify: [audit]}
"""
POLICY = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "any",
                    "countType": "imageCountMoreThan",
                    "countNumber": 20,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)


class RefusingOne:
    """The registry, but for the lifecycle policy of one repository."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_lifecycle_policy(self, **request: Any) -> Any:
        refused = request["repositoryName"] == self._name
        client = Refusing(self._client, "get_lifecycle_policy", "AccessDeniedException")
        return (client if refused else self._client).get_lifecycle_policy(**request)


class Registry:
    """A prefix of one registry, and a configuration."""

    def __init__(self, aws: EmbeddedAws, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aws, self.config = aws, folder / "alerts.yml"
        self.prefix = f"audit-{uuid.uuid4().hex[:8]}"
        self.config.write_text(CONFIG)
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)

    def add(self, name: str, *, sound: bool) -> str:
        ecr, full = self.aws.client("ecr"), f"{self.prefix}/{name}"
        ecr.create_repository(
            repositoryName=full,
            imageTagMutability="IMMUTABLE" if sound else "MUTABLE",
            imageScanningConfiguration={"scanOnPush": sound},
        )
        if sound:
            ecr.put_lifecycle_policy(repositoryName=full, lifecyclePolicyText=POLICY)
        return full

    def run(
        self, *options: str, secret: str = SECRET, key: str = ACCOUNT, clients: Any = None
    ) -> int:
        session = boto3.session.Session(key, secret, region_name=self.aws.region)
        used = clients or Clients(session)
        words = ["audit", "--config", str(self.config), "--repository", f"{self.prefix}/*"]
        return audit.run(parser().parse_args([*words, *options]), connect=lambda **_: used)


@pytest.fixture
def registry(
    embedded_aws: EmbeddedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Registry:
    return Registry(embedded_aws, tmp_path, monkeypatch)


def test_a_sound_registry_is_said_to_be(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.add("sound", sound=True)

    code = registry.run()

    said = capsys.readouterr()
    assert code == 0
    assert said.out == "0 findings in 0 of 1 repository\n"
    assert "checked against the defaults" in said.err


def test_what_is_found_comes_with_its_remedy(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, name = registry.add("sound", sound=True), registry.add("other", sound=False)

    code = registry.run()

    out = capsys.readouterr().out
    assert code == 1
    assert name in out
    assert sound not in out
    assert "HIGH tags can be overwritten: 1 repository (ECR-TAG-MUTABILITY)" in out
    assert f"$ aws ecr put-image-tag-mutability --region {registry.aws.region}" in out
    assert "| ImageTagMutability: IMMUTABLE" in out
    assert "3 findings in 1 of 2 repositories" in out


def test_what_to_know_before_running_it_is_said(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """A policy deletes images that are there."""
    registry.aws.push(registry.add("other", sound=False), "1.0.0")

    registry.run()

    assert "What it expires cannot be brought back" in capsys.readouterr().out


def test_a_repository_that_is_deleted_meanwhile_is_left_out(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.add("other", sound=False)
    ecr = registry.aws.client("ecr")
    gone = Refusing(ecr, "describe_repositories", "RepositoryNotFoundException")

    assert registry.run(clients=SimpleNamespace(get=lambda _: gone)) == 0

    assert capsys.readouterr().out == "0 findings in 0 of 0 repositories\n"


def test_one_repository_that_may_not_be_read_hides_no_other(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """In any format: its place says that nothing is known, and the others are checked."""
    names = [registry.add(name, sound=False) for name in ("one", "three", "two")]
    ecr = registry.aws.client("ecr")
    others = {name: registry.aws.client(name) for name in ("ecs", "inspector2")}
    clients = SimpleNamespace(get=(others | {"ecr": RefusingOne(ecr, names[1])}).__getitem__)

    codes, outputs = [], []
    for kind in ("text", "csv", "json", "sarif"):
        codes.append(registry.run("--format", kind, clients=clients))
        outputs.append(capsys.readouterr())

    assert codes == [1, 1, 1, 1]
    text, table, document, log = (output.out for output in outputs)
    assert "there is no lifecycle policy: 2 repositories (ECR-LIFECYCLE-MISSING)" in text
    assert "6 findings in 2 of 3 repositories, 1 could not be read" in text
    records = [(row["repository"], row["record"]) for row in csv.DictReader(io.StringIO(table))]
    assert [record for name, record in records if name == names[1]] == ["not read"]
    assert {name for name, record in records if record == "finding"} == {names[0], names[2]}
    reasons = [check["unread_reason"] for check in json.loads(document)]
    assert [reason is not None for reason in reasons] == [False, True, False]
    (run,) = json.loads(log)["runs"]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert len(run["results"]) == 6
    complaint = f"{names[1]} could not be checked: AWS denies ecr:GetLifecyclePolicy"
    assert all(complaint in output.err for output in outputs)


def test_a_rule_of_the_registry_counts_for_its_repositories(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The repository's own setting has no effect where the registry has rules."""
    registry.add("matched", sound=False)
    ecr = registry.aws.client("ecr")

    found = []
    for scanned in ("*", "another"):
        ecr.put_registry_scanning_configuration(
            scanType="ENHANCED",
            rules=[
                {
                    "scanFrequency": "CONTINUOUS_SCAN",
                    "repositoryFilters": [{"filter": scanned, "filterType": "WILDCARD"}],
                }
            ],
        )
        registry.run()
        found.append("ECR-SCAN-ON-PUSH" in capsys.readouterr().out)
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])

    assert found == [False, True]


def test_creation_templates_are_checked(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    ecr, prefix = registry.aws.client("ecr"), f"{registry.prefix}/new"
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=["CREATE_ON_PUSH"])

    code = registry.run()

    ecr.delete_repository_creation_template(prefix=prefix)
    out = capsys.readouterr().out
    assert code == 1
    assert f"{prefix}/" in out
    assert "new repositories: there is no lifecycle policy: 1 repository" in out
    assert f"$ aws ecr update-repository-creation-template --prefix {prefix}" in out


def test_programs_get_a_document(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    registry.add("other", sound=False)

    registry.run("--format", "json")

    (document,) = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in document["findings"]] == [
        "ECR-SCAN-ON-PUSH",
        "ECR-TAG-MUTABILITY",
        "ECR-LIFECYCLE-MISSING",
    ]
    assert document["findings"][0]["remedy"]["command"].startswith("aws ecr ")
    assert document["unread_reason"] is None


def test_expectations_and_exceptions_stand_in_the_configuration(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    name = registry.add("other", sound=False)
    registry.config.write_text(
        f"""{CONFIG}
repositories: {{allow_mutable: ["*"]}}
suppressions:
  - {{id: ECR-SCAN-ON-PUSH, repository: "{name}", expires: 2099-12-31, reason: scanned elsewhere}}
  - {{id: ECR-LIFECYCLE-MISSING, repository: "{name}", expires: 2099-12-31, reason: small}}
"""
    )

    code = registry.run()

    said = capsys.readouterr()
    assert code == 0
    assert "2 left out by suppressions" in said.out
    assert said.err == ""

    registry.run("--format", "json")
    (document,) = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in document["suppressed"]] == [
        "ECR-SCAN-ON-PUSH",
        "ECR-LIFECYCLE-MISSING",
    ]


def test_what_may_not_be_read_is_no_all_clear(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    name = registry.add("sound", sound=True)
    iam, user = registry.aws.client("iam"), registry.prefix
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    statement = {
        "Effect": "Allow",
        "Action": [
            "ecr:DescribeImages",
            "ecr:DescribePullThroughCacheRules",
            "ecr:DescribeRepositories",
            "ecr:GetRegistryScanningConfiguration",
        ],
        "Resource": "*",
    }
    document: dict[str, Any] = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName=user, PolicyName="one", PolicyDocument=json.dumps(document))

    code = registry.run(key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    assert code == 1
    errors = capsys.readouterr().err
    assert "creation templates are not checked: AWS denies" in errors
    assert f"{name} could not be checked: AWS denies ecr:GetLifecyclePolicy" in errors
