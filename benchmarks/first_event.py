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
GOALS: Final = {"process_scan": 390, "sweep": 330}
"""In milliseconds."""
NAMES: Final = {"process_scan": "processScan", "sweep": "sweep"}
CLIENTS: Final = {
    "process_scan": ("ecr", "dynamodb", "s3", "sqs"),
    "sweep": ("dynamodb", "s3", "sqs"),
}
"""Of each function, those that its first event makes."""
_BOTO3: Final = """
import time
import boto3
for name in {clients}:
    boto3.client(name, "eu-central-1")
print(time.process_time())
"""
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
    events = {"process_scan": records(_scan(aws)), "sweep": {}}
    return [_figure(app, name, event, task_root, python) for name, event in events.items()]


def _figure(app: App, name: str, event: Any, task_root: Path, python: Path) -> Figure:
    """Measure a function, and in turns boto3 alone with the same clients."""
    first, bare = _RUN.format(module=name), _BOTO3.format(clients=CLIENTS[name])
    environment = _environment(app, NAMES[name])
    pairs = [
        [
            _seconds([python, "-B", "-c", code], event, task_root, environment)
            for code in (first, bare)
        ]
        for _ in range(ROUNDS)
    ]
    measured, floor = map(statistics.median, zip(*pairs, strict=True))
    return Figure(
        f"first event of {name} in a fresh process, processor time",
        f"at most {GOALS[name]} ms",
        f"{measured * 1000:.0f} ms; boto3 with its clients alone: {floor * 1000:.0f} ms",
        measured * 1000 <= GOALS[name],
    )


def _environment(app: App, function: str) -> dict[str, str]:
    configuration = app.aws.client("lambda").get_function_configuration(
        FunctionName=f"{app.stack.name}-{function}"
    )
    return {
        "PATH": os.environ["PATH"],
        "AWS_REGION": app.aws.region,
        **app.aws.environment(),
        **configuration["Environment"]["Variables"],
    }


def _seconds(command: list[Any], event: Any, folder: Path, environment: dict[str, str]) -> float:
    answer = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=json.dumps(event),
        check=True,
        capture_output=True,
        text=True,
    )
    return float(answer.stdout.splitlines()[-1])


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
