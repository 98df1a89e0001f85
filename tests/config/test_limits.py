"""Limits of AWS that depend on alerts.yml: what is refused was too much, what is accepted fits."""

from datetime import date
from typing import Any

from lib.config.checking import check
from lib.config.limits import MOST_TOPICS, topics_size
from lib.config.problems import Problem

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


def errors(document: dict[str, Any]) -> list[Problem]:
    return [problem for problem in check(document, today=TODAY) if problem.level == "error"]


def test_as_many_channels_as_people_like_are_accepted() -> None:
    """Each is a destination with a view of its own, and no transaction holds them all."""
    assert errors(a_document(*channels(400))) == []


class TestTopics:
    def test_topics_that_a_policy_has_no_room_for_are_refused(self) -> None:
        """Counted once each, with what stands around them."""
        fits, too_many = a_document(topics=17), a_document(topics=22)

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
