"""
Inspector's coverage of images, and what runs them: two lists that ministack leaves empty.

Covered is every image that was scanned by enhanced scanning, with the units that run it. These are
scripted: `local.aws.process.EmbeddedAws.run`.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListCoverage.html
https://docs.aws.amazon.com/inspector/v2/APIReference/API_GetClustersForImage.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Final

from local.aws.ecr_scanning import ENHANCED, Place, Scans, page_of

Json = Any
COVERAGE: Final = "/coverage/list"
CLUSTERS: Final = "/cluster/get"
TYPE: Final = "AWS_ECR_CONTAINER_IMAGE"
_EQUALS: Final = "EQUALS"


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """An image that enhanced scanning covers."""

    place: Place
    digest: str
    tags: tuple[str, ...]
    scanned_at: float

    @property
    def arn(self) -> str:
        """The ARN of the image."""
        return f"{self.place.arn}/{self.digest}"


_CRITERIA: Final[Mapping[str, Callable[[CoverageRow], str]]] = {
    "resourceType": lambda _: TYPE,
    "resourceId": lambda row: row.arn,
    "ecrRepositoryName": lambda row: row.place.repository,
}
"""The values that filters compare, as far as this project filters."""


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service of ECS, and how many of its tasks run an image."""

    cluster: str
    name: str
    tasks: int


@dataclass(slots=True)
class Coverage:
    """Inspector's answers about the images of each registry."""

    scans: Scans
    services: dict[tuple[Place, str], Sequence[RunningService]] = field(default_factory=dict)

    def run(self, place: Place, digest: str, services: Iterable[Mapping[str, Json]]) -> None:
        """Let these services run an image, and no others."""
        self.services[place, digest] = [RunningService(**service) for service in services]

    def listed(self, registry: Place, request: Mapping[str, Json]) -> Json:
        """Return a page of ListCoverage. Raises `Refusal`."""
        criteria = request.get("filterCriteria", {})
        rows = [self._written(row) for row in self._rows(registry) if _passes(row, criteria)]
        return page_of(rows, "coveredResources", request)

    def clusters(self, registry: Place, request: Mapping[str, Json]) -> Json:
        """Return a page of GetClustersForImage. Raises `Refusal`."""
        name = request["filter"]["resourceId"]
        services = [
            service
            for row in self._rows(registry)
            if row.arn == name
            for service in self._running(row)
        ]
        return page_of(list(_by_cluster(registry, services)), "cluster", request)

    def _rows(self, registry: Place) -> Iterator[CoverageRow]:
        for (place, digest), result in self.scans.results.items():
            if replace(place, repository="") != registry or result.recording.shape != ENHANCED:
                continue
            tags = tuple(result.event.detail["image-tags"])
            yield CoverageRow(place, digest, tags, result.completed_at)

    def _running(self, row: CoverageRow) -> Sequence[RunningService]:
        return self.services.get((row.place, row.digest), ())

    def _written(self, row: CoverageRow) -> Json:
        units = sum(service.tasks for service in self._running(row))
        return {
            "accountId": row.place.account,
            "lastScannedAt": row.scanned_at,
            "resourceId": row.arn,
            "resourceMetadata": {"ecrImage": {"inUseCount": units, "tags": list(row.tags)}},
            "resourceType": TYPE,
            "scanStatus": {"reason": "SUCCESSFUL", "statusCode": "ACTIVE"},
            "scanType": "PACKAGE",
        }


def _passes(row: CoverageRow, criteria: Mapping[str, Sequence[Mapping[str, str]]]) -> bool:
    """Return whether a row passes filters. Raises `KeyError` for one that is not known here."""
    return all(
        any(
            condition["comparison"] == _EQUALS and condition["value"] == _CRITERIA[name](row)
            for condition in conditions
        )
        for name, conditions in criteria.items()
    )


def _by_cluster(registry: Place, services: Iterable[RunningService]) -> Iterator[Json]:
    prefix = f"arn:aws:ecs:{registry.region}:{registry.account}"
    ordered = sorted(services, key=lambda service: (service.cluster, service.name))
    for cluster, own in groupby(ordered, key=lambda service: service.cluster):
        yield {
            "clusterArn": f"{prefix}:cluster/{cluster}",
            "clusterDetails": [
                {
                    "clusterMetadata": {
                        "awsEcsMetadataDetails": {
                            "detailsGroup": f"service:{service.name}",
                            "taskDefinitionArn": f"{prefix}:task-definition/{service.name}:1",
                        }
                    },
                    "lastInUse": 0,
                    "runningUnitCount": service.tasks,
                    "stoppedUnitCount": 0,
                }
                for service in own
            ],
        }
