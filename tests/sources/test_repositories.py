"""How a repository is set up, as ECR tells it: on the embedded AWS, and what may go wrong."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lib.checks.completion import policy as lifecycle_policy
from lib.errors import ImageGoneError, NotAllowedError, SourceError
from lib.models import (
    CreationTemplate,
    Image,
    NameFilter,
    PullThroughCache,
    RunningImage,
    ScanningRule,
    ScanProgress,
    permissions,
)
from lib.sources.repositories import EcrRepositories
from lib.sources.running import RunningImages
from local.aws.process import ACCOUNT, REGION, EmbeddedAws
from tests.sources.test_running import Tasks
from tests.support.builders import an_image
from tests.support.cloud_fixtures import recording


@pytest.fixture
def name() -> str:
    return f"settings/{uuid.uuid4().hex[:8]}"


@pytest.fixture
def ecr(embedded_aws: EmbeddedAws) -> Iterator[Any]:
    """Yield the registry; afterwards it has basic scanning and no rules again."""
    client = embedded_aws.client("ecr")
    yield client
    client.put_registry_scanning_configuration(scanType="BASIC", rules=[])


def the(name: str) -> Image:
    return Image("aws", ACCOUNT, REGION, name, "")


def test_a_new_repository_is_as_ecr_makes_it(ecr: Any, name: str) -> None:
    ecr.create_repository(repositoryName=name)

    found = EcrRepositories(ecr).settings(the(name))

    assert found.image == the(name)
    assert found.tag_mutability == "MUTABLE"
    assert not found.scan_on_push
    assert (found.scan_type, found.scan_rules) == ("BASIC", ())
    assert (found.encryption, found.kms_key) == ("AES256", None)
    assert found.lifecycle_policy is None
    assert (found.images, found.untagged, found.newest, found.last_scan) == (0, 0, None, None)


def test_all_that_is_set_is_read(ecr: Any, name: str) -> None:
    ecr.create_repository(
        repositoryName=name,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest"}],
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "a-key"},
    )
    policy = lifecycle_policy(20)
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=policy)
    ecr.put_registry_scanning_configuration(
        scanType="ENHANCED",
        rules=[
            {
                "scanFrequency": "CONTINUOUS_SCAN",
                "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}],
            }
        ],
    )

    found = EcrRepositories(ecr).settings(the(name))

    assert found.tag_mutability == "IMMUTABLE_WITH_EXCLUSION"
    assert found.exclusions == (NameFilter("latest"),)
    assert found.scan_on_push
    assert found.scan_type == "ENHANCED"
    assert found.scan_rules == (ScanningRule("CONTINUOUS_SCAN", (NameFilter("*"),)),)
    assert (found.encryption, found.kms_key) == ("KMS", "a-key")
    assert found.lifecycle_policy == policy


def test_images_are_added_up_and_the_newest_is_looked_at(
    embedded_aws: EmbeddedAws, ecr: Any, name: str
) -> None:
    ecr.create_repository(repositoryName=name, imageScanningConfiguration={"scanOnPush": True})
    embedded_aws.push(name, None, recording("payments-api-1.4.2"))
    scanned = embedded_aws.push(name, "1.0.0", recording("payments-api-1.4.2"))

    found = EcrRepositories(ecr).settings(the(name))

    assert [image.tags for image in found.stored] == [(), ("1.0.0",)]
    assert found.stored_bytes > 0
    assert found.newest is not None
    assert found.newest.digest == scanned
    assert found.last_scan is not None
    assert found.last_scan.progress is ScanProgress.USABLE


def test_of_an_index_its_images_are_asked(embedded_aws: EmbeddedAws, ecr: Any, name: str) -> None:
    ecr.create_repository(repositoryName=name, imageScanningConfiguration={"scanOnPush": True})
    member = embedded_aws.push(name, None, recording("payments-api-1.4.2"))
    index = embedded_aws.push_index(name, "1.0.0", {member: "linux/arm64"})

    found = EcrRepositories(ecr).settings(the(name))

    assert found.newest is not None
    assert found.newest.digest == index
    assert found.last_scan is not None
    assert found.last_scan.progress is ScanProgress.USABLE


def test_the_parts_of_an_index_are_read_where_something_runs(
    embedded_aws: EmbeddedAws, ecr: Any, name: str
) -> None:
    ecr.create_repository(repositoryName=name)
    member = embedded_aws.push(name, None)
    index = embedded_aws.push_index(name, "1.0.0", {member: "linux/arm64"})
    used = an_image(digest=member, tags=(), account=ACCOUNT, region=REGION, repository=name)

    busy, idle = (
        EcrRepositories(ecr, RunningImages(None, Tasks(*images))).settings(the(name))
        for images in ((used,), ())
    )

    assert busy.running == (RunningImage(member, (), "an ECS task"),)
    assert {image.digest: image.parts for image in busy.stored} == {member: (), index: (member,)}
    assert idle.running == ()
    assert {image.parts for image in idle.stored} == {()}


def test_a_signature_is_not_the_newest_image(
    embedded_aws: EmbeddedAws, ecr: Any, name: str
) -> None:
    ecr.create_repository(repositoryName=name)
    embedded_aws.push(name, f"sha256-{'1' * 64}.sig")

    found = EcrRepositories(ecr).settings(the(name))

    assert (found.images, found.newest) == (1, None)


def test_the_pull_through_cache_of_a_repository_is_known(ecr: Any, name: str) -> None:
    prefix = f"hub-{uuid.uuid4().hex[:8]}"
    cached = f"{prefix}/library/alpine"
    ecr.create_repository(repositoryName=cached)
    ecr.create_repository(repositoryName=name)
    ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix=prefix, upstreamRegistryUrl="registry-1.docker.io"
    )
    other = f"{prefix[:10]}-two"
    ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix=other,
        upstreamRegistryUrl=f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com",
        upstreamRepositoryPrefix="team",
    )
    repositories = EcrRepositories(ecr)

    found = repositories.settings(the(cached))
    below = repositories.cache(the(f"{other}/api"))

    assert found.cache == PullThroughCache(prefix, "registry-1.docker.io")
    assert repositories.settings(the(name)).cache is None
    assert below is not None
    assert below.upstream == f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/team"


def test_creation_templates_are_read_like_repositories(ecr: Any) -> None:
    prefix = f"made-{uuid.uuid4().hex[:8]}"
    policy = lifecycle_policy(20)
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=prefix, upstreamRegistryUrl="quay.io")
    ecr.create_repository_creation_template(
        prefix=prefix,
        appliedFor=["PULL_THROUGH_CACHE"],
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest"}],
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key},
        resourceTags=[{"Key": "team", "Value": "shop"}],
        lifecyclePolicy=policy,
    )
    repositories = EcrRepositories(ecr)

    (template,) = [image for image in repositories.templates() if prefix in image.repository]
    found = repositories.settings(template)

    assert template == the(f"{prefix}/")
    assert found.template == CreationTemplate(prefix, ("PULL_THROUGH_CACHE",), ("team",))
    assert found.tag_mutability == "IMMUTABLE_WITH_EXCLUSION"
    assert found.exclusions == (NameFilter("latest"),)
    assert found.lifecycle_policy == policy
    assert (found.encryption, found.kms_key) == ("KMS", key)
    assert found.cache == PullThroughCache(prefix, "quay.io")
    assert (found.stored, found.running, found.newest) == ((), None, None)

    ecr.update_repository_creation_template(prefix=prefix, appliedFor=["CREATE_ON_PUSH"])
    assert repositories.settings(template).cache is None
    ecr.delete_repository_creation_template(prefix=prefix)
    with pytest.raises(ImageGoneError):
        repositories.settings(template)


def test_templates_that_may_not_be_listed_are_named(ecr: Any) -> None:
    refusing = Refusing(ecr, "get_paginator", "AccessDeniedException")

    with pytest.raises(NotAllowedError, match="ecr:DescribeRepositoryCreationTemplates"):
        EcrRepositories(refusing).templates()  # type: ignore[arg-type]  # as much as is used


def test_all_repositories_are_listed(ecr: Any, name: str) -> None:
    ecr.create_repository(repositoryName=name)

    assert the(name) in EcrRepositories(ecr).repositories()


def test_a_repository_that_is_gone_is_no_failure(ecr: Any, name: str) -> None:
    with pytest.raises(ImageGoneError):
        EcrRepositories(ecr).settings(the(name))


# --- what ECR refuses -------------------------------------------------------------------------


class Refusing:
    """The registry, but for one call that fails."""

    def __init__(self, client: Any, call: str, code: str) -> None:
        self._client, self._call, self._code = client, call, code

    def __getattr__(self, name: str) -> Any:
        return self._refuse if name == self._call else getattr(self._client, name)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise ClientError({"Error": {"Code": self._code, "Message": "no"}}, self._call)


class RefusingPages(Refusing):
    """The registry, but for the pages of one operation."""

    def get_paginator(self, operation: str) -> Any:
        """Return the paginator of an operation."""
        return self._refuse() if operation == self._call else self._client.get_paginator(operation)

    def __init__(self, client: Any, operation: str) -> None:
        super().__init__(client, operation, "AccessDeniedException")


@pytest.fixture
def refusing(
    embedded_aws: EmbeddedAws, ecr: Any, name: str
) -> Callable[[str, str], EcrRepositories]:
    ecr.create_repository(repositoryName=name, imageScanningConfiguration={"scanOnPush": True})
    embedded_aws.push(name, "1.0.0", recording("payments-api-1.4.2"))

    def make(call: str, code: str) -> EcrRepositories:
        return EcrRepositories(Refusing(ecr, call, code))  # type: ignore[arg-type]  # as much as is used

    return make


CALLS = {
    "describe_repositories": {permissions.DESCRIBE_REPOSITORIES},
    "get_registry_scanning_configuration": {permissions.SCANNING},
    "get_lifecycle_policy": {permissions.LIFECYCLE_POLICY},
    "get_paginator": {permissions.CACHE_RULES, permissions.IMAGES},
    "describe_image_scan_findings": {permissions.SCANS},
}
"""Calls of the client, and the permissions that are missing without them."""


@pytest.mark.parametrize("call", CALLS)
def test_what_may_not_be_read_is_named(
    refusing: Callable[[str, str], EcrRepositories], name: str, call: str
) -> None:
    """What the other calls say is read."""
    settings = refusing(call, "AccessDeniedException").settings(the(name))

    assert set(settings.lacks(*set.union(*CALLS.values()))) == CALLS[call]
    assert all(f"for {name}" in refusal.reason for refusal in settings.refusals)
    assert (settings.scan_on_push is True) == (call != "describe_repositories")
    assert (settings.images == 1) == (call != "get_paginator")


def test_the_images_of_an_index_may_not_be_read(
    embedded_aws: EmbeddedAws, ecr: Any, name: str
) -> None:
    """Neither what scanned it nor what runs of it is known then."""
    ecr.create_repository(repositoryName=name)
    member = embedded_aws.push(name, None)
    index = embedded_aws.push_index(name, "1.0.0", {member: "linux/arm64"})
    runs = Tasks(replace(the(name), digest=index))
    client = Refusing(ecr, "batch_get_image", "AccessDeniedException")

    settings = EcrRepositories(client, RunningImages(None, runs)).settings(the(name))  # type: ignore[arg-type]  # as much as is used

    assert settings.lacks(permissions.MANIFESTS)
    assert (settings.images, settings.last_scan) == (2, None)
    assert settings.running


def test_the_caches_of_a_template_may_not_be_read(ecr: Any) -> None:
    """The template is read."""
    ecr.create_repository_creation_template(
        prefix="denied", appliedFor=["PULL_THROUGH_CACHE"], imageTagMutability="MUTABLE"
    )
    place = replace(the("denied/"), account="")
    client = RefusingPages(ecr, "describe_pull_through_cache_rules")
    try:
        settings = EcrRepositories(client).settings(place)  # type: ignore[arg-type]  # as much as is used
    finally:
        ecr.delete_repository_creation_template(prefix="denied")

    assert settings.lacks(permissions.CACHE_RULES)
    assert (settings.cache, settings.template is None) == (None, False)


@pytest.mark.parametrize("call", CALLS)
def test_what_fails_may_be_tried_again(
    refusing: Callable[[str, str], EcrRepositories], name: str, call: str
) -> None:
    with pytest.raises(SourceError) as error:
        refusing(call, "ServerException").settings(the(name))

    assert error.value.retryable


def test_an_image_that_is_deleted_meanwhile_is_none(
    refusing: Callable[[str, str], EcrRepositories], name: str
) -> None:
    found = refusing("describe_image_scan_findings", "ImageNotFoundException").settings(the(name))

    assert (found.images, found.newest, found.last_scan) == (1, None, None)


def test_an_index_that_is_deleted_meanwhile_has_no_scan(
    embedded_aws: EmbeddedAws, ecr: Any, name: str
) -> None:
    ecr.create_repository(repositoryName=name)
    member = embedded_aws.push(name, None)
    embedded_aws.push_index(name, "1.0.0", {member: "linux/arm64"})

    class Emptied(Refusing):
        def _refuse(self, *_: Any, **__: Any) -> Any:
            return {"images": []}

    gone = Emptied(ecr, "batch_get_image", "")
    found = EcrRepositories(gone).settings(the(name))  # type: ignore[arg-type]  # as much as is used

    assert found.last_scan is None
