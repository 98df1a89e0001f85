"""Inspector's answer to what runs an image."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lib.errors import NotAllowedError
from lib.models import Image, Workload
from lib.models.streams import CoveredImage
from lib.sources.clusters import PAGE, InspectorWorkloads
from tests.support.builders import NOW, a_digest, an_image

IMAGE = an_image(repository="team/api")
ARN = "arn:aws:ecr:eu-central-1:000474600478:repository/team/api"
PROD = "arn:aws:ecs:eu-central-1:000474600478:cluster/prod"
K8S = "arn:aws:eks:eu-central-1:000474600478:cluster/k8s"
FAMILY = "arn:aws:ecs:eu-central-1:000474600478:task-definition/nightly:7"


def ecs(group: str, running: int) -> dict[str, Any]:
    details = {"detailsGroup": group, "taskDefinitionArn": FAMILY}
    metadata = {"awsEcsMetadataDetails": details}
    return {"clusterMetadata": metadata, "runningUnitCount": running, "lastInUse": NOW}


def eks(running: int, **details: Any) -> dict[str, Any]:
    metadata = {"awsEksMetadataDetails": details}
    return {"clusterMetadata": metadata, "runningUnitCount": running, "lastInUse": NOW}


class Covered:
    """Covers these images, with the number of their uses."""

    def __init__(self, *images: tuple[Image, int | None]) -> None:
        self.images = images

    def covered(self, image: Image | None = None) -> Iterator[CoveredImage]:
        assert image is None
        for covered, count in self.images:
            yield CoveredImage(covered, (), True, "SUCCESSFUL", in_use_count=count)

    def covered_in(self, repositories: object) -> Iterator[CoveredImage]:
        raise NotImplementedError


class Inspector:
    """Inspector's own client, with prepared answers by digest."""

    def __init__(self, *covered: tuple[Image, int | None]) -> None:
        client = boto3.client(
            "inspector2",
            region_name="eu-central-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )
        self.stubber = Stubber(client)
        self.stubber.activate()
        self.workloads = InspectorWorkloads(client, Covered(*covered))

    def answers(
        self, digest: str, *clusters: Mapping[str, Any], token: str = "", after: str = ""
    ) -> None:
        expected: dict[str, Any] = {"filter": {"resourceId": f"{ARN}/{digest}"}, "maxResults": PAGE}
        answer: dict[str, Any] = {"cluster": list(clusters)}
        if after:
            expected["nextToken"] = after
        if token:
            answer["nextToken"] = token
        self.stubber.add_response("get_clusters_for_image", answer, expected)


def test_services_tasks_and_workloads_that_run_are_named() -> None:
    """From all pages; what only stopped runs nothing."""
    inspector = Inspector()
    tasks = [ecs("service:shop", 2), ecs("family:nightly", 1), ecs("service:old", 0)]
    pods = [
        eks(3, namespace="web", workloadInfoList=[{"name": "shop", "type": "Deployment"}]),
        eks(1),
    ]
    inspector.answers(IMAGE.digest, {"clusterArn": PROD, "clusterDetails": tasks}, token="next")
    inspector.answers(IMAGE.digest, {"clusterArn": K8S, "clusterDetails": pods}, after="next")

    assert inspector.workloads.running(IMAGE) == (
        Workload("k8s", "a pod", service=False, tasks=1, pods=True),
        Workload("k8s", "web/shop", service=False, tasks=3, pods=True),
        Workload("prod", "nightly", service=False, tasks=1),
        Workload("prod", "shop", service=True, tasks=2),
    )


def test_of_an_index_its_members_are_asked_about() -> None:
    """A service that runs both platforms is named once."""
    inspector, members = Inspector(), (a_digest(11), a_digest(12))
    for digest in members:
        cluster = {"clusterArn": PROD, "clusterDetails": [ecs("service:shop", 2)]}
        inspector.answers(digest, cluster)

    running = inspector.workloads.running(IMAGE, members=members)

    assert running == (Workload("prod", "shop", service=True, tasks=4),)


def test_images_in_use_are_asked_about_and_no_others() -> None:
    """One that coverage still counts may run no longer."""
    second, third = replace(IMAGE, digest=a_digest(2)), replace(IMAGE, digest=a_digest(3))
    inspector = Inspector((IMAGE, 2), (second, 1), (third, 0), (third, None))
    inspector.answers(IMAGE.digest, {"clusterArn": PROD, "clusterDetails": [ecs("service:a", 1)]})
    inspector.answers(second.digest, {"clusterArn": PROD})

    assert inspector.workloads.images() == (IMAGE,)


def test_a_refusal_is_no_answer() -> None:
    """So it changes nothing of what runs."""
    inspector = Inspector()
    inspector.stubber.add_client_error("get_clusters_for_image", "AccessDeniedException")

    with pytest.raises(NotAllowedError, match="what runs team/api"):
        inspector.workloads.running(IMAGE)
