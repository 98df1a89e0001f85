"""Benchmarks of the package: size, imports, first events, and the way from push to alert."""

import compileall
import statistics
import subprocess
import tempfile
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.core import ROOT, Figure
from benchmarks.first_event import first_events
from benchmarks.offline import basic_findings
from deploy.package import BUILD, ZIP
from lib.notifiers.slack.message import INTERVAL
from local.aws.process import EmbeddedAws
from local.demo.app import App, install, write_config
from local.standins.server import Receivers

PYTHON: Final = BUILD / "venvs" / "lambda" / "bin" / "python"
CONFIG: Final = ROOT / "tests" / "e2e" / "alerts.yml"
ROUNDS: Final = 7
LARGEST: Final = 5.85
"""MB of the package."""
SLOWEST: Final = 1.5
"""Of an import, in multiples of that of boto3."""

# The clients of each function, which both sides of the comparison build.
CLIENTS: Final = {
    "process_scan": ("ecr", "dynamodb", "s3", "sqs"),
    "deliver": ("dynamodb", "s3", "sqs", "secretsmanager"),
    "sweep": ("dynamodb", "s3", "sqs"),
}
_IMPORT: Final = """
import time
start = time.process_time()
{work}
print(time.process_time() - start)
"""
_BOTO3: Final = "import boto3\nfor name in {clients}: boto3.client(name, 'eu-central-1')"
_HANDLER: Final = (
    "import handlers.{name}\nfrom lib.bootstrap.clients import Clients\n"
    "clients = Clients(region='eu-central-1')\nfor name in {clients}: clients.get(name)"
)


def deployed() -> list[Figure]:
    """Install the app on the embedded AWS, and measure app and package."""
    with (
        EmbeddedAws() as aws,
        Receivers() as receivers,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
    ):
        config = write_config(CONFIG, receivers.url, Path(folder) / "alerts.yml")
        app = install(aws, receivers, config)
        task_root = Path(folder) / "task"
        return [
            *package(BUILD / "local" / ZIP, task_root),
            *first_events(app, aws, task_root, PYTHON),
            _push_to_alert(app, aws, receivers),
        ]


def package(path: Path, task_root: Path) -> list[Figure]:
    """Unpack and measure the zip: size and import time."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(task_root)
    # The zip has bytecode for Lambda's Python. This Python needs its own.
    compileall.compile_dir(task_root, quiet=2, workers=0)
    size = path.stat().st_size / 1e6
    return [
        Figure(
            "deployment package, without boto3",
            f"under {LARGEST} MB",
            f"{size:.2f} MB",
            size < LARGEST,
        ),
        *(_import_cost(name, task_root) for name in CLIENTS),
    ]


def _import_cost(name: str, task_root: Path) -> Figure:
    clients = CLIENTS[name]
    boto3 = _median_of(_BOTO3.format(clients=clients), task_root)
    handler = _median_of(_HANDLER.format(name=name, clients=clients), task_root)
    return Figure(
        f"import of {name} with its clients, processor time, against boto3 with the same",
        f"under {SLOWEST}x",
        f"{handler / boto3:.2f}x ({handler * 1000:.0f} ms)",
        handler / boto3 < SLOWEST,
    )


def _median_of(work: str, task_root: Path) -> float:
    code = _IMPORT.format(work=work)
    answers = [
        subprocess.run(
            [PYTHON, "-c", code], cwd=task_root, check=True, capture_output=True, text=True
        )
        for _ in range(ROUNDS)
    ]
    return statistics.median(float(answer.stdout) for answer in answers)


def _push_to_alert(app: App, aws: EmbeddedAws, receivers: Receivers) -> Figure:
    document = {"imageScanFindings": {"findings": basic_findings(50)}}
    before = len(receivers.wait_for(0, 60, "slack"))
    seconds = []
    for round_ in range(ROUNDS + 1):
        repository = f"bench/api-{round_}"
        aws.client("ecr").create_repository(
            repositoryName=repository, imageScanningConfiguration={"scanOnPush": True}
        )
        started = datetime.now(UTC)
        aws.push(repository, "1.0.0", document)
        message = receivers.wait_for(before + round_ + 1, 60, "slack")[before + round_]
        seconds.append((message.received_at - started).total_seconds())
        app.wait_until_quiet()
        # The pause between two messages to Slack is not measured.
        time.sleep(INTERVAL)
    median = statistics.median(seconds[1:])
    return Figure(
        "from push to receiver through the embedded AWS, warm",
        "",
        f"{median:.2f} s (first: {seconds[0]:.1f} s)",
    )
