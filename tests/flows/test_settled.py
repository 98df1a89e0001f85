"""Syncs that rows alone answer: a sync in full would change nothing, and nothing else is one."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.simulation.memory import MemoryStreams
from cli.simulation.player import Player
from cli.simulation.reading import read_story
from lib.core import stream_plan
from lib.core.causes import DAILY
from lib.core.routing import Match
from lib.core.settled import inputs_of, is_settled
from lib.core.sync import SyncRules
from lib.core.verdicts import RuleSet
from lib.core.worth_notifying import Profile
from lib.flows.syncs import StreamSync
from lib.models import Destination
from lib.models.streams import Arrival, ImageRow, TagFact, TagNews, Use, Watch
from lib.models.views import View
from lib.ports.streams import ImageRecord, StreamPartition, StreamRow
from tests.support.builders import NOW, a_digest, a_finding, a_report, an_image
from tests.support.streams import (
    STREAM,
    TEAM,
    TODAY,
    a_reported,
    a_route,
    a_view,
    an_agreement,
    an_entry,
)

STORIES = Path(__file__).parents[1] / "stories"
PLAYED = (
    "05-suppression-ends",
    "07-in-use",
    "12-mutable-latest",
    "14-late-platform",
    "130-fails-again",
    "157-two-deployments-of-rules",
)
"""Stories in which most syncs are settled, or may look so."""
LONG_AGO = NOW - timedelta(days=9)


class Disk(MemoryStreams):
    """A store that counts what is large."""

    def __init__(self) -> None:
        super().__init__()
        self.read_objects: Counter[str] = Counter()

    def state(self, key: str) -> Any:
        self.read_objects["state"] += 1
        return super().state(key)

    def report(self, key: str) -> Any:
        self.read_objects["report"] += 1
        return super().report(key)


class Program:
    """A stream with one image and one destination, which reports what is found."""

    def __init__(self) -> None:
        self.store = Disk()
        self.now = NOW
        self.rules = SyncRules(
            RuleSet((a_route("all", to=(TEAM,)),), hash="rules"),
            (),
            {TEAM: Profile()},
            NOW + timedelta(days=1),
        )
        """Installed after the image: the first agreement is silent."""
        report = a_report(a_finding())
        report = replace(report, image=replace(report.image, pushed_at=LONG_AGO))
        key = self.store.put_report(report)
        self.record = ImageRecord(
            ImageRow(report.image, LONG_AGO, LONG_AGO), report_key=key, fetched_at=NOW
        )
        self.store.put(self.record, streams=[STREAM])
        self.sync = StreamSync(
            streams=self.store,
            images=self.store,
            objects=self.store,
            rules=lambda: self.rules,
            now=lambda: self.now,
        )
        self.sync.keep(
            TagNews((TagFact(STREAM, "1.4.1", report.image.digest, LONG_AGO),)), [STREAM]
        )
        self.sync.sync(STREAM, "scan")

    def change(self, **fields: Any) -> None:
        """Write the image's record anew."""
        stored = self.store.records([self.record.row.image])[self.record.row.image.key]
        self.store.put(replace(stored, **fields), streams=[STREAM])

    def reads(self, cause: str = "scan") -> Counter[str]:
        """Return the objects that one more sync reads."""
        self.store.read_objects.clear()
        self.sync.sync(STREAM, cause)
        return self.store.read_objects


@pytest.mark.parametrize("name", PLAYED)
def test_a_settled_sync_would_change_nothing_in_full(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sync that rows alone would answer is made in full all the same, and compared."""
    answers: list[bool] = []
    wrong: list[object] = []
    sync = StreamSync.sync

    def in_full(*arguments: Any) -> bool:
        answers.append(is_settled(*arguments))
        return False

    def compared(self: StreamSync, *arguments: Any) -> Any:
        answers.clear()
        outcome = sync(self, *arguments)
        if answers[-1:] == [True] and (outcome.advanced or outcome.views or outcome.stale):
            wrong.append(outcome)
        settled_syncs.append(answers[-1:] == [True])
        return outcome

    settled_syncs: list[bool] = []
    monkeypatch.setattr(stream_plan, "is_settled", in_full)
    monkeypatch.setattr(StreamSync, "sync", compared)

    Player(read_story(STORIES / f"{name}.yml")).play()

    assert wrong == []
    assert any(settled_syncs)


def test_a_sync_of_which_nothing_differs_reads_rows_alone() -> None:
    """However often the image is scanned, and whatever uses it a little more."""
    program = Program()
    again = replace(program.record.row.image, in_use_count=3, last_in_use_at=NOW)
    program.change(fetched_at=NOW + timedelta(days=1), row=replace(program.record.row, image=again))

    assert program.reads() == Counter()
    assert program.store.read(STREAM).row.current == program.record.row.image


def test_the_daily_pass_looks_at_everything() -> None:
    """It makes up for what was lost or cut off."""
    assert Program().reads(DAILY)["state"] == 1


def test_a_stale_report_is_never_settled() -> None:
    program = Program()
    program.change(stale=True)

    assert program.sync.sync(STREAM, "scan").stale == (program.record.row.image,)


@pytest.mark.parametrize(
    "fields",
    [
        {"report_key": "reports/another"},
        {"usable_key": "reports/another"},
        {"monitored": False},
    ],
    ids=str,
)
def test_another_report_of_a_watched_image_is_read(fields: Any) -> None:
    program = Program()
    program.change(**fields)

    assert program.reads()["state"] == 1


def test_what_begins_to_run_is_another_state() -> None:
    program = Program()
    program.change(row=replace(program.record.row, uses={"ecs": Use(NOW)}))

    assert program.reads()["state"] == 1


def test_other_rules_are_compared_in_full() -> None:
    program = Program()
    program.rules = replace(program.rules, rules=replace(program.rules.rules, hash="others"))

    assert program.reads()["state"] == 1
    assert program.reads() == Counter()


def partition(*views: View, version: int = 1) -> StreamPartition:
    row = StreamRow(STREAM, state_key="states/1", state_version=version)
    return StreamPartition(row, {view.destination: view for view in views})


def rules(**fields: Any) -> RuleSet:
    return RuleSet(**{"routes": (), "hash": "rules", **fields})


def settles(*views: View, today: date = TODAY, **fields: Any) -> bool:
    names = fields.pop("destinations", (TEAM,))
    return is_settled(partition(*views), [an_image()], rules(**fields), names, today)


def test_the_view_of_a_destination_that_left_is_settled_once_it_has_ended() -> None:
    """Its end is a difference; from then on there is none."""
    assert not settles(a_view(a_reported(), agreed=an_agreement()), destinations=())
    assert settles(a_view(), destinations=())


def test_a_view_that_agreed_with_this_state_by_these_rules_is_settled() -> None:
    agreed = a_view(a_reported(), agreed=an_agreement())

    assert settles(agreed)
    assert not settles(replace(agreed, agreement=None))
    assert not settles(replace(agreed, agreement=an_agreement(2)))
    assert not settles(replace(agreed, agreement=an_agreement(rules="others")))
    assert not settles(replace(agreed, row="a notification"))
    assert not settles(replace(agreed, possibly_reported={"CVE-1": a_reported()}))


def test_rules_without_a_hash_settle_nothing() -> None:
    """A view of which the route is younger than the stream has agreed with rules of no name."""
    agreed = a_view(agreed=an_agreement(rules=""))

    assert not settles(agreed, hash="")


def test_a_suppression_that_ended_is_looked_at() -> None:
    """Another one that left out nothing is not."""
    entry = an_entry("CVE-2024-0001", expires=TODAY)
    agreed = a_view(agreed=an_agreement(CVE_2024_0001=entry.name))
    later = TODAY + timedelta(days=1)

    assert settles(agreed, suppressions=(entry,))
    assert not settles(agreed, suppressions=(entry,), today=later)
    assert settles(a_view(agreed=an_agreement()), suppressions=(entry,), today=later)


def test_a_destination_without_a_view_is_looked_at_where_a_route_may_lead_there() -> None:
    """Platform and scanner are not known without the state."""

    def leads(**match: Any) -> bool:
        route = a_route("all", to=(TEAM,), match=Match(**match))
        return not settles(routes=(route,), destinations=(TEAM,))

    assert leads()
    assert leads(platform=("windows/*",), source=("inspector2",))
    assert not leads(repository=("another",))
    assert not leads(tag=("prod-*",))
    assert settles(routes=(a_route("all", to=(TEAM,)),), destinations=(Destination("other"),))
    assert not settles(routes=(a_route("all", to=(TEAM,)),), destinations=(TEAM,))


def test_the_order_and_the_roles_of_watched_images_make_the_inputs() -> None:
    """Two images that change places are another state."""
    one, two = an_image(1), an_image(2)
    records = {image.digest: ImageRecord(ImageRow(image, NOW)) for image in (one, two)}

    def inputs(current: Any, *running: Any) -> str:
        watching = Watch(current, running, current_runs=False, arrival=Arrival.SCAN, reason="")
        return inputs_of(watching, records)

    answers = [
        inputs(one),
        inputs(None, one),
        inputs(one, two),
        inputs(two, one),
        inputs(replace(one, tags=("other",))),
    ]
    assert len(set(answers)) == len(answers)
    assert inputs(one) == inputs(replace(one, in_use_count=3))
    assert replace(one, in_use_count=3).settled == one
    assert a_digest(1) == one.digest
