"""The steps of a run, in order."""

from typing import Final

from acceptance.step import Step
from acceptance.steps import (
    alert,
    deploy,
    failed_deploy,
    large_image,
    message_group,
    recursion,
    redeploy,
    registry_scanning,
    report_link,
    runtime,
)

STEPS: Final[tuple[Step, ...]] = (
    deploy.STEP,
    alert.STEP,
    report_link.STEP,
    message_group.STEP,
    registry_scanning.STEP,
    runtime.STEP,
    large_image.STEP,
    recursion.STEP,
    redeploy.STEP,
    failed_deploy.STEP,
)
