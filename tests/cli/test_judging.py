"""Reports as the rules see them: a first scan, what changed since, or all of one kind."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cli.judging import KINDS, Case, JudgedStream, forced, judge, reached
from lib.config import load
from lib.config.model import Config
from lib.errors import DocumentError
from lib.models import Destination, Report
from lib.models.views import Kind
from tests.support.builders import a_finding, a_report, an_image, an_unusable_report
from tests.support.every import every

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
TEAM, PAGER = Destination("team"), Destination("pager")


def rules(*routes: Mapping[str, Any], **parts: Any) -> Config:
    """Return rules with a chat, a pager, and routes above the one that catches all."""
    document = {
        "version": 1,
        "destinations": {
            "team": {"type": "slack", "webhook": {"secret": "ecr-scan-alerts/team"}},
            "pager": {"type": "pagerduty", "routing_key": {"secret": "ecr-scan-alerts/pager"}},
        },
        "routes": [*routes, {"name": "all", "severity": "HIGH", "notify": ["team", "pager"]}],
        **parts,
    }
    return load(document, today=NOW.date())


def scanned(*names: str, tag: str = "1.0", digest: str = "a") -> Report:
    """Return a report of an image with findings of these ids."""
    image = an_image(digest=f"sha256:{digest * 64}", tags=(tag,))
    findings = tuple(
        [a_finding(name, severity="CRITICAL", package=f"lib-{name}") for name in names]
    )
    return a_report(*findings, image=image)


def only(case: Case, config: Config) -> JudgedStream:
    """Return the one stream of a case."""
    (judged,) = judge(case, config, NOW)
    return judged


def kinds(judged: JudgedStream, name: Destination = TEAM) -> dict[str, list[str]]:
    """Return the ids of what a destination would be notified of, by kind."""
    items = judged.views[name].kinds.items()
    return {kind.value: [item.item.id for item in group] for kind, group in items}


def test_a_report_is_a_first_scan() -> None:
    """A baseline: news for a chat, no incident."""
    judged = only(Case(scanned("CVE-1")), rules())

    assert kinds(judged) == {"BASELINE": ["CVE-1"]}
    assert reached([judged]) == {TEAM}
    assert judged.views[PAGER].reason.startswith("nothing of it is worth a message")
    assert judged.name == judged.image.repository


def test_the_same_image_is_scanned_again() -> None:
    """What a scan lists now, and does not list any more."""
    judged = only(Case(scanned("CVE-2"), scanned("CVE-1")), rules())

    assert kinds(judged) == {"NEW": ["CVE-2"], "NO_LONGER_REPORTED": ["CVE-1"]}
    assert "a scan of" in judged.views[TEAM].kinds[Kind.NEW][0].reason


def test_another_image_follows() -> None:
    """What it brings, and what it fixes."""
    previous = scanned("CVE-1", "CVE-3")
    judged = only(Case(scanned("CVE-2", "CVE-3", tag="1.1", digest="b"), previous), rules())

    assert kinds(judged) == {"NEW": ["CVE-2"], "RESOLVED": ["CVE-1"]}
    assert judged.routes[0].reason == "1 NEW; 1 RESOLVED; 1 reported before"


def test_nothing_differs() -> None:
    """Then there is no message."""
    judged = only(Case(scanned("CVE-1"), scanned("CVE-1")), rules())

    assert reached([judged]) == set()
    assert judged.views[TEAM].reason == "nothing differs for it"
    assert (judged.routes[0].selected, judged.routes[0].reason) == (0, "1 reported before")


def test_a_scan_without_a_result_is_followed_by_one_with() -> None:
    """The first usable report of the stream is its baseline."""
    failed = an_unusable_report(image=scanned().image)
    judged = only(Case(scanned("CVE-1"), failed), rules())

    assert kinds(judged)["BASELINE"] == ["CVE-1"]


def test_a_stream_of_a_pull_request_is_compared_with_its_reference() -> None:
    """`--previous` is then the image of main; without it, main has nothing."""
    config = rules(streams=["main-*", {"tag": "pr-*", "compare_with": "main-*"}])
    report = scanned("CVE-1", "CVE-2", tag="pr-1", digest="b")
    main = scanned("CVE-1", tag="main-7")

    assert kinds(only(Case(report, main), config)) == {"NEW": ["CVE-2"]}
    assert sorted(kinds(only(Case(report), config))["NEW"]) == ["CVE-1", "CVE-2"]
    pushed_before = scanned("CVE-1", "CVE-2", tag="pr-1", digest="c")
    assert kinds(only(Case(report, pushed_before), config)) == {}


def test_an_image_is_judged_in_each_of_its_streams() -> None:
    """By the tags that it has there."""
    report = scanned("CVE-1")
    both = replace(report, image=replace(report.image, tags=("main-1", "prod-1")))
    route = {"name": "prod", "match": {"tag": "prod-*"}, "notify": ["pager"]}
    config = rules(route, streams=["main-*", "prod-*"])

    main, prod = judge(Case(both), config, NOW)

    assert [main.stream.pattern, prod.stream.pattern] == ["main-*", "prod-*"]
    assert [outcome.matched for outcome in main.routes] == [False, True]
    assert [outcome.matched for outcome in prod.routes] == [True, False]
    assert prod.routes[1].reason == "not reached: prod came first"
    assert main.routes[0].reason == "tags main-1 do not match prod-*"
    assert set(prod.views) == {PAGER}


def test_what_is_left_out_has_reasons() -> None:
    """Below the threshold, suppressed, or not of a kind that the route asks for."""
    report = scanned("CVE-1", "CVE-2")
    low = a_finding("CVE-3", severity="LOW")
    entry = {"id": "CVE-2", "expires": "2027-01-01", "reason": "not reachable"}
    route = {"name": "new", "match": {"tag": "*"}, "kinds": ["NEW"], "notify": ["team"]}
    config = rules(route, suppressions=[entry])

    judged = only(Case(replace(report, findings=(*report.findings, low))), config)

    outcome = judged.routes[0]
    assert (outcome.selected, outcome.matched) == (0, True)
    words = outcome.reason.split("; ")
    assert words[:2] == ["1 BASELINE, not asked for", "1 below HIGH"]
    assert words[2].startswith("1 suppressed by ")


@every("kind", KINDS)
def test_everything_can_be_of_one_kind(kind: Kind) -> None:
    """Each kind that a message can have, whatever the document is about."""
    judged = only(Case(scanned("CVE-1"), kind=kind), rules())

    assert set(kinds(judged)) == {kind.value}
    untold = (Kind.NO_LONGER_REPORTED, Kind.MONITORING_ENDED)
    assert (TEAM in reached([judged])) == (kind not in untold)


def test_a_kind_needs_findings() -> None:
    """An empty report cannot be resolved."""
    with pytest.raises(DocumentError, match="has no findings that could be RESOLVED"):
        judge(Case(scanned(), kind=Kind.RESOLVED), rules(), NOW)


def test_a_route_that_notifies_nobody_is_judged() -> None:
    """On purpose: it is matched, and there is no message."""
    route = {"name": "nobody", "match": {"tag": "*"}, "notify": []}

    judged = only(Case(scanned("CVE-1")), rules(route))

    assert (judged.routes[0].matched, judged.routes[0].selected) == (True, 1)
    assert judged.views == {}


def test_what_no_route_sends_can_be_looked_at() -> None:
    """By the filters of the routes that lead to the destination."""
    route = {"name": "other", "match": {"repository": "other"}, "notify": ["team"]}
    config = rules(route)
    config = replace(config, routes=(config.routes[0], replace(config.routes[1], notify=(PAGER,))))
    case = Case(scanned("CVE-1"))
    judged = only(case, config)

    view = forced(judged, case, config, TEAM)

    assert TEAM not in judged.views
    assert (view.notified, view.routes) == (True, ("other",))
    with pytest.raises(DocumentError, match="no route notifies 'nobody'"):
        forced(judged, case, config, Destination("nobody"))
