"""A digest as JSON: `schemas/digest-1.0.0.json`, for programs."""

from typing import Any, Final

from lib.models import (
    Digest,
    OmissionKind,
    Owner,
    PackageDigest,
    RepositoryDigest,
    ResolvedVulnerability,
    UnscannedImage,
)
from lib.wire.report import image_to_json
from lib.wire.values import counts_to_json, time_to_json

DIGEST_SCHEMA: Final = "digest-1.0.0"
_IMAGES: Final = 10
"""Images of a package that are named."""


def digest_to_json(digest: Digest) -> dict[str, Any]:
    """Return a digest as digest-1.0.0."""
    return {
        "schema": DIGEST_SCHEMA,
        "delivery_id": digest.delivery_id,
        "destination": digest.destination,
        "stream": digest.stream,
        "since": time_to_json(digest.since),
        "until": time_to_json(digest.until),
        "routes": list(digest.routes),
        "images": digest.images,
        "clean": digest.clean,
        "counts": counts_to_json(digest.counts),
        "distinct": digest.total if digest.distinct is None else digest.distinct,
        "not_counted": {
            kind.name.lower(): counts_to_json(digest.omitted.get(kind, {})) for kind in OmissionKind
        },
        "fixable": digest.fixable,
        "exploitable": digest.exploitable,
        "open_before": counts_to_json(digest.open_before),
        "new": counts_to_json(digest.new),
        "resolved": counts_to_json(digest.resolved),
        "resolved_vulnerabilities": list(map(_resolved_to_json, digest.resolved_vulnerabilities)),
        "ages": [{"age": age.words, "counts": counts_to_json(age.counts)} for age in digest.ages],
        "oldest_open_since": time_to_json(digest.oldest_open_since),
        "repositories": list(map(_repository_to_json, digest.repositories)),
        "trend": [
            {"at": time_to_json(moment.at), "counts": counts_to_json(moment.counts)}
            for moment in digest.trend
        ],
        "unscanned": list(map(_unscanned_to_json, digest.unscanned)),
        "packages": list(map(_package_to_json, digest.packages)),
        "occasion": digest.occasion,
        "warnings": list(digest.warnings),
    }


def _resolved_to_json(vulnerability: ResolvedVulnerability) -> dict[str, Any]:
    return {
        "vulnerability_id": vulnerability.vulnerability_id,
        "severity": vulnerability.severity.name,
        "package": vulnerability.package,
        "images": vulnerability.images,
    }


def _repository_to_json(repository: RepositoryDigest) -> dict[str, Any]:
    return {
        "account": repository.account,
        "region": repository.region,
        "repository": repository.repository,
        "images": repository.images,
        "counts": counts_to_json(repository.counts),
        "new": repository.new,
        "resolved": repository.resolved,
        **({"owner": _owner_to_json(repository.owner)} if repository.owner is not None else {}),
    }


def _owner_to_json(owner: Owner) -> dict[str, Any]:
    return {"team": owner.team, "contact": owner.contact}


def _unscanned_to_json(entry: UnscannedImage) -> dict[str, Any]:
    return {
        "image": image_to_json(entry.image),
        "reason": entry.reason,
        "has_result": entry.has_result,
        "remedy": entry.remedy,
    }


def _package_to_json(package: PackageDigest) -> dict[str, Any]:
    return {
        "package": package.package,
        "others": package.others,
        "installed": list(package.installed[:_IMAGES]),
        "fixed": package.fixed,
        # By the schema it is the version that removes all of them.
        "described": None if package.described_counts else package.described,
        "fixable": package.fixable,
        "counts": counts_to_json(package.counts),
        "worst": package.worst,
        "images": [image.name for image in package.images[:_IMAGES]],
        "image_count": len(package.images),
    }
