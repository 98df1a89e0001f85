"""Deploys the stage."""

from acceptance.outcome import Outcome, judged
from acceptance.stacks import deployed_stack
from acceptance.step import Step
from acceptance.world import World


def _run(world: World) -> Outcome:
    stage = world.names.stage
    world.deployment.deploy(stage, config=world.config, parameters=world.parameters)
    world.facts.deployed_at = world.now()
    stack = deployed_stack(world.client_of, stage)
    world.facts.outputs = stack.outputs
    return judged(
        f"{world.names.stack} is {stack.status}, {len(stack.outputs)} outputs",
        right=stack.status.endswith("_COMPLETE") and "ROLLBACK" not in stack.status,
    )


STEP = Step(1, "deploy", "make deploy brings the stack up", _run)
