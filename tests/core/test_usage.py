"""Whether an image runs."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lib.core.usage import unseen, used
from lib.models.streams import ImageRow, Use
from tests.support.builders import NOW, an_image

ROW = ImageRow(an_image(), NOW)


def at(hours: int) -> datetime:
    return NOW + timedelta(hours=hours)


def test_the_first_answer_that_it_runs_is_kept() -> None:
    """By its source."""
    assert used(ROW, "ecs", at(1), runs=True).uses == {"ecs": Use(at(1))}


def test_a_source_that_never_saw_it_running_says_nothing_about_its_end() -> None:
    """The count of Inspector comes up to 36 hours late."""
    row = used(ROW, "ecs", at(1), runs=True)

    assert used(row, "inspector", at(2), runs=False) is row


def test_no_answer_changes_nothing() -> None:
    """Access denied, throttled, or the field is missing."""
    row = used(ROW, "ecs", at(1), runs=True)

    assert used(row, "ecs", at(9), runs=None) is row
    assert used(ROW, "ecs", at(9), runs=None) is ROW


def test_the_end_is_dated_by_the_first_answer_that_says_so() -> None:
    """Later ones repeat it."""
    row = used(used(ROW, "ecs", at(1), runs=True), "ecs", at(3), runs=False)

    assert row.uses == {"ecs": Use(at(1), at(3))}
    assert used(row, "ecs", at(4), runs=False) is row
    assert used(row, "ecs", at(2), runs=False).uses == {"ecs": Use(at(1), at(2))}


def test_it_can_run_again() -> None:
    """A count that goes up and down."""
    row = used(used(ROW, "ecs", at(1), runs=True), "ecs", at(3), runs=False)

    assert used(row, "ecs", at(4), runs=True).uses == {"ecs": Use(at(4))}


def test_an_answer_that_is_older_than_the_last_one_changes_nothing() -> None:
    """In both directions."""
    stopped = used(used(ROW, "ecs", at(1), runs=True), "ecs", at(3), runs=False)
    running = used(ROW, "ecs", at(4), runs=True)

    assert used(stopped, "ecs", at(2), runs=True) is stopped
    assert used(running, "ecs", at(4), runs=False) is running
    assert used(running, "ecs", at(3), runs=True) is running


@given(
    st.lists(st.sampled_from([True, False, None])),
)
def test_in_order_the_last_answer_counts(answers: list[bool | None]) -> None:
    """Once it was seen running."""
    row = ROW
    for hour, runs in enumerate(answers):
        row = used(row, "ecs", at(hour), runs=runs)

    given_ = [runs for runs in answers if runs is not None]
    use = row.uses.get("ecs")
    assert (use is not None) == (True in given_)
    assert use is None or (use.stopped_at is None) == given_[-1]


def test_an_image_that_was_deleted_is_not_seen_running_until_a_source_says_so_again() -> None:
    """An end that was known before stays; an answer of the same second is no later one."""
    row = used(used(ROW, "ecs", at(1), runs=True), "ecs", at(2), runs=False)
    row = unseen(used(row, "inspector", at(5), runs=True), at(5))

    assert row.uses == {"ecs": Use(at(1), at(2)), "inspector": Use(at(5), at(5))}
    assert used(row, "inspector", at(6), runs=True).uses["inspector"] == Use(at(6))
