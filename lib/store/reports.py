"""Evaluations in S3: compressed, immutable, named by their content."""

import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lib.models import Evaluation, Known
from lib.store.items import store_errors
from lib.wire import evaluation_from_json, evaluation_to_json, known_from_json

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LEVEL: Final = 1  # the fastest; see `make bench`


class S3ReportStore:
    """See `lib.interfaces.ReportStore`."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, evaluation: Evaluation) -> str:
        """See `ReportStore.put`."""
        text = json.dumps(evaluation_to_json(evaluation), separators=(",", ":")).encode()
        key = report_key(evaluation, text)
        with store_errors(f"storing {key}"):
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                # A fixed time stamp: the same evaluation gives the same bytes.
                Body=gzip.compress(text, _LEVEL, mtime=0),
                ContentType="application/json",
                ContentEncoding="gzip",
            )
        return key

    def get(self, key: str) -> Evaluation | None:
        """See `ReportStore.get`."""
        document = self._read(key)
        return None if document is None else evaluation_from_json(document)

    def known(self, key: str) -> Known | None:
        """See `ReportStore.known`."""
        document = self._read(key)
        return None if document is None else known_from_json(document)

    def _read(self, key: str) -> dict[str, Any] | None:
        with store_errors(f"reading {key}"):
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchKey":
                    return None
                raise
        document: dict[str, Any] = json.loads(gzip.decompress(body))
        return document


def report_key(evaluation: Evaluation, text: bytes) -> str:
    """Return where an evaluation is stored: by image, then version, then content."""
    image = evaluation.report.image
    digest = image.digest.replace(":", "-")
    content = hashlib.sha256(text).hexdigest()[:12]
    return (
        f"reports/{image.account}/{image.region}/{image.repository}/{digest}/"
        f"{evaluation.version:06d}-{content}.json.gz"
    )
