"""One test for many cases: none is left out, and a failure names each that fails."""

from typing import Any

import pytest

from tests.support.every import CasesError, every


@pytest.fixture
def limit() -> int:
    return 3


@every("number", [1, 2])
def test_a_fixture_comes_beside_the_case(number: int, limit: int) -> None:
    """Only the arguments of the case are taken from the test."""
    assert number < limit


def test_each_case_that_fails_is_named() -> None:
    """With its error; the first one is the cause, whose traceback pytest shows."""

    @every("number", [1, 5, 2, 7])
    def small(number: int) -> None:
        if number == 7:
            raise ValueError("seven\nand more")
        assert number < 3, f"{number} is large"

    with pytest.raises(CasesError) as raised:
        small()

    assert str(raised.value).startswith("2 of 4 cases fail:\n  5: AssertionError: 5 is large")
    assert str(raised.value).endswith("\n  7: ValueError: seven")
    assert "5 is large" in str(raised.value.__cause__)


@every(
    ("names", "case", "name"),
    [
        ("a, b", (1, 2), "1, 2"),
        (["a", "b"], (1, 2), "1, 2"),
        ("a, b", pytest.param(1, 2, id="both"), "both"),
        ("a", "text", "'text'"),
        ("a", pytest.param("text"), "'text'"),
    ],
)
def test_a_case_is_what_parametrize_takes(names: Any, case: Any, name: str) -> None:
    """A value, values, or a `pytest.param` with a name."""

    @every(names, [case])
    def failing(**_: Any) -> None:
        pytest.fail("always")

    with pytest.raises(CasesError, match=f"1 of 1 cases fail:\n  {name}: Failed: always"):
        failing()


@pytest.mark.parametrize("skipped", [[1], [1, 2]])
def test_a_test_is_skipped_where_every_case_is(skipped: list[int]) -> None:
    """Not passed: it has shown nothing."""

    @every("number", [1, 2])
    def looped(number: int) -> None:
        if number in skipped:
            pytest.skip("no such receiver")

    if len(skipped) == 1:
        looped()
    else:
        with pytest.raises(pytest.skip.Exception, match="every case: no such receiver"):
            looped()


def test_a_test_without_cases_is_an_error() -> None:
    """Such as a pattern of files that matches none any more."""
    with pytest.raises(ValueError, match="no case of path"):
        every("path", [])


def test_a_product_of_cases_names_both() -> None:
    """Loops stand in each other like `parametrize`."""

    @every("letter", ["a"], ids=str.upper)
    @every("number", [1])
    def failing(letter: str, number: int) -> None:
        assert not (letter and number)

    with pytest.raises(CasesError, match=r"A: 1 of 1 cases fail:\s+1: AssertionError"):
        failing()


def test_the_cases_have_the_names_that_are_given() -> None:
    """One for each."""

    @every("number", [1, 2], ids=["one", "two"])
    def failing(number: int) -> None:
        assert number == 1

    with pytest.raises(CasesError, match="1 of 2 cases fail:\n  two: "):
        failing()


def test_a_case_that_is_skipped_stops_no_other() -> None:
    """Its neighbours run."""
    ran = []

    @every("number", [1, 2])
    def skipping(number: int) -> None:
        if number == 1:
            pytest.skip("not this one")
        ran.append(number)

    skipping()

    assert ran == [2]


def test_marks_and_words_stay() -> None:
    """The test is found under its own name, and `parametrize` may stand on either side."""

    @pytest.mark.parametrize("letter", ["a", "b"])
    @every("number", [1])
    @pytest.mark.untraced
    def marked(letter: str, number: int) -> None:
        """Words."""

    assert (marked.__name__, marked.__doc__) == ("marked", "Words.")
    assert [mark.name for mark in marked.pytestmark] == ["untraced", "parametrize"]  # type: ignore[attr-defined]
