"""Benchmarks of the core: counted pages, findings per second."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks.offline import OfflineSession, basic_findings, ecr_answers
from lib.bootstrap.garbage import collected_afterwards
from lib.core.routing import Route
from lib.core.states import next_state
from lib.core.sync import SyncRules, plan_view
from lib.core.verdicts import RuleSet
from lib.core.worth_notifying import Profile
from lib.models import Destination, Filter, Image, Scan, ScanSource, Severity, StreamId
from lib.models.streams import Arrival, ScanRecord, Watch
from lib.models.views import View
from lib.normalizer.pages import normalize_ecr
from lib.sources.ecr import EcrFindingSource

ROOT = Path(__file__).parents[1]
TEAM = Destination("team-slack")
ROUTE = Route("everything", Filter("everything", Severity.HIGH), notify=(TEAM,))
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
IMAGE = Image("aws", "000474600478", "eu-central-1", "payments/api", f"sha256:{1:064x}", ("1.4",))
STREAM = StreamId("000474600478/eu-central-1/payments/api")
SCAN = Scan(ScanSource.ECR_BASIC, "COMPLETE", NOW)


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table."""

    label: str
    target: str
    measured: str
    met: bool | None = None
    """Whether the target is met; None: it is no number, or there is none."""


def median_seconds(work: Callable[[], Any], rounds: int = 9) -> float:
    """Return the median processor time of some rounds in seconds, from an empty heap of garbage."""
    times = []
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
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
        target = f"ceil(n / {size})"
        figures.append(Figure(label, target, str(calls_made), calls_made == ceil(1500 / size)))
    return figures


def throughput(count: int = 10_000) -> list[Figure]:
    """
    Measure normalize + compare + decide over many findings, of which each is new.

    Garbage is collected as in the functions: once, when all is done, and that is measured, too.
    """
    findings = {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {"findings": basic_findings(count)},
    }
    image = replace(IMAGE, pushed_at=NOW)
    watching = Watch(image, (), current_runs=False, arrival=Arrival.SCAN, reason="")
    rules = SyncRules(RuleSet((ROUTE,)), (), {TEAM: Profile()}, NOW - timedelta(days=9))

    @collected_afterwards
    def work() -> None:
        report = normalize_ecr([findings], image, SCAN)
        scans = {image.digest: ScanRecord(report, NOW)}
        state = next_state(STREAM, None, watching, scans, now=NOW)
        plan_view(View(TEAM, STREAM), state, rules, cause="scan", now=NOW)

    rate = count / median_seconds(work)
    return [
        Figure(
            "normalize + compare + decide, one core",
            "over 50,000 findings/s",
            f"{rate:,.0f} findings/s",
            rate > 50_000,  # noqa: PLR2004  # the target
        )
    ]


if __name__ == "__main__":
    for figure in (*calls(), *throughput()):
        print(f"{figure.label}: {figure.measured}")
