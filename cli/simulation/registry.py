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
from dataclasses import replace
from datetime import datetime
from functools import wraps
from typing import Any, Final, TypeVar, cast

from cli.simulation import answers
from cli.simulation.clients import Refusal, StoryClient
from cli.simulation.images import (
    BASIC,
    INDEX,
    MANIFEST,
    Place,
    StoredImage,
    digest_of,
    place_named,
    places_meant,
)
from cli.simulation.story import ImageName, PartAnswer

Json = Any
_MANY: Final = 100
"""Rows on a page of enhanced findings, and of coverage."""
_Change = TypeVar("_Change", bound=Callable[..., Any])


def _changes(change: _Change) -> _Change:
    """Mark a change of the registry: what was answered before it is asked again."""

    @wraps(change)
    def changed(registry: "Registry", *args: Any, **named: Any) -> Any:
        registry.answers.clear()
        return change(registry, *args, **named)

    return cast("_Change", changed)


class Registry:
    """Every repository of the story."""

    def __init__(self, account: str, region: str) -> None:
        self._home = Place(account, region, "")
        self.images: dict[tuple[Place, str], StoredImage] = {}
        self._repositories: dict[Place, None] = {}
        self.deployments: dict[Place, None] = {Place(account, region, ""): None}
        """The accounts and regions in which images were pushed, and that of the story itself."""
        self.answers: dict[tuple[Any, ...], Json] = {}
        """The answers to what was asked since the last change."""

    # --- what a story changes ------------------------------------------------------------------

    def place(self, name: ImageName) -> Place:
        """Return the repository of an image that a story names. Raises `LookupError`."""
        if name.repository is not None:
            return place_named(name, self._home)
        digest = digest_of(name.word)
        there = [place for place, stored in self.images if stored == digest]
        places = places_meant(name, there, self._home)
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

    @_changes
    def push(
        self, name: ImageName, platforms: Sequence[str], now: datetime
    ) -> tuple[StoredImage, bool]:
        """Store an image, or an index of platforms; return it, and whether it was there before."""
        place, digest = self.place(name), digest_of(name.word)
        stored = self.images.get((place, digest))
        if stored is not None:
            return stored, True
        self._repositories[place] = None
        self.deployments[replace(place, repository="")] = None
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

    @_changes
    def tag(self, image: StoredImage, tag: str) -> None:
        """Let a tag point to an image, and to no other one of its repository."""
        for other in self.images.values():
            if other.place == image.place and tag in other.tags:
                other.tags.remove(tag)
        image.tags.append(tag)

    @_changes
    def untag(self, image: StoredImage, tags: Sequence[str]) -> None:
        """Take tags away from an image."""
        image.tags = [tag for tag in image.tags if tag not in tags]

    @_changes
    def move(self, image: StoredImage, *, archived: bool) -> None:
        """Move an image to the archive, or restore it; of an index also its members."""
        for moved in (image, *image.members):
            moved.archived = archived

    @_changes
    def delete(self, image: StoredImage) -> None:
        """Delete an image; of an index also its members, as lifecycle policies do."""
        for gone in (image, *image.members):
            self.images.pop((gone.place, gone.digest), None)

    @_changes
    def delete_repository(self, place: Place) -> None:
        """Delete a repository with all that is in it, in one account and region."""
        del self._repositories[place]
        for key in [key for key in self.images if key[0] == place]:
            del self.images[key]

    @_changes
    def use(self, name: ImageName, count: int) -> None:
        """Count from now on how many tasks and pods run an image, or the parts of an index."""
        image = self.image(name)
        for used in (image, *image.members):
            used.in_use = count

    @_changes
    def set_answer(
        self, image: StoredImage, scanner: str, answer: PartAnswer, now: datetime
    ) -> None:
        """Let the scanner list something else from now on."""
        image.scanner, image.answer, image.completed_at = scanner, answer, now
        for form in answer.findings:
            image.first_seen.setdefault(form.id, now)

    # --- what AWS answers ----------------------------------------------------------------------

    def client_of(self, service: str, place: Place) -> Any:
        """Return a client of boto3 for an account and region, whose calls end here."""
        return StoryClient(
            service,
            place,
            lambda operation, request: self._answer(place, operation, request),
            self.answers,
        )

    def _answer(self, place: Place, operation: str, request: Mapping[str, Json]) -> Json:
        answers: Mapping[str, Callable[[Place, Mapping[str, Json]], Json]] = {
            "DescribeImageScanFindings": self._scan_findings,
            "DescribeImages": self._describe_images,
            "BatchGetImage": self._batch_get_image,
            "DescribeRepositories": self._describe_repositories,
            "ListCoverage": self._coverage,
        }
        return answers.get(operation, _unanswered)(place, request)

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

    def _coverage(self, place: Place, request: Mapping[str, Json]) -> Json:
        """Return what Inspector covers in a region, as to its administrator: of every account."""
        filters = request["filterCriteria"].get("ecrRepositoryName", ())
        names = {wanted["value"] for wanted in filters}
        images = [
            image
            for image in self.images.values()
            if image.place.region == place.region
            and image.scanner != BASIC
            and image.answer is not None
            and (not names or image.place.repository in names)
        ]
        start = int(request.get("nextToken") or 0)
        end = start + _MANY
        page = {"coveredResources": [answers.covered(image) for image in images[start:end]]}
        return page | ({"nextToken": str(end)} if end < len(images) else {})


def _unanswered(place: Place, _: Mapping[str, Json]) -> Json:
    raise Refusal("AccessDeniedException", f"a story in {place.region} does not answer this call")
