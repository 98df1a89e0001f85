"""Removes the stage and deploys it again with the retained data."""

from collections.abc import Mapping
from typing import Final

from acceptance.images import build
from acceptance.inbox import Alert
from acceptance.outcome import Outcome, StepError, failed, judged
from acceptance.packages import FEW
from acceptance.stacks import deployed_stack, find_stack, kept_data
from acceptance.step import Step
from acceptance.steps.alert import alert_about
from acceptance.world import World

DATA: Final = ("TableName", "ReportsBucketName")


def _run(world: World) -> Outcome:
    names, before = world.names, world.facts.outputs
    world.deployment.remove(names.stage)
    if find_stack(world.client_of, names.stage) is not None:
        raise StepError(f"{names.stack} is still there")
    data = kept_data(world.client_of, names.stage)
    if len(data) != len(DATA):
        return failed(f"after remove there is: {', '.join(data) or 'nothing'}")
    world.deployment.deploy(
        names.stage, config=world.config, parameters=world.parameters, adopt=True
    )
    world.facts.outputs = deployed_stack(world.client_of, names.stage).outputs
    alert = None
    if world.facts.alert is not None:
        world.poll.clock.sleep(world.waits.settle)
        image = build(FEW, run=f"{world.run} second")
        world.registry.push(names.scanned, image, "3.0.0")
        alert = alert_about(world, image.digest, world.waits.alert)
    return judge(before, world.facts.outputs, alert)


def judge(before: Mapping[str, str], after: Mapping[str, str], alert: Alert | None) -> Outcome:
    """Judge the data before and after, and the basis of the next alert. Pure."""
    changed = [name for name in DATA if before.get(name) != after.get(name)]
    if changed:
        return failed(f"{', '.join(changed)} are other ones than before")
    if alert is None:
        return judged("the same table and bucket; no scan shows whether they are used", right=True)
    compared = (alert.get("compared_with") or {}).get("image")
    return judged(
        f"the same table and bucket; the next alert compares with: {compared or 'nothing'}",
        right=compared is not None,
    )


STEP = Step(
    8,
    "remove and deploy again",
    "the table and the bucket stay, are adopted, and the next image is compared with the last",
    _run,
    needs=(1,),
)
