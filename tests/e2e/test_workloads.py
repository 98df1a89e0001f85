"""What runs an image: named in the alert about the one that should take its place."""

import json
from collections.abc import Callable

import pytest

from local.demo.app import App
from tests.e2e.conftest import configured
from tests.e2e.test_alerts import basic, messages_about

pytestmark = pytest.mark.xdist_group("e2e-more")


def test_an_alert_names_what_still_runs_the_image_before(
    app: App, repository: Callable[..., str]
) -> None:
    """
    A service runs 1.4.1; what 1.4.2 resolves is still there until it is deployed.

    A worker of the function keeps the answer of ECS for five minutes, so this test has new ones.
    """
    name = repository("everywhere")
    ecs = app.aws.client("ecs")
    ecs.create_cluster(clusterName="prod")
    image = f"{app.aws.account}.dkr.ecr.{app.aws.region}.amazonaws.com/{name}:1.4.1"
    ecs.register_task_definition(
        family="shop", containerDefinitions=[{"name": "app", "image": image, "memory": 64}]
    )
    ecs.create_service(cluster="prod", serviceName="shop", taskDefinition="shop", desiredCount=2)
    with configured(app, REPOSITORY=name):
        app.aws.push(name, "1.4.1", basic("CVE-2026-0001", "CVE-2026-0002"))
        app.wait_until_quiet()
        seen = len(app.receivers.messages())

        app.aws.push(name, "1.4.2", basic("CVE-2026-0002"))
        app.wait_until_quiet()

    found = [each for each in messages_about(app, name) if each.id > seen]
    said = "Deploy it: service shop in prod (2 tasks) still runs 1.4.1, with 1 resolved here"
    (slack,) = [each for each in found if each.receiver == "slack"]
    assert said in slack.raw
    (audit,) = [each for each in found if each.destination == "audit"]
    workloads = json.loads(audit.payload["Message"])["alert"]["workloads"]
    assert workloads["previous_image"] == [
        {"cluster": "prod", "name": "shop", "service": True, "tasks": 2}
    ]
    assert workloads["image"] == []
