"""A repository in ECR: its settings, read and changed with the operator's credentials."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import ClientError

from cli.repository.settings import (
    AES256,
    MUTABLE,
    Change,
    Mutability,
    RegistryScanning,
    Settings,
)
from lib.checks.caches import cache_of
from lib.errors import DocumentError, SourceError, SourceThrottledError
from lib.models import Image, RunningImage, StoredImage
from lib.normalizer.images import stored_image
from lib.sources.repositories import pull_through_caches, with_parts
from lib.sources.running import RunningImages

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

PAGE: Final = 1000
"""The most that DescribeImages returns at once."""
_THROTTLED: Final = ("RequestLimitExceeded", "TooManyRequestsException")


class Contents(NamedTuple):
    """The images of a repository, and those that something runs."""

    stored: tuple[StoredImage, ...]
    running: tuple[RunningImage, ...] | None


class Repository:
    """A repository. Every method raises `DocumentError` or `SourceError` with the next step."""

    def __init__(
        self, client: "ECRClient", name: str, running: RunningImages | None = None
    ) -> None:
        self.client = client
        self.name = name
        self._running = running

    def settings(self) -> Settings:
        """Return the settings of the repository, and its registry's scanning."""
        with explained(self):
            description = self._description
            lifecycle = self._lifecycle()
            caches = pull_through_caches(self.client)
        stored, running = self.contents
        encryption = description.get("encryptionConfiguration", {})
        return Settings(
            name=self.name,
            mutability=_mutability(description),
            scan_on_push=description.get("imageScanningConfiguration", {}).get("scanOnPush", False),
            lifecycle=lifecycle,
            encryption=encryption.get("encryptionType", AES256),
            key=encryption.get("kmsKey"),
            registry=self._registry,
            stored=stored,
            running=running,
            cache=cache_of(self.name, caches),
        )

    def apply(self, change: Change) -> None:
        """Apply a change."""
        with explained(self):
            getattr(self.client, change.operation)(repositoryName=self.name, **change.request)

    @cached_property
    def contents(self) -> Contents:
        """The images of the repository, and those that run; None: not known."""
        with explained(self):
            stored = tuple(self._stored())
            if self._running is None:
                return Contents(stored, None)
            meta, description = self.client.meta, self._description
            place = Image(
                meta.partition, description["registryId"], meta.region_name, self.name, ""
            )
            running = self._running.images(place, enhanced=self._registry.enhanced)
            if running:
                stored = tuple(with_parts(self.client, place, stored))
        return Contents(stored, running)

    @cached_property
    def _description(self) -> Mapping[str, Any]:
        answer = self.client.describe_repositories(repositoryNames=[self.name])
        description: Mapping[str, Any] = answer["repositories"][0]
        return description

    @cached_property
    def _registry(self) -> RegistryScanning:
        answer = self.client.get_registry_scanning_configuration()
        return _registry(answer.get("scanningConfiguration", {}))

    def _stored(self) -> Iterator[StoredImage]:
        paginator = self.client.get_paginator("describe_images")
        pages = paginator.paginate(repositoryName=self.name, PaginationConfig={"PageSize": PAGE})
        for page in pages:
            yield from map(stored_image, page["imageDetails"])

    def _lifecycle(self) -> str | None:
        try:
            return self.client.get_lifecycle_policy(repositoryName=self.name)["lifecyclePolicyText"]
        except self.client.exceptions.LifecyclePolicyNotFoundException:
            return None


@contextmanager
def explained(repository: Repository) -> Iterator[None]:
    """Raise ECR's refusals as sentences with the next step."""
    try:
        yield
    except ClientError as error:
        raise _explained(error, repository) from error


def _explained(error: ClientError, repository: Repository) -> DocumentError | SourceError:
    details = error.response.get("Error", {})
    code, message = details.get("Code", "Unknown"), details.get("Message", "")
    name, region = repository.name, repository.client.meta.region_name
    action = f"ecr:{error.operation_name}"
    if code == "RepositoryNotFoundException":
        return DocumentError(
            f"There is no repository {name} in {region}: check the name, --region and the account; "
            f"`repository template {name}` defines one"
        )
    if code.startswith("AccessDenied"):
        return SourceError(
            f"Your credentials may not do this with {name}: allow {action} in their policy"
            f" ({message})"
        )
    if code in _THROTTLED or code.startswith("Throttling"):
        return SourceThrottledError(
            f"AWS wants fewer calls ({action}: {code}): wait a minute, and say it again"
        )
    return SourceError(f"ECR refused {action} for {name}: {code}: {message}")


def _mutability(description: Mapping[str, Any]) -> Mutability:
    filters = description.get("imageTagMutabilityExclusionFilters", ())
    mode = description.get("imageTagMutability", MUTABLE)
    return Mutability(mode, tuple(item["filter"] for item in filters))


def _registry(configuration: Mapping[str, Any]) -> RegistryScanning:
    return RegistryScanning(
        configuration.get("scanType") == "ENHANCED", tuple(configuration.get("rules", ()))
    )
