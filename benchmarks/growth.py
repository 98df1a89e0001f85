"""
Benchmarks of growth: memory and processor time of events about images with many findings.

Each event has a process of its own, whose table and bucket are in memory and whose pages of ECR
come from files: so the peak is that of the program, and what is stored of 10,000 findings is a
megabyte of it. Calls of AWS take no time.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from benchmarks.core import ROOT, Figure
from benchmarks.events import pages
from benchmarks.offline import OfflineSession
from benchmarks.pages import Bucket
from benchmarks.syncs import (
    ACCOUNT,
    CONTEXT,
    PUBLISHED,
    REGION,
    START,
    alerts,
    environment,
    records,
)
from cli.simulation import events
from cli.simulation.images import Place
from cli.simulation.memory import MemoryRules, MemoryStreams
from cli.simulation.registry import Registry
from cli.simulation.story import ImageName, PartAnswer
from handlers import deliver, process_scan
from lib.bootstrap.app import App
from lib.bootstrap.clients import Clients
from lib.bootstrap.garbage import collected_afterwards
from lib.bootstrap.settings import Settings
from lib.config import load
from lib.sources.answers import plain_answers

Json = Any

MANY: Final = 10_000
MOST: Final = 30_000
GROWTH: Final = (10_000, 50_000)
_PAGE: Final = {"basic": 1000, "enhanced": 100}


class Peak(NamedTuple):
    """The cost of an event and its message in a process."""

    started: float
    """MB of memory before it."""
    scan: float
    """MB at most, after event to rows."""
    message: float
    """MB at most, after the message, too."""
    seconds: float
    """Of processor time, both together."""


class MemoryClients(Clients):
    """Clients whose services are in this process."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        super().__init__(region=REGION)
        self.queued: list[str] = []
        offline = OfflineSession(self._answer)
        inspector = registry.client_of("inspector2", Place(ACCOUNT, REGION, ""))
        ecr = OfflineSession(_files(folder)).client("ecr")
        for service, client in (
            ("s3", Bucket()),
            ("ecr", plain_answers(ecr)),
            ("inspector2", inspector),
            ("sqs", offline.client("sqs")),
            ("sns", offline.client("sns")),
        ):
            self._made[service, None] = client
        self._made["sns", REGION] = self._made["sns", None]
        self._made["dynamodb", None] = None

    def _answer(self, operation: str, request: Mapping[str, Json]) -> Json:
        if operation == "Publish":
            return PUBLISHED
        for entry in request.get("Entries", (request,)):
            self.queued.append(entry["MessageBody"])
        return {"Successful": [], "Failed": []}


def _files(folder: Path) -> Callable[[str, Mapping[str, Json]], Json]:
    """Answer with the pages of a folder."""
    detail = {"imageStatus": "ACTIVE", "imagePushedAt": START.timestamp(), "imageTags": ["1.0"]}

    def answer(operation: str, request: Mapping[str, Json]) -> Json:
        match operation:
            case "DescribeImageScanFindings":
                return (folder / request.get("nextToken", "0")).read_bytes()
            case "DescribeImages":
                digest = request["imageIds"][0]["imageDigest"]
                return {"imageDetails": [detail | {"imageDigest": digest}]}
            case "BatchGetImage":
                return {"images": [], "failures": []}
        raise LookupError(operation)

    return answer


def event(kind: str, count: int, folder: Path) -> Peak:
    """Handle the first scan of an image and send its message, in this process."""
    registry = Registry(ACCOUNT, REGION)
    clients = MemoryClients(registry, folder)
    app = App(
        Settings(environment("bench")),
        clients=clients,
        config=load(alerts(1), today=START.date()),
        now=lambda: START,
        pause=lambda _: None,
    )
    store, stores = MemoryStreams(), app.stores
    stores.images = stores.streams = stores.notifications = stores.pauses = store  # type: ignore[assignment]
    stores.rules = MemoryRules(START)  # type: ignore[assignment]
    image, _ = registry.push(ImageName("one", "payments/api"), (), START)
    image.tags = ["1.0"]
    registry.set_answer(image, kind, PartAnswer((), announced={"HIGH": count}), START)
    body = events.scan(image, 1, START)
    started, seconds = _peak(), time.process_time()
    collected_afterwards(process_scan.process_batch)(app, records(body), CONTEXT)
    scanned = _peak()
    (wake_up,) = [body for body in clients.queued if "delivery" in body]
    collected_afterwards(deliver.process_batch)(app, records(json.loads(wake_up)), CONTEXT)
    return Peak(started, scanned, _peak(), time.process_time() - seconds)


def _peak() -> float:
    """Return the most memory of this program in MB; `getrusage` would count what started it."""
    status = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


def measured(kind: str, count: int) -> Peak:
    """Handle an event in a process of its own."""
    with TemporaryDirectory() as folder:
        answer = pages(kind, count)
        for start in range(0, count, _PAGE[kind]):
            request = {"maxResults": _PAGE[kind], "nextToken": str(start)}
            page = answer("DescribeImageScanFindings", request)
            (Path(folder) / str(start)).write_bytes(page)
        child = subprocess.run(
            [sys.executable, "-m", "benchmarks.growth", kind, str(count), folder],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
    return Peak(*json.loads(child.stdout.splitlines()[-1]))


def growth() -> list[Figure]:
    """Measure the peak memory of events, and how their time grows."""
    few, many = (measured("basic", count) for count in GROWTH)
    ratio = (many.seconds / GROWTH[1]) / (few.seconds / GROWTH[0])
    return [
        *[_memory(count, goal) for count, goal in ((MANY, 128), (MOST, 512))],
        Figure(
            f"time of an event for each finding, {GROWTH[1]:,} basic against {GROWTH[0]:,}",
            "at most 1.2x",
            f"{ratio:.2f}x",
            round(ratio, 1) <= 1.2,  # noqa: PLR2004  # the target
        ),
    ]


def _memory(count: int, goal: int) -> Figure:
    peak = measured("enhanced", count)
    return Figure(
        f"peak memory of an event of {count:,} enhanced findings; with its message",
        f"under {goal} MB",
        f"{peak.scan:.0f} MB; {peak.message:.0f} MB; {peak.started:.0f} MB before it",
        peak.scan < goal,
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(event(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
    else:
        for figure in growth():
            print(f"{figure.label}: {figure.measured} ({figure.target})")
