"""
Settings of a repository and of its registry, and the images in it.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from lib.checks.caches import cache_of, created_cache
from lib.core.overdue import together
from lib.errors import ImageGoneError, NotAllowedError, RepositoryGoneError, SourceError
from lib.models import (
    CreationTemplate,
    Image,
    LastScan,
    NameFilter,
    PullThroughCache,
    RepositorySettings,
    ScanningRule,
    StoredImage,
    is_template,
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
_CACHES: Final = "ecr:DescribePullThroughCacheRules"
_DENIED: Final = frozenset({"AccessDeniedException", "AccessDenied"})


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
        cached = "PULL_THROUGH_CACHE" in template.applied_for
        with _calls(place, _CACHES):
            rules = pull_through_caches(self._client) if cached else []
        document = documents[template]
        return replace(
            _described(place, document, self._scanning(place)),
            template=template,
            lifecycle_policy=name(document.get("lifecyclePolicy")) or None,
            cache=created_cache(template, tuple(documents), rules),
        )

    def _scanning(self, repository: Image) -> Mapping[str, Any]:
        with _calls(repository, "ecr:GetRegistryScanningConfiguration"):
            answer: Mapping[str, Any] = self._client.get_registry_scanning_configuration()
        return mapping(answer.get("scanningConfiguration"))

    def settings(self, repository: Image) -> RepositorySettings:
        """See `RepositorySource.settings`."""
        if is_template(repository.repository):
            return self._template_settings(repository)
        with _calls(repository, "ecr:DescribeRepositories"):
            answer = self._client.describe_repositories(
                **_registry(repository), repositoryNames=[repository.repository]
            )
        description: Mapping[str, Any] = answer["repositories"][0]
        settings = _described(repository, description, self._scanning(repository))
        settings = self._with_images(replace(settings, cache=self.cache(repository)))
        # Last: it is often put right after a repository is created, while this check runs.
        return replace(settings, lifecycle_policy=self._policy(repository))

    def cache(self, repository: Image) -> PullThroughCache | None:
        """See `RepositorySource.cache`."""
        with _calls(repository, _CACHES):
            return cache_of(repository.repository, pull_through_caches(self._client))

    def _policy(self, repository: Image) -> str | None:
        from botocore.exceptions import ClientError

        with _calls(repository, "ecr:GetLifecyclePolicy"):
            try:
                answer = self._client.get_lifecycle_policy(
                    **_registry(repository), repositoryName=repository.repository
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != _NO_POLICY:
                    raise
                return None
        return answer["lifecyclePolicyText"]

    def _with_images(self, settings: RepositorySettings) -> RepositorySettings:
        """Add the images, and the newest one with its last scan."""
        repository = settings.image
        stored: list[StoredImage] = []
        newest: Mapping[str, Any] | None = None
        with _calls(repository, "ecr:DescribeImages"):
            for page in self._client.get_paginator("describe_images").paginate(
                **_registry(repository),
                repositoryName=repository.repository,
                PaginationConfig={"PageSize": PAGE},
            ):
                for detail in page["imageDetails"]:
                    stored.append(stored_image(detail))
                    newest = _newer(newest, detail)
        image, last_scan = self._last_scan(repository, newest)
        running = None
        if self._running is not None:
            enhanced = settings.scan_type == "ENHANCED"
            running = self._running.images(repository, enhanced=enhanced)
        with _calls(repository, "ecr:BatchGetImage"):
            # What an index refers to matters only where something runs.
            images = with_parts(self._client, repository, stored) if running else stored
        return replace(
            settings,
            stored=tuple(images),
            running=running,
            newest=image,
            last_scan=last_scan,
        )

    def _last_scan(
        self, repository: Image, detail: Mapping[str, Any] | None
    ) -> tuple[Image | None, LastScan | None]:
        if detail is None:
            return None, None
        image = image_of_detail(
            detail,
            partition=repository.partition,
            region=repository.region,
            doubts=doubts_about(detail, detail_fields(self._client)),
        )
        scanned: Sequence[Image] = (image,)
        if is_index(detail.get("imageManifestMediaType")):
            with _calls(repository, "ecr:BatchGetImage"):
                index = next(fetch_indexes(self._client, (image,)), None)
            scanned = index.images if index is not None else ()
        try:
            with _calls(repository, "ecr:DescribeImageScanFindings"):
                return image, together(
                    [self._registry.last_scan(scanned_image) for scanned_image in scanned]
                )
        except ImageGoneError:
            # Deleted since it was listed.
            return None, None


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
