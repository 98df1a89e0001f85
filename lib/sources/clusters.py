"""
Services of ECS and workloads of EKS that run an image, as Inspector knows them.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_GetClustersForImage.html. Coverage says
which images are in use at all; only these are asked about, one call for each hundred clusters.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from lib.models import Image, Workload
from lib.normalizer.values import mapping, text
from lib.ports.sources import Coverage
from lib.sources.coverage import arn_of
from lib.sources.ecr import source_errors

if TYPE_CHECKING:
    from mypy_boto3_inspector2 import Inspector2Client

PAGE: Final = 100
"""The most that GetClustersForImage returns at once."""
_SERVICE: Final = "service:"
"""Begins the group of a task that a service of ECS started."""


class InspectorWorkloads:
    """See `lib.ports.sources.Workloads`."""

    def __init__(self, client: "Inspector2Client", coverage: Coverage) -> None:
        self._client = client
        self._coverage = coverage

    def running(self, image: Image, *, members: Sequence[str] = ()) -> tuple[Workload, ...]:
        """See `Workloads.running`. Inspector scans, and counts, the members of an index."""
        counted: Counter[Workload] = Counter()
        for digest in (*members,) or (image.digest,):
            for workload in self._workloads(replace(image, digest=digest)):
                counted[replace(workload, tasks=0)] += workload.tasks
        return tuple(
            [
                replace(workload, tasks=tasks)
                for workload, tasks in sorted(counted.items(), key=lambda item: _order(item[0]))
            ]
        )

    def images(self) -> tuple[Image, ...]:
        """See `Workloads.images`."""
        in_use = [row.image for row in self._coverage.covered() if row.in_use_count]
        return tuple([image for image in in_use if any(self._workloads(image))])

    def _workloads(self, image: Image) -> Iterator[Workload]:
        paginator = self._client.get_paginator("get_clusters_for_image")
        pages = paginator.paginate(
            filter={"resourceId": arn_of(image)}, PaginationConfig={"PageSize": PAGE}
        )
        with source_errors(f"what runs {image.name}"):
            for page in pages:
                for cluster in page["cluster"]:
                    yield from workloads_in(cluster)


def workloads_in(cluster: Mapping[str, Any]) -> Iterator[Workload]:
    """Yield the workloads of a cluster that have running units; stopped ones run nothing."""
    name = str(cluster.get("clusterArn") or "").rpartition("/")[2]
    for detail in cluster.get("clusterDetails") or ():
        units = int(detail.get("runningUnitCount") or 0)
        if units > 0:
            yield _workload(name, mapping(detail.get("clusterMetadata")), units)


def _workload(cluster: str, metadata: Mapping[str, Any], units: int) -> Workload:
    ecs = mapping(metadata.get("awsEcsMetadataDetails"))
    if ecs:
        group = text(ecs.get("detailsGroup")) or ""
        family = (text(ecs.get("taskDefinitionArn")) or "").rpartition("/")[2].partition(":")[0]
        is_service = group.startswith(_SERVICE)
        name = group.removeprefix(_SERVICE) if is_service else family
        return Workload(cluster, name, service=is_service, tasks=units)
    eks = mapping(metadata.get("awsEksMetadataDetails"))
    names = [str(entry.get("name")) for entry in eks.get("workloadInfoList") or ()]
    place = [part for part in (text(eks.get("namespace")), ", ".join(names)) if part]
    return Workload(cluster, "/".join(place) or "a pod", service=False, tasks=units, pods=True)


def _order(workload: Workload) -> tuple[str, str, bool]:
    return workload.cluster, workload.name, workload.service
