"""
Benchmark of the first event in a fresh process: processor time from its start to its end.

A real record, so that session and clients are made and AWS is asked. What AWS does is not counted,
and neither is the client of Lambda's runtime.
"""

import json
import os
import statistics
import subprocess
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.core import Figure
from benchmarks.offline import basic_findings
from benchmarks.syncs import records
from local.aws.process import EmbeddedAws
from local.demo.app import App

ROUNDS: Final = 7
REPOSITORY: Final = "bench/first"
FINDINGS: Final = 50
GOALS: Final = {"processScan": "at most 390 ms", "sweep": "at most 330 ms"}
_RUN: Final = """
import json, sys, time
from types import SimpleNamespace
event = json.load(sys.stdin)
from handlers.{module} import handler
context = SimpleNamespace(
    function_name="f", memory_limit_in_mb=512, aws_request_id="1",
    invoked_function_arn="arn:aws:lambda:eu-central-1:000000000000:function:f",
    get_remaining_time_in_millis=lambda: 100_000,
)
answer = handler(event, context)
assert not (answer or {{}}).get("batchItemFailures"), answer
print("\\n" + str(time.process_time()))
"""


def first_events(app: App, aws: EmbeddedAws, task_root: Path, python: Path) -> list[Figure]:
    """Measure the scan of an image that is known, and a sweep with nothing to do."""
    aws.client("ecr").create_repository(
        repositoryName=REPOSITORY, imageScanningConfiguration={"scanOnPush": True}
    )
    aws.push(REPOSITORY, "1.0.0", {"imageScanFindings": {"findings": basic_findings(FINDINGS)}})
    app.wait_until_quiet()
    inputs = {"processScan": records(_scan(aws)), "sweep": {}}
    modules = {"processScan": "process_scan", "sweep": "sweep"}
    return [
        Figure(
            f"first event of {modules[name]} in a fresh process, processor time",
            GOALS[name],
            f"{_median(app, name, modules[name], event, task_root, python) * 1000:.0f} ms",
        )
        for name, event in inputs.items()
    ]


def _scan(aws: EmbeddedAws) -> Mapping[str, Any]:
    """Return the event of one more scan of the image."""
    (image,) = aws.client("ecr").describe_images(repositoryName=REPOSITORY)["imageDetails"]
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "ECR Image Scan",
        "source": "aws.ecr",
        "account": image["registryId"],
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": aws.region,
        "resources": [],
        "detail": {
            "scan-status": "COMPLETE",
            "repository-name": REPOSITORY,
            "finding-severity-counts": {"HIGH": FINDINGS},
            "image-digest": image["imageDigest"],
            "image-tags": ["1.0.0"],
        },
    }


def _median(
    app: App, function: str, module: str, event: Any, task_root: Path, python: Path
) -> float:
    configuration = app.aws.client("lambda").get_function_configuration(
        FunctionName=f"{app.stack.name}-{function}"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_REGION": app.aws.region,
        **app.aws.environment(),
        **configuration["Environment"]["Variables"],
    }
    seconds = []
    for _ in range(ROUNDS):
        answer = subprocess.run(
            [python, "-B", "-c", _RUN.format(module=module)],
            cwd=task_root,
            env=environment,
            input=json.dumps(event),
            check=True,
            capture_output=True,
            text=True,
        )
        seconds.append(float(answer.stdout.splitlines()[-1]))
    return statistics.median(seconds)
