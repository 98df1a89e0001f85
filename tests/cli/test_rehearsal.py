"""The rehearsal of a pass: what would be fetched and sent, without any change."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from cli.rehearsal import Rehearsal, rehearse
from cli.simulation.images import Place
from cli.simulation.memory import MemoryStreams
from cli.simulation.registry import Registry
from cli.simulation.runtime import Sources
from cli.simulation.story import FindingForm, ImageName, PackageForm, PartAnswer
from lib.core.routing import Match
from lib.core.sync import SyncRules
from lib.core.verdicts import RuleSet
from lib.core.worth_notifying import profile_of
from lib.errors import SourceError
from lib.flows.passes import Scope
from lib.models import Destination, Image, Scan
from lib.sources.coverage import InspectorCoverage
from lib.sources.registry import EcrRegistry
from lib.sources.repositories import EcrRepositories
from tests.support.builders import NOW
from tests.support.streams import a_route

ACCOUNT, REGION = "111122223333", "eu-central-1"
TEAM, OTHERS = Destination("team"), Destination("others")
SSL = FindingForm("CVE-2026-1001", "CRITICAL", (PackageForm("openssl", "3.0.11"),))


class Stage:
    """A registry, and what a stage has stored of it."""

    def __init__(self) -> None:
        self.registry = Registry(ACCOUNT, REGION)
        self.store = MemoryStreams()
        self.now = NOW
        home = Place(ACCOUNT, REGION, "")
        ecr: Any = self.registry.client_of("ecr", home)
        self.ecr = EcrRegistry(ecr)
        inspector: Any = self.registry.client_of("inspector2", home)
        rules = SyncRules(
            RuleSet(
                (
                    a_route("all", to=(TEAM,), continues=True),
                    a_route("web", to=(OTHERS,), match=Match(repository=("web",))),
                )
            ),
            (),
            {name: profile_of("slack", {}) for name in (TEAM, OTHERS)},
            NOW - timedelta(days=1),
        )
        self.application: Any = SimpleNamespace(
            source=Sources(self.registry, home),
            repositories=EcrRepositories(ecr),
            now=lambda: self.now,
            coverage=InspectorCoverage(inspector),
            stores=SimpleNamespace(
                streams=self.store, images=self.store, objects=self.store, progress=None
            ),
            streams=SimpleNamespace(rules_as_stored=rules),
        )

    def push(self, word: str, repository: str, *findings: FindingForm) -> None:
        image, _ = self.registry.push(ImageName(word, repository), (), self.now)
        self.registry.tag(image, word)
        self.registry.set_answer(image, "enhanced", PartAnswer(findings), self.now)

    def rehearse(self, scope: Scope | None = None) -> Rehearsal:
        return rehearse(self.application, self.ecr, scope or Scope())


def test_messages_are_counted_by_destination() -> None:
    """One for each stream, by the rules of the stage; what is clean says nothing."""
    stage = Stage()
    stage.push("1.0", "api", SSL)
    stage.push("2.0", "web", SSL)
    stage.push("3.0", "clean")

    rehearsal = stage.rehearse()

    assert rehearsal.messages == {TEAM: 2, OTHERS: 1}
    assert len(rehearsal.result.to_fetch) == 3
    assert rehearsal.unread == {}


def test_nothing_is_written() -> None:
    """The same again says the same, and the stores stay empty."""
    stage = Stage()
    stage.push("1.0", "api", SSL)

    first, second = stage.rehearse(), stage.rehearse()

    assert first.messages == second.messages == {TEAM: 1}
    assert list(stage.store.streams()) == []
    assert stage.store.dead() == stage.store.unsent() == ()


def test_an_image_that_cannot_be_fetched_hides_no_other() -> None:
    """It is named with the reason."""
    stage = Stage()
    stage.push("1.0", "api", SSL)
    stage.push("2.0", "web", SSL)
    source = stage.application.source

    class Refusing:
        describe, index = source.describe, source.index

        def report(self, image: Image, scan: Scan, **others: Any) -> Any:
            if image.repository == "api":
                raise SourceError("access denied")
            return source.report(image, scan, **others)

    stage.application.source = Refusing()

    rehearsal = stage.rehearse()

    assert rehearsal.messages == {TEAM: 1, OTHERS: 1}
    assert list(rehearsal.unread.values()) == ["access denied"]
