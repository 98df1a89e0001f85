"""
ECR and Inspector of a story: images, tags and what a scanner lists, asked through real clients.

The clients are boto3's own. Their calls end here instead of at AWS, as the answers that AWS
documents, so that fetching and normalizing are the real ones.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListCoverage.html
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from cli.simulation import answers
from cli.simulation.images import BASIC, INDEX, MANIFEST, Place, StoredImage, digest_of
from cli.simulation.story import ImageName, PartAnswer

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.client import BaseClient

Json = Any
_MANY: Final = 100
"""Rows on a page of enhanced findings, and of coverage."""


@cache
def _session(region: str) -> "Session":
    """Return the session of a region: it reads the models of services once, for all stories."""
    from boto3.session import Session

    return Session(
        aws_access_key_id="simulated",
        aws_secret_access_key="simulated",  # noqa: S106  # it signs nothing
        region_name=region,
    )


class Refusal(Exception):  # noqa: N818  # an answer of AWS
    """An error of AWS."""

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
        places = [place for place, stored in self.images if stored == digest]
        if len(places) != 1:
            problem = "is in no repository" if not places else "is in several repositories"
            raise LookupError(f"image {name.word} {problem}: name the repository")
        return places[0]

    def image(self, name: ImageName) -> StoredImage:
        """Return an image that a story names. Raises `LookupError`."""
        image = self.images.get((self.place(name), digest_of(name.word)))
        if image is None:
            raise LookupError(f"image {name.word} is not in the registry")
        return image

    def push(
        self, name: ImageName, platforms: Sequence[str], now: datetime
    ) -> tuple[StoredImage, bool]:
        """Store an image, or an index of platforms; return it, and whether it was there."""
        place, digest = self.place(name), digest_of(name.word)
        stored = self.images.get((place, digest))
        if stored is not None:
            return stored, True
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
        """Store an image, unless it is there: a part of an index may be pushed before it."""
        stored = self.images.setdefault((image.place, image.digest), image)
        stored.platform = stored.platform or image.platform
        return stored

    def tag(self, image: StoredImage, tag: str) -> None:
        """Let a tag point to an image, and to no other one of its repository."""
        for other in self.images.values():
            if other.place == image.place and tag in other.tags:
                other.tags.remove(tag)
        image.tags.append(tag)

    def untag(self, image: StoredImage, tags: Sequence[str]) -> None:
        """Take tags away from an image."""
        image.tags = [tag for tag in image.tags if tag not in tags]

    def move(self, image: StoredImage, *, archived: bool) -> None:
        """Move an image to the archive, or restore it; of an index also its members."""
        for moved in (image, *image.members):
            moved.archived = archived

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

    def use(self, name: ImageName, count: int) -> None:
        """Count from now on how many tasks and pods run an image, or the parts of an index."""
        image = self.image(name)
        for used in (image, *image.members):
            used.in_use = count

    def set_answer(
        self, image: StoredImage, scanner: str, answer: PartAnswer, now: datetime
    ) -> None:
        """Let the scanner list something else from now on."""
        image.scanner, image.answer, image.completed_at = scanner, answer, now
        for form in answer.findings:
            image.first_seen.setdefault(form.id, now)

    # --- what AWS answers ----------------------------------------------------------------------

    def client_of(self, service: str, place: Place) -> "BaseClient":
        """Return a client of boto3 for an account and region, whose calls end here."""
        from botocore.config import Config

        options = Config(retries={"max_attempts": 1})
        client = _session(place.region).client(service, config=options)  # type: ignore[call-overload]
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
        if answer.status is not None or image.archived:
            return page
        rows = [answers.row(image, form) for form in answer.findings]
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
            if stored_at == at and (not wanted or digest in wanted) and not image.archived
        ]
        if wanted and not images:
            raise Refusal("ImageNotFoundException", "the image does not exist")
        return {"imageDetails": [answers.detail(image) for image in images]}

    def _batch_get_image(self, place: Place, request: Mapping[str, Json]) -> Json:
        at = self._at(place, request)
        accepted = request.get("acceptedMediaTypes") or (MANIFEST, INDEX)
        images, failures = [], []
        for entry in request["imageIds"]:
            image = self.images.get((at, entry.get("imageDigest", "")))
            if image is None:
                failures.append({"imageId": entry, "failureCode": "ImageNotFound"})
            elif image.media_type in accepted:
                images.append(
                    {"imageId": entry, "imageManifest": json.dumps(answers.manifest(image))}
                )
        return {"images": images, "failures": failures}

    def _describe_repositories(self, place: Place, request: Mapping[str, Json]) -> Json:
        wanted = request.get("repositoryNames")
        here = [
            at
            for at in self._repositories
            if (at.account, at.region) == (place.account, place.region)
        ]
        places = [at for at in here if wanted is None or at.repository in wanted]
        if wanted and not places:
            raise Refusal("RepositoryNotFoundException", f"{wanted[0]} does not exist")
        return {
            "repositories": [
                {
                    "repositoryArn": at.arn,
                    "registryId": at.account,
                    "repositoryName": at.repository,
                    "imageTagMutability": "IMMUTABLE",
                }
                for at in places
            ]
        }

    def _coverage(self, _: Place, request: Mapping[str, Json]) -> Json:
        """Return what Inspector covers, as to its delegated administrator: of every account."""
        filters = request["filterCriteria"].get("ecrRepositoryName", ())
        names = {wanted["value"] for wanted in filters}
        images = [
            image
            for image in self.images.values()
            if image.scanner != BASIC
            and image.answer is not None
            and (not names or image.place.repository in names)
        ]
        start = int(request.get("nextToken") or 0)
        end = start + _MANY
        page = {"coveredResources": [answers.covered(image) for image in images[start:end]]}
        return page | ({"nextToken": str(end)} if end < len(images) else {})


def _unanswered(place: Place, _: Mapping[str, Json]) -> Json:
    raise Refusal("AccessDeniedException", f"a story in {place.region} does not answer this call")
