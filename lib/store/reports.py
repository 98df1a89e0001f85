"""
Evaluations in S3: compressed, immutable, named by their content.

An object has two lines of JSON: the data for comparisons, and the details of the findings.
"""

import hashlib
import json
from typing import TYPE_CHECKING, Final

from lib.core.routing import SETTINGS
from lib.models import Baseline, Evaluation
from lib.store.evaluations import baseline_from_json, evaluation_from_json, evaluation_to_json
from lib.store.objects import FASTEST, read_object, write_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3EvaluationStore:
    """See `lib.ports.store.EvaluationStore`."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, evaluation: Evaluation) -> str:
        """See `EvaluationStore.put`."""
        document = evaluation_to_json(evaluation)
        details = document.pop("details")
        text = f"{_compact(document)}\n{_compact(details)}".encode()
        key = report_key(evaluation, text)
        write_object(
            self._client, self._bucket, key, text, media_type="application/jsonl", level=FASTEST
        )
        return key

    def get(self, key: str) -> Evaluation | None:
        """See `EvaluationStore.get`."""
        lines = self._read(key)
        if lines is None:
            return None
        document, details = map(json.loads, lines)
        return evaluation_from_json({**document, "details": details})

    def baseline(self, key: str) -> Baseline | None:
        """See `EvaluationStore.baseline`."""
        lines = self._read(key)
        if lines is None:
            return None
        document, details = lines
        return baseline_from_json(json.loads(document), lambda: json.loads(details))

    def _read(self, key: str) -> list[bytes] | None:
        content = read_object(self._client, self._bucket, key)
        return None if content is None else content.split(b"\n")


_compact: Final = json.JSONEncoder(separators=(",", ":")).encode


def report_key(evaluation: Evaluation, text: bytes) -> str:
    """Return the key of an evaluation: image, then version, then hash of the content."""
    image = evaluation.report.image
    digest = image.digest.replace(":", "-") or SETTINGS
    content = hashlib.sha256(text).hexdigest()[:12]
    return (
        f"reports/{image.account}/{image.region}/{image.repository}/{digest}/"
        f"{evaluation.version:06d}-{content}.jsonl.gz"
    )
