"""Rules -> destinations, and what filters let through."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.routing import (
    Decision,
    Match,
    Route,
    Selection,
    decide,
    refusal,
    selection,
    stream_of,
)
from lib.models import (
    Basis,
    BasisKind,
    Change,
    ChangeKind,
    Comparison,
    DeliveryState,
    Destination,
    Evaluation,
    Filter,
    Finding,
    Image,
    Omission,
    Part,
    ScanProblem,
    Severity,
    StreamId,
    Suppressed,
)
from tests.support.builders import NOW, a_filter, a_finding, a_report, an_image, an_unusable_report

SLACK = Destination("slack")
JIRA = Destination("jira")


def a_route(
    name: str = "everything",
    *,
    match: Match | None = None,
    notify: tuple[Destination, ...] = (SLACK,),
    continues: bool = False,
    **fields: Any,
) -> Route:
    """Return a route that takes HIGH and above, whatever the image."""
    return Route(name, a_filter(route=name, **fields), notify, match, continues)


def a_change(kind: ChangeKind = ChangeKind.NEW, **finding: Any) -> Change:
    """Return a change of a HIGH finding."""
    return Change(kind, a_finding(**finding), "reason")


def an_entry(kind: ChangeKind = ChangeKind.NEW, entry: str = "CVE-9", **finding: Any) -> Suppressed:
    """Return a suppressed HIGH finding."""
    return Suppressed(a_finding("CVE-9", **finding), entry, "not reachable", "2027-01-31", kind)


def an_evaluation(
    *changes: Change,
    suppressed: tuple[Suppressed, ...] = (),
    others: tuple[Finding, ...] = (),
    image: Image | None = None,
) -> Evaluation:
    """Return an evaluation whose report fits its changes."""
    listed = [each.finding for each in changes if each.kind is not ChangeKind.RESOLVED]
    hidden = [each.finding for each in suppressed]
    report = a_report(*listed, *hidden, *others, image=image)
    comparison = Comparison(Basis(BasisKind.RESCAN), changes, suppressed)
    return Evaluation(report, StreamId("stream"), 1, NOW, comparison)


def a_problem(kind: ChangeKind = ChangeKind.SCAN_FAILED) -> Evaluation:
    """Return the evaluation of a scan without a result."""
    problem = ScanProblem(kind, "FAILED", "reason", "remedy")
    return Evaluation(an_unusable_report(), StreamId("stream"), 1, NOW, problem=problem)


class TestMatch:
    """Which images a route is about."""

    @pytest.mark.parametrize(
        ("match", "mismatch"),
        [
            (Match(), None),
            (Match(repository=("payments/*",)), None),
            (Match(repository=("web", "pay*i")), None),
            (
                Match(repository=("Payments/*",)),
                "repository payments/api does not match Payments/*",
            ),
            (Match(account=("000474600478",)), None),
            (
                Match(account=("1*", "2*")),
                "account 000474600478 does not match 1* or 2*",
            ),
            (Match(region=("eu-*",)), None),
            (Match(region=("us-*",)), "region eu-central-1 does not match us-*"),
            (Match(platform=("linux/*",)), "platform (not known) does not match linux/*"),
            (Match(platform=("*",)), None),
            (Match(tag=("prod-*", "1.*")), None),
            (Match(tag=("prod-*",)), "tags 1.4.1, latest do not match prod-*"),
            (
                Match(tag=("prod-*",), untagged=True),
                "tags 1.4.1, latest do not match prod-* or untagged",
            ),
            (Match(untagged=True), "tags 1.4.1, latest do not match untagged"),
            (
                Match(repository=("*",), tag=("v*",)),
                "tags 1.4.1, latest do not match v*",
            ),
        ],
    )
    def test_every_field_must_match(self, match: Match, mismatch: str | None) -> None:
        """One glob of every given field must match, in the same case; a mismatch is named."""
        assert match.mismatch(an_image(tags=("1.4.1", "latest"))) == mismatch

    @pytest.mark.parametrize(
        ("match", "mismatch"),
        [
            (Match(untagged=True), None),
            (Match(tag=("v*",), untagged=True), None),
            (Match(tag=("*",)), "tags (none) do not match *"),
        ],
    )
    def test_an_untagged_image_matches_untagged_only(
        self, match: Match, mismatch: str | None
    ) -> None:
        """No glob matches a tag that is not there."""
        assert match.mismatch(an_image(tags=())) == mismatch

    @pytest.mark.parametrize(
        ("glob", "mismatch"),
        [
            ("linux/arm64", None),
            ("linux/arm64/v8", None),
            ("linux/amd64", None),
            (
                "windows/*",
                "platform linux/amd64, linux/arm64/v8, linux/arm64 does not match windows/*",
            ),
        ],
    )
    def test_one_platform_of_an_index_is_enough(self, glob: str, mismatch: str | None) -> None:
        """With or without the variant, which builders name or not."""
        parts = [Part(each, "", "COMPLETE") for each in ("linux/amd64", "linux/arm64/v8")]

        assert Match(platform=(glob,)).mismatch(an_image(), parts) == mismatch


class TestStreamOf:
    """Which line of images an image continues."""

    @pytest.mark.parametrize(
        ("tags", "platform", "stream"),
        [
            (("1.0",), None, "000474600478/eu-central-1/payments/api"),
            ((), None, "000474600478/eu-central-1/payments/api"),
            (("main-3",), None, "000474600478/eu-central-1/payments/api|main-*"),
            (
                ("x", "main-3", "release-3"),
                "linux/arm64",
                "000474600478/eu-central-1/payments/api|linux/arm64|release-*",
            ),
            (("1.0",), "linux/arm64", "000474600478/eu-central-1/payments/api|linux/arm64"),
        ],
    )
    def test_repository_platform_and_first_pattern(
        self, tags: tuple[str, ...], platform: str | None, stream: str
    ) -> None:
        """The first pattern that matches any tag counts; without one, the repository does."""
        image = an_image(tags=tags, platform=platform)

        assert stream_of(image, ("release-*", "main-*")) == stream


class TestRefusal:
    """Why a filter leaves a finding out."""

    @pytest.mark.parametrize(
        ("finding", "fields", "reason"),
        [
            ({}, {}, None),
            ({"severity": "MEDIUM"}, {}, "below HIGH"),
            ({"severity": "CRITICAL"}, {}, None),
            ({"severity": "UNKNOWN"}, {}, "severity unknown"),
            ({"severity": "UNKNOWN"}, {"unknown_severity": True}, None),
            ({"severity": "UNKNOWN"}, {"severity": Severity.UNKNOWN}, None),
            ({"severity": "INFORMATIONAL"}, {"severity": Severity.UNKNOWN}, None),
            ({}, {"only": ("fixable",)}, "no fix known"),
            ({"fix_available": "NO"}, {"only": ("fixable",)}, "no fix available"),
            ({"fixed_version": "1"}, {"only": ("fixable",)}, None),
            ({}, {"only": ("exploitable",)}, "no known exploit"),
            ({"exploit_available": "YES"}, {"only": ("exploitable",)}, None),
            ({}, {"only": ("in-use",)}, "not known to be in use"),
        ],
    )
    def test_the_first_reason_is_said(
        self, finding: dict[str, Any], fields: dict[str, Any], reason: str | None
    ) -> None:
        """Severity first, then what `only` asks for."""
        assert refusal(a_finding(**finding), an_image(), a_filter(**fields)) == reason

    @pytest.mark.parametrize(("count", "reason"), [(0, "not in use"), (3, None)])
    def test_in_use_is_a_fact_about_the_image(self, count: int, reason: str | None) -> None:
        """Inspector counts the tasks and pods that run an image."""
        image = an_image(in_use_count=count)

        assert refusal(a_finding(), image, a_filter(only=("in-use",))) == reason


class TestSelection:
    """What one destination is told, and what it is not."""

    def test_what_passes_is_told_in_order(self) -> None:
        """Changes that a filter lets through keep their order, RESOLVED ones included."""
        changes = (
            a_change(vulnerability_id="CVE-1", severity="CRITICAL"),
            a_change(vulnerability_id="CVE-2"),
            a_change(ChangeKind.RESOLVED, vulnerability_id="CVE-3"),
        )

        chosen = selection(an_evaluation(*changes), (a_filter(),))

        assert chosen == Selection(changes, standing=changes[:2])

    def test_what_was_there_before_is_counted(self) -> None:
        """UNCHANGED is told only where kinds names it; else it is a number."""
        unchanged = a_change(ChangeKind.UNCHANGED)
        evaluation = an_evaluation(unchanged)

        quiet = selection(evaluation, (a_filter(),))
        asked = selection(evaluation, (a_filter(kinds=(ChangeKind.UNCHANGED,)),))

        assert quiet == Selection(unchanged=1, standing=(unchanged,))
        assert asked == Selection((unchanged,), standing=(unchanged,))

    def test_resolved_below_the_threshold_is_not_told(self) -> None:
        """Nobody heard of it when it was there."""
        evaluation = an_evaluation(a_change(ChangeKind.RESOLVED, severity="LOW"))

        assert selection(evaluation, (a_filter(),)) == Selection()

    def test_the_rest_is_counted_by_reason(self) -> None:
        """Everything else is counted under the reason, and the numbers add up."""
        evaluation = an_evaluation(
            a_change(vulnerability_id="CVE-1"),
            a_change(vulnerability_id="CVE-2", severity="LOW"),
            a_change(ChangeKind.UNCHANGED, vulnerability_id="CVE-3", severity="LOW"),
            a_change(ChangeKind.RAISED, vulnerability_id="CVE-4"),
            suppressed=(an_entry(),),
            others=(
                a_finding("CVE-5", source_status="CLOSED"),
                a_finding("CVE-6", source_status="SUPPRESSED"),
            ),
        )

        result = selection(evaluation, (a_filter(kinds=(ChangeKind.NEW,)),))

        assert [each.finding.vulnerability_id for each in result.changes] == ["CVE-1"]
        assert set(result.left_out) == {
            Omission("below HIGH", 2),
            Omission("kind not asked for", 1, standing=True),
            Omission("suppressed by CVE-9 until 2027-01-31: not reachable", 1),
            Omission("closed at the source", 1),
            Omission("suppressed at the source", 1),
        }
        assert [each.finding.vulnerability_id for each in result.standing] == ["CVE-1", "CVE-4"]

    def test_any_filter_is_enough(self) -> None:
        """A change passes if one of several filters lets it through."""
        change = a_change(severity="LOW")
        filters = (a_filter(), a_filter(severity=Severity.LOW))

        chosen = selection(an_evaluation(change), filters)

        assert chosen == Selection((change,), standing=(change,))

    def test_several_filters_say_why_together(self) -> None:
        """Of several thresholds only the lowest is said; other reasons are joined."""
        evaluation = an_evaluation(
            a_change(vulnerability_id="CVE-1", severity="LOW"),
            a_change(vulnerability_id="CVE-2", severity="HIGH"),
        )
        filters = (
            a_filter(severity=Severity.CRITICAL),
            a_filter(severity=Severity.HIGH, only=("fixable",)),
        )

        assert selection(evaluation, filters).left_out == (
            Omission("below HIGH", 1),
            Omission("no fix known, below CRITICAL", 1),
        )

    def test_without_filters_nothing_is_asked_for(self) -> None:
        """No filter lets nothing through, and says so."""
        result = selection(an_evaluation(a_change()), ())

        assert result == Selection(left_out=(Omission("kind not asked for", 1),))

    @pytest.mark.parametrize("evaluation", [a_problem(), replace(an_evaluation(), comparison=None)])
    def test_without_a_comparison_there_is_nothing_to_select(self, evaluation: Evaluation) -> None:
        """A scan without a result has no findings to choose from."""
        assert selection(evaluation, (a_filter(),)) == Selection()


KINDS = [
    kind for kind in ChangeKind if kind not in {ChangeKind.SCAN_FAILED, ChangeKind.NOT_SCANNED}
]
FILTERS = st.lists(
    st.builds(
        Filter,
        route=st.just("route"),
        severity=st.sampled_from(Severity),
        only=st.lists(st.sampled_from(["fixable", "exploitable", "in-use"]), unique=True).map(
            tuple
        ),
        kinds=st.lists(st.sampled_from(KINDS), unique=True, max_size=3).map(tuple),
        unknown_severity=st.booleans(),
    ),
    max_size=3,
)
FINDING_FIELDS = st.fixed_dictionaries(
    {
        "severity": st.sampled_from(list(Severity.__members__)),
        "fix_available": st.sampled_from([None, "YES", "NO", "PARTIAL"]),
        "fixed_version": st.sampled_from([None, "2"]),
        "exploit_available": st.sampled_from([None, "YES", "NO"]),
        "exploit_observed_at": st.sampled_from([None, NOW]),
    }
)
GROUPS = st.lists(
    st.tuples(st.sampled_from([*KINDS, "hidden", "CLOSED", "SUPPRESSED"]), FINDING_FIELDS),
    max_size=12,
)


def an_evaluation_of(groups: list[tuple[str, dict[str, Any]]], in_use: int | None) -> Evaluation:
    """Return an evaluation with one finding for each drawn group."""
    changes: list[Change] = []
    hidden: list[Suppressed] = []
    others: list[Finding] = []
    for number, (group, fields) in enumerate(groups):
        finding = a_finding(f"CVE-{number}", **fields)
        if group == "hidden":
            hidden.append(Suppressed(finding, "entry", "reason", "2027-01-31"))
        elif group in {"CLOSED", "SUPPRESSED"}:
            others.append(replace(finding, source_status=group))
        else:
            changes.append(Change(ChangeKind(group), finding, "reason"))
    return an_evaluation(
        *changes,
        suppressed=tuple(hidden),
        others=tuple(others),
        image=an_image(in_use_count=in_use),
    )


@given(groups=GROUPS, filters=FILTERS, in_use=st.sampled_from([None, 0, 2]))
def test_the_numbers_add_up(
    groups: list[tuple[str, dict[str, Any]]], filters: list[Filter], in_use: int | None
) -> None:
    """Every finding of the report is told, unchanged, or left out for one reason."""
    evaluation = an_evaluation_of(groups, in_use)

    result = selection(evaluation, filters)

    told = [each for each in result.changes if each.kind is not ChangeKind.RESOLVED]
    left_out = sum(each.count for each in result.left_out)
    assert len(told) + result.unchanged + left_out == len(evaluation.report.findings)


@given(groups=GROUPS, filters=FILTERS, in_use=st.sampled_from([None, 0, 2]))
def test_decide_and_selection_agree(
    groups: list[tuple[str, dict[str, Any]]], filters: list[Filter], in_use: int | None
) -> None:
    """A route says that n changes pass exactly when its filter selects n changes."""
    evaluation = an_evaluation_of(groups, in_use)
    routes = [Route(f"r{n}", each, (SLACK,), continues=True) for n, each in enumerate(filters)]

    decisions = decide(evaluation, routes)

    expected = [len(selection(evaluation, (each,)).changes) for each in filters]
    assert [each.selected for each in decisions.outcomes] == expected
    told = selection(evaluation, filters).changes
    states = [each.state for each in decisions.deliveries]
    assert (DeliveryState.PENDING in states) == bool(told)


class TestDecide:
    """Who hears of an evaluation."""

    @pytest.mark.parametrize(
        ("fields", "only"),
        [
            ({"fix_available": "YES"}, "fixable"),
            ({"fixed_version": "2"}, "fixable"),
            ({"exploit_available": "YES"}, "exploitable"),
            ({"exploit_observed_at": NOW}, "exploitable"),
        ],
    )
    def test_findings_that_differ_in_one_fact_are_told_apart(
        self, fields: dict[str, Any], only: str
    ) -> None:
        """Findings are counted together only where no filter can tell them apart."""
        changes = [a_change(vulnerability_id=f"CVE-{number}") for number in range(3)]
        changes += [a_change(vulnerability_id=f"GHSA-{number}", **fields) for number in range(2)]
        evaluation = an_evaluation(*changes)
        route = a_route(only=(only,))

        (outcome,) = decide(evaluation, (route,)).outcomes

        assert outcome.selected == 2
        assert selection(evaluation, (route.filter,)).changes == tuple(changes[3:])

    def test_the_first_route_that_matches_wins(self) -> None:
        """Later routes are not asked, and say so."""
        routes = (
            a_route("web", match=Match(repository=("web/*",))),
            a_route("payments", match=Match(repository=("payments/*",)), notify=(JIRA,)),
            a_route(),
        )

        decisions = decide(an_evaluation(a_change()), routes)

        assert [(each.route, each.matched, each.reason) for each in decisions.outcomes] == [
            ("web", False, "repository payments/api does not match web/*"),
            ("payments", True, "1 change passes"),
            ("everything", False, "not reached: payments came first"),
        ]
        assert decisions.deliveries == (
            Decision(
                JIRA,
                (routes[1].filter,),
                ("payments",),
                DeliveryState.PENDING,
                "payments: 1 change passes",
            ),
        )

    def test_a_route_may_continue(self) -> None:
        """With `continue`, the routes below are asked, too."""
        routes = (a_route("tickets", notify=(JIRA,), continues=True), a_route())

        decisions = decide(an_evaluation(a_change()), routes)

        assert [each.destination for each in decisions.deliveries] == [JIRA, SLACK]

    def test_a_route_that_selects_nothing_still_wins(self) -> None:
        """A match decides who is asked; the filter decides what they hear."""
        routes = (a_route("quiet", severity=Severity.CRITICAL), a_route())

        decisions = decide(an_evaluation(a_change()), routes)

        assert decisions.deliveries == ()
        assert [each.reason for each in decisions.outcomes] == [
            "nothing to send: 1 change left out (below CRITICAL)",
            "not reached: quiet came first",
        ]

    def test_a_destination_hears_once(self) -> None:
        """Several routes to one destination make one decision with all their filters."""
        routes = (
            a_route("all", notify=(SLACK, JIRA), continues=True),
            a_route("none", severity=Severity.CRITICAL, continues=True),
            a_route("low", severity=Severity.LOW),
        )
        changes = (a_change(), a_change(vulnerability_id="CVE-2", severity="LOW"))

        slack, jira = decide(an_evaluation(*changes), routes).deliveries

        assert slack.filters == tuple(each.filter for each in routes)
        assert slack.routes == ("all", "none", "low")
        assert slack.reason == "all: 1 change passes; low: 2 changes pass"
        assert jira.filters == (routes[0].filter,)

    def test_nothing_new_is_nothing_to_tell(self) -> None:
        """Without a selected change there is no decision, but a reason."""
        evaluation = an_evaluation(
            a_change(ChangeKind.UNCHANGED),
            a_change(ChangeKind.RESOLVED, vulnerability_id="CVE-2", severity="LOW"),
        )

        decisions = decide(evaluation, (a_route(),))

        assert decisions.deliveries == ()
        assert decisions.outcomes[0].reason == "nothing to send: 1 change left out (unchanged)"
        assert decisions.outcomes[0].matched
        assert decisions.outcomes[0].selected == 0

    def test_a_clean_image_is_nothing_to_tell(self) -> None:
        """A scan without findings asks nobody."""
        decisions = decide(an_evaluation(), (a_route(),))

        assert decisions.outcomes[0].reason == "nothing to send: no findings"

    def test_without_routes_nobody_hears(self) -> None:
        """No route, no decision."""
        assert decide(an_evaluation(a_change()), ()).deliveries == ()


class TestSuppressions:
    """When suppressions are why nobody hears."""

    def test_all_suppressed_is_recorded(self) -> None:
        """Had it not been suppressed, it would have been told: that is SUPPRESSED, by name."""
        (decision,) = decide(an_evaluation(suppressed=(an_entry(),)), (a_route(),)).deliveries

        assert decision.state is DeliveryState.SUPPRESSED
        assert decision.reason == "everything: suppressed: CVE-9 until 2027-01-31"

    def test_many_entries_are_counted(self) -> None:
        """Three entries are named, the others counted."""
        entries = tuple(an_entry(entry=f"CVE-{number}") for number in range(5))

        (decision,) = decide(an_evaluation(suppressed=entries), (a_route(),)).deliveries

        assert decision.reason.endswith(
            "CVE-0 until 2027-01-31, CVE-1 until 2027-01-31, CVE-2 until 2027-01-31 and 2 more"
        )

    @pytest.mark.parametrize("entry", [an_entry(ChangeKind.UNCHANGED), an_entry(severity="LOW")])
    def test_what_would_not_have_been_told_is_not_suppressed(self, entry: Suppressed) -> None:
        """An entry that hides nothing from this route leaves no row at every re-scan."""
        assert decide(an_evaluation(suppressed=(entry,)), (a_route(),)).deliveries == ()

    def test_one_selected_change_is_pending(self) -> None:
        """Where something else is told, the suppressed finding is counted in that message."""
        evaluation = an_evaluation(a_change(), suppressed=(an_entry(),))

        (decision,) = decide(evaluation, (a_route(),)).deliveries

        assert decision.state is DeliveryState.PENDING


class TestProblems:
    """Scans without a result."""

    @pytest.mark.parametrize("kind", [ChangeKind.SCAN_FAILED, ChangeKind.NOT_SCANNED])
    def test_a_problem_passes_every_threshold(self, kind: ChangeKind) -> None:
        """Nobody knows what a scan would have found, so no filter on findings applies."""
        route = a_route(severity=Severity.CRITICAL, only=("fixable", "in-use"))

        decisions = decide(a_problem(kind), (route,))

        assert decisions.outcomes[0].reason == f"{kind.value} passes"
        assert decisions.outcomes[0].selected == 1
        assert [each.state for each in decisions.deliveries] == [DeliveryState.PENDING]

    def test_kinds_apply_to_problems(self) -> None:
        """A route that asks for NEW only does not hear of failed scans."""
        decisions = decide(a_problem(), (a_route(kinds=(ChangeKind.NEW,)),))

        assert decisions.deliveries == ()
        assert decisions.outcomes[0].reason == "SCAN_FAILED is not asked for"

    @pytest.mark.parametrize(
        ("route", "reason"),
        [
            (a_route(severity=Severity.CRITICAL), "2 platforms not scanned"),
            (a_route(), "1 change passes, 2 platforms not scanned"),
            (a_route(kinds=(ChangeKind.SCAN_FAILED,)), "1 platform not scanned"),
        ],
    )
    def test_a_platform_without_a_result_is_told(self, route: Route, reason: str) -> None:
        """Part of an index is not known: said whatever the others have, where it is asked for."""
        evaluation = an_evaluation(a_change())
        assert evaluation.comparison is not None
        comparison = replace(
            evaluation.comparison, unscanned=(ChangeKind.SCAN_FAILED, ChangeKind.NOT_SCANNED)
        )

        decisions = decide(replace(evaluation, comparison=comparison), (route,))

        assert decisions.outcomes[0].reason == reason
        assert len(decisions.deliveries) == 1

    def test_the_same_problem_again_is_nothing_to_tell(self) -> None:
        """A scan that fails as before has neither problem nor comparison."""
        decisions = decide(replace(a_problem(), problem=None), (a_route(),))

        assert decisions.deliveries == ()
        assert decisions.outcomes[0].reason == "nothing to send: no result, as before"


class TestFailingOpen:
    """A route that cannot be evaluated must not cost an alert."""

    BROKEN = an_image(tags=(None,))
    """A tag that is no text, as no source should give it."""
    FRAGILE = Match(tag=("v*",))

    def test_the_last_route_speaks_for_a_broken_one(self) -> None:
        """The last route is asked although another one matched first."""
        routes = (
            a_route("broken", match=self.FRAGILE),
            a_route("tickets", notify=(JIRA,)),
            a_route("between"),
            a_route("last"),
        )

        decisions = decide(an_evaluation(a_change(), image=self.BROKEN), routes)

        assert [each.reason for each in decisions.outcomes] == [
            "not evaluated (TypeError): the last route speaks for it",
            "1 change passes",
            "not reached: tickets came first",
            "1 change passes",
        ]
        assert [each.destination for each in decisions.deliveries] == [JIRA, SLACK]

    def test_an_error_in_the_last_route_is_raised(self) -> None:
        """Then there is nobody to speak for it: the event fails, with its reason."""
        routes = (a_route("last", match=self.FRAGILE),)

        with pytest.raises(TypeError):
            decide(an_evaluation(a_change(), image=self.BROKEN), routes)
