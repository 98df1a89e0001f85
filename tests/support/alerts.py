"""Stories with an alert each, made by the real comparison, routing and report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from lib.checks.tags import MOVED
from lib.core.evaluation import Rules, evaluate
from lib.core.suppressions import Suppression
from lib.messages.alert import alert
from lib.models import (
    Alert,
    AnyReport,
    BasisKind,
    ChangeKind,
    Evaluation,
    Filter,
    Report,
)
from tests.support.builders import NOW, a_delivery, a_filter
from tests.support.fakes import known_of
from tests.support.scenes import (  # noqa: F401  # for tests of alerts
    BUILD,
    COMMIT,
    ENHANCED,
    HOSTILE,
    INJECTIONS,
    OLD_COMMIT,
    PAGE,
    RUNNING,
    STREAM,
    Scene,
    a_check,
    a_provenance,
    an_index_of,
    hostile_provenance,
    injected_problem_scene,
    injected_scene,
    many,
    openssl,
    scenes,
)


def evaluated(
    report: AnyReport,
    *,
    before: Report | None = None,
    kind: BasisKind = BasisKind.PREVIOUS_IMAGE,
    suppressions: Sequence[Suppression] = (),
) -> Evaluation:
    """Evaluate a result as the pipeline does."""
    earlier = (
        known_of(evaluate(before, stream=STREAM, version=1, now=NOW, rules=Rules(())))
        if before
        else None
    )
    return evaluate(
        report,
        stream=STREAM,
        version=1,
        now=NOW,
        rules=Rules((), suppressions=suppressions),
        before=(kind, earlier) if earlier else None,
    )


def told(evaluation: Evaluation, *filters: Filter, **delivery: Any) -> Alert:
    """Return what a destination with these filters is told."""
    row = a_delivery(filters=filters or (a_filter(),), **delivery)
    return alert(evaluation, row, page=PAGE)


@dataclass(frozen=True)
class Story:
    """An evaluation, and what a destination is told about it."""

    evaluation: Evaluation
    alert: Alert


def story(evaluation: Evaluation, *filters: Filter, **delivery: Any) -> Story:
    """Return a story. See `told`."""
    return Story(evaluation, told(evaluation, *filters, **delivery))


def story_of(scene: Scene) -> Story:
    """Return the story of a scene."""
    same = scene.before is not None and scene.before.image.key == scene.report.image.key
    same = same and scene.report.scan.status != MOVED
    evaluation = evaluated(
        scene.report,
        before=scene.before if isinstance(scene.before, Report) else None,
        kind=BasisKind.RESCAN if same else BasisKind.PREVIOUS_IMAGE,
        suppressions=scene.suppressions,
    )
    judged = replace(evaluation, stream=scene.stream)
    return story(judged, *scene.filters, attempts=scene.attempts)


def injected(text: str) -> Alert:
    """Return an alert in which every field that comes from outside is this text."""
    return story_of(injected_scene(text)).alert


def injected_problem(text: str) -> Alert:
    """Return an alert about a failed scan in which every field from outside is this text."""
    return story_of(injected_problem_scene(text)).alert


@cache
def stories() -> Mapping[str, Alert]:
    """Return an alert for every kind of message."""
    return MappingProxyType({name: kept.alert for name, kept in whole_stories().items()})


@cache
def whole_stories() -> Mapping[str, Story]:
    """Return the same alerts with what they are made from."""
    made = {name: story_of(scene) for name, scene in scenes().items()}
    big = scenes()["baseline"].report
    still = evaluated(big, before=big, kind=BasisKind.RESCAN)  # type: ignore[arg-type]  # usable
    made["still-there"] = story(still, a_filter(kinds=(ChangeKind.UNCHANGED,)))
    running = replace(made["new-and-resolved"].evaluation, running=RUNNING)
    made["still-running"] = story(running, *scenes()["new-and-resolved"].filters)
    return made
