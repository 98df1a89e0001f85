"""
The shapes in which ECR and Inspector describe images and findings. Pure.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_EnhancedImageScanFinding.html
https://docs.aws.amazon.com/inspector/v2/APIReference/API_Finding.html
"""

import hashlib
from typing import Any

from cli.simulation.images import BASIC, CONFIG, INDEX, MANIFEST, StoredImage, digest_of
from cli.simulation.story import FindingForm

Json = Any


def row(image: StoredImage, form: FindingForm) -> Json:
    """Return a row of DescribeImageScanFindings."""
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


def detail(image: StoredImage) -> Json:
    """Return an image detail of DescribeImages."""
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
        | ({} if image.is_index else {"artifactMediaType": CONFIG})
    )


def manifest(image: StoredImage) -> Json:
    """Return the manifest of an image or an index."""
    if not image.is_index:
        return {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": CONFIG,
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


def covered(image: StoredImage) -> Json:
    """Return a row of ListCoverage."""
    usable = image.answer is not None and image.answer.status is None and not image.archived
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
