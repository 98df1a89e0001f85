"""A digest as JSON: `schemas/digest-1.0.0.json`, for programs."""

from typing import Any, Final

from lib.models import (
    Digest,
)
from lib.wire.report import image_to_json
from lib.wire.values import counts_to_json, time_to_json

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
