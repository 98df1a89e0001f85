"""
Settings of a repository and of its registry, and the images in it.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lib.checks.caches import cache_of, created_cache
from lib.core.overdue import together
from lib.errors import ImageGoneError, NotAllowedError, RepositoryGoneError, SourceError
from lib.models import (
    CreationTemplate,
    Image,
    LastScan,
    NameFilter,
    PullThroughCache,
    Refusal,
    RepositorySettings,
    ScanningRule,
    StoredImage,
    is_template,
    permissions,
)
from lib.normalizer.images import (
    detail_fields,
    doubts_about,
    image_of_detail,
    is_unscanned,
    stored_image,
)
from lib.normalizer.indexes import is_index
from lib.normalizer.values import mapping, name, objects, texts
from lib.sources.ecr import source_errors
from lib.sources.indexes import fetch_indexes
from lib.sources.registry import PAGE, EcrRegistry
from lib.sources.running import RunningImages

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

_NO_POLICY: Final = "LifecyclePolicyNotFoundException"
_DENIED: Final = frozenset({"AccessDeniedException", "AccessDenied"})

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_Images = tuple[Sequence[StoredImage], Mapping[str, Any] | None]
_NO_IMAGES: Final[_Images] = ((), None)

_Answer = TypeVar("_Answer")


class EcrRepositories:
    """See `lib.ports.sources.RepositorySource`."""

    def __init__(self, client: "ECRClient", running: RunningImages | None = None) -> None:
        self._client = client
        self._registry = EcrRegistry(client)
        self._running = running

    def repositories(self) -> Sequence[Image]:
        """See `RepositorySource.repositories`."""
        paginator = self._client.get_paginator("describe_repositories")
        with source_errors("the registry"):
            pages = list(paginator.paginate(PaginationConfig={"PageSize": PAGE}))
        meta = self._client.meta
        return [
            Image(
                meta.partition,
                repository["registryId"],
                meta.region_name,
                repository["repositoryName"],
                "",
            )
            for page in pages
            for repository in page["repositories"]
        ]

    def templates(self) -> Sequence[Image]:
        """See `RepositorySource.templates`."""
        meta = self._client.meta
        place = Image(meta.partition, "", meta.region_name, "the registry", "")
        return [
            replace(place, account=account, repository=_template(document).name)
            for account, document in self._templates(place)
        ]

    def _templates(self, place: Image) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the account and the document of each creation template."""
        with _calls(place, "ecr:DescribeRepositoryCreationTemplates"):
            paginator = self._client.get_paginator("describe_repository_creation_templates")
            pages = list(paginator.paginate(PaginationConfig={"PageSize": PAGE}))
        return [
            (page["registryId"], document)
            for page in pages
            for document in page["repositoryCreationTemplates"]
        ]

    def _template_settings(self, place: Image) -> RepositorySettings:
        documents = {_template(document): document for _, document in self._templates(place)}
        template = next((one for one in documents if one.name == place.repository), None)
        if template is None:
            raise RepositoryGoneError(
                f"there is no creation template {place.repository} (any more)"
            )
        calls = _Calls(place)
        rules = self._cache_rules(place, calls) if template.cached else []
        scanning = calls.answer(permissions.SCANNING, lambda: self._scanning(place), _NOTHING)
        document = documents[template]
        return replace(
            _described(place, document, scanning),
            template=template,
            lifecycle_policy=name(document.get("lifecyclePolicy")) or None,
            cache=created_cache(template, tuple(documents), rules),
            refusals=calls.refusals,
        )

    def _cache_rules(self, place: Image, calls: "_Calls") -> list[PullThroughCache]:
        def ask() -> list[PullThroughCache]:
            with _calls(place, permissions.CACHE_RULES):
                return pull_through_caches(self._client)

        return calls.answer(permissions.CACHE_RULES, ask, [])

    def _scanning(self, repository: Image) -> Mapping[str, Any]:
        with _calls(repository, permissions.SCANNING):
            answer: Mapping[str, Any] = self._client.get_registry_scanning_configuration()
        return mapping(answer.get("scanningConfiguration"))

    def settings(self, repository: Image) -> RepositorySettings:
        """
        See `RepositorySource.settings`.

        The policy is asked for last: it is often put right after a repository is created, while
        this check runs.
        """
        if is_template(repository.repository):
            return self._template_settings(repository)
        calls = _Calls(repository)
        described = calls.answer(
            permissions.DESCRIBE_REPOSITORIES, lambda: self._description(repository), _NOTHING
        )
        scanning = calls.answer(permissions.SCANNING, lambda: self._scanning(repository), _NOTHING)
        settings = replace(
            _described(repository, described, scanning),
            cache=calls.answer(permissions.CACHE_RULES, lambda: self.cache(repository), None),
        )
        settings = self._with_images(settings, calls)
        policy = calls.answer(permissions.LIFECYCLE_POLICY, lambda: self._policy(repository), None)
        return replace(settings, lifecycle_policy=policy, refusals=calls.refusals)

    def _description(self, repository: Image) -> Mapping[str, Any]:
        with _calls(repository, permissions.DESCRIBE_REPOSITORIES):
            answer = self._client.describe_repositories(
                **_registry(repository), repositoryNames=[repository.repository]
            )
        description: Mapping[str, Any] = answer["repositories"][0]
        return description

    def cache(self, repository: Image) -> PullThroughCache | None:
        """See `RepositorySource.cache`."""
        with _calls(repository, permissions.CACHE_RULES):
            return cache_of(repository.repository, pull_through_caches(self._client))

    def _policy(self, repository: Image) -> str | None:
        from botocore.exceptions import ClientError

        with _calls(repository, permissions.LIFECYCLE_POLICY):
            try:
                answer = self._client.get_lifecycle_policy(
                    **_registry(repository), repositoryName=repository.repository
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != _NO_POLICY:
                    raise
                return None
        return answer["lifecyclePolicyText"]

    def _with_images(self, settings: RepositorySettings, calls: "_Calls") -> RepositorySettings:
        """Add the images, those that run, and the newest one with its last scan."""
        repository = settings.image
        stored, newest = calls.answer(
            permissions.IMAGES, lambda: self._images(repository), _NO_IMAGES
        )
        image, last_scan = self._last_scan(repository, newest, calls)
        running = None
        if self._running is not None:
            has_type = not calls.refused(permissions.SCANNING)
            enhanced = settings.scan_type == "ENHANCED" if has_type else None
            running, refusals = self._running.images(repository, enhanced=enhanced)
            calls.add(refusals)
        if running:
            # What an index refers to matters only where something runs.
            images = stored
            stored = calls.answer(
                permissions.MANIFESTS, lambda: self._with_parts(repository, images), images
            )
        return replace(
            settings,
            stored=tuple(stored),
            running=running,
            newest=image,
            last_scan=last_scan,
        )

    def _images(self, repository: Image) -> "_Images":
        """Return the images, page by page, and the details of the newest one."""
        stored: list[StoredImage] = []
        newest: Mapping[str, Any] | None = None
        with _calls(repository, permissions.IMAGES):
            for page in self._client.get_paginator("describe_images").paginate(
                **_registry(repository),
                repositoryName=repository.repository,
                PaginationConfig={"PageSize": PAGE},
            ):
                for detail in page["imageDetails"]:
                    stored.append(stored_image(detail))
                    newest = _newer(newest, detail)
        return stored, newest

    def _with_parts(
        self, repository: Image, stored: Sequence[StoredImage]
    ) -> Sequence[StoredImage]:
        with _calls(repository, permissions.MANIFESTS):
            return with_parts(self._client, repository, stored)

    def _last_scan(
        self, repository: Image, detail: Mapping[str, Any] | None, calls: "_Calls"
    ) -> tuple[Image | None, LastScan | None]:
        if detail is None:
            return None, None
        image = image_of_detail(
            detail,
            partition=repository.partition,
            region=repository.region,
            doubts=doubts_about(detail, detail_fields(self._client)),
        )
        try:
            scanned: Sequence[Image] = (image,)
            if is_index(detail.get("imageManifestMediaType")):
                scanned = calls.answer(
                    permissions.MANIFESTS, lambda: self._members(repository, image), ()
                )
            return image, calls.answer(
                permissions.SCANS, lambda: self._scans(repository, scanned), None
            )
        except ImageGoneError:
            # Deleted since it was listed.
            return None, None

    def _members(self, repository: Image, image: Image) -> Sequence[Image]:
        with _calls(repository, permissions.MANIFESTS):
            index = next(fetch_indexes(self._client, (image,)), None)
        return index.images if index is not None else ()

    def _scans(self, repository: Image, scanned: Sequence[Image]) -> LastScan | None:
        with _calls(repository, permissions.SCANS):
            return together([self._registry.last_scan(image) for image in scanned])


class _Calls:
    """The calls about a repository: what AWS denies is kept, and the others are made."""

    def __init__(self, repository: Image) -> None:
        self._repository = repository
        self._refusals: dict[str, Refusal] = {}

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The denied calls, each once."""
        return tuple(self._refusals.values())

    def refused(self, action: str) -> bool:
        """Whether AWS denied a call."""
        return action in self._refusals

    def add(self, refusals: Iterable[Refusal]) -> None:
        """Keep the refusals of other sources."""
        for refusal in refusals:
            self._refusals.setdefault(refusal.action, refusal)

    def answer(self, action: str, ask: Callable[[], _Answer], nothing: _Answer) -> _Answer:
        """Return the answer to a call; `nothing` where AWS denies it. Raises `SourceError`."""
        try:
            return ask()
        except NotAllowedError as error:
            self.add([Refusal(action, str(error))])
            return nothing


def with_parts(
    client: "ECRClient", repository: Image, stored: Sequence[StoredImage]
) -> list[StoredImage]:
    """Return the images of a repository, each index with what it refers to. Raises as boto3."""
    indexes = [
        replace(repository, digest=image.digest, tags=image.tags)
        for image in stored
        if image.is_index
    ]
    parts = {
        index.image.digest: (*(member.digest for member in index.members), *index.attachments)
        for index in fetch_indexes(client, indexes)
    }
    return [replace(image, parts=parts.get(image.digest, ())) for image in stored]


def _template(template: Mapping[str, Any]) -> CreationTemplate:
    """
    Return a template, without the settings that repositories have as well.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RepositoryCreationTemplate.html
    """
    return CreationTemplate(
        prefix=name(template.get("prefix")).rstrip("/"),
        applied_for=texts(template.get("appliedFor")),
        resource_tags=tuple(name(tag.get("Key")) for tag in objects(template.get("resourceTags"))),
        role=name(template.get("customRoleArn")) or None,
    )


def pull_through_caches(client: "ECRClient") -> list[PullThroughCache]:
    """
    Return the pull-through caches of the registry. Raises `ClientError`.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribePullThroughCacheRules.html
    """
    paginator = client.get_paginator("describe_pull_through_cache_rules")
    return [
        PullThroughCache(name(rule.get("ecrRepositoryPrefix")), _upstream(rule))
        for page in paginator.paginate(PaginationConfig={"PageSize": PAGE})
        for rule in page["pullThroughCacheRules"]
    ]


def _upstream(rule: Mapping[str, Any]) -> str:
    prefix = name(rule.get("upstreamRepositoryPrefix"))
    below = f"/{prefix}" if prefix not in ("", "ROOT") else ""
    return f"{name(rule.get('upstreamRegistryUrl'))}{below}"


def _described(
    repository: Image, description: Mapping[str, Any], scanning: Mapping[str, Any]
) -> RepositorySettings:
    encryption = mapping(description.get("encryptionConfiguration"))
    return RepositorySettings(
        image=replace(
            repository, account=name(description.get("registryId")) or repository.account
        ),
        tag_mutability=name(description.get("imageTagMutability")) or "MUTABLE",
        exclusions=_filters(description.get("imageTagMutabilityExclusionFilters")),
        scan_on_push=bool(mapping(description.get("imageScanningConfiguration")).get("scanOnPush")),
        # A registry that nobody configured has basic scanning, and no rules.
        scan_type=name(scanning.get("scanType")) or "BASIC",
        scan_rules=tuple(
            ScanningRule(name(rule.get("scanFrequency")), _filters(rule.get("repositoryFilters")))
            for rule in objects(scanning.get("rules"))
        ),
        encryption=name(encryption.get("encryptionType")) or "AES256",
        kms_key=name(encryption.get("kmsKey")) or None,
    )


def _filters(value: Any) -> tuple[NameFilter, ...]:
    return tuple(
        NameFilter(name(filter_.get("filter")), name(filter_.get("filterType")))
        for filter_ in objects(value)
    )


def _newer(newest: Mapping[str, Any] | None, detail: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the newer of two scanned images; an image with a tag goes before one without."""
    if is_unscanned(detail):
        return newest
    if newest is None:
        return detail
    return max(
        newest, detail, key=lambda image: (bool(image.get("imageTags")), image["imagePushedAt"])
    )


def _registry(repository: Image) -> dict[str, Any]:
    return {"registryId": repository.account} if repository.account else {}


@contextmanager
def _calls(repository: Image, action: str) -> Iterator[None]:
    """Raise what AWS denies as a `NotAllowedError` that names the missing permission."""
    try:
        with source_errors(repository.repository):
            yield
    except SourceError as error:
        if error.reason in _DENIED:
            raise NotAllowedError(f"AWS denies {action} for {repository.repository}") from error
        raise
