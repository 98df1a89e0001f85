"""Both halves of the flow over ports in memory, for tests at use-case level."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from lib.checks.settings import Expectations
from lib.core.evaluation import Rules
from lib.core.routing import Match, Route
from lib.core.suppressions import Suppression
from lib.errors import (
    PermanentDeliveryError,
)
from lib.flows.scans import ScanPipeline
from lib.models import (
    AnyReport,
    ChangeKind,
    DeliveryId,
    DeliveryState,
    Destination,
    Filter,
    ScanEvent,
    Severity,
)
from tests.support.builders import NOW, a_finding, a_report, a_scan_event, an_image
from tests.support.fakes import (
    Clock,
    MemoryPages,
    MemoryProgress,
    MemoryStore,
    RecordingWaker,
    RotatedSecrets,
    ScriptedNotifier,
    ScriptedProvenances,
    ScriptedRepositories,
    ScriptedSource,
)

RAW = {"detail-type": "ECR Image Scan"}
SLACK = Destination("team-slack")
JIRA = Destination("team-jira")
FALLBACK = Destination("operators")
REVOKED = PermanentDeliveryError("403 invalid_token", broken=True)
OLD, NEW = a_finding("CVE-2024-0001"), a_finding("CVE-2024-0002", severity="CRITICAL")


def a_route(name: str = "everything", *notify: Destination, severity: str = "HIGH") -> Route:
    return Route(
        name=name,
        match=Match(),
        filter=Filter(route=name, severity=Severity[severity]),
        notify=notify or (SLACK,),
    )


class World:
    """A pipeline over memory, and what a test looks at afterwards."""

    def __init__(
        self,
        *answers: AnyReport | Exception,
        routes: Iterable[Route] = (),
        suppressions: Iterable[Suppression] = (),
        sources: Iterable[tuple[str, str]] = (),
        provenances: ScriptedProvenances | None = None,
        repositories: Expectations | None = None,
    ) -> None:
        self.clock = Clock(NOW)
        self.store = MemoryStore()
        self.waker = RecordingWaker()
        self.progress = MemoryProgress()
        self.repositories = ScriptedRepositories()
        self.source = ScriptedSource(list(answers))
        self.notifier = ScriptedNotifier()
        self.tokens = iter(range(1000))
        self.pauses: list[float] = []
        self.secrets = RotatedSecrets()
        self.pages = MemoryPages()
        self.scans = ScanPipeline(
            source=self.source,
            states=self.store,
            reports=self.store,
            waker=self.waker,
            rules=Rules(
                tuple(routes) or (a_route(),),
                suppressions=tuple(suppressions),
                sources=tuple(sources),
                repositories=repositories,
            ),
            repositories=self.repositories,
            tags=self.store,
            progress=self.progress,
            now=self.clock,
            pause=self.pauses.append,
            provenances=provenances,
        )

    def process(self, event: ScanEvent | None = None) -> Any:
        return self.scans.process(event or a_scan_event(), RAW)

    @property
    def states(self) -> list[DeliveryState]:
        return [row.state for row in self.store.rows.values()]


def later(number: int, **fields: Any) -> ScanEvent:
    return a_scan_event(number, time=NOW + timedelta(minutes=number), **fields)


def another(world: World) -> None:
    """Let another image have something to tell."""
    world.source.answers = [a_report(NEW, image=an_image(2))]
    world.process(later(1, image=an_image(2)))


def notice_id(world: World) -> DeliveryId:
    return next(row.id for row in world.store.rows.values() if row.note)


def kinds(outcome: Any) -> dict[str, ChangeKind]:
    changes = outcome.evaluation.comparison.changes
    return {each.finding.vulnerability_id: each.kind for each in changes}
