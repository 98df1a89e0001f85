"""
Answers of BatchGetImage and DescribeImages, which ministack implements only in part. Pure.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from local.aws.ecr_scanning import Place, Refusal

MAX_IDS: Final = 100

Json = Any


def detail_of(detail: Mapping[str, Json], manifest: str) -> Json:
    """
    Return DescribeImages' details of an image, completed from its manifest.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
    """
    try:
        document = json.loads(manifest)
    except ValueError:
        document = {}
    # An index has no config and no artifact type.
    kind = document.get("artifactType") or document.get("config", {}).get("mediaType")
    more = {
        "artifactMediaType": kind,
        "imageStatus": "ACTIVE",
        "subjectManifestDigest": document.get("subject", {}).get("digest"),
        "imageTags": detail.get("imageTags") or None,
    }
    return {name: value for name, value in {**detail, **more}.items() if value is not None}


def batch_get_image(
    place: Place, stored: Sequence[Mapping[str, Json]], request: Mapping[str, Json]
) -> Json:
    """
    Return the images and failures for the ids of a request. Raises `Refusal`.

    An image requested by digest is returned once for each of its tags. AWS documents one `imageId`
    with one tag for an image, and callers have to accept both.
    """
    ids = request.get("imageIds", ())
    if not 1 <= len(ids) <= MAX_IDS:
        raise Refusal(
            "InvalidParameterException",
            "Invalid parameter at 'imageIds' failed to satisfy constraint:"
            f" 'Member must have length between 1 and {MAX_IDS}'",
        )
    images: list[Json] = []
    failures: list[Json] = []
    for image_id in ids:
        failure = _failure(stored, image_id, request.get("acceptedMediaTypes"))
        if failure is None:
            images.extend(_images(place, stored, image_id))
        else:
            code, reason = failure
            failures.append({"imageId": image_id, "failureCode": code, "failureReason": reason})
    return {"images": images, "failures": failures}


def _failure(
    stored: Sequence[Mapping[str, Json]],
    image_id: Mapping[str, str],
    accepted: Sequence[str] | None,
) -> tuple[str, str] | None:
    """
    Return code and reason of a failure.

    Indexes are never converted, nor are images requested by digest: the client has to accept the
    stored format.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html The error
    code for this case is not documented.
    """
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest is None and tag is None:
        return (
            "MissingDigestAndTag",
            "Invalid request parameters: both tag and digest cannot be null",
        )
    image = _find(stored, digest, None) if digest else _find(stored, None, tag)
    if image is None:
        return "ImageNotFound", "Requested image not found"
    if digest and tag and tag not in image["imageTags"]:
        return "ImageTagDoesNotMatchDigest", "Requested tag does not match the image digest"
    if accepted and image["imageManifestMediaType"] not in accepted:
        return "ImageNotFound", "Requested image not found with the accepted media types"
    return None


def _images(
    place: Place, stored: Sequence[Mapping[str, Json]], image_id: Mapping[str, str]
) -> Iterator[Json]:
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    image = _find(stored, digest, tag) or {}
    tags = [tag] if tag else list(image["imageTags"]) or [None]
    for name in tags:
        yield {
            "registryId": place.account,
            "repositoryName": place.repository,
            "imageId": {
                "imageDigest": image["imageDigest"],
                **({} if name is None else {"imageTag": name}),
            },
            "imageManifest": image["imageManifest"],
            "imageManifestMediaType": image["imageManifestMediaType"],
        }


def _find(
    stored: Sequence[Mapping[str, Json]], digest: str | None, tag: str | None
) -> Mapping[str, Json] | None:
    for image in stored:
        if digest in (None, image["imageDigest"]) and tag in (None, *image["imageTags"]):
            return image
    return None
