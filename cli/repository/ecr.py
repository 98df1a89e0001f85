"""A repository in ECR: its settings, read and changed with the operator's credentials."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

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
from lib.models import (
    Image,
    PullThroughCache,
    Refusal,
    RunningImage,
    StoredImage,
    permissions,
)
from lib.normalizer.images import stored_image
from lib.sources.repositories import pull_through_caches, with_parts
from lib.sources.running import RunningImages

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

PAGE: Final = 1000
"""The most that DescribeImages returns at once."""
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_NO_IMAGES: Final[tuple[StoredImage, ...]] = ()
_Answer = TypeVar("_Answer")
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
        self._refusals: dict[str, Refusal] = {}

    def settings(self) -> Settings:
        """
        Return the settings of the repository, and its registry's scanning.

        What your credentials may not read is named in `refusals`; the rest is read.
        """
        description, registry = self._described
        lifecycle = self._answer(permissions.LIFECYCLE_POLICY, self._lifecycle, None)
        cache = self._answer(permissions.CACHE_RULES, self._cache, None)
        stored = self._answer(permissions.IMAGES, lambda: self._images, _NO_IMAGES)
        running = self._what_runs(description, registry)
        if running and stored:
            images = stored
            stored = self._answer(permissions.MANIFESTS, lambda: self._with_parts(images), images)
        encryption = description.get("encryptionConfiguration", {})
        return Settings(
            name=self.name,
            mutability=_mutability(description),
            scan_on_push=description.get("imageScanningConfiguration", {}).get("scanOnPush", False),
            lifecycle=lifecycle,
            encryption=encryption.get("encryptionType", AES256),
            key=encryption.get("kmsKey"),
            registry=registry,
            stored=stored,
            running=running,
            cache=cache,
            refusals=tuple(self._refusals.values()),
        )

    def apply(self, change: Change) -> None:
        """Apply a change."""
        with explained(self):
            getattr(self.client, change.operation)(repositoryName=self.name, **change.request)

    @cached_property
    def contents(self) -> Contents:
        """The images of the repository, and those that run; None: not known."""
        with explained(self):
            stored = self._images
            if self._running is None:
                return Contents(stored, None)
            running = self._what_runs(*self._described)
            if running:
                stored = self._with_parts(stored)
        return Contents(stored, running)

    @cached_property
    def _described(self) -> tuple[Mapping[str, Any], RegistryScanning]:
        """The repository and its registry's scanning, as far as they may be read."""
        description = self._answer(
            permissions.DESCRIBE_REPOSITORIES, lambda: self._description, _NOTHING
        )
        registry = self._answer(permissions.SCANNING, lambda: self._registry, RegistryScanning())
        return description, registry

    def _answer(self, action: str, ask: Callable[[], _Answer], nothing: _Answer) -> _Answer:
        """Return the answer to a call; `nothing` where your credentials may not make it."""
        with explained(self):
            try:
                return ask()
            except ClientError as error:
                if not _is_denied(error):
                    raise
                self._refusals[action] = Refusal(action, str(error))
                return nothing

    def _what_runs(
        self, description: Mapping[str, Any], registry: RegistryScanning
    ) -> tuple[RunningImage, ...] | None:
        """Return the images that run; None: not known. Keeps the sources that did not answer."""
        if self._running is None:
            return None
        has_type = permissions.SCANNING not in self._refusals
        place = self._place(description)
        running, refusals = self._running.images(
            place, enhanced=registry.enhanced if has_type else None
        )
        self._refusals |= {refusal.action: refusal for refusal in refusals}
        return running

    def _place(self, description: Mapping[str, Any]) -> Image:
        meta, account = self.client.meta, description.get("registryId", "")
        return Image(meta.partition, account, meta.region_name, self.name, "")

    def _with_parts(self, stored: tuple[StoredImage, ...]) -> tuple[StoredImage, ...]:
        return tuple(with_parts(self.client, self._place(self._described[0]), stored))

    def _cache(self) -> PullThroughCache | None:
        return cache_of(self.name, pull_through_caches(self.client))

    @cached_property
    def _description(self) -> Mapping[str, Any]:
        answer = self.client.describe_repositories(repositoryNames=[self.name])
        description: Mapping[str, Any] = answer["repositories"][0]
        return description

    @cached_property
    def _registry(self) -> RegistryScanning:
        answer = self.client.get_registry_scanning_configuration()
        return _registry(answer.get("scanningConfiguration", {}))

    @cached_property
    def _images(self) -> tuple[StoredImage, ...]:
        paginator = self.client.get_paginator("describe_images")
        pages = paginator.paginate(repositoryName=self.name, PaginationConfig={"PageSize": PAGE})
        return tuple(stored_image(detail) for page in pages for detail in page["imageDetails"])

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
    if _is_denied(error):
        return SourceError(
            f"Your credentials may not do this with {name}: allow {action} in their policy"
            f" ({message})"
        )
    if code in _THROTTLED or code.startswith("Throttling"):
        return SourceThrottledError(
            f"AWS wants fewer calls ({action}: {code}): wait a minute, and say it again"
        )
    return SourceError(f"ECR refused {action} for {name}: {code}: {message}")


def _is_denied(error: ClientError) -> bool:
    return str(error.response.get("Error", {}).get("Code", "")).startswith("AccessDenied")


def _mutability(description: Mapping[str, Any]) -> Mutability:
    filters = description.get("imageTagMutabilityExclusionFilters", ())
    mode = description.get("imageTagMutability", MUTABLE)
    return Mutability(mode, tuple(item["filter"] for item in filters))


def _registry(configuration: Mapping[str, Any]) -> RegistryScanning:
    return RegistryScanning(
        configuration.get("scanType") == "ENHANCED", tuple(configuration.get("rules", ()))
    )
