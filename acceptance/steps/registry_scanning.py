"""Checks an alert of enhanced scanning, if the registry has it."""

from acceptance.inbox import Alert
from acceptance.outcome import Outcome, judged, skipped
from acceptance.scanning import Scanning, scanning_of
from acceptance.step import Step
from acceptance.steps.alert import source_of
from acceptance.world import World


def _run(world: World) -> Outcome:
    return judge(scanning_of(world.client_of("ecr")), world.facts.alert)


def judge(scanning: Scanning, alert: Alert | None) -> Outcome:
    """Judge the source of an alert by the configuration of the registry. Pure."""
    if not scanning.enhanced:
        return skipped("the registry has basic scanning; this program never changes that")
    source = source_of(alert) if alert is not None else "no alert"
    return judged(source, right=source == "ecr-enhanced")


STEP = Step(
    6,
    "enhanced scanning",
    "with enhanced scanning, the roles may read the findings of Amazon Inspector",
    _run,
    needs=(2,),
)
