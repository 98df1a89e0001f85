"""Executes the steps in order."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import requests
from botocore.exceptions import BotoCoreError, ClientError

from acceptance.deployment import DeploymentError
from acceptance.outcome import Outcome, Result, Status, StepError, failed, skipped
from acceptance.step import Step
from acceptance.world import World

Say = Callable[[str], None]


def run(steps: Sequence[Step], world: World, say: Say) -> Iterator[Result]:
    """Execute the steps and yield their results. A failed step skips those that need it."""
    results: list[Result] = []
    for step in steps:
        say(f"step {step.number}: {step.title} …")
        began = world.now()
        outcome = _blocked(step, results) or _attempt(step, world)
        seconds = world.now() - began
        results.append(Result(step.number, step.title, step.expected, outcome, seconds))
        say(f"  {outcome.status.value}: {outcome.observation} ({seconds:.0f} s)")
        yield results[-1]


def _blocked(step: Step, results: Iterable[Result]) -> Outcome | None:
    """Return the outcome of a step that cannot run: a step that it needs was skipped or failed."""
    for result in results:
        if result.number in step.needs and result.outcome.status is not Status.OK:
            return skipped(f"step {result.number} is {result.outcome.status.value}")
    return None


def _attempt(step: Step, world: World) -> Outcome:
    try:
        return step.run(world)
    except (StepError, DeploymentError) as error:
        return failed(str(error))
    except (ClientError, BotoCoreError) as error:
        return failed(f"AWS: {error}")
    except requests.RequestException as error:
        return failed(f"HTTP: {type(error).__name__}")
    except Exception as error:  # noqa: BLE001  # an unforeseen answer of AWS
        return failed(f"unexpected: {type(error).__name__}: {error}")
