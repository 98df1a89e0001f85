"""The calls of an hourly pass, counted for large registries."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest

from lib.flows.images import ImageFlow
from lib.flows.passes import ImagePass
from lib.models import Scan, ScanSource
from lib.models.streams import ImageRow
from lib.ports.streams import ImageRecord
from lib.sources.coverage import InspectorCoverage
from lib.sources.registry import EcrRegistry
from lib.sources.repositories import EcrRepositories
from lib.store.documents import attributes
from lib.store.images import DynamoImageStore
from lib.store.items import from_item, to_item
from lib.store.places import DynamoPlaces
from lib.store.streams import DynamoStreamStore
from tests.support.builders import NOW, an_image
from tests.support.thorough import THOROUGH

ACCOUNT = "000474600478"
OLD = NOW - timedelta(days=60)
IMAGES = 1_000
"""Of each repository."""


class Cloud:
    """A registry of many repositories; the first image of each is watched. Nothing is new in it."""

    def __init__(self, repositories: int, *, enhanced: bool) -> None:
        self.calls: Counter[str] = Counter()
        self._repositories = [f"team/app-{number:04}" for number in range(repositories)]
        self._enhanced = enhanced
        self._document = self._record()

    def client(self, service: str) -> Any:
        client: Any = boto3.client(
            service,  # type: ignore[call-overload]  # any of them
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.meta.events.register(f"provide-client-params.{service}", self._ask)
        client.meta.events.register(f"before-call.{service}", self._answer)
        return client

    def _ask(self, params: Mapping[str, Any], **_: Any) -> None:
        self._params = params

    def _answer(self, model: Any, **_: Any) -> tuple[Any, Any]:
        self.calls[model.name] += 1
        answer: dict[str, Any] = getattr(self, model.name)(self._params)
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {}}

    # --- AWS -----------------------------------------------------------------------------------

    def DescribeRepositories(self, _: Any) -> Any:  # noqa: N802  # AWS's names
        return {
            "repositories": [
                {"registryId": ACCOUNT, "repositoryName": name} for name in self._repositories
            ]
        }

    def DescribeImages(self, params: Any) -> Any:  # noqa: N802  # boto3's name
        details = [
            {
                "registryId": ACCOUNT,
                "repositoryName": params["repositoryName"],
                "imageDigest": digest(number),
                "imageTags": ["1.0"],
                "imagePushedAt": OLD,
                "imageStatus": "ACTIVE",
            }
            for number in range(IMAGES)
        ]
        return {"imageDetails": details}

    def ListCoverage(self, params: Any) -> Any:  # noqa: N802  # boto3's name
        names = [wanted["value"] for wanted in params["filterCriteria"]["ecrRepositoryName"]]
        rows = len(names) * IMAGES if self._enhanced else 0
        start = int(params.get("nextToken") or 0)
        covered = [
            {
                "resourceType": "AWS_ECR_CONTAINER_IMAGE",
                "resourceId": f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/"
                f"{names[row // IMAGES]}/{digest(row % IMAGES)}",
                "accountId": ACCOUNT,
                "scanType": "PACKAGE",
                "scanStatus": {"statusCode": "ACTIVE", "reason": "SUCCESSFUL"},
                "resourceMetadata": {"ecrImage": {"inUseCount": 0}},
                "lastScannedAt": OLD,
            }
            for row in range(start, min(start + params["maxResults"], rows))
        ]
        more = start + len(covered)
        return {"coveredResources": covered} | ({"nextToken": str(more)} if more < rows else {})

    def DescribeImageScanFindings(self, _: Any) -> Any:  # noqa: N802  # boto3's name
        return {
            "imageScanStatus": {"status": "COMPLETE"},
            "imageScanFindings": {"imageScanCompletedAt": OLD, "findings": []},
        }

    def BatchGetItem(self, params: Any) -> Any:  # noqa: N802  # boto3's name
        keys = params["RequestItems"]["t"]["Keys"]
        return {"Responses": {"t": [{**self._document, **key} for key in keys]}}

    def Query(self, params: Any) -> Any:  # noqa: N802  # boto3's name
        shard = from_item(params["ExpressionAttributeValues"])[":shard"]
        return {
            "Items": [
                to_item(
                    {
                        "pk": f"STREAM#{ACCOUNT}/eu-central-1/{name}",
                        "sk": "STREAM",
                        "watched": [digest(0)],
                    }
                )
                for number, name in enumerate(self._repositories)
                if number % 4 == int(shard)
            ]
        }

    def GetItem(self, _: Any) -> Any:  # noqa: N802  # boto3's name
        return {}

    def PutItem(self, _: Any) -> Any:  # noqa: N802  # boto3's name
        return {}

    def _record(self) -> dict[str, Any]:
        """Return a record; which image it is of, and its tags, play no part here."""
        row = ImageRow(replace(an_image(), tags=("1.0",)), OLD, OLD)
        scan = Scan(ScanSource.ECR_BASIC, "COMPLETE", OLD)
        record = ImageRecord(row, 1, "reports/one", NOW, scan=scan)
        return to_item(attributes(record))

    def a_pass(self) -> ImagePass:
        ecr, dynamodb = self.client("ecr"), self.client("dynamodb")
        streams = DynamoStreamStore(dynamodb, "t")
        return ImagePass(
            registry=EcrRegistry(ecr),
            repositories=EcrRepositories(ecr),
            coverage=InspectorCoverage(self.client("inspector2")),
            images=cast("ImageFlow", None),
            records=DynamoImageStore(dynamodb, "t"),
            streams=streams,
            listing=streams,
            rules=lambda: (),
            events=cast("Any", None),
            queue=cast("Any", None),
            now=lambda: NOW,
            places=DynamoPlaces(dynamodb, "t"),
        )


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


@pytest.mark.parametrize("repositories", [100 if THOROUGH else 5])
@pytest.mark.parametrize("enhanced", [True, False])
def test_a_pass_costs_few_calls(repositories: int, *, enhanced: bool) -> None:
    """
    Two hundred images of coverage, a hundred records or a thousand images are one call.

    A registry of 100,000 images: 1,707 calls of AWS with enhanced scanning, of which 601 count
    against ECR and Inspector; with basic scanning, one for each watched image.
    """
    cloud = Cloud(repositories, enhanced=enhanced)

    result = cloud.a_pass().run()

    assert (result.images, result.asked) == (
        repositories * IMAGES,
        0 if enhanced else repositories,
    )
    groups = -(-repositories // 10)
    assert cloud.calls == Counter(
        {
            "DescribeRepositories": 1,
            "DescribeImages": repositories,
            "ListCoverage": repositories * IMAGES // 200 if enhanced else groups,
            "DescribeImageScanFindings": 0 if enhanced else repositories,
            "BatchGetItem": repositories * IMAGES // 100,
            "Query": 4,
            "GetItem": 1,
            "PutItem": repositories + 1,
        }
    )
