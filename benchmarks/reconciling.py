"""Benchmark of a reconciliation pass over 10,000 images: counted calls, without the network."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from benchmarks.core import Figure
from benchmarks.offline import OfflineSession
from lib.bootstrap.app import App
from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.flows.reconciliation import Scope
from lib.store.items import to_item, to_time

REPOSITORIES: Final = 10
IMAGES: Final = 1000
NOW: Final = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Registry:
    """ECR, DynamoDB and SQS for a pass. Each image has one finding."""

    def __init__(self, *, evaluated: bool) -> None:
        self._evaluated = evaluated

    def answer(self, operation: str, request: dict[str, Any]) -> Any:
        """Answer a call."""
        match operation:
            case "DescribeRepositories":
                names = [{"repositoryName": f"team/api-{number}"} for number in range(REPOSITORIES)]
                return {"repositories": names}
            case "DescribeImages":
                return {"imageDetails": _details(request["repositoryName"])}
            case "DescribeImageScanFindings":
                return _scan()
            case "DescribeTable":
                return {"Table": {"CreationDateTime": (NOW - timedelta(days=90)).timestamp()}}
            case "BatchGetItem":
                keys = request["RequestItems"]["table"]["Keys"] if self._evaluated else ()
                return {"Responses": {"table": [{**key, **_state()} for key in keys]}}
            case _:
                return {}


def _details(repository: str) -> list[dict[str, Any]]:
    prefix = int(repository.rpartition("-")[2])
    return [
        {
            "registryId": "000474600478",
            "repositoryName": repository,
            "imageDigest": f"sha256:{prefix:04x}{number:060x}",
            "imageTags": [f"1.{number}"],
            "imagePushedAt": (NOW - timedelta(minutes=number)).timestamp(),
        }
        for number in range(IMAGES)
    ]


def _scan() -> dict[str, Any]:
    finding = {"name": "CVE-2024-00001", "severity": "HIGH"}
    return {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {
            "imageScanCompletedAt": NOW.timestamp(),
            "findings": [finding],
            "findingSeverityCounts": {"HIGH": 1},
        },
    }


def _state() -> dict[str, Any]:
    row = {
        "version": 1,
        "order": to_time(NOW),
        "event_time": to_time(NOW),
        "event_id": "event-1",
        "status": "COMPLETE",
        "usable": True,
        "completed_at": to_time(NOW),
        "report_key": "reports/one",
    }
    return to_item(row)


class OfflineClients(Clients):
    """Clients of one `OfflineSession`."""

    def __init__(self, offline: OfflineSession) -> None:
        super().__init__(region="eu-central-1")
        self._offline = offline

    def get(self, service: str, region: str | None = None) -> Any:
        """Return a client that is answered in this process."""
        key = (service, region)
        if key not in self._made:
            self._made[key] = self._offline.client(service)
        return self._made[key]


def reconciling() -> list[Figure]:
    """Count the calls of a pass with all images evaluated, and with none."""
    return [_figure(evaluated=True), _figure(evaluated=False)]


def _figure(*, evaluated: bool) -> Figure:
    session = OfflineSession(Registry(evaluated=evaluated).answer)
    settings = Settings({"TABLE_NAME": "table", "SCAN_EVENTS_QUEUE_URL": "https://queue"})
    app = App(settings, clients=OfflineClients(session), now=lambda: NOW)
    started = time.perf_counter()
    result = app.reconciliation().run(Scope(since=NOW - timedelta(days=30)))
    seconds = time.perf_counter() - started
    share = "all" if evaluated else "none"
    call_counts = ", ".join(f"{count:,} {name}" for name, count in sorted(session.calls.items()))
    return Figure(
        f"reconcile {result.images:,} images in {REPOSITORIES} repositories, {share} evaluated",
        f"{result.images:,} + pages",
        f"{sum(session.calls.values()):,} calls, {len(result.missed):,} found, {seconds:.0f} s"
        f" ({call_counts})",
    )


if __name__ == "__main__":
    for figure in reconciling():
        print(f"{figure.label}: {figure.measured}")
