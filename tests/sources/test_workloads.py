"""What runs an image: by digest, else by tag; asked rarely, and never for other registries."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lib.errors import SourceError
from lib.models import Workload
from lib.sources.workloads import EcsWorkloads
from tests.support.builders import NOW, a_digest, an_image
from tests.support.every import every

REGISTRY = "000474600478.dkr.ecr.eu-central-1.amazonaws.com"
IMAGE = an_image(1)


def task(image: str, *, group: str = "service:api", digest: str | None = None) -> dict[str, Any]:
    return {
        "clusterArn": "arn:aws:ecs:eu-central-1:000474600478:cluster/prod",
        "taskDefinitionArn": "arn:aws:ecs:eu-central-1:000474600478:task-definition/etl:7",
        "group": group,
        "containers": [{"image": image, **({"imageDigest": digest} if digest else {})}],
    }


class Ecs:
    """One cluster; counts what it is asked."""

    def __init__(self, *tasks: dict[str, Any], error: Exception | None = None) -> None:
        self.tasks = tasks
        self.error = error
        self.calls: list[str] = []

    def get_paginator(self, name: str) -> Any:
        self.calls.append(name)
        if self.error is not None:
            raise self.error
        self.name = name
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        if self.name == "list_clusters":
            return [{"clusterArns": ["arn:aws:ecs:eu-central-1:000474600478:cluster/prod"]}]
        numbers = [str(place) for place in range(len(self.tasks))]
        return [{"taskArns": numbers}, {"taskArns": []}]

    def describe_tasks(self, **asked: Any) -> dict[str, Any]:
        self.calls.append("describe_tasks")
        return {"tasks": [self.tasks[int(each)] for each in asked["tasks"]]}


def of(*tasks: dict[str, Any], **members: Any) -> tuple[Workload, ...]:
    return EcsWorkloads(Ecs(*tasks), now=lambda: NOW).running(IMAGE, **members)  # type: ignore[arg-type]  # as much as is asked


def test_services_and_tasks_are_named_and_counted() -> None:
    by_tag = f"{REGISTRY}/payments/api:1.4.1"
    found = of(
        task(by_tag, digest=IMAGE.digest),
        task(by_tag, digest=IMAGE.digest),
        task(f"{REGISTRY}/payments/api@{IMAGE.digest}", group="family:etl"),
    )

    assert found == (
        Workload("prod", "api", service=True, tasks=2),
        Workload("prod", "etl", service=False, tasks=1),
    )


@every(
    ("image", "digest", "runs"),
    [
        (f"{REGISTRY}/payments/api:1.4.1", None, True),
        (f"{REGISTRY}/payments/api:1.4.1", a_digest(9), False),
        (f"{REGISTRY}/payments/api:main", IMAGE.digest, True),
        (f"{REGISTRY}/payments/api:main", None, False),
        (f"{REGISTRY}/payments/api", None, False),
        (f"{REGISTRY}/payments/web:1.4.1", None, False),
        ("000000000000.dkr.ecr.eu-central-1.amazonaws.com/payments/api:1.4.1", None, False),
        ("000474600478.dkr.ecr.eu-west-1.amazonaws.com/payments/api:1.4.1", None, False),
        ("docker.io/library/nginx:1.4.1", None, False),
        ("", None, False),
    ],
)
def test_the_digest_counts_before_the_tag(image: str, digest: str | None, *, runs: bool) -> None:
    """A tag may point elsewhere by now; what was pulled does not."""
    assert bool(of(task(image, digest=digest))) == runs


def test_an_index_runs_as_one_of_its_members() -> None:
    member = task(f"{REGISTRY}/payments/api:1.4.1", digest=a_digest(7))

    assert not of(member)
    assert of(member, members=[a_digest(7)])


def test_it_is_asked_once_for_many_images() -> None:
    ecs, clock = Ecs(task(f"{REGISTRY}/payments/api:1.4.1")), [NOW]
    workloads = EcsWorkloads(ecs, now=lambda: clock[0])  # type: ignore[arg-type]  # same

    workloads.running(IMAGE)
    workloads.running(an_image(2))
    assert ecs.calls == ["list_clusters", "list_tasks", "describe_tasks"]
    clock[0] += timedelta(minutes=6)
    workloads.running(IMAGE)
    assert len(ecs.calls) == 6


def test_what_may_not_be_asked_is_said() -> None:
    refused = ClientError({"Error": {"Code": "AccessDeniedException"}}, "ListClusters")

    with pytest.raises(SourceError, match="cannot be asked what runs"):
        EcsWorkloads(Ecs(error=refused), now=lambda: NOW).running(IMAGE)  # type: ignore[arg-type]  # same
