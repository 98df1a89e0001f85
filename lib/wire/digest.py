"""A digest as JSON: `schemas/digest-1.0.0.json`, for programs and for what S3 keeps."""

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
                "vulnerability_id": each.vulnerability_id,
                "severity": each.severity.name,
                "package": each.package,
                "images": each.images,
            }
            for each in digest.resolved_vulnerabilities
        ],
        "ages": [
            {"age": each.words, "counts": counts_to_json(each.counts)} for each in digest.ages
        ],
        "oldest_open_since": time_to_json(digest.oldest_open_since),
        "repositories": [
            {
                "account": each.account,
                "region": each.region,
                "repository": each.repository,
                "images": each.images,
                "counts": counts_to_json(each.counts),
                "new": each.new,
                "resolved": each.resolved,
            }
            for each in digest.repositories
        ],
        "trend": [
            {"at": time_to_json(each.at), "counts": counts_to_json(each.counts)}
            for each in digest.trend
        ],
        "unscanned": [
            {"image": image_to_json(each.image), "reason": each.reason} for each in digest.unscanned
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
                each["vulnerability_id"],
                Severity[each["severity"]],
                each["package"],
                each["images"],
            )
            for each in document["resolved_vulnerabilities"]
        ),
        ages=tuple(Age(each["age"], _counts(each["counts"])) for each in document["ages"]),
        oldest_open_since=time_from_json(document["oldest_open_since"]),
        repositories=tuple(
            RepositoryDigest(**{**each, "counts": _counts(each["counts"])})
            for each in document["repositories"]
        ),
        trend=tuple(
            Moment(at, _counts(each["counts"]))
            for each in document["trend"]
            if (at := time_from_json(each["at"])) is not None
        ),
        unscanned=tuple(
            UnscannedImage(image_from_json(each["image"]), each["reason"])
            for each in document["unscanned"]
        ),
        warnings=tuple(document["warnings"]),
    )


def _counts(document: Mapping[str, int]) -> Counts:
    """Return the numbers that are not zero, as digests have them."""
    return {each: number for each, number in counts_from_json(document).items() if number}
