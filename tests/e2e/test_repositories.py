"""Repositories and tags on the deployed app: what deviates is reported, and nothing twice."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.aws.process import ROOT, EmbeddedAws
from local.demo.app import App, install, write_config
from local.standins.server import Receivers
from tests.e2e.test_alerts import PATIENCE
from tests.support.cloud_fixtures import quick_aws

ALERTS = Path(__file__).parent / "repositories.yml"
TAG, PUSH = "ECR-TAG-MUTABILITY", "ECR-SCAN-ON-PUSH"
MISSING, OLD = "ECR-LIFECYCLE-MISSING", "ECR-LIFECYCLE-OLD"


def rule(status: str, kind: str, number: int, **more: Any) -> dict[str, Any]:
    selection = {"tagStatus": status, "countType": kind, "countNumber": number, **more}
    return {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}


POLICY = {"rules": [rule("any", "imageCountMoreThan", 20)]}
UNTAGGED = {"rules": [rule("untagged", "sinceImagePushed", 7, countUnit="days")]}
EXCLUDING = {
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "latest"}],
}
MUTABLE = {"imageTagMutability": "MUTABLE"}
COMBINATIONS: dict[str, tuple[dict[str, Any], Any, bool, set[str]]] = {
    "sound": ({}, POLICY, True, set()),
    "excluding": (EXCLUDING, POLICY, True, set()),
    "mutable": (MUTABLE, POLICY, True, {TAG}),
    "unscanned": ({}, POLICY, False, {PUSH}),
    "unlimited": ({}, None, True, {MISSING}),
    "untagged-only": ({}, UNTAGGED, True, {OLD}),
    "nothing": (MUTABLE, None, False, {TAG, PUSH, MISSING}),
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, embedded_aws: EmbeddedAws) -> Iterator[App]:  # noqa: ARG001  # skips where there is none
    """Deploy with checks into an account of its own: they look at all repositories."""
    if not (ROOT / "node_modules" / ".bin" / "osls").exists():
        pytest.skip("osls is not installed; run `make test`, which does that")
    folder = tmp_path_factory.mktemp("repositories")
    with quick_aws(folder / "cloud.log") as aws, Receivers() as receivers:
        config = write_config(ALERTS, receivers.url, folder / "alerts.yml")
        yield install(aws, receivers, config)


@pytest.fixture(autouse=True)
def only_its_own(app: App) -> Iterator[None]:
    """Delete the repositories of a test: what runs every day looks at all that there are."""
    yield
    app.wait_until_quiet()
    ecr = app.aws.client("ecr")
    for repository in ecr.describe_repositories()["repositories"]:
        ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)


def create(
    app: App,
    name: str = "team",
    settings: dict[str, Any] | None = None,
    policy: Any = POLICY,
    *,
    scan: bool = True,
) -> str:
    """Create a repository as CloudFormation does: with all that it has, from the beginning."""
    full, ecr = f"{name}/{uuid.uuid4().hex[:8]}", app.aws.client("ecr")
    asked = {"imageTagMutability": "IMMUTABLE", **(settings or {})}
    ecr.create_repository(
        repositoryName=full, imageScanningConfiguration={"scanOnPush": scan}, **asked
    )
    set_policy(app, full, policy)
    return full


def set_policy(app: App, repository: str, policy: Any) -> None:
    if policy is not None:
        text = json.dumps(policy).ljust(100)
        app.aws.client("ecr").put_lifecycle_policy(
            repositoryName=repository, lifecyclePolicyText=text
        )


def documents_about(app: App, repository: str) -> list[dict[str, Any]]:
    """Return what the topic was sent about a repository and its tags, in order."""
    app.wait_until_quiet()
    messages = [json.loads(message.payload["Message"]) for message in app.receivers.messages("sns")]
    return [document for document in messages if document["image"]["repository"] == repository]


def wait_for_documents(app: App, repository: str, number: int) -> list[dict[str, Any]]:
    """Return what the topic was sent about a repository, once there are so many."""
    deadline = time.monotonic() + PATIENCE
    while len(documents := documents_about(app, repository)) < number:
        assert time.monotonic() < deadline, documents
        time.sleep(0.1)
    return documents


def kinds(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(item["kind"], item["id"]) for item in document["items"]}


def open_now(app: App, repository: str) -> set[str]:
    """Follow the documents: what is open by the last one that names it."""
    items = (item for document in documents_about(app, repository) for item in document["items"])
    return {id_ for id_, is_open in {item["id"]: item["open"] for item in items}.items() if is_open}


def open_in_the_end(app: App, repository: str, wanted: set[str]) -> set[str]:
    """Return what is open, at once where it is what is wanted: a check may precede a setting."""
    deadline = time.monotonic() + PATIENCE
    while (found := open_now(app, repository)) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def check_all(app: App) -> Any:
    """Run what runs every day."""
    function = f"{app.stack.name}-auditRepositories"
    answer = app.aws.client("lambda").invoke(FunctionName=function)
    app.wait_until_quiet()
    return json.loads(answer["Payload"].read())


def test_each_combination_gets_exactly_its_results(app: App) -> None:
    """By the events of the calls that make them; the daily check finds nothing to add."""
    made = {
        create(app, name, settings, policy, scan=scan): wanted
        for name, (settings, policy, scan, wanted) in COMBINATIONS.items()
    }

    assert {name: open_in_the_end(app, name, made[name]) for name in made} == made

    before = Counter(name for name in made for _ in documents_about(app, name))
    assert check_all(app)["queued"] >= len(made)
    after = Counter(name for name in made for _ in documents_about(app, name))
    assert after == before


def test_a_fix_clears_its_finding_and_is_documents_about(app: App) -> None:
    repository = create(app, settings=MUTABLE, scan=False)
    assert open_in_the_end(app, repository, {TAG, PUSH}) == {TAG, PUSH}
    before = len(documents_about(app, repository))

    time.sleep(1)
    app.aws.client("ecr").put_image_tag_mutability(
        repositoryName=repository, imageTagMutability="IMMUTABLE"
    )

    last = wait_for_documents(app, repository, before + 1)[-1]
    assert kinds(last) == {("RESOLVED", TAG)}
    assert last["verdict"] == ("1 fixed: tags are immutable now; 1 setting still to fix")
    assert open_in_the_end(app, repository, {PUSH}) == {PUSH}
    messages = [message.raw for message in app.receivers.messages("slack")]
    assert "1 fixed: tags are immutable now" in [raw for raw in messages if repository in raw][-1]


def test_a_rule_of_the_registry_is_looked_at_for_all(app: App) -> None:
    """Its change has every repository checked."""
    repository = create(app, scan=False)
    assert open_in_the_end(app, repository, {PUSH}) == {PUSH}
    ecr = app.aws.client("ecr")
    name = {"filter": repository, "filterType": "WILDCARD"}
    everything = {"filter": "*", "filterType": "WILDCARD"}

    time.sleep(1)
    ecr.put_registry_scanning_configuration(
        rules=[{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [name, everything]}]
    )
    try:
        assert open_in_the_end(app, repository, set()) == set()
    finally:
        ecr.put_registry_scanning_configuration(rules=[])


def test_a_failed_call_and_an_exception_are_no_news(app: App) -> None:
    repository = create(app, "sandbox", MUTABLE)
    with pytest.raises(app.aws.client("ecr").exceptions.RepositoryAlreadyExistsException):
        app.aws.client("ecr").create_repository(repositoryName=repository)

    assert open_now(app, repository) == set()


def test_a_tag_that_moves_is_reported_once_each_time(app: App) -> None:
    """By its pushes; a daily check has nothing to add."""
    repository = create(app, settings=MUTABLE, policy=POLICY)
    before = len(documents_about(app, repository))
    digests = []
    for number, content in enumerate(("first", "second", "third")):
        digests.append(app.aws.push(repository, "1.0.0", content=content))
        app.aws.push(repository, "latest", content=content)
        wait_for_documents(app, repository, before + number)
        time.sleep(1.1)

    moves = documents_about(app, repository)[before:]

    assert [kinds(document) for document in moves] == [{("NEW", "ECR-TAG-MOVED")}] * 2
    for document, old, new in zip(moves, digests, digests[1:], strict=False):
        assert (
            document["verdict"]
            == f"Tag 1.0.0 points to another image: {new[:19]}, before {old[:19]}"
        )
        assert document["stream"].endswith(f"{repository}|settings|1.0.0")
    check_all(app)
    later = documents_about(app, repository)
    assert [(kinds(document), document["verdict"]) for document in later[before + 2 :]] == []


def test_what_the_function_may_not_read_is_reported_once(app: App) -> None:
    """No permission is no all-clear; when it is back, nothing is reported again."""
    repository = create(app)
    check_all(app)
    # An event of its set-up may have been looked at before the next call.
    known = len(documents_about(app, repository))
    iam, role = app.aws.client("iam"), role_of(app, "processScan")
    denied = {"Effect": "Deny", "Action": "ecr:GetLifecyclePolicy", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam.put_role_policy(RoleName=role, PolicyName="deny", PolicyDocument=document)
    try:
        time.sleep(1)
        check_all(app)
        time.sleep(1)
        check_all(app)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="deny")

    (report,) = documents_about(app, repository)[known:]
    assert ("NEW", "ECR-NOT-CHECKED") in kinds(report)
    assert "6 checks could not be made" in report["verdict"]
    time.sleep(1)
    check_all(app)
    (last,) = documents_about(app, repository)[known + 1 :]
    assert ("RESOLVED", "ECR-NOT-CHECKED") in kinds(last)


def role_of(app: App, function: str) -> str:
    settings = app.aws.client("lambda").get_function_configuration(
        FunctionName=f"{app.stack.name}-{function}"
    )
    return str(settings["Role"]).rpartition("/")[2]
