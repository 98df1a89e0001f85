"""Pushes an index without scans, and checks whether Lambda stopped the function's revisits."""

from datetime import UTC, datetime, timedelta
from typing import Any

from acceptance.images import build
from acceptance.inbox import Alert
from acceptance.outcome import Outcome, StepError, judged, skipped
from acceptance.packages import FEW
from acceptance.step import Step
from acceptance.world import World


def _run(world: World) -> Outcome:
    if not world.slow:
        return skipped("takes 65 minutes; add SLOW=1")
    since = datetime.fromtimestamp(world.now(), UTC)
    images = [
        build(FEW, run=f"{world.run} index", architecture=architecture)
        for architecture in ("amd64", "arm64")
    ]
    digest = world.registry.push_index(world.names.unscanned, images, "1.0.0")
    try:
        alert = world.inbox.wait_for(digest, world.waits.recursion)
    except StepError:
        alert = None
    # The metric is some minutes late.
    world.poll.clock.sleep(world.waits.metrics)
    dropped = _dropped(
        world.client_of("cloudwatch"), world.facts.outputs["ProcessScanFunctionName"], since, world
    )
    return judge(dropped, alert)


def judge(dropped: int, alert: Alert | None) -> Outcome:
    """Judge the number of dropped invocations, and the alert. Pure."""
    alert_text = "an alert says that nothing was scanned" if alert else "no alert"
    return judged(
        f"{dropped} invocations dropped; {alert_text}", right=not dropped and alert is not None
    )


def _dropped(cloudwatch: Any, function: str, since: datetime, world: World) -> int:
    until = datetime.fromtimestamp(world.now(), UTC) + timedelta(minutes=1)
    answer = cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="RecursiveInvocationsDropped",
        Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=since,
        EndTime=until,
        Period=60,
        Statistics=["Sum"],
    )
    return int(sum(point["Sum"] for point in answer["Datapoints"]))


STEP = Step(
    4,
    "recursion",
    "Lambda drops none of the revisits of an index that nothing scans, and an alert says so",
    _run,
    needs=(1,),
)
