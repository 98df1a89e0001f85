"""`audit`: what is found is printed with its remedy, and decides the exit code."""

import csv
import io
import json
import uuid
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cli.__main__ import parser
from cli.commands import audit
from lib.bootstrap.clients import Clients
from lib.checks.findings import LIFECYCLE
from local.aws.process import ACCOUNT, SECRET, EmbeddedAws
from tests.support.builders import NOW

CONFIG = """\
version: 1
destinations:
  audit: {type: sns, topic_arn: "arn:aws:sns:eu-central-1:123456789012:audit", format: json}
routes:
  - {name: everything, notify: [audit]}
"""
NEWEST = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 20}
POLICY = json.dumps(
    {"rules": [{"rulePriority": 1, "selection": NEWEST, "action": {"type": "expire"}}]}
)
SETTINGS = ["ECR-SCAN-ON-PUSH", "ECR-TAG-MUTABILITY"]
"""What is found in a repository that ECR made."""


class RefusingOne:
    """A client of the embedded AWS, but for one operation, about one repository or all of them."""

    def __init__(
        self,
        client: Any,
        operation: str,
        name: str | None = None,
        *,
        code: str = "AccessDeniedException",
    ) -> None:
        self._client, self._operation, self._name, self._code = client, operation, name, code

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._client, attribute)
        if attribute != self._operation:
            return found
        return lambda **request: self._called(found, request)

    def get_paginator(self, operation: str) -> Any:
        """Return pages, or a refusal in their place."""
        pages = self._client.get_paginator(operation)
        if operation != self._operation:
            return pages
        return SimpleNamespace(paginate=lambda **request: self._called(pages.paginate, request))

    def _called(self, call: Any, request: dict[str, Any]) -> Any:
        about = (request.get("repositoryName"), *request.get("repositoryNames", ()))
        if self._name is None or self._name in about:
            error = {"Error": {"Code": self._code, "Message": "no"}}
            raise ClientError(error, "".join(map(str.capitalize, self._operation.split("_"))))
        return call(**request)


class Enhanced:
    """A registry that Inspector scans, as far as its configuration says so."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._client, attribute)

    def get_registry_scanning_configuration(self) -> Any:
        """Return a configuration by which all is scanned."""
        every = {"filter": "*", "filterType": "WILDCARD"}
        rule = {"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [every]}
        return {"scanningConfiguration": {"scanType": "ENHANCED", "rules": [rule]}}


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

    def clients(
        self, service: str, operation: str, name: str | None = None, *, enhanced: bool = False
    ) -> Any:
        """Return clients of which one refuses an operation. ECS and Inspector know of nothing."""
        silent = SimpleNamespace(paginate=lambda **_: [{"clusterArns": [], "coveredResources": []}])
        made: dict[str, Any] = {
            "ecr": self.aws.client("ecr"),
            "ecs": SimpleNamespace(get_paginator=lambda _: silent),
            "inspector2": SimpleNamespace(get_paginator=lambda _: silent),
        }
        made[service] = RefusingOne(made[service], operation, name)
        if enhanced:
            made["ecr"] = Enhanced(made["ecr"])
        return SimpleNamespace(get=made.__getitem__)

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

    assert "all but the newest 20 images for good, also one in use" in capsys.readouterr().out


def test_a_repository_that_is_deleted_meanwhile_is_left_out(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.add("other", sound=False)
    ecr = registry.aws.client("ecr")
    code = "RepositoryNotFoundException"
    gone = RefusingOne(ecr, "describe_repositories", f"{registry.prefix}/other", code=code)

    assert registry.run(clients=SimpleNamespace(get=lambda _: gone)) == 0

    assert capsys.readouterr().out == "0 findings in 0 of 0 repositories\n"


def test_one_answer_that_is_denied_hides_no_other(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """In any format: its checks are not known, and the others are made, also in the others."""
    names = [registry.add(name, sound=False) for name in ("one", "three", "two")]
    clients = registry.clients("ecr", "get_lifecycle_policy", names[1])

    codes, outputs = [], []
    for kind in ("text", "csv", "json", "sarif"):
        codes.append(registry.run("--format", kind, clients=clients))
        outputs.append(capsys.readouterr().out)

    assert codes == [1, 1, 1, 1]
    text, table, document, log = outputs
    assert "there is no lifecycle policy: 2 repositories (ECR-LIFECYCLE-MISSING)" in text
    denied = "ot known: ecr:GetLifecyclePolicy was denied: allow ecr:GetLifecyclePolicy"
    assert f"N{denied}: 1 repository\n  {names[1]}: ECR-LIFECYCLE-MISSING, " in text
    assert "8 findings in 3 of 3 repositories, 6 checks not known" in text
    rows = [row for row in csv.DictReader(io.StringIO(table)) if row["repository"] == names[1]]
    assert sorted(row["check"] for row in rows if row["record"] == "not known") == sorted(LIFECYCLE)
    assert [row["check"] for row in rows if row["record"] == "finding"] == SETTINGS
    (check,) = [one for one in json.loads(document) if one["unknown"]]
    assert [one["id"] for one in check["unknown"]] == list(LIFECYCLE)
    assert check["unknown"][0]["permissions"] == ["ecr:GetLifecyclePolicy"]
    assert [finding["id"] for finding in check["findings"]] == SETTINGS
    (run,) = json.loads(log)["runs"]
    assert run["invocations"][0]["executionSuccessful"] is False
    (note, *others) = run["invocations"][0]["toolExecutionNotifications"]
    assert len(others) == len(LIFECYCLE) - 1
    assert f"{names[1]}: ECR-LIFECYCLE-MISSING: n{denied}" in note["message"]["text"]
    assert len(run["results"]) == 8


@pytest.mark.parametrize(
    ("service", "operation", "not_known"),
    [
        ("ecr", "describe_repositories", {"ECR-TAG-MUTABILITY", "ECR-SCAN-ON-PUSH"}),
        ("ecr", "get_registry_scanning_configuration", {"ECR-SCAN-ON-PUSH"}),
        ("ecr", "describe_pull_through_cache_rules", {"ECR-CACHE-IMMUTABLE"}),
        ("ecr", "get_lifecycle_policy", set(LIFECYCLE)),
        ("ecr", "describe_images", {"ECR-NOT-SCANNED", *LIFECYCLE[2:]}),
        ("ecr", "describe_image_scan_findings", {"ECR-NOT-SCANNED"}),
        ("ecr", "batch_get_image", {"ECR-NOT-SCANNED"}),
        ("ecs", "list_clusters", {"ECR-LIFECYCLE-RUNNING"}),
        ("inspector2", "list_coverage", {"ECR-LIFECYCLE-RUNNING"}),
    ],
)
def test_a_sound_repository_is_not_called_so_without_an_answer(
    registry: Registry,
    capsys: pytest.CaptureFixture[str],
    service: str,
    operation: str,
    not_known: set[str],
) -> None:
    """One row for each call of the audit: no all-clear, no remedy, and the permission to grant."""
    name = registry.add("sound", sound=True)
    member = registry.aws.push(name, None)
    digest = registry.aws.push_index(name, "1.0", {member: "linux/arm64"})
    registry.aws.date(name, digest, NOW - timedelta(days=3))
    is_enhanced = service == "inspector2"
    # Repositories are listed with the same call as described.
    one = name if operation == "describe_repositories" else None
    clients = registry.clients(service, operation, one, enhanced=is_enhanced)

    code = registry.run("--format", "json", clients=clients)
    (check,) = json.loads(capsys.readouterr().out)
    registry.run(clients=clients)

    camel = "".join(map(str.capitalize, operation.split("_")))
    assert code == 1
    assert {one["id"] for one in check["unknown"]} == not_known
    assert {action for one in check["unknown"] for action in one["permissions"]} == {
        f"{service}:{camel}"
    }
    assert not {one["id"] for one in check["findings"]} & not_known
    text = capsys.readouterr().out
    assert f"Not known: {service}:{camel} was denied: allow {service}:{camel}: 1 repository" in text
    assert f"{len(not_known)} check" in text.splitlines()[-1]
    assert "put-" not in text.replace("put-registry-scanning-configuration", "")


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
    said = capsys.readouterr()
    assert "creation templates could not be checked: AWS denies" in said.err
    assert "0 findings in 0 of 2 repositories, 6 checks not known, 1 could not be read" in said.out
    assert f"  {name}: ECR-LIFECYCLE-MISSING, " in said.out
