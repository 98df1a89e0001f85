"""The events that AWS sends about what happens in a story. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cli.simulation.answers import finding_arn, resource
from cli.simulation.images import BASIC, StoredImage
from cli.simulation.story import FindingForm

Json = Any
_INSPECTOR: Final = "aws.inspector2"
_ECR: Final = "aws.ecr"


def _event(image: StoredImage, number: int, now: datetime, fields: Mapping[str, Json]) -> Json:
    return {
        "version": "0",
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "account": image.place.account,
        "region": image.place.region,
        "time": stamp(now),
        "resources": [],
        **fields,
    }


def stamp(time: datetime) -> str:
    """Return a time as AWS writes it in events."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def action(image: StoredImage, kind: str, tag: str | None, number: int, now: datetime) -> Json:
    """
    Return an ECR Image Action: PUSH or DELETE.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """
    detail = {
        "result": "SUCCESS",
        "repository-name": image.place.repository,
        "image-digest": image.digest,
        "action-type": kind,
        "image-tag": tag or "",
        "manifest-media-type": image.media_type,
    }
    if kind == "DELETE":
        del detail["manifest-media-type"]
    return _event(
        image, number, now, {"source": _ECR, "detail-type": "ECR Image Action", "detail": detail}
    )


def storage_class(image: StoredImage, number: int, now: datetime) -> Json:
    """Return the event of an image that was archived or restored, which names no tag."""
    raw = action(image, "UPDATE_STORAGE_CLASS", None, number, now)
    del raw["detail"]["image-tag"]
    raw["detail"]["target-storage-class"] = "ARCHIVE" if image.archived else "STANDARD"
    return raw


def scan(image: StoredImage, number: int, now: datetime) -> Json:
    """Return the event of a scan that ended: ECR's for basic scanning, else Inspector's."""
    return (_basic_scan if image.scanner == BASIC else _enhanced_scan)(image, number, now)


def _counts(image: StoredImage) -> dict[str, int]:
    answer = image.answer
    if answer is None or answer.status is not None:
        return {}
    return dict(answer.announced or Counter(form.severity for form in answer.findings))


def _basic_scan(image: StoredImage, number: int, now: datetime) -> Json:
    detail = {
        "scan-status": image.status,
        "repository-name": image.place.repository,
        "finding-severity-counts": _counts(image),
        "image-digest": image.digest,
        "image-tags": list(image.tags),
    }
    return _event(
        image,
        number,
        now,
        {
            "source": _ECR,
            "detail-type": "ECR Image Scan",
            "resources": [image.place.arn],
            "detail": detail,
        },
    )


def _enhanced_scan(image: StoredImage, number: int, now: datetime) -> Json:
    counts = _counts(image)
    usable = image.answer is not None and image.answer.status is None
    levels = {level: counts.get(level, 0) for level in ("CRITICAL", "HIGH", "MEDIUM")}
    detail = {
        "scan-status": "INITIAL_SCAN_COMPLETE" if usable else image.status,
        "repository-name": image.place.arn,
        "finding-severity-counts": {**levels, "TOTAL": sum(counts.values())} if usable else {},
        "image-digest": image.digest,
        "image-tags": list(image.tags),
        "version": "1.0",
    }
    return _event(
        image,
        number,
        now,
        {
            "source": _INSPECTOR,
            "detail-type": "Inspector2 Scan",
            "resources": [image.place.arn],
            "detail": detail,
        },
    )


def findings(
    image: StoredImage, forms: Sequence[FindingForm], number: int, now: datetime
) -> list[Json]:
    """
    Return an Inspector2 Finding event for each row that came, changed or was closed.

    https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
    """
    return [
        _event(
            image,
            number + offset,
            now,
            {
                "source": _INSPECTOR,
                "detail-type": "Inspector2 Finding",
                "resources": [f"{image.place.arn}/{image.digest}"],
                "detail": _finding(image, form, now),
            },
        )
        for offset, form in enumerate(forms)
    ]


def _finding(image: StoredImage, form: FindingForm, now: datetime) -> Json:
    time = stamp(now)
    target = resource(image)
    details = target["details"]["awsEcrContainerImage"]
    details["pushedAt"] = stamp(image.pushed_at)
    return {
        "awsAccountId": image.place.account,
        "findingArn": finding_arn(image, form),
        "type": "PACKAGE_VULNERABILITY",
        "title": f"{form.id} - {form.packages[0].package}",
        "description": "",
        "severity": form.severity,
        "status": form.status,
        "firstObservedAt": time,
        "lastObservedAt": time,
        "updatedAt": time,
        "exploitAvailable": "YES" if form.exploit else "NO",
        "packageVulnerabilityDetails": {
            "vulnerabilityId": form.id,
            "relatedVulnerabilities": list(form.aliases),
            "vulnerablePackages": [
                {
                    "name": package.package,
                    "version": package.version,
                    "packageManager": form.manager,
                }
                for package in form.packages
            ],
        },
        "resources": [target],
    }
