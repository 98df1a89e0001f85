"""
Benchmarks of report pages: processor time and memory from an opened link to its page.

Somebody waits for the first opening of a page. It reads the pinned message, renders the page and
keeps it. `openReport` has 1,769 MB and so one whole core of Lambda
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html): the seconds here are those
of one core of this machine. The bucket is in memory, so calls of AWS take no time.
"""

import gc
import io
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from benchmarks.core import IMAGE, NOW, ROOT, ROUTE, SCAN, STREAM, TEAM, Figure
from benchmarks.offline import basic_findings, enhanced_findings
from cli.simulation.memory import MemoryStreams
from lib.bootstrap.garbage import collected_afterwards
from lib.core.states import next_state
from lib.core.sync import SyncRules, plan_view
from lib.core.verdicts import RuleSet
from lib.core.worth_notifying import Profile
from lib.flows.pages import ReportPages, page_key
from lib.models import DeliveryId, ScanSource, notice_of
from lib.models.streams import Arrival, HistoryPoint, ScanRecord, Watch
from lib.models.views import Dispatch, PinnedMessage, View
from lib.normalizer.pages import normalize_ecr
from lib.page import render
from lib.store.pages import S3Pages
from lib.store.stream_objects import S3StreamObjects

ROUNDS: Final = 3
SIZES: Final = (1_500, 10_000)
MEMORY: Final = 1769
"""MB of `openReport`, as deploy/template/report-links.yml states them."""
_ROWS: Final[dict[str, tuple[str, Callable[[int], list[dict[str, Any]]]]]] = {
    "basic": ("findings", basic_findings),
    "enhanced": ("enhancedFindings", enhanced_findings),
}


@dataclass
class Bucket:
    """A bucket in memory, as far as pages ask for it: a client of S3 that takes no time."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def put_object(self, *, Key: str, Body: bytes, **_: str) -> None:  # noqa: N803  # boto3's
        """Store an object."""
        self.objects[Key] = Body

    def get_object(self, *, Key: str, **_: str) -> dict[str, io.BytesIO]:  # noqa: N803  # boto3's
        """Return an object that is there."""
        return {"Body": io.BytesIO(self.objects[Key])}

    def head_object(self, *, Key: str, **_: str) -> None:  # noqa: N803  # boto3's
        """Raise the error of S3 where there is no object."""
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": ""}}, "HeadObject")

    def delete_object(self, *, Key: str, **_: str) -> None:  # noqa: N803  # boto3's
        """Delete an object."""
        self.objects.pop(Key, None)

    def generate_presigned_url(self, *_: object, **__: object) -> str:
        """Return an address."""
        return "https://s3.example"


def message(kind: str, count: int) -> PinnedMessage:
    """Return the first message about an image with so many findings."""
    name, rows = _ROWS[kind]
    answer = {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {name: rows(count)},
    }
    scan = SCAN if kind == "basic" else replace(SCAN, source=ScanSource.ECR_ENHANCED)
    image = replace(IMAGE, pushed_at=NOW)
    watching = Watch(image, (), current_runs=False, arrival=Arrival.SCAN, reason="")
    report = normalize_ecr([answer], image, scan)
    records = {image.digest: ScanRecord(report, NOW)}
    state = next_state(STREAM, None, watching, records, now=NOW)
    rules = SyncRules(RuleSet((ROUTE,)), (), {TEAM: Profile()}, NOW - timedelta(days=9))
    view = View(TEAM, STREAM)
    plan = plan_view(view, state, rules, cause="scan", now=NOW)
    return PinnedMessage(
        plan.delta,
        replace(view, version=1, reported=plan.delta.after),
        plan.context.basis,
        quiet=False,
        state=state,
        refused=plan.desired.refused,
        entries=plan.desired.entries,
        dispatch=Dispatch(DeliveryId("0" * 32)),
    )


def _render(pinned: PinnedMessage, history: Sequence[HistoryPoint]) -> str:
    return render(notice_of(pinned), history, now=NOW)


def _pages(bucket: Any) -> ReportPages:
    """Return the pages of a process that has nothing in memory."""
    return ReportPages(
        pages=S3Pages(bucket, "reports"),
        objects=S3StreamObjects(bucket, "reports"),
        history=MemoryStreams(),
        render=_render,
        link=lambda _: None,
    )


def _opened(bucket: Bucket, key: str) -> float:
    """Open a page in a new process; return the processor time in seconds."""
    pages = _pages(bucket)
    gc.collect()
    started = time.process_time()
    collected_afterwards(pages.open)(key)
    return time.process_time() - started


def openings() -> list[Figure]:
    """Measure first and second openings."""
    return [_figure(kind, count) for kind in _ROWS for count in SIZES]


def _figure(kind: str, count: int) -> Figure:
    bucket: Any = Bucket()
    key = page_key(S3StreamObjects(bucket, "reports").put_pinned(message(kind, count)))
    pairs = []
    for _ in range(ROUNDS):
        pairs.append((_opened(bucket, key), _opened(bucket, key)))
        size = len(bucket.objects.pop(key))
    first, second = map(statistics.median, zip(*pairs, strict=True))
    return Figure(
        f"report page of {count:,} {kind} findings, opened first (again)",
        "under 2 s of a core" if count == SIZES[0] else "",
        f"{first:.2f} s ({second * 1000:.1f} ms), {size / 1024:.0f} KB",
        first < 2 if count == SIZES[0] else None,  # noqa: PLR2004  # the target
    )


def memory() -> list[Figure]:
    """Measure the peak memory of a process that opens the page of 10,000 enhanced findings."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.pages", "memory"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    peak = answer.stdout.splitlines()[-1]
    label = f"peak memory, report page of {SIZES[-1]:,} enhanced findings"
    measured = f"{peak} MB with the findings it is made from"
    return [Figure(label, f"under {MEMORY:,} MB", measured, int(peak) < MEMORY)]


def _memory() -> None:
    """Print the peak memory of this process in MB."""
    bucket: Any = Bucket()
    pin = S3StreamObjects(bucket, "reports").put_pinned(message("enhanced", SIZES[-1]))
    _opened(bucket, page_key(pin))
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["memory"]:
        _memory()
    else:
        for figure in (*openings(), *memory()):
            print(f"{figure.label}: {figure.measured} ({figure.target})")
