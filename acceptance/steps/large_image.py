"""Pushes an image with thousands of findings, and measures the runs of process_scan."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from acceptance.account import ClientOf
from acceptance.images import build
from acceptance.outcome import Outcome, StepError, judged
from acceptance.packages import MANY
from acceptance.step import Step
from acceptance.steps.alert import alert_about
from acceptance.world import World

MANY_FINDINGS: Final = 1000
_REPORT: Final = re.compile(r"^REPORT .*?\bDuration: ([\d.]+) ms", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Invocation:
    """A REPORT line of Lambda about an invocation."""

    seconds: float


def _run(world: World) -> Outcome:
    functions = world.client_of("lambda")
    name = world.facts.outputs["ProcessScanFunctionName"]
    timeout = functions.get_function_configuration(FunctionName=name)["Timeout"]
    since = world.now()
    image = build(MANY, run=f"{world.run} large")
    world.registry.push(world.names.scanned, image, "2.0.0")
    alert = alert_about(world, image.digest, world.waits.large_alert)
    seconds = world.now() - since
    findings = alert["counts"]["total"]
    invocations = world.poll.until(
        lambda: _invocations(world.client_of, name, since) or None, world.waits.logs
    )
    if invocations is None:
        raise StepError(f"{findings} findings, but no REPORT line of {name}")
    return judge(findings, seconds, invocations, timeout)


def judge(
    findings: int, seconds: float, invocations: Iterable[Invocation], timeout: int
) -> Outcome:
    """Judge the findings of an alert, and the invocations since its push. Pure."""
    longest = max(invocation.seconds for invocation in invocations)
    return judged(
        f"{findings} findings, alert {seconds:.0f} s after the push, longest run of process_scan"
        f" {longest:.1f} s of {timeout} s",
        right=findings >= MANY_FINDINGS and longest < timeout,
    )


def parse(messages: Iterable[str]) -> tuple[Invocation, ...]:
    """Return the invocations in log lines. Pure."""
    matches = (match for text in messages for match in _REPORT.finditer(text))
    return tuple(Invocation(float(match[1]) / 1000) for match in matches)


def _invocations(client_of: ClientOf, function: str, since: float) -> tuple[Invocation, ...]:
    pages = client_of("logs").get_paginator("filter_log_events")
    return parse(
        event["message"]
        for page in pages.paginate(
            logGroupName=f"/aws/lambda/{function}", startTime=int(since * 1000)
        )
        for event in page["events"]
    )


STEP = Step(
    7,
    "thousands of findings",
    f"an alert with at least {MANY_FINDINGS} findings, within the timeout of process_scan",
    _run,
    needs=(2,),
)
