"""
Benchmarks of whole events: processor time from an event to its rows, and to its message.

Each figure is a ratio to what boto3 takes to read the same pages: a loop over its paginator that
only counts. Both are measured in turns, without the network to ECR and the receiver. The table and
the bucket are those of the embedded AWS, another process whose time does not count.
"""

import gc
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import chain
from typing import Any, Final, NamedTuple

from benchmarks.core import Figure
from benchmarks.costs import per_million
from benchmarks.offline import Answer, OfflineSession, ecr_answers
from benchmarks.stages import CALLS, FINGERPRINT, Shares, Stopwatch, in_words, medians
from benchmarks.stages import FINDINGS as MADE
from benchmarks.syncs import CONTEXT, START, Program, records
from cli.simulation import events
from cli.simulation.story import ImageName, PartAnswer
from handlers import deliver, process_scan
from lib.bootstrap.garbage import collected_afterwards
from lib.sources.answers import plain_answers
from local.aws.process import EmbeddedAws

FINDINGS: Final = 1500
ROUNDS: Final = 15
STAGE_ROUNDS: Final = 7

Json = Any


class Case(NamedTuple):
    """A kind of scanning, with its goals as multiples of boto3's loop."""

    kind: str
    first: float
    again: float
    message: float


CASES: Final = (Case("basic", 1.5, 0.8, 3.4), Case("enhanced", 0.75, 0.75, 1.2))


class Times(NamedTuple):
    """Medians of processor time in seconds."""

    boto3: float
    """A loop over boto3's paginator."""
    first: float
    """An image's first scan: event to rows."""
    again: float
    """Another scan with the same findings."""
    message: float
    """Wake-up to sent message, of the first scan."""


class Stages(NamedTuple):
    """Medians of the stages of the same."""

    first: Shares
    again: Shares
    message: Shares


def pages(kind: str, count: int) -> Answer:
    """
    Answer for any image with the same pages, which are serialized once.

    Their repository and digest are those of one image: the event names them.
    """
    listed = ecr_answers(**{kind: count})
    detail = {"imageStatus": "ACTIVE", "imagePushedAt": START.timestamp(), "imageTags": ["1.0"]}

    def answer(operation: str, request: Mapping[str, Json]) -> Json:
        match operation:
            case "DescribeImageScanFindings":
                one = {"repositoryName": "payments/api", "imageId": {"imageDigest": "sha256:1"}}
                return listed(operation, {**request, **one})
            case "DescribeImages":
                return {"imageDetails": [detail | {"imageDigest": _digest_of(request)}]}
            case "BatchGetImage":
                return {"images": [], "failures": []}
        raise LookupError(operation)

    return answer


def _digest_of(request: Mapping[str, Json]) -> str:
    return str(request["imageIds"][0]["imageDigest"])


class EventProgram(Program):
    """A stage with one destination, whose registry answers each image with the same pages."""

    def __init__(self, aws: EmbeddedAws, kind: str, count: int, *, metered: bool = False) -> None:
        super().__init__(aws, 1, metered=metered)
        self._kind = kind
        session = OfflineSession(pages(kind, count))
        self.clients.replace("ecr", plain_answers(session.client("ecr")))
        self.bare = OfflineSession(pages(kind, count)).client("ecr")
        """A client of boto3 that reads the same pages."""

    def event(self, number: int) -> Json:
        """Return the event of a scan of an image, which is the only one of its repository."""
        image, _ = self.registry.push(ImageName("one", f"payments/api-{number}"), (), self.now)
        image.tags = ["1.0"]
        announced = {"HIGH": FINDINGS}
        self.registry.set_answer(image, self._kind, PartAnswer((), announced=announced), self.now)
        return events.scan(image, number, self.now)

    def again(self, number: int) -> Json:
        """Return the event of another scan of the same image, an hour later."""
        image = self.registry.image(ImageName("one", f"payments/api-{number}"))
        return events.scan(image, 10_000 + number, self.now + timedelta(hours=1))

    def scan(self, event: Json) -> float:
        """Handle an event; return the processor time in seconds."""
        return _seconds(self.scanning(event))

    def scanning(self, event: Json) -> Callable[[], object]:
        """Return the handling of an event."""
        batch = collected_afterwards(process_scan.process_batch)
        return lambda: batch(self.app, records(event), CONTEXT)

    def send(self) -> float:
        """Attempt the notification that was woken; return the processor time in seconds."""
        return _seconds(self.sending())

    def sending(self) -> Callable[[], object]:
        """Return the attempt at the notification that was woken."""
        (body,) = [body for body in self.clients.queued if "delivery" in body]
        self.clients.queued.clear()
        wake_up = records(json.loads(body))
        batch = collected_afterwards(deliver.process_batch)
        return lambda: batch(self.app, wake_up, CONTEXT)

    def loop(self) -> None:
        """Read all pages as a bare loop would."""
        paginator = self.bare.get_paginator("describe_image_scan_findings")
        request = {
            "repositoryName": "payments/api",
            "imageId": {"imageDigest": "sha256:" + "1" * 64},
        }
        counts: dict[str, int] = defaultdict(int)
        for page in paginator.paginate(**request, PaginationConfig={"PageSize": 1000}):
            body = page["imageScanFindings"]
            for row in (*body.get("findings", ()), *body.get("enhancedFindings", ())):
                counts[row["severity"]] += 1


def _seconds(work: Callable[[], object]) -> float:
    """Return the processor time of some work, which begins with an empty heap of garbage."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def times(program: EventProgram, rounds: int = ROUNDS) -> Times:
    """Measure events and boto3's loop in turns."""
    measured = []
    for number in range(1, rounds + 2):
        event = program.event(number)
        boto3 = _seconds(program.loop)
        first = program.scan(event)
        message = program.send()
        measured.append(Times(boto3, first, program.scan(program.again(number)), message))
    # The first round makes clients and fills caches.
    return Times(*[statistics.median(column) for column in zip(*measured[1:], strict=True)])


def stages(program: EventProgram, rounds: int = STAGE_ROUNDS) -> Stages:
    """Time the stages of the same events, of further images."""
    watch, measured = Stopwatch(), []
    for number in range(ROUNDS + 2, ROUNDS + 2 + rounds):
        first = watch.time(program.scanning(program.event(number)))
        message = watch.time(program.sending())
        again = watch.time(program.scanning(program.again(number)))
        measured.append(Stages(first, again, message))
    return Stages(*[medians(column) for column in zip(*measured, strict=True)])


def measured() -> tuple[list[Figure], list[Figure]]:
    """
    Compare events of 1,500 findings with boto3's loop over the same pages.

    Returns these figures, and what a million of the events cost.
    """
    figures, costs = [], []
    with EmbeddedAws() as aws:
        for case in CASES:
            program = EventProgram(aws, case.kind, FINDINGS)
            medians_of_case = times(program)
            figures += _figures(case, medians_of_case, stages(program))
            costs += _costs(aws, case.kind, medians_of_case)
    return figures, costs


def _figures(case: Case, measured: Times, parts: Stages) -> list[Figure]:
    name = f"{FINDINGS:,} {case.kind} findings"
    rows = (
        ("event to rows", measured.first, case.first, parts.first),
        ("the same findings again", measured.again, case.again, parts.again),
        ("wake-up to message by mail with 100 rows", measured.message, case.message, parts.message),
    )
    figures = [Figure(f"boto3's loop over the pages of {name}", "", _milliseconds(measured.boto3))]
    for label, seconds, goal, shares in rows:
        ratio = round(seconds / measured.boto3, 2)
        figures += [
            Figure(
                f"{label}, {name}, against that loop",
                f"at most {goal}x",
                f"{ratio}x ({_milliseconds(seconds)})",
                ratio <= goal,
            ),
            Figure("of it", "", in_words(shares)),
        ]
    needed = sum(parts.first[stage] for stage in (CALLS, FINGERPRINT, MADE))
    floor = f"{needed / measured.boto3:.2f}x ({_milliseconds(needed)})"
    figures.insert(
        3, Figure("the floor of event to rows: calls, fingerprint and findings", "", floor)
    )
    return figures


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _costs(aws: EmbeddedAws, kind: str, measured: Times) -> list[Figure]:
    """Return what a million of these events cost."""
    program = EventProgram(aws, kind, FINDINGS, metered=True)
    # The first one makes clients, and records which rules are in force.
    program.scan(program.event(1))
    program.send()
    event = program.event(2)
    scan = program.calls_of(lambda: program.scan(event))
    message = program.calls_of(program.send)
    another = program.again(2)
    again = program.calls_of(lambda: program.scan(another))
    name = f"{FINDINGS:,} {kind} findings"
    first = measured.first + measured.message
    return [
        *per_million(f"a first scan with its message, {name}", (scan, message), first),
        *per_million(f"a scan with the same result, {name}", (again,), measured.again),
    ]


if __name__ == "__main__":
    for figure in chain(*measured()):
        print(f"{figure.label}: {figure.measured} ({figure.target})")
