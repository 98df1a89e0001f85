"""More findings than one invocation can fetch: the next one goes on where it stopped."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lib.errors import OutOfTimeError, SourceError
from lib.flows.fetching import Allowance
from lib.flows.image_outcomes import PROGRESS, ImageOutcome, ImageResult
from lib.models import Image, ImageIndex, Member, Report, ScanEvent
from lib.ports.sources import FETCH_RESERVE, Fetching
from lib.sources.ecr import EcrFindingSource
from tests.flows.test_images import Flow, Registry
from tests.sources.test_ecr import FakeEcr
from tests.support.builders import a_digest, a_scan_event, an_image
from tests.support.fakes import Clock

TIMEOUT = 120.0
"""Seconds that an invocation may take."""
INDEX = an_image(10, tags=("1.4.2",))


@dataclass
class SlowEcr(FakeEcr):
    """ECR that takes some seconds for each page, and whose tokens name the next one."""

    pages: dict[str, int] = field(default_factory=dict)
    """How many pages each image has, by digest."""
    seconds: float = 5.0
    clock: Any = None
    fetched: list[tuple[str, int]] = field(default_factory=list)
    completed: str = "2026-11-23T09:00:00Z"
    refused: Callable[[int], Exception | None] = lambda _: None

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        digest = request["imageId"]["imageDigest"]
        for number in range(int(request.get("nextToken", "0")), self.pages[digest]):
            error = self.refused(number)
            if error is not None:
                raise error
            self.clock.forward(seconds=self.seconds)
            self.fetched.append((digest, number))
            yield self._page(digest, number)

    def _page(self, digest: str, number: int) -> dict[str, Any]:
        more = number + 1 < self.pages[digest]
        name = f"CVE-2026-{int(digest[-3:], 16) % 100}{number:04}"
        return {
            "imageScanStatus": {"status": "COMPLETE"},
            "imageScanFindings": {
                "imageScanCompletedAt": self.completed,
                "findings": [{"name": name, "severity": "HIGH"}],
            },
            **({"nextToken": str(number + 1)} if more else {}),
        }


class Slow(Registry):
    """ECR's answers about one index, or an image of it."""

    def __init__(self, ecr: SlowEcr) -> None:
        members = tuple(Member(digest, "linux/amd64") for digest in ecr.pages)
        super().__init__({}, ImageIndex(INDEX, members))
        self.report = EcrFindingSource(ecr).report  # type: ignore[assignment, arg-type]  # as much of it as is used


class Invocations:
    """Invocations of the flow, one after the other, until the event is done."""

    def __init__(self, **pages: int) -> None:
        self.clock = Clock()
        self.ecr = SlowEcr(pages={a_digest(int(n[1:])): count for n, count in pages.items()})
        self.ecr.clock = self.clock
        self.registry = Slow(self.ecr)
        self.flow = Flow(self.registry)
        self.durations: list[float] = []

    def run(self, event: ScanEvent, *, timeout: float = TIMEOUT) -> ImageOutcome:
        """Handle an event and what comes back of it at once."""
        raw: dict[str, Any] = {"id": event.event_id}
        while (outcome := self._once(event, raw, timeout)).result is ImageResult.CONTINUED:
            assert outcome.revisit == timedelta()
            raw = json.loads(json.dumps(outcome.comeback(raw)))
        return outcome

    def _once(self, event: ScanEvent, raw: dict[str, Any], timeout: float) -> ImageOutcome:
        begun = self.clock()
        allowance = Allowance(
            lambda: timeout - (self.clock() - begun).total_seconds(), raw.get(PROGRESS)
        )
        outcome = self.flow.scanned(event, allowance)
        self.durations.append((self.clock() - begun).total_seconds())
        return outcome

    def findings_of(self, image: Image) -> int:
        """Return how many findings are stored of an image."""
        record = self.flow.store.records([image])[image.key]
        assert record.report_key is not None
        report = self.flow.store.report(record.report_key)
        assert isinstance(report, Report)
        return len(report.findings)


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param({"m1": 1, "m2": 1}, id="small"),
        pytest.param({"m1": 40, "m2": 40, "m3": 40}, id="each-too-long"),
        pytest.param({"m1": 2, "m2": 500}, id="one-far-too-long"),
        pytest.param({f"m{number}": 1 for number in range(1, 61)}, id="many-short-ones"),
    ],
)
def test_an_index_of_any_size_is_stored(pages: dict[str, int]) -> None:
    """Each page is fetched once, and no invocation reaches its end."""
    invocations = Invocations(**pages)

    outcome = invocations.run(a_scan_event(image=INDEX))

    assert outcome.result is ImageResult.STORED
    assert invocations.findings_of(INDEX) == sum(pages.values())
    assert len(invocations.ecr.fetched) == len(set(invocations.ecr.fetched)) == sum(pages.values())
    assert max(invocations.durations) < TIMEOUT - FETCH_RESERVE / 2


def test_one_image_of_any_size_is_stored() -> None:
    """The pages of its one list are kept, too."""
    invocations = Invocations(m1=100)

    outcome = invocations.run(a_scan_event(image=an_image(1)))

    assert outcome.result is ImageResult.STORED
    assert invocations.findings_of(an_image(1)) == 100
    assert len(invocations.durations) > 3


def test_every_invocation_gets_on_however_little_time_it_has() -> None:
    """One page each: never a loop without end."""
    invocations = Invocations(m1=5, m2=1)

    invocations.run(a_scan_event(image=INDEX), timeout=10.0)

    assert invocations.findings_of(INDEX) == 6
    assert len(invocations.durations) == 6


@pytest.mark.parametrize("progress", ["progress/gone", None])
def test_progress_that_is_gone_begins_anew(progress: str | None) -> None:
    """A rule of the bucket deletes it after some days."""
    invocations = Invocations(m1=10)

    invocations.flow.scanned(a_scan_event(image=an_image(1)), Allowance(progress=progress))

    assert invocations.findings_of(an_image(1)) == 10


class TestSource:
    """The list of one image, in parts."""

    IMAGE = an_image(1)
    SCAN = a_scan_event().scan

    def first_pages(self, invocations: Invocations, ends: int) -> tuple[Any, ...]:
        """Fetch until the time is over."""
        left = iter([TIMEOUT] * (ends - 1) + [0.0] * 99)
        with pytest.raises(OutOfTimeError) as stopped:
            self.fetch(invocations, Fetching(lambda: next(left)))
        return stopped.value.pages

    def fetch(self, invocations: Invocations, fetching: Fetching) -> Any:
        source = EcrFindingSource(invocations.ecr)  # type: ignore[arg-type]
        return source.report(self.IMAGE, self.SCAN, fetching=fetching)

    def test_a_new_scan_in_between_begins_anew(self) -> None:
        """Pages of two scans would be findings that were never there together."""
        invocations = Invocations(m1=4)
        pages = self.first_pages(invocations, 2)
        invocations.ecr.completed = "2026-11-23T10:00:00Z"
        invocations.ecr.fetched.clear()

        report = self.fetch(invocations, Fetching(pages=pages))

        assert len(report.findings) == 4
        assert [number for _, number in invocations.ecr.fetched] == [2, 3, 0, 1, 2, 3]

    def test_a_place_that_is_refused_begins_anew(self) -> None:
        """The token of an earlier list may not be accepted any more."""
        invocations = Invocations(m1=4)
        pages = self.first_pages(invocations, 2)
        errors = iter([refusal("InvalidParameterException")])
        invocations.ecr.refused = lambda _: next(errors, None)

        report = self.fetch(invocations, Fetching(pages=pages))

        assert len(report.findings) == 4

    def test_another_refusal_is_what_it_was(self) -> None:
        """The pages stay for the next try."""
        invocations = Invocations(m1=4)
        pages = self.first_pages(invocations, 2)
        invocations.ecr.refused = lambda _: refusal("ServerException")

        with pytest.raises(SourceError, match="ServerException"):
            self.fetch(invocations, Fetching(pages=pages))

    def test_the_last_page_is_no_reason_to_stop(self) -> None:
        """What is complete is evaluated, however late."""
        invocations = Invocations(m1=1)

        report = self.fetch(invocations, Fetching(lambda: 0.0))

        assert replace(report.image, tags=()) == replace(self.IMAGE, tags=())


def refusal(code: str) -> Exception:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeImageScanFindings")
