"""Benchmarks of the core: counted calls, findings per second, time relative to botocore, memory."""

import gc
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.offline import Answer, OfflineSession, basic_findings, ecr_answers
from lib.core.changes import compare
from lib.core.evaluation import Rules, new_delivery
from lib.core.routing import Route, decide, stream_of
from lib.core.suppressions import matcher
from lib.flows.scans import ScanPipeline
from lib.messages.alert import alert
from lib.models import (
    Basis,
    BasisKind,
    Destination,
    Evaluation,
    Filter,
    Image,
    PushEvent,
    Scan,
    ScanEvent,
    ScanSource,
    Severity,
)
from lib.normalizer.pages import normalize_ecr
from lib.sources.ecr import EcrFindingSource
from lib.sources.repositories import EcrRepositories
from lib.store.evaluations import baseline_from_json, evaluation_to_json
from lib.store.progress import S3ProgressStore
from lib.store.queues import SqsWaker
from lib.store.reports import S3EvaluationStore
from lib.store.state import DynamoStateStore
from lib.store.tags import DynamoTagStore

ROOT = Path(__file__).parents[1]
ROUTE = Route(
    "everything", Filter("everything", Severity.HIGH), notify=(Destination("team-slack"),)
)
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
IMAGE = Image("aws", "000474600478", "eu-central-1", "payments/api", f"sha256:{1:064x}", ("1.4",))
SCAN = Scan(ScanSource.ECR_BASIC, "COMPLETE", NOW)


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table."""

    label: str
    target: str
    measured: str


def median_seconds(work: Callable[[], Any], rounds: int = 9) -> float:
    """Return the median duration of some rounds in seconds, without garbage collection."""
    times = []
    for _ in range(rounds):
        gc.collect()
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def ratio_of(work: Callable[[], Any], reference: Callable[[], Any], rounds: int = 15) -> float:
    """Return the median ratio of two durations, which are measured in turns."""
    return statistics.median(
        median_seconds(work, 1) / median_seconds(reference, 1) for _ in range(rounds)
    )


def calls() -> list[Figure]:
    """Count ECR's pages for 1,500 findings, basic and enhanced."""
    figures = []
    for name, size, answers in (
        ("basic", 1000, ecr_answers(basic=1500)),
        ("enhanced", 100, ecr_answers(enhanced=1500)),
    ):
        session = OfflineSession(answers)
        EcrFindingSource(session.client("ecr")).report(IMAGE, SCAN)
        calls_made = sum(session.calls.values())
        label = f"ECR calls for {name} scanning, 1,500 findings"
        figures.append(Figure(label, f"ceil(n / {size})", str(calls_made)))
    return figures


class Services:
    """DynamoDB, S3 and SQS for the calls of an event, answered in this process."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Any] = {}
        self.body = b""

    def answer(self, operation: str, request: dict[str, Any]) -> Any:
        """Answer a call. Written items and objects are kept for the next event."""
        match operation:
            case "GetItem":
                item = self.items.get(_key(request["Key"]))
                return {"Item": item} if item else {}
            case "Query":
                partition = request["ExpressionAttributeValues"][":pk"]["S"]
                return {"Items": [item for key, item in self.items.items() if key[0] == partition]}
            case "PutItem" | "TransactWriteItems":
                for write in request.get("TransactItems", [{"Put": request}]):
                    self.items[_key(write["Put"]["Item"])] = write["Put"]["Item"]
                return {}
            case "PutObject":
                body = request["body"]
                self.body = body if isinstance(body, bytes) else body.read()
                return b""
            case "GetObject":
                return self.body
            case _:
                return {"Successful": []}


def _key(item: Any) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


class OfflinePipeline:
    """The scan pipeline with botocore clients whose calls are counted."""

    def __init__(self, ecr: Answer, moment: datetime = NOW) -> None:
        self.moment = moment
        self.ecr = OfflineSession(ecr)
        self.aws = OfflineSession(Services().answer)
        self.scans = ScanPipeline(
            source=EcrFindingSource(self.ecr.client("ecr")),
            repositories=EcrRepositories(self.ecr.client("ecr")),
            tags=DynamoTagStore(self.aws.client("dynamodb"), "table"),
            progress=S3ProgressStore(self.aws.client("s3"), "bucket"),
            states=DynamoStateStore(self.aws.client("dynamodb"), "table"),
            reports=S3EvaluationStore(self.aws.client("s3"), "bucket"),
            waker=SqsWaker(
                self.aws.client("sqs"), deliveries="https://queue", scan_events="https://queue"
            ),
            rules=Rules((ROUTE,)),
            now=lambda: self.moment,
            pause=time.sleep,
        )

    def calls_of(self, work: Callable[[], Any]) -> dict[str, int]:
        """Return the calls of some work by service and operation."""
        self.ecr.calls.clear()
        self.aws.calls.clear()
        work()
        return {**self.ecr.calls, **self.aws.calls}


def index_calls() -> list[Figure]:
    """Count the calls for an index of two platforms with an attestation, and for a plain push."""
    pipeline = OfflinePipeline(ecr_answers(basic=20, platforms=2))
    push = PushEvent("push", NOW, IMAGE)
    plain = PushEvent("push", NOW, replace(IMAGE, digest=f"sha256:{2:064x}"))
    return [
        Figure(
            "calls for the push of an index of 2 platforms, scanned",
            "",
            _text(pipeline.calls_of(lambda: pipeline.scans.pushed(push, {}))),
        ),
        Figure(
            "calls for the push of a plain image",
            "",
            _text(pipeline.calls_of(lambda: pipeline.scans.pushed(plain, {}))),
        ),
    ]


def one_event() -> list[Figure]:
    """Measure one event of 1,500 basic findings: warm, without the network."""
    pipeline = OfflinePipeline(ecr_answers(basic=1500))
    client = pipeline.ecr.client("ecr")

    def parse() -> None:
        pages = client.get_paginator("describe_image_scan_findings").paginate(
            repositoryName="payments/api",
            imageId={"imageDigest": IMAGE.digest},
            PaginationConfig={"PageSize": 1000},
        )
        list(pages)

    def event() -> None:
        pipeline.moment += timedelta(minutes=1)
        again()

    def again() -> None:
        moment = pipeline.moment
        pipeline.scans.process(ScanEvent(moment.isoformat(), moment, IMAGE, SCAN), {})

    event()
    event_calls = pipeline.calls_of(event)
    repeat_calls = pipeline.calls_of(again)
    ratio = ratio_of(event, parse)
    return [
        Figure("calls for one event, warm", "see README", _text(event_calls)),
        Figure("calls for a repeated event", "reads only", _text(repeat_calls)),
        Figure(
            "1,500 basic findings, event to rows written, against botocore's parsing",
            "at most 2x",
            f"{ratio:.2f}x",
        ),
    ]


def _text(call_counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(call_counts.items()))


def throughput(count: int = 10_000) -> list[Figure]:
    """Measure normalize + compare + route + report over many findings."""
    pages = [
        {
            "imageScanStatus": {"status": "COMPLETE"},
            "imageScanFindings": {"findings": basic_findings(count)},
        }
    ]
    report = normalize_ecr(pages, IMAGE, SCAN)
    evaluation = Evaluation(report, stream_of(IMAGE, ()), 1, NOW)
    before = baseline_from_json(evaluation_to_json(evaluation), dict)

    def work() -> None:
        run_core(pages, before)

    rate = count / median_seconds(work)
    return [
        Figure(
            "normalize + compare + route + report, one core",
            "over 50,000 findings/s",
            f"{rate:,.0f} findings/s",
        )
    ]


def run_core(pages: list[Any], before: Any) -> None:
    """Process a scan result from its pages to an alert."""
    after = normalize_ecr(pages, IMAGE, SCAN)
    comparison = compare(
        before,
        after,
        basis=Basis(BasisKind.RESCAN, IMAGE, NOW),
        suppress=matcher((), IMAGE, NOW.date()),
        now=NOW,
    )
    evaluation = Evaluation(after, stream_of(IMAGE, ()), 2, NOW, comparison)
    for decision in decide(evaluation, (ROUTE,)).deliveries:
        alert(evaluation, new_delivery(decision, evaluation, "key", NOW))


def memory() -> list[Figure]:
    """Measure the peak memory of a process that evaluates 10,000 findings."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.core"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    peak = json.loads(answer.stdout)["peak_mb"]
    return [Figure("peak memory, 10,000 findings", "under 256 MB", f"{peak:.0f} MB")]


def _peak() -> None:
    pipeline = OfflinePipeline(ecr_answers(basic=10_000))
    for minute in range(2):
        moment = NOW + timedelta(minutes=minute)
        pipeline.scans.process(ScanEvent(moment.isoformat(), moment, IMAGE, SCAN), {})
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"peak_mb": kilobytes / 1024}))


if __name__ == "__main__":
    _peak()
