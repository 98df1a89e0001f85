"""
ECR and Inspector of a story: images, tags and what a scanner lists, asked through real clients.

The clients are boto3's own. Their calls end here instead of at AWS, as the answers that AWS
documents, so that fetching and normalizing are the real ones.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListCoverage.html
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from cli.simulation.story import FindingForm, ImageName, PartAnswer

if TYPE_CHECKING:
    from botocore.client import BaseClient

Json = Any
BASIC: Final = "basic"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_USABLE: Final = {BASIC: "COMPLETE", "enhanced": "ACTIVE"}
_MANY: Final = 100
"""Rows on a page of enhanced findings, and of coverage."""


@dataclass(frozen=True, slots=True)
class Place:
    """A repository of one account in one region."""

    account: str
    region: str
    repository: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{self.repository}"


@dataclass(slots=True)
class StoredImage:
    """An image in the registry, and what its scanner lists."""

    place: Place
    digest: str
    pushed_at: datetime
    platform: str = ""
    members: tuple["StoredImage", ...] = ()
    tags: list[str] = field(default_factory=list)
    scanner: str = "enhanced"
    answer: PartAnswer | None = None
    """None: never scanned."""
    completed_at: datetime | None = None
    first_seen: dict[str, datetime] = field(default_factory=dict)
    in_use: int | None = None

    @property
    def is_index(self) -> bool:
        """Whether it stands for its members."""
        return bool(self.members)

    @property
    def status(self) -> str:
        """The scanner's word for its last scan."""
        if self.answer is None:
            return "SCAN_NOT_FOUND"
        return self.answer.status or _USABLE[self.scanner]

    @property
    def media_type(self) -> str:
        """Of its manifest."""
        return INDEX if self.is_index else MANIFEST


def digest_of(*words: str) -> str:
    """Return the digest that some words stand for."""
    return f"sha256:{hashlib.sha256('/'.join(words).encode()).hexdigest()}"


class Refusal(Exception):  # noqa: N818  # an answer of AWS
    """One of AWS's errors."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Registry:
    """Every repository of the story."""

    def __init__(self, account: str, region: str) -> None:
        self._account = account
        self._region = region
        self.images: dict[tuple[Place, str], StoredImage] = {}
        self._repositories: dict[Place, None] = {}

    # --- what a story changes ------------------------------------------------------------------

    def place(self, name: ImageName) -> Place:
        """Return the repository of an image that a story names. Raises `LookupError`."""
        account, region = name.account or self._account, name.region or self._region
        if name.repository is not None:
            return Place(account, region, name.repository)
        digest = digest_of(name.word)
        places = [place for place, known in self.images if known == digest]
        if len(places) != 1:
            problem = "is in no repository" if not places else "is in several repositories"
            raise LookupError(f"image {name.word} {problem}: name the repository")
        return places[0]

    def image(self, name: ImageName) -> StoredImage:
        """Return an image that a story names. Raises `LookupError`."""
        found = self.images.get((self.place(name), digest_of(name.word)))
        if found is None:
            raise LookupError(f"image {name.word} is not in the registry")
        return found

    def push(
        self, name: ImageName, platforms: Sequence[str], now: datetime
    ) -> tuple[StoredImage, bool]:
        """Store an image, or an index of platforms; return it, and whether it was there."""
        place, digest = self.place(name), digest_of(name.word)
        known = self.images.get((place, digest))
        if known is not None:
            return known, True
        self._repositories[place] = None
        members = tuple(
            [
                self._add(StoredImage(place, digest_of(name.word, platform), now, platform))
                for platform in platforms
                if platform
            ]
        )
        return self._add(StoredImage(place, digest, now, members=members)), False

    def _add(self, image: StoredImage) -> StoredImage:
        return self.images.setdefault((image.place, image.digest), image)

    def tag(self, image: StoredImage, tag: str) -> None:
        """Let a tag point to an image, and to no other one of its repository."""
        for other in self.images.values():
            if other.place == image.place and tag in other.tags:
                other.tags.remove(tag)
        image.tags.append(tag)

    def delete(self, image: StoredImage) -> None:
        """Delete an image; of an index also its members, as lifecycle policies do."""
        for gone in (image, *image.members):
            self.images.pop((gone.place, gone.digest), None)

    def delete_repository(self, repository: str) -> None:
        """Delete a repository with all that is in it."""
        for place in [place for place in self._repositories if place.repository == repository]:
            del self._repositories[place]
            for key in [key for key in self.images if key[0] == place]:
                del self.images[key]

    def set_answer(
        self, image: StoredImage, scanner: str, answer: PartAnswer, now: datetime
    ) -> None:
        """Let the scanner list something else from now on."""
        image.scanner, image.answer, image.completed_at = scanner, answer, now
        for form in answer.findings:
            image.first_seen.setdefault(form.id, now)

    # --- what AWS answers ----------------------------------------------------------------------

    def client(self, service: str, place: Place) -> "BaseClient":
        """Return a client of boto3 for an account and region, whose calls end here."""
        from boto3.session import Session
        from botocore.config import Config

        session = Session(
            aws_access_key_id="simulated",
            aws_secret_access_key="simulated",  # noqa: S106  # it signs nothing
            region_name=place.region,
        )
        client = session.client(service, config=Config(retries={"max_attempts": 1}))  # type: ignore[call-overload]
        client.meta.events.register(f"before-call.{service}", self._answering(place))
        return client  # type: ignore[no-any-return]

    def _answering(self, place: Place) -> Callable[..., tuple[Any, Json]]:
        answers: Mapping[str, Callable[[Place, Mapping[str, Json]], Json]] = {
            "DescribeImageScanFindings": self._scan_findings,
            "DescribeImages": self._describe_images,
            "BatchGetImage": self._batch_get_image,
            "DescribeRepositories": self._describe_repositories,
            "ListCoverage": self._coverage,
        }

        def answer(model: Any, params: Mapping[str, Json], **_: Any) -> tuple[Any, Json]:
            request = json.loads(params["body"] or b"{}")
            try:
                body = answers.get(model.name, _unanswered)(place, request)
            except Refusal as refusal:
                error = {"Code": refusal.code, "Message": str(refusal)}
                return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {}}
            return SimpleNamespace(status_code=200), {**body, "ResponseMetadata": {}}

        return answer

    def _at(self, place: Place, request: Mapping[str, Json]) -> Place:
        at = Place(
            request.get("registryId", place.account), place.region, request["repositoryName"]
        )
        if at not in self._repositories:
            raise Refusal("RepositoryNotFoundException", f"{at.repository} does not exist")
        return at

    def _stored(self, place: Place, request: Mapping[str, Json]) -> StoredImage:
        at = self._at(place, request)
        image = self.images.get((at, request["imageId"].get("imageDigest", "")))
        if image is None:
            raise Refusal("ImageNotFoundException", "the image does not exist")
        return image

    def _scan_findings(self, place: Place, request: Mapping[str, Json]) -> Json:
        image = self._stored(place, request)
        answer = image.answer
        if answer is None or image.is_index:
            raise Refusal("ScanNotFoundException", "the image was not scanned")
        page: dict[str, Json] = {
            "registryId": image.place.account,
            "repositoryName": image.place.repository,
            "imageId": {"imageDigest": image.digest},
            "imageScanStatus": {
                "status": image.status,
                "description": answer.reason or "The scan has ended.",
            },
        }
        if answer.status is not None:
            return page
        rows = [_row(image, form) for form in answer.findings]
        start = int(request.get("nextToken") or 0)
        end = start + min(int(request.get("maxResults") or _MANY), _MANY)
        counts = Counter(form.severity for form in answer.findings)
        page["imageScanFindings"] = {
            "imageScanCompletedAt": image.completed_at,
            "findingSeverityCounts": dict(counts),
            "findings" if image.scanner == BASIC else "enhancedFindings": rows[start:end],
        }
        return page | ({"nextToken": str(end)} if end < len(rows) else {})

    def _describe_images(self, place: Place, request: Mapping[str, Json]) -> Json:
        at = self._at(place, request)
        wanted = [entry.get("imageDigest") for entry in request.get("imageIds", ())]
        images = [
            image
            for (stored_at, digest), image in self.images.items()
            if stored_at == at and (not wanted or digest in wanted)
        ]
        if wanted and not images:
            raise Refusal("ImageNotFoundException", "the image does not exist")
        return {"imageDetails": [_detail(image) for image in images]}

    def _batch_get_image(self, place: Place, request: Mapping[str, Json]) -> Json:
        at = self._at(place, request)
        accepted = request.get("acceptedMediaTypes") or (MANIFEST, INDEX)
        found, failures = [], []
        for entry in request["imageIds"]:
            image = self.images.get((at, entry.get("imageDigest", "")))
            if image is None:
                failures.append({"imageId": entry, "failureCode": "ImageNotFound"})
            elif image.media_type in accepted:
                found.append({"imageId": entry, "imageManifest": json.dumps(_manifest(image))})
        return {"images": found, "failures": failures}

    def _describe_repositories(self, place: Place, request: Mapping[str, Json]) -> Json:
        wanted = request.get("repositoryNames")
        here = [
            at
            for at in self._repositories
            if (at.account, at.region) == (place.account, place.region)
        ]
        found = [at for at in here if wanted is None or at.repository in wanted]
        if wanted and not found:
            raise Refusal("RepositoryNotFoundException", f"{wanted[0]} does not exist")
        return {
            "repositories": [
                {
                    "repositoryArn": at.arn,
                    "registryId": at.account,
                    "repositoryName": at.repository,
                    "imageTagMutability": "IMMUTABLE",
                }
                for at in found
            ]
        }

    def _coverage(self, place: Place, request: Mapping[str, Json]) -> Json:
        images = [
            image
            for image in self.images.values()
            if (image.place.account, image.place.region) == (place.account, place.region)
            and image.scanner != BASIC
            and image.answer is not None
        ]
        start = int(request.get("nextToken") or 0)
        end = start + _MANY
        page = {"coveredResources": [_covered(image) for image in images[start:end]]}
        return page | ({"nextToken": str(end)} if end < len(images) else {})


def _unanswered(place: Place, _: Mapping[str, Json]) -> Json:
    raise Refusal("AccessDeniedException", f"a story in {place.region} does not answer this call")


# --- AWS's shapes ------------------------------------------------------------------------------


def _row(image: StoredImage, form: FindingForm) -> Json:
    return _basic_row(form) if image.scanner == BASIC else _enhanced_row(image, form)


def _basic_row(form: FindingForm) -> Json:
    package = form.packages[0]
    return {
        "name": form.id,
        "severity": form.severity,
        "attributes": [
            {"key": "package_name", "value": package.package},
            {"key": "package_version", "value": package.version},
        ],
    }


def _enhanced_row(image: StoredImage, form: FindingForm) -> Json:
    return {
        "awsAccountId": image.place.account,
        "findingArn": finding_arn(image, form),
        "type": "PACKAGE_VULNERABILITY",
        "title": f"{form.id} - {form.packages[0].package}",
        "severity": form.severity,
        "status": form.status,
        "exploitAvailable": "YES" if form.exploit else "NO",
        "fixAvailable": _fix_available(form),
        "firstObservedAt": image.first_seen.get(form.id),
        "lastObservedAt": image.completed_at,
        "packageVulnerabilityDetails": {
            "vulnerabilityId": form.id,
            "relatedVulnerabilities": list(form.aliases),
            "vulnerablePackages": [
                {
                    "name": package.package,
                    "version": package.version,
                    "packageManager": form.manager,
                }
                | ({"filePath": package.path} if package.path else {})
                | ({"fixedInVersion": package.fixed} if package.fixed else {})
                for package in form.packages
            ],
        },
        "resources": [resource(image)],
    }


def _fix_available(form: FindingForm) -> str:
    fixed = [package.fixed is not None for package in form.packages]
    return "YES" if all(fixed) else "PARTIAL" if any(fixed) else "NO"


def finding_arn(image: StoredImage, form: FindingForm) -> str:
    """Return the ARN of a finding of Inspector: one for each vulnerability of an image."""
    name = hashlib.sha256(f"{image.digest}/{form.id}".encode()).hexdigest()[:32]
    return f"arn:aws:inspector2:{image.place.region}:{image.place.account}:finding/{name}"


def resource(image: StoredImage) -> Json:
    """Return an image as the resource of a finding of Inspector."""
    details: dict[str, Json] = {
        "registry": image.place.account,
        "repositoryName": image.place.repository,
        "imageHash": image.digest,
        "imageTags": list(image.tags),
        "pushedAt": image.pushed_at,
        "platform": image.platform.partition("/")[0].upper() or "ALPINE_LINUX_3_20",
        "architecture": image.platform.partition("/")[2] or "amd64",
    }
    if image.in_use is not None:
        details["inUseCount"] = image.in_use
    return {
        "type": "AWS_ECR_CONTAINER_IMAGE",
        "id": f"{image.place.arn}/{image.digest}",
        "details": {"awsEcrContainerImage": details},
    }


def _detail(image: StoredImage) -> Json:
    return (
        {
            "registryId": image.place.account,
            "repositoryName": image.place.repository,
            "imageDigest": image.digest,
            "imagePushedAt": image.pushed_at,
            "imageManifestMediaType": image.media_type,
            "imageStatus": "ACTIVE",
        }
        | ({"imageTags": list(image.tags)} if image.tags else {})
        | ({} if image.is_index else {"artifactMediaType": _CONFIG})
    )


def _manifest(image: StoredImage) -> Json:
    if not image.is_index:
        return {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": _CONFIG,
                "digest": digest_of(image.digest, "config"),
                "size": 1,
            },
            "layers": [],
        }
    return {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {
                "mediaType": MANIFEST,
                "digest": member.digest,
                "size": 1,
                "platform": _platform(member.platform),
            }
            for member in image.members
        ],
    }


def _platform(platform: str) -> Json:
    """Return "windows/amd64 10.0.20348" as an index names it."""
    name, _, version = platform.partition(" ")
    os, architecture, *variant = name.split("/")
    return (
        {"os": os, "architecture": architecture}
        | ({"variant": variant[0]} if variant else {})
        | ({"os.version": version} if version else {})
    )


def _covered(image: StoredImage) -> Json:
    usable = image.answer is not None and image.answer.status is None
    return {
        "resourceType": "AWS_ECR_CONTAINER_IMAGE",
        "resourceId": f"{image.place.arn}/{image.digest}",
        "accountId": image.place.account,
        "scanType": "PACKAGE",
        "scanStatus": {
            "statusCode": "ACTIVE" if usable else "INACTIVE",
            "reason": "SUCCESSFUL" if usable else image.status,
        },
        "resourceMetadata": {
            "ecrImage": {"tags": list(image.tags), "imagePulledAt": image.pushed_at}
            | ({"inUseCount": image.in_use} if image.in_use is not None else {})
        },
        "lastScannedAt": image.completed_at,
    }


def changed(before: Iterable[FindingForm], after: Iterable[FindingForm]) -> list[FindingForm]:
    """Return what Inspector sends an event about: what came, differs, or is closed now."""
    old = {form.id: form for form in before}
    new = {form.id: form for form in after}
    came = [form for name, form in new.items() if old.get(name) != form]
    closed = [
        replace(form, status="CLOSED")
        for name, form in old.items()
        if name not in new and form.status == "ACTIVE"
    ]
    return [*came, *closed]
