"""`repository`: what is printed, shown, asked and changed, on the embedded AWS."""

import io
import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cli.__main__ import main, parser
from cli.commands import repository as command
from cli.repository.settings import Wishes
from cli.repository.templates import cloudformation, terraform
from lib.bootstrap.clients import Clients
from lib.checks.completion import policy
from lib.errors import DocumentError, SourceError, SourceThrottledError
from local.aws.process import EmbeddedAws
from tests.sources.test_workloads import Ecs as Tasks
from tests.sources.test_workloads import task

NOW = datetime.now(UTC)
ELSEWHERE = "eu-west-1"
"""A region of its own for what is set for a whole registry."""


def refusal(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "not this"}}, operation)


@dataclass
class Ecr:
    """The embedded AWS's ECR, but for what it refuses; every call that changes is noted."""

    client: Any
    refused: dict[str, list[Exception]] = field(default_factory=dict)
    answers: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)
        if not callable(found) or name == "exceptions":
            return found
        if name == "get_paginator":
            return self._pages

        def call(**request: Any) -> Any:
            if self.refused.get(name):
                raise self.refused[name].pop(0)
            if self.answers.get(name):
                return self.answers[name].pop(0)
            if name.startswith("put_"):
                self.changes.append(name)
            return found(**request)

        return call

    def _pages(self, operation: str) -> Any:
        if self.refused.get(operation):
            raise self.refused[operation].pop(0)
        return self.client.get_paginator(operation)


@dataclass
class Session:
    """A session that knows ECR, and some tasks of ECS; Inspector does not answer."""

    ecr: Ecr
    tasks: Tasks

    def client(self, service: str, **_: Any) -> Any:
        if service == "ecr":
            return self.ecr
        silent = Tasks(error=refusal("AccessDeniedException", "ListCoverage"))
        tasks = self.tasks if service == "ecs" else silent
        tasks.meta = self.ecr.client.meta  # type: ignore[attr-defined]  # as each client has
        return tasks


@dataclass
class Operator:
    """Whoever runs the command."""

    aws: EmbeddedAws
    name: str
    ecr: Ecr
    tasks: Tasks = field(default_factory=Tasks)
    pauses: list[float] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    answer: str = "y"

    def run(self, *arguments: str) -> int:
        action, *options = arguments
        return command.run(
            parser().parse_args(["repository", action, self.name, *options]),
            lambda **_: Clients(Session(self.ecr, self.tasks)),  # type: ignore[arg-type]  # as much of it as is used
            self.pauses.append,
            self.ask,
        )

    def ask(self, question: str) -> str:
        self.questions.append(question)
        if not self.answer:
            raise EOFError
        return self.answer

    def deploy(self, tag: str, digest: str | None = None) -> None:
        """Have a task of ECS run an image of the repository."""
        region = self.ecr.client.meta.region_name
        address = f"{self.aws.account}.dkr.ecr.{region}.amazonaws.com/{self.name}:{tag}"
        self.tasks = Tasks(*self.tasks.tasks, task(address, digest=digest))

    def push(self, tag: str | None, days: float, content: str = "") -> str:
        digest = self.aws.push(self.name, tag, content=content)
        self.aws.date(self.name, digest, NOW - timedelta(days=days))
        return digest

    def settings(self) -> dict[str, Any]:
        (found,) = self.ecr.client.describe_repositories(repositoryNames=[self.name])[
            "repositories"
        ]
        return {key: found.get(key) for key in found if key.startswith(("imageTag", "imageScan"))}

    def policy(self) -> Any:
        answer = self.ecr.client.get_lifecycle_policy(repositoryName=self.name)
        return json.loads(answer["lifecyclePolicyText"])


@pytest.fixture
def operator(embedded_aws: EmbeddedAws) -> Operator:
    name = f"operated/{uuid.uuid4().hex[:8]}"
    client = embedded_aws.own_client("ecr")
    client.create_repository(repositoryName=name)
    return Operator(embedded_aws, name, Ecr(client))


WANTED = {
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "latest"}],
    "imageScanningConfiguration": {"scanOnPush": True},
}
CHANGES = ["put_image_tag_mutability", "put_image_scanning_configuration", "put_lifecycle_policy"]


# --- template -----------------------------------------------------------------------------------


def test_a_definition_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else: it goes into a file as it is. No AWS is asked."""
    arguments = ["repository", "template", "payments/api", "--keep", "5", "--region", "eu-west-1"]

    assert main(arguments) == 0
    assert main([*arguments, "--allow-latest", "--kms", "--format", "terraform"]) == 0

    wishes = Wishes(5, ("latest",), "")
    assert capsys.readouterr().out == (
        cloudformation("payments/api", Wishes(5), region="eu-west-1")
        + terraform("payments/api", wishes, region="eu-west-1")
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["Payments"], "no name of a repository"),
        (["payments/api", "--allow", "*"], "would let every tag be moved"),
        (["payments/api", "--kms", "mine"], "is not the ARN of a KMS key"),
    ],
)
def test_what_ecr_would_refuse_is_a_mistake(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told before anything is deployed."""
    assert main(["repository", "template", *arguments]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["template", "a/b", "--keep", "0"],
        ["template", "a/b", "--keep", "many"],
        ["template", "a/b", "--allow-latest", "--allow", "latest"],
        ["preview", "a/b", "--price", "free"],
        ["preview", "a/b", "--price", "-1"],
        ["preview", "a/b", "--price", "inf"],
        ["preview", "a/b", "--keep", "3", "--policy", "file"],
    ],
)
def test_options_are_checked(arguments: list[str]) -> None:
    """Numbers are numbers, and what excludes each other is not taken together."""
    with pytest.raises(SystemExit) as stopped:
        parser().parse_args(["repository", *arguments])

    assert stopped.value.code == 2


# --- fix ----------------------------------------------------------------------------------------


def test_a_default_repository_gets_what_it_lacks(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each call is told, and a second run finds nothing to do."""
    operator.push("1.0", days=3)

    first = operator.run("fix", "--allow-latest", "--keep", "5", "--yes")
    told = capsys.readouterr().out
    changes = list(operator.ecr.changes)
    second = operator.run("fix", "--allow", "latest", "--keep", "5", "--yes")

    assert (first, second) == (0, 0)
    assert operator.settings() == WANTED
    assert operator.policy() == json.loads(policy(5))
    assert changes == CHANGES
    assert "  -MUTABLE\n  +IMMUTABLE except latest\n" in told
    assert "  -no\n  +yes\n" in told
    assert "encryption: AES256\n" in told
    assert "0 of 1 image would expire" in told
    assert "lifecycle policy: changed (put-lifecycle-policy)" in told
    assert operator.ecr.changes == CHANGES
    assert capsys.readouterr().out.endswith("nothing to do\n")


def test_a_dry_run_changes_nothing(operator: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    """It shows the same, and says by its exit code that there is something to do."""
    before = operator.settings()
    operator.push("1.0", days=3)
    operator.push("1.1", days=2)

    code = operator.run("fix", "--keep", "1", "--dry-run")

    shown = capsys.readouterr()
    assert code == 1
    assert operator.settings() == before
    assert operator.ecr.changes == []
    assert "1 of 2 images would expire" in shown.out
    assert "ECR deletes these within a day of getting the policy" in shown.err
    assert f"this is a dry run; {operator.name} is as it was" in shown.err


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("answer", "code"), [("y", 0), (" YES ", 0), ("n", 1), ("", 1), ("x", 1)])
def test_it_asks_first(operator: Operator, answer: str, code: int) -> None:
    """Only a yes is one."""
    operator.answer = answer

    assert operator.run("fix", "--no-preview") == code

    settings = "tag mutability, scan on push, lifecycle policy"
    assert operator.questions == [f"Change {settings} of {operator.name}? (y/N) "]
    assert operator.ecr.changes == (CHANGES if code == 0 else [])
    assert operator.pauses == []


@pytest.mark.parametrize("stdin", [None, io.StringIO("y\n")])
def test_nobody_is_asked_without_a_terminal(
    operator: Operator, stdin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe that says y is no person."""
    monkeypatch.setattr(sys, "stdin", stdin)

    with pytest.raises(DocumentError, match="--yes changes without asking"):
        operator.run("fix", "--no-preview")

    assert operator.ecr.changes == []


def test_a_policy_of_ones_own_stays(operator: Operator) -> None:
    """One that keeps less, under rules of its own, is not touched."""
    own = policy(3, 1).replace("Untagged images go after 1 days", "mine")
    operator.ecr.client.put_lifecycle_policy(repositoryName=operator.name, lifecyclePolicyText=own)

    assert operator.run("fix", "--yes") == 0

    assert operator.policy() == json.loads(own)
    assert operator.ecr.changes == CHANGES[:2]


def test_what_cannot_be_changed_is_told(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Encryption is for another repository; the rest is changed all the same."""
    first = operator.run("fix", "--yes", "--kms", "--no-preview")
    told = capsys.readouterr()
    second = operator.run("fix", "--yes", "--kms", "--no-preview")

    assert (first, second) == (1, 1)
    assert operator.ecr.changes == CHANGES
    assert "  -AES256\n  +KMS\n" in told.out
    assert "Make another one (`repository template NEW --kms`)" in told.err
    assert capsys.readouterr().out.endswith("nothing that this command could change\n")


def test_enhanced_scanning_is_a_matter_of_the_registry(
    embedded_aws: EmbeddedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    """The repository's own setting is left alone; a rule makes it right."""
    session = boto3.session.Session(embedded_aws.account, "test", region_name=ELSEWHERE)
    with closing(session.client("ecr", endpoint_url=embedded_aws.endpoint)) as client:
        operator = Operator(embedded_aws, f"scanned/{uuid.uuid4().hex[:8]}", Ecr(client))
        client.create_repository(repositoryName=operator.name)
        client.put_registry_scanning_configuration(scanType="ENHANCED", rules=[])

        without = operator.run("fix", "--yes", "--no-preview")
        told = capsys.readouterr().err
        rule = json.loads(told.partition("--rules '")[2].partition("'")[0])
        client.put_registry_scanning_configuration(scanType="ENHANCED", rules=rule)
        with_rule = operator.run("fix", "--yes", "--no-preview")

    assert (without, with_rule) == (1, 0)
    assert "the repository's own setting has no effect" in told
    assert operator.ecr.changes == [CHANGES[0], CHANGES[2]]
    assert "scan on push: by a rule of the registry (SCAN_ON_PUSH)" in capsys.readouterr().out


def test_the_tags_of_a_pull_through_cache_are_left_to_ecr(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    operator.ecr.client.create_pull_through_cache_rule(
        ecrRepositoryPrefix="operated", upstreamRegistryUrl="registry-1.docker.io"
    )
    try:
        operator.run("fix", "--yes", "--no-preview")
    finally:
        operator.ecr.client.delete_pull_through_cache_rule(ecrRepositoryPrefix="operated")

    assert operator.settings()["imageTagMutability"] == "MUTABLE"
    assert "put_image_tag_mutability" not in operator.ecr.changes
    assert "It caches registry-1.docker.io" in capsys.readouterr().err


def test_a_change_that_fails_keeps_no_other_waiting(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    """What failed is told with what to do, and the next run has only that left."""
    name = "put_image_tag_mutability"
    operator.ecr.refused[name] = [refusal("AccessDeniedException", "PutImageTagMutability")]

    first = operator.run("fix", "--yes", "--no-preview")
    told = capsys.readouterr()
    second = operator.run("fix", "--yes", "--no-preview")

    assert (first, second) == (1, 0)
    assert "tag mutability: not changed: Your credentials may not do this" in told.err
    assert "allow ecr:PutImageTagMutability in their policy" in told.err
    assert operator.ecr.changes == [*CHANGES[1:], CHANGES[0]]


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("ThrottlingException", SourceThrottledError, "wait a minute"),
        ("TooManyRequestsException", SourceThrottledError, "wait a minute"),
        ("ServerException", SourceError, "ECR refused ecr:DescribeRepositories"),
    ],
)
def test_what_ecr_refuses_says_what_to_do(
    operator: Operator, code: str, kind: type[Exception], says: str
) -> None:
    """By its reason, with the action and the repository."""
    operator.ecr.refused["describe_repositories"] = [refusal(code, "DescribeRepositories")]

    with pytest.raises(kind, match=says):
        operator.run("fix", "--yes")


@pytest.mark.parametrize("action", ["fix", "preview"])
def test_a_repository_that_does_not_exist(operator: Operator, action: str) -> None:
    """A mistake, with what it may be and where there is a new one."""
    operator.name = "not/there"

    with pytest.raises(DocumentError, match="no repository not/there in eu-central-1: check the"):
        operator.run(action)


@pytest.fixture
def denied(embedded_aws: EmbeddedAws) -> Iterator[Any]:
    """Yield ECR's client of a user who may do nothing."""
    iam, name = embedded_aws.client("iam"), f"denied-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.session.Session(
        key["AccessKeyId"], key["SecretAccessKey"], region_name=embedded_aws.region
    )
    with ExitStack() as stack:
        made = session.client("ecr", endpoint_url=embedded_aws.endpoint)
        yield stack.enter_context(closing(made))


def test_credentials_that_may_not(
    operator: Operator, denied: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told with the actions that their policy lacks; nothing is changed."""
    operator.ecr.client = denied

    assert operator.run("fix", "--yes") == 1

    said = capsys.readouterr().out
    assert "tag mutability: not known: ecr:DescribeRepositories" in said
    assert "allow ecr:GetLifecyclePolicy" in said
    assert not operator.ecr.changes


ALL_CHANGES = {"tag mutability", "scan on push", "lifecycle policy"}


@pytest.mark.parametrize(
    ("call", "permission", "not_known"),
    [
        ("describe_repositories", "ecr:DescribeRepositories", {"tag mutability", "scan on push"}),
        ("get_lifecycle_policy", "ecr:GetLifecyclePolicy", {"lifecycle policy"}),
        (
            "describe_pull_through_cache_rules",
            "ecr:DescribePullThroughCacheRules",
            {"tag mutability"},
        ),
        ("describe_images", "ecr:DescribeImages", {"tag mutability", "lifecycle policy"}),
        ("list_clusters", "ecs:ListClusters", {"lifecycle policy"}),
    ],
)
def test_a_fix_changes_nothing_that_is_not_known(
    operator: Operator,
    capsys: pytest.CaptureFixture[str],
    call: str,
    permission: str,
    not_known: set[str],
) -> None:
    """One row for each call: the other settings are fixed, and the permission is named."""
    operator.push("1.0", days=9)
    error = refusal("AccessDeniedException", permission.partition(":")[2])
    if call == "list_clusters":
        operator.tasks = Tasks(error=error)
    operator.ecr.refused[call] = [error] * 3

    assert operator.run("fix", "--yes", "--no-preview") == 1

    said = capsys.readouterr().out
    denied = f"not known: {permission} was denied: allow {permission}"
    assert all(f"{setting}: {denied}\n" in said for setting in not_known)
    changed = {line.partition(":")[0] for line in said.splitlines() if ": changed (" in line}
    assert changed == ALL_CHANGES - not_known


def test_a_fix_does_not_know_what_runs_where_only_inspector_may_say_it(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the registry's configuration Inspector is asked as well, and refuses here."""
    operator.push("1.0", days=9)
    denied = refusal("AccessDeniedException", "GetRegistryScanningConfiguration")
    operator.ecr.refused["get_registry_scanning_configuration"] = [denied] * 3

    assert operator.run("fix", "--yes", "--no-preview") == 1

    said = capsys.readouterr().out
    assert "scan on push: not known: ecr:GetRegistryScanningConfiguration was denied" in said
    assert "lifecycle policy: not known: inspector2:ListCoverage was denied" in said
    assert operator.ecr.changes == [CHANGES[0]]


def test_a_fix_needs_no_answer_that_changes_nothing(operator: Operator) -> None:
    """Tags that are immutable stay so, whatever the rules of caches say."""
    operator.push("1.0", days=9)
    assert operator.run("fix", "--yes", "--no-preview") == 0
    denied = refusal("AccessDeniedException", "DescribePullThroughCacheRules")
    operator.ecr.refused["describe_pull_through_cache_rules"] = [denied]

    assert operator.run("fix", "--yes", "--no-preview") == 0


# --- preview ------------------------------------------------------------------------------------


def test_a_preview_lists_what_would_expire(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    """The old untagged and those beyond the newest, each by its rule; nothing is deleted."""
    young = operator.push(None, days=2, content="young")
    untagged = operator.push(None, days=20, content="old")
    tagged = [operator.push(f"1.{place}", days=30 - place) for place in range(5)]

    code = operator.run("preview", "--keep", "4", "--format", "json")

    shown = capsys.readouterr()
    found = json.loads(shown.out)
    listed = {each["digest"]: each["rule"] for each in found["results"]}
    details = operator.ecr.client.describe_images(repositoryName=operator.name)["imageDetails"]
    sizes = {each["imageDigest"]: each["imageSizeInBytes"] for each in details}
    assert code == 0
    # The four newest are both without a tag, and two with one.
    assert listed == {untagged: 1, tagged[0]: 2, tagged[1]: 2, tagged[2]: 2}
    assert young not in listed
    assert (found["images"], found["expiring"]) == (7, 4)
    assert found["gigabytes"] == round(sum(sizes[each] for each in listed) / 1024**3, 6)
    assert set(sizes) == {young, untagged, *tagged}
    assert "nothing was deleted" in shown.err


def test_a_preview_names_what_runs(operator: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    """Public case: images that services still ran were deleted. By digest, tag and index."""
    by_digest = operator.push("1.0", days=9)
    operator.push("1.1", days=8)
    member = operator.push(None, days=7, content="member")
    index = operator.aws.push_index(operator.name, "1.2", {member: "linux/arm64"})
    operator.aws.date(operator.name, index, NOW - timedelta(days=7))
    operator.push("1.3", days=6)
    operator.push("1.4", days=1)
    operator.deploy("1.0", by_digest)
    operator.deploy("1.1")
    operator.deploy("1.2", member)
    operator.deploy("1.4")

    assert operator.run("preview", "--keep", "1", "--format", "json") == 0

    document = json.loads(capsys.readouterr().out)
    runs = {row["tags"][0]: row["runs"] for row in document["results"]}
    assert runs == {"1.0": "an ECS task", "1.1": "an ECS task", "1.2": "an ECS task", "1.3": None}
    assert document["in_use"] == 3

    assert operator.run("preview", "--keep", "1") == 0
    assert "1.2 runs (an ECS task), and would go by rule 2" in capsys.readouterr().err


def test_what_runs_may_not_be_known(operator: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    operator.push("1.0", days=9)
    operator.tasks = Tasks(error=refusal("AccessDeniedException", "ListClusters"))

    assert operator.run("preview", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["in_use"] is None

    assert operator.run("preview") == 0
    assert "what runs is not known" in capsys.readouterr().err


def test_a_fix_keeps_what_runs(operator: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    for place in range(6):
        operator.push(f"1.{place}", days=10 - place)
    operator.deploy("1.1")

    assert operator.run("fix", "--keep", "2", "--yes") == 0

    assert operator.policy()["rules"][1]["selection"]["countNumber"] == 5
    said = capsys.readouterr()
    assert "5 images stay, as one runs that is that old" in said.err
    assert "1 of 6 images would expire" in said.out
    assert operator.run("fix", "--keep", "2", "--yes") == 0


def test_a_preview_for_people(operator: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    """Tags, digest, when it was pushed, its size, which rule, and what that costs a month."""
    digest = operator.push("1.0", days=3)
    operator.push("1.1", days=2)

    assert operator.run("preview", "--keep", "1", "--price", "1e6") == 0

    out = capsys.readouterr().out
    assert f"1.0   {digest[:19]}  {NOW - timedelta(days=3):%Y-%m-%d %H:%M}" in out
    assert "2: The newest 1 images stay" in out
    assert "1 of 2 images would expire: 0.00 GB, 0.26 USD a month at most" in out
    assert operator.pauses == [1.0]


def test_a_policy_from_a_file(
    operator: Operator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its rules are named by number where they have no words, and say what is only archived."""
    rule = {
        "rulePriority": 3,
        "selection": {
            "tagStatus": "any",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": 1,
        },
        "action": {"type": "transition", "targetStorageClass": "archive"},
    }
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"rules": [rule]}))
    operator.push(None, days=2)

    assert operator.run("preview", "--policy", str(file)) == 0
    assert operator.run("preview", "--policy", str(file), "--format", "json") == 0

    out = capsys.readouterr().out
    table, _, document = out.partition("{")
    assert "(untagged)" in table
    assert "3 (archived)" in table
    assert "0 of 1 image would expire" in table
    assert json.loads("{" + document)["results"][0]["action"] == "archive"


def test_a_file_that_is_no_policy(operator: Operator, tmp_path: Path) -> None:
    """Told with its name and the place in it, before ECR is asked."""
    file = tmp_path / "policy.json"
    file.write_text('{"rules": []}'.ljust(100))
    operator.name = "not/there"

    with pytest.raises(DocumentError, match=r"policy\.json: a lifecycle policy is"):
        operator.run("preview", "--policy", str(file))


def test_an_index_is_listed_without_a_size(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    """ECR states that of its largest image, and lists that, too, which stays with it."""
    member = operator.push(None, days=9)
    index = operator.aws.push_index(operator.name, "1.0", {member: "linux/arm64"})
    operator.aws.date(operator.name, index, NOW - timedelta(days=8))
    operator.push("1.1", days=1)

    assert operator.run("preview", "--keep", "1", "--format", "json") == 0

    (row,) = json.loads(capsys.readouterr().out)["results"]
    assert (row["digest"], row["bytes"]) == (index, None)
    assert operator.run("preview", "--keep", "1") == 0


def test_a_preview_has_pages(operator: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    """Every image of every page, oldest first."""
    for place in range(103):
        operator.push(f"1.{place}", days=200 - place)

    assert operator.run("preview", "--keep", "1", "--format", "json") == 0

    found = json.loads(capsys.readouterr().out)
    assert [each["tags"] for each in found["results"]] == [[f"1.{place}"] for place in range(102)]


def test_one_preview_waits_for_another(operator: Operator) -> None:
    """Also for ECR to know of its own."""
    operator.ecr.refused = {
        "start_lifecycle_policy_preview": [
            operator.ecr.client.exceptions.LifecyclePolicyPreviewInProgressException({}, "Start")
        ],
        "get_lifecycle_policy_preview": [
            operator.ecr.client.exceptions.LifecyclePolicyPreviewNotFoundException({}, "Get")
        ],
    }

    assert operator.run("preview") == 0

    assert operator.pauses == [1.0, 1.0, 2.0]


def test_a_preview_that_never_ends_is_given_up(operator: Operator) -> None:
    """After five minutes, with pauses that grow."""
    running = {"status": "IN_PROGRESS"}
    operator.ecr.answers["get_lifecycle_policy_preview"] = [running] * 100

    with pytest.raises(SourceError, match=r"still at work on a preview of .* after 5 min"):
        operator.run("preview")

    assert sum(operator.pauses) == pytest.approx(300, abs=10)
    assert operator.pauses == sorted(operator.pauses)


def test_a_preview_that_fails(operator: Operator) -> None:
    """With ECR's own word; `fix` goes on without it when asked to."""
    failed = {"status": "FAILED"}
    operator.ecr.answers["get_lifecycle_policy_preview"] = [failed, failed]

    with pytest.raises(SourceError, match=r"ECR says FAILED of the preview"):
        operator.run("preview")
    with pytest.raises(SourceError, match="--no-preview goes on without"):
        operator.run("fix", "--yes")

    assert operator.ecr.changes == []
