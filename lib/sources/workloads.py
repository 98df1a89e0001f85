"""
ECS tasks that run an image, by the digest that they pulled, else by their tag.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html. Two calls for
each hundred tasks, at most once in five minutes, for all images together.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lib.errors import SourceError
from lib.models import Image, Workload

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

FRESH: Final = timedelta(minutes=5)
_TASKS: Final = 100
"""The limit of DescribeTasks."""
_SERVICE: Final = "service:"
_DEFAULT_TAG: Final = "latest"
_IMAGE: Final = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z.]+/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True)
class Container:
    """A container that runs an image of ECR."""

    account: str
    region: str
    repository: str
    tag: str | None
    digest: str | None
    """The digest that was pulled; None where ECS does not report it. Then the tag decides."""
    cluster: str
    name: str
    service: bool

    @property
    def image(self) -> Image:
        """The image that was pulled; without a digest, the one that its tag points to."""
        tags = () if self.digest is not None else (self.tag or _DEFAULT_TAG,)
        return Image(
            "aws", self.account, self.region, self.repository, self.digest or "", tags=tags
        )

    def runs(self, image: Image, digests: Sequence[str]) -> bool:
        """Whether the container runs an image with one of these digests."""
        here = (self.account, self.region, self.repository)
        if here != (image.account, image.region, image.repository):
            return False
        if self.digest is not None:
            return self.digest in digests
        return (self.tag or _DEFAULT_TAG) in image.tags


class EcsWorkloads:
    """See `lib.ports.sources.Workloads`."""

    def __init__(self, client: "ECSClient", *, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now
        self._seen: tuple[datetime, tuple[Container, ...]] | None = None

    def running(self, image: Image, *, members: Sequence[str] = ()) -> tuple[Workload, ...]:
        """See `Workloads.running`."""
        digests = (image.digest, *members)
        return workloads(
            container for container in self._containers() if container.runs(image, digests)
        )

    def images(self) -> tuple[Image, ...]:
        """See `Workloads.images`."""
        return tuple(dict.fromkeys(container.image for container in self._containers()))

    def _containers(self) -> tuple[Container, ...]:
        now = self._now()
        if self._seen is None or now - self._seen[0] > FRESH:
            try:
                self._seen = (now, tuple(self._fetch()))
            except (BotoCoreError, ClientError) as error:
                raise SourceError(f"ECS cannot be asked what runs: {error}") from error
        return self._seen[1]

    def _fetch(self) -> Iterator[Container]:
        clusters = self._client.get_paginator("list_clusters").paginate()
        for cluster in (arn for page in clusters for arn in page["clusterArns"]):
            tasks = self._client.get_paginator("list_tasks").paginate(cluster=cluster)
            for page in tasks:
                arns = page["taskArns"][:_TASKS]
                if arns:
                    answer = self._client.describe_tasks(cluster=cluster, tasks=arns)
                    for task in answer["tasks"]:
                        yield from containers(task)


def containers(task: Mapping[str, Any]) -> Iterator[Container]:
    """Yield the containers of a task that run images of ECR."""
    group = str(task.get("group") or "")
    family = str(task.get("taskDefinitionArn") or "").rpartition("/")[2].partition(":")[0]
    for container in task.get("containers") or ():
        image = _IMAGE.fullmatch(str(container.get("image") or ""))
        if image is not None:
            yield Container(
                account=image["account"],
                region=image["region"],
                repository=image["repository"],
                tag=image["tag"],
                digest=container.get("imageDigest") or image["digest"],
                cluster=str(task.get("clusterArn") or "").rpartition("/")[2],
                name=group.removeprefix(_SERVICE) if group.startswith(_SERVICE) else family,
                service=group.startswith(_SERVICE),
            )


def workloads(containers_: Iterable[Container]) -> tuple[Workload, ...]:
    """Count the tasks of each service; tasks without a service are counted by family."""
    counted = Counter(
        (container.cluster, container.name, container.service) for container in containers_
    )
    return tuple(
        Workload(cluster, name, service=service, tasks=number)
        for (cluster, name, service), number in sorted(counted.items())
    )
