"""Limits of AWS that depend on alerts.yml: what is refused was too much, what is accepted fits."""

from collections.abc import Sequence
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.config import check, limits
from lib.config.limits import MOST_BYTES, MOST_DELIVERIES, MOST_TOPICS, Reach, reach, topics_size
from lib.config.parsing import parse
from lib.config.problems import Problem
from lib.core.routing import Match, Route
from lib.models import ChangeKind, Destination, Filter, Severity
from lib.store.ledger import delivery_row
from lib.store.state import DynamoStateStore
from tests.store.test_contracts import a_commit, an_entry
from tests.support.builders import a_delivery, an_image
from tests.support.thorough import examples

TODAY = date(2026, 11, 27)
CATCH_ALL = {"name": "everything", "notify": ["audit"]}


def a_document(*routes: dict[str, Any], topics: int = 1) -> dict[str, Any]:
    arn = "arn:aws:sns:eu-central-1:123456789012:alerts"
    return {
        "version": 1,
        "destinations": {
            "bot": {
                "type": "slack",
                "token": {"secret": "ecr-scan-alerts/bot"},
                "channel": "C0BOT00",
            },
            "audit": {"type": "sns", "topic_arn": arn},
            **{
                f"mail-{number}": {"type": "sns", "topic_arn": f"{arn}-{number:0>200}"}
                for number in range(topics - 1)
            },
        },
        "routes": [*routes, CATCH_ALL],
    }


def channels(number: int, **fields: Any) -> list[dict[str, Any]]:
    """Return routes that each notify a channel of their own, and go on."""
    return [
        {
            "name": f"team {place}",
            "notify": ["bot"],
            "channel": f"C{place:06}",
            "continue": True,
            **{name: value.format(place) for name, value in fields.items()},
        }
        for place in range(number)
    ]


def matching(number: int, **match: str) -> list[dict[str, Any]]:
    return [
        {**route, "match": {name: glob.format(place) for name, glob in match.items()}}
        for place, route in enumerate(channels(number))
    ]


def errors(document: dict[str, Any]) -> list[Problem]:
    return [problem for problem in check(document, today=TODAY) if problem.level == "error"]


class TestDestinations:
    def test_as_many_as_a_transaction_takes_are_accepted(self) -> None:
        """96 channels and the catch-all."""
        assert errors(a_document(*channels(MOST_DELIVERIES - 1))) == []

    def test_one_more_is_refused_with_the_number_and_what_to_do(self) -> None:
        """Each alert of such an image would fail for good, and nobody would hear of it."""
        (problem,) = errors(a_document(*channels(MOST_DELIVERIES)))

        assert problem.path == ("routes",)
        assert "can reach 98 destinations" in problem.message
        assert "saves 97 of them together" in problem.message
        assert "let fewer routes continue" in problem.message

    @pytest.mark.parametrize(
        "match",
        [
            {"repository": "team-{:03}/*"},
            {"repository": "team-{:03}"},
            {"account": "{:012}"},
            {"region": "eu-{:03}-1", "repository": "*"},
            {"repository": "payments/*", "account": "{:012}"},
        ],
    )
    def test_routes_that_never_match_together_are_not_added_up(self, match: dict[str, str]) -> None:
        """400 teams with a channel each, though all routes go on."""
        assert errors(a_document(*matching(400, **match))) == []

    @pytest.mark.parametrize(
        "match",
        [
            {"repository": "*-team-{:03}"},
            {"tag": "team-{:03}"},
            {"platform": "linux/{:03}"},
            {"repository": "payments/*"},
            {"repository": "payments/[a-z]{:03}"},
        ],
    )
    def test_routes_that_may_match_together_are(self, match: dict[str, str]) -> None:
        """An image has several tags and platforms, and a glob can end in many ways."""
        assert len(errors(a_document(*matching(120, **match)))) == 1

    def test_what_comes_after_the_last_that_matches_does_not_count(self) -> None:
        """Without continue, each route ends the search."""
        routes = [
            {name: value for name, value in route.items() if name != "continue"}
            for route in channels(400)
        ]

        assert errors(a_document(*routes)) == []

    @pytest.mark.untraced
    @pytest.mark.slow
    def test_many_long_lists_are_checked_in_time(self) -> None:
        """As many routes and globs as a file may have."""
        routes = [
            {**route, "match": {"repository": [f"team-{place}/{n:03}*" for n in range(100)]}}
            for place, route in enumerate(channels(499))
        ]

        assert errors(a_document(*routes)) == []


class TestSize:
    def test_filters_that_no_transaction_holds_are_refused(self) -> None:
        """90 destinations, each reached by all of 490 routes."""
        document = a_document(topics=1)
        names = [f"hook-{number}" for number in range(88)]
        host = {"type": "webhook", "host": "hooks.example.com"}
        secrets = {
            "url": {"secret": "ecr-scan-alerts/u"},
            "secret": {"secret": "ecr-scan-alerts/s"},
        }
        document["destinations"] |= dict.fromkeys(names, host | secrets)
        document["routes"] = [
            {"name": f"{number:0>64}", "notify": names, "continue": True} for number in range(490)
        ] + [CATCH_ALL]

        found = limits.reach(parse(document).routes)
        (problem,) = errors(document)

        assert found.deliveries == 89
        assert found.size > MOST_BYTES
        assert problem.path == ("routes",)
        assert "MB, and DynamoDB saves 3.5 MB together" in problem.message

    def test_the_size_of_a_filter_is_not_taken_for_less_than_it_is(self) -> None:
        """The largest one; and one row holds the filters of all routes."""
        only = ("fixable", "exploitable", "in-use")
        filter_ = Filter("r" * 64, Severity.INFORMATIONAL, only, tuple(ChangeKind))
        bare, row = (delivery_row(a_delivery(filters=each)) for each in ((), (filter_,)))

        size = reach([Route("r", filter_, (Destination("a"),))]).size

        assert size >= stored(row) - stored(bare)
        assert 500 * size < 400_000


def stored(value: Any) -> int:
    """
    Return the bytes of a value in DynamoDB.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    match value:
        case str():
            return len(value.encode())
        case dict():
            return 3 + sum(1 + len(name) + stored(each) for name, each in value.items())
        case list():
            return 3 + sum(1 + stored(each) for each in value)
        case _:
            return 21


class Recorder:
    """A DynamoDB client that keeps the actions of a transaction."""

    def __init__(self) -> None:
        self.actions: list[Any] = []

    def transact_write_items(self, *, TransactItems: list[Any]) -> None:  # noqa: N803  # boto3's name
        self.actions = TransactItems


def test_a_transaction_has_as_many_actions_as_is_counted() -> None:
    """Image, head and history, and one action for each delivery."""
    client = Recorder()
    deliveries = [a_delivery(number) for number in range(1, MOST_DELIVERIES + 1)]

    DynamoStateStore(client, "table").commit(a_commit(*deliveries, entry=an_entry()))  # type: ignore[arg-type]

    assert len(client.actions) == limits.ACTIONS == 100
    assert len(client.actions) - len(deliveries) == limits.OTHER_ACTIONS


GLOBS = st.lists(st.text("ab*?", min_size=1, max_size=3), max_size=2).map(tuple)
MATCHES = st.none() | st.builds(Match, repository=GLOBS, account=GLOBS)
ROUTES = st.lists(
    st.builds(
        Route,
        name=st.just("r"),
        filter=st.just(Filter("r", Severity.HIGH)),
        notify=st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=2).map(tuple),
        match=MATCHES,
        continues=st.booleans(),
    ),
    min_size=1,
    max_size=6,
)
VALUES = ["".join(letters) for size in (1, 2, 3) for letters in product("ab", repeat=size)]


def reached(routes: Sequence[Route], repository: str, account: str) -> int:
    """Return how many destinations an image reaches."""
    image, found = an_image(repository=repository, account=account), set[str]()
    for route in routes:
        if route.match is not None and route.match.mismatch(image) is not None:
            continue
        found |= set(route.notify)
        if not route.continues:
            break
    return len(found)


@given(ROUTES)
@settings(max_examples=examples(50), deadline=None)
def test_no_image_reaches_more_than_is_counted(routes: list[Route]) -> None:
    """Whatever the globs, also where a transaction takes two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MOST_DELIVERIES", 2)
        most = reach(routes).deliveries

    assert most >= max(reached(routes, *names) for names in product(VALUES, VALUES))


class TestTopics:
    def test_topics_that_a_policy_has_no_room_for_are_refused(self) -> None:
        """Counted once each, with what stands around them."""
        fits, too_many = a_document(topics=22), a_document(topics=27)

        assert errors(fits) == []
        (problem,) = errors(too_many)
        assert problem.path == ("destinations",)
        assert f"has room for {MOST_TOPICS:,}" in problem.message

    def test_a_topic_counts_once(self) -> None:
        """Several destinations may publish to one."""
        assert topics_size(["arn:1", "arn:1"]) == topics_size(["arn:1"]) == 8


def test_the_longest_name_of_a_destination_is_a_message_group() -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""
    name, channel = "a" * 64, "C" + "0" * 30

    assert len(f"{name}/{channel}") <= 128
    assert Reach().fits
