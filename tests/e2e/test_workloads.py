"""What runs an image: named in the alert about the one that should take its place."""

from collections.abc import Callable

from local.demo.app import App
from tests.e2e.conftest import configured
from tests.e2e.test_alerts import basic, messages_about, reconcile
from tests.e2e.test_streams import enhanced


def test_an_alert_names_what_still_runs_the_image_before(
    app: App, repository: Callable[..., str]
) -> None:
    """
    A service runs 1.4.1: it counts for as long as it does, whatever 1.4.2 fixes.

    A worker of a function keeps the answer of ECS for five minutes, so this test has new ones.
    """
    name = repository("everywhere")
    ecs = app.aws.client("ecs")
    ecs.create_cluster(clusterName="prod")
    image = f"{app.aws.account}.dkr.ecr.{app.aws.region}.amazonaws.com/{name}:1.4.1"
    ecs.register_task_definition(
        family="shop", containerDefinitions=[{"name": "app", "image": image, "memory": 64}]
    )
    ecs.create_service(cluster="prod", serviceName="shop", taskDefinition="shop", desiredCount=2)
    with (
        configured(app, "deliver", REPOSITORY=name),
        configured(app, "reconcile", REPOSITORY=name),
    ):
        app.aws.push(name, "1.4.1", basic("CVE-2026-0001", "CVE-2026-0002"))
        app.wait_until_quiet()
        reconcile(app, name)
        seen = len(app.receivers.messages())

        app.aws.push(name, "1.4.2", basic("CVE-2026-0002", version="3.0.12-1"))
        app.wait_until_quiet()

    later = [message for message in messages_about(app, name) if message.id > seen]
    (slack,) = [message for message in later if message.receiver == "slack"]
    assert f"service shop in prod (2 tasks) still runs {name}:1.4.1" in slack.raw.replace(
        "Service", "service"
    )
    assert "CVE-2026-0001" in slack.raw


def test_an_image_that_begins_to_run_by_inspector_counts_again(
    app: App, repository: Callable[..., str]
) -> None:
    """Inspector's coverage says what runs; the hourly pass reads it, without a scan or an event."""
    name = repository("everywhere")
    old = app.aws.push(name, "1.4.1", enhanced("CVE-2026-0001"), scanner="enhanced")
    app.wait_until_quiet()
    app.aws.push(name, "1.4.2", enhanced(), scanner="enhanced")
    app.wait_until_quiet()
    seen = len(app.receivers.messages())

    app.aws.run(name, old, shop=2)
    reconcile(app, name)
    app.wait_until_quiet()

    later = [message for message in messages_about(app, name) if message.id > seen]
    (slack,) = [message for message in later if message.receiver == "slack"]
    assert "CVE-2026-0001" in slack.raw
    assert f"{name}:1.4.1" in slack.raw
