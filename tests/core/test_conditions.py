"""Conditions of the parts of an image: names, and what makes two of them the same one."""

import pytest

from lib.core.conditions import conditions, meaning
from lib.models.streams import PartState
from lib.models.views import Condition


def a_part(status: str, reason: str | None = "no result", part: str = "linux/amd64") -> PartState:
    return PartState(part, status, reason)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        ("FAILED", Condition.SCAN_FAILED),
        ("UNSUPPORTED_IMAGE", Condition.NOT_SCANNED),
        ("A_WORD_OF_TOMORROW", Condition.NOT_SCANNED),
    ],
)
def test_the_status_gives_the_name(status: str, name: Condition) -> None:
    """FAILED is SCAN_FAILED, any other status NOT_SCANNED, with the reason of the source."""
    (condition,) = conditions(a_part(status))

    assert (condition.condition, condition.reason) == (name, "no result")


def test_a_usable_result_that_is_watched_has_no_condition() -> None:
    """There is nothing to say."""
    assert conditions(a_part("COMPLETE", None)) == ()


def test_a_result_that_grows_old_is_a_condition() -> None:
    """The scanner stopped to watch the image; its last result stays."""
    (condition,) = conditions(PartState("linux/amd64", "ACTIVE", None, monitored=False))

    assert condition.condition is Condition.MONITORING_ENDED
    assert condition.key == "MONITORING_ENDED linux/amd64"


def test_without_a_result_the_end_of_monitoring_is_no_second_condition() -> None:
    """One condition says that nothing is known."""
    part = PartState("", "SCAN_ELIGIBILITY_EXPIRED", "expired", monitored=False)

    assert [condition.key for condition in conditions(part)] == ["SCAN_ELIGIBILITY_EXPIRED"]


def test_both_scanners_mean_the_same_by_unsupported() -> None:
    """Basic scanning says FAILED and why in words; the condition is the same one."""
    basic = a_part("FAILED", "UnsupportedImageError: the operating system is not supported")
    enhanced = a_part("UNSUPPORTED_IMAGE")

    assert conditions(basic)[0].key == conditions(enhanced)[0].key
    assert conditions(enhanced)[0].key == "UNSUPPORTED_IMAGE linux/amd64"
    assert conditions(basic)[0].condition is Condition.SCAN_FAILED


def test_a_reason_that_begins_with_the_status_means_the_same() -> None:
    """As reasons of fetched reports do."""
    fetched = a_part("FAILED", "FAILED: UnsupportedImageError: not supported")

    assert meaning(fetched) == "UNSUPPORTED_IMAGE"


def test_a_status_alone_has_its_own_meaning() -> None:
    """The reason of another status can be empty."""
    assert meaning(a_part("FAILED", "")) == "FAILED"
    assert meaning(a_part("FAILED", None)) == "FAILED"
    assert meaning(a_part("FAILED", "the UnsupportedImageError of something else")) == "FAILED"


def test_two_parts_are_two_conditions() -> None:
    """Each platform is known by itself."""
    amd, arm = a_part("FAILED"), a_part("FAILED", part="linux/arm64")

    assert conditions(amd)[0].key != conditions(arm)[0].key


@pytest.mark.parametrize(
    ("status", "word"), [("IN_PROGRESS", "PENDING"), ("ACTIVE", "COMPLETE"), ("PENDING", "PENDING")]
)
def test_words_of_both_scanners_for_one_thing_are_one_meaning(status: str, word: str) -> None:
    """A scan that is under way has one meaning, whoever does it."""
    assert meaning(a_part(status)) == word
