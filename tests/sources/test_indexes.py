"""Which images belong to an index, and how they are asked for."""

import json
from typing import Any

from lib.models import Image, ImageIndex, Member
from lib.normalizer.indexes import INDEX_TYPES, index_of, is_index
from lib.sources.indexes import fetch_indexes
from tests.support.builders import a_digest, an_image

ATTESTATION = {
    "digest": a_digest(9),
    "platform": {"os": "unknown", "architecture": "unknown"},
    "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
}


def an_entry(number: int, architecture: str = "amd64", **platform: str) -> dict[str, Any]:
    return {
        "digest": a_digest(number),
        "platform": {"os": "linux", "architecture": architecture, **platform},
    }


class RecordingEcr:
    """Answers BatchGetImage with an index for each id asked for."""

    def __init__(self, manifest: str, *, tags: tuple[str, ...] = ()) -> None:
        self.manifest = manifest
        self.tags = tags
        self.requests: list[dict[str, Any]] = []

    def batch_get_image(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        ids = [
            {**image_id, "imageTag": tag} if tag else image_id
            for image_id in request["imageIds"]
            for tag in self.tags or ("",)
        ]
        images = [{"imageId": each, "imageManifest": self.manifest} for each in ids]
        return {"images": [*images, {"imageId": {"imageDigest": "sha256:somebody-else"}}]}


def test_platforms_are_named_and_attestations_set_aside() -> None:
    """A member is an image with its platform; an attestation is no image."""
    index = an_image(1)
    manifest = {"manifests": [an_entry(2), an_entry(3, "arm64", variant="v8"), ATTESTATION]}

    assert index_of(index, manifest) == ImageIndex(
        index,
        (Member(a_digest(2), "linux/amd64"), Member(a_digest(3), "linux/arm64/v8")),
        (a_digest(9),),
    )


def test_builds_for_two_versions_of_windows_are_told_apart() -> None:
    """By the first three numbers of the version, which stay the same from patch to patch."""
    versions = ("10.0.17763.6054", "10.0.20348.2655")
    entries = [
        an_entry(number, os="windows", **{"os.version": version})
        for number, version in enumerate(versions)
    ]

    found = index_of(an_image(), {"manifests": [*entries, an_entry(9)]})

    assert found is not None
    assert [member.name for member in found.members] == [
        "windows/amd64 10.0.17763",
        "windows/amd64 10.0.20348",
        "linux/amd64",
    ]
    assert {member.platform for member in found.members} == {"windows/amd64", "linux/amd64"}


def test_other_artifacts_are_set_aside() -> None:
    """An index for lazy loading names the platform of its image, and is none itself."""
    soci = {**an_entry(3), "artifactType": "application/vnd.amazon.soci.index.v2+json"}
    image = {**an_entry(2), "artifactType": "application/vnd.oci.image.config.v1+json"}

    found = index_of(an_image(), {"manifests": [image, soci]})

    assert found is not None
    assert [each.digest for each in found.members] == [a_digest(2)]
    assert found.attachments == (a_digest(3),)


def test_the_manifest_of_one_image_is_no_index() -> None:
    """Config and layers instead of manifests: an image of its own."""
    assert index_of(an_image(), {"config": {}, "layers": []}) is None


def test_odd_entries_cost_nothing() -> None:
    """Entries without a digest are left out, a platform that is not named is said."""
    manifest = {"manifests": ["odd", {"platform": {}}, {"digest": a_digest(2)}]}

    found = index_of(an_image(), manifest)

    assert found is not None
    assert found.members == (Member(a_digest(2), "platform not named"),)


def test_indexes_are_asked_for_by_the_hundred() -> None:
    """One call for every hundred digests of a repository, of index types only."""
    ecr = RecordingEcr(json.dumps({"manifests": [an_entry(2)]}))
    images = [an_image(number) for number in range(1, 151)]

    found = list(fetch_indexes(ecr, images))  # type: ignore[arg-type]

    assert [len(each["imageIds"]) for each in ecr.requests] == [100, 50]
    assert ecr.requests[0]["acceptedMediaTypes"] == list(INDEX_TYPES)
    assert ecr.requests[0]["registryId"] == images[0].account
    assert [each.image for each in found] == images


def test_what_is_no_json_is_no_index() -> None:
    """A manifest that cannot be read does not stop the others."""
    image = Image("aws", "", "eu-central-1", "api", a_digest())
    ecr = RecordingEcr("{")

    assert list(fetch_indexes(ecr, [image])) == []  # type: ignore[arg-type]
    assert "registryId" not in ecr.requests[0]


def test_indexes_are_told_by_their_media_type() -> None:
    """Both of OCI and of Docker; nothing else."""
    assert is_index(INDEX_TYPES[1])
    assert not is_index("application/vnd.oci.image.manifest.v1+json")
    assert not is_index(None)


def test_an_index_with_several_tags_is_yielded_once() -> None:
    """BatchGetImage may answer by tag, though it was asked by digest."""
    ecr = RecordingEcr(json.dumps({"manifests": [an_entry(2)]}), tags=("1.4.2", "latest"))

    (index,) = fetch_indexes(ecr, [an_image(1)])  # type: ignore[arg-type]

    assert index.image == an_image(1)
