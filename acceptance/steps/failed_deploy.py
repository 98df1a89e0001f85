"""Deploys a stage that has to fail, because its permissions boundary does not exist."""

from collections.abc import Sequence

from acceptance.deployment import DeploymentError
from acceptance.outcome import Outcome, failed, judged
from acceptance.settings import TAG
from acceptance.stacks import find_stack, kept_data
from acceptance.step import Step
from acceptance.world import World


def _run(world: World) -> Outcome:
    stage = world.names.failing_stage
    partition = world.client_of("sts").get_caller_identity()["Arn"].split(":")[1]
    boundary = f"arn:{partition}:iam::{world.account}:policy/{TAG}-does-not-exist"
    try:
        world.deployment.deploy(
            stage,
            config=world.config,
            parameters={**world.parameters, "permissionsBoundary": boundary},
        )
    except DeploymentError as error:
        reason = str(error)
    else:
        return failed("it was deployed, without the permissions boundary")
    stack = find_stack(world.client_of, stage)
    outcome = judge(
        reason, stack.status if stack else None, kept_data(world.client_of, stage), boundary
    )
    if stack is not None:
        world.deployment.remove(stage)
    return outcome


def judge(reason: str, status: str | None, data: Sequence[str], boundary: str) -> Outcome:
    """Judge the reason of the failure, and the data that is left. Pure."""
    if boundary not in reason and "boundary" not in reason.lower():
        return failed(f"it failed for another reason: {reason}")
    return judged(
        f"failed; left: stack {status or 'none'}, data: {', '.join(data) or 'none'}",
        right=not data,
    )


STEP = Step(
    9,
    "a first deployment that fails",
    "it leaves no table and no bucket of reports",
    _run,
)
