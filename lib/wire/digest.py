"""A digest as JSON: `schemas/digest-1.0.0.json`, for programs and for the store."""

from collections.abc import Mapping
from typing import Any, Final

from lib.models import (
    Age,
    Counts,
    DeliveryId,
    Destination,
    Digest,
    Moment,
    RepositoryDigest,
    ResolvedVulnerability,
    Severity,
    StreamId,
    UnscannedImage,
)
from lib.wire.report import image_from_json, image_to_json
from lib.wire.values import counts_from_json, counts_to_json, time_from_json, time_to_json

DIGEST_SCHEMA: Final = "digest-1.0.0"


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
        "fixable": digest.fixable,
        "exploitable": digest.exploitable,
        "open_before": counts_to_json(digest.open_before),
        "new": counts_to_json(digest.new),
        "resolved": counts_to_json(digest.resolved),
        "resolved_vulnerabilities": [
            {
                "vulnerability_id": vulnerability.vulnerability_id,
                "severity": vulnerability.severity.name,
                "package": vulnerability.package,
                "images": vulnerability.images,
            }
            for vulnerability in digest.resolved_vulnerabilities
        ],
        "ages": [{"age": age.words, "counts": counts_to_json(age.counts)} for age in digest.ages],
        "oldest_open_since": time_to_json(digest.oldest_open_since),
        "repositories": [
            {
                "account": repository.account,
                "region": repository.region,
                "repository": repository.repository,
                "images": repository.images,
                "counts": counts_to_json(repository.counts),
                "new": repository.new,
                "resolved": repository.resolved,
            }
            for repository in digest.repositories
        ],
        "trend": [
            {"at": time_to_json(moment.at), "counts": counts_to_json(moment.counts)}
            for moment in digest.trend
        ],
        "unscanned": [
            {"image": image_to_json(entry.image), "reason": entry.reason}
            for entry in digest.unscanned
        ],
        "warnings": list(digest.warnings),
    }


def digest_from_json(document: Mapping[str, Any]) -> Digest:
    """Return the digest that `digest_to_json` wrote."""
    since, until = time_from_json(document["since"]), time_from_json(document["until"])
    if since is None or until is None:
        raise ValueError("A digest has a beginning and an end")
    return Digest(
        delivery_id=DeliveryId(document["delivery_id"]),
        destination=Destination(document["destination"]),
        stream=StreamId(document["stream"]),
        since=since,
        until=until,
        routes=tuple(document["routes"]),
        images=document["images"],
        clean=document["clean"],
        counts=_counts(document["counts"]),
        fixable=document["fixable"],
        exploitable=document["exploitable"],
        open_before=_counts(document["open_before"]),
        new=_counts(document["new"]),
        resolved=_counts(document["resolved"]),
        resolved_vulnerabilities=tuple(
            ResolvedVulnerability(
                entry["vulnerability_id"],
                Severity[entry["severity"]],
                entry["package"],
                entry["images"],
            )
            for entry in document["resolved_vulnerabilities"]
        ),
        ages=tuple(Age(entry["age"], _counts(entry["counts"])) for entry in document["ages"]),
        oldest_open_since=time_from_json(document["oldest_open_since"]),
        repositories=tuple(
            RepositoryDigest(**{**entry, "counts": _counts(entry["counts"])})
            for entry in document["repositories"]
        ),
        trend=tuple(
            Moment(at, _counts(entry["counts"]))
            for entry in document["trend"]
            if (at := time_from_json(entry["at"])) is not None
        ),
        unscanned=tuple(
            UnscannedImage(image_from_json(entry["image"]), entry["reason"])
            for entry in document["unscanned"]
        ),
        warnings=tuple(document["warnings"]),
    )


def _counts(document: Mapping[str, int]) -> Counts:
    """Return the numbers that are not zero, as digests have them."""
    return {severity: number for severity, number in counts_from_json(document).items() if number}
