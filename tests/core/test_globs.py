"""Whether two globs have a name in common."""

from fnmatch import fnmatchcase

from hypothesis import example, given
from hypothesis import strategies as st

from lib.core.globs import overlap
from tests.support.every import every

GLOBS = st.text(st.sampled_from("ab*?[!]-"), max_size=7)


@every(
    ("first", "second"),
    [
        ("prod-*", "prod-*"),
        ("prod-*", "*-1"),
        ("v*", "v1.?"),
        ("*", "main"),
        ("a?c", "?b?"),
        ("[ab]1", "[bc]1"),
        ("[!a]", "[!b]"),
        ("[]a]", "a"),
        ("*", "*"),
        ("a**b", "ab"),
    ],
)
def test_globs_with_a_common_name_overlap(first: str, second: str) -> None:
    """In both directions."""
    assert overlap([first], [second])
    assert overlap([second], [first])


@every(
    ("first", "second"),
    [
        ("prod-*", "main-*"),
        ("a?", "a"),
        ("[ab]", "[cd]"),
        ("[!a]", "a"),
        ("[", "*"),
        ("[a", "a"),
        ("[!]a]", "a"),
        ("Main", "main"),
        ("*a", "*b"),
    ],
)
def test_globs_without_a_common_name_do_not_overlap(first: str, second: str) -> None:
    """Case counts, and so does the length. What no name can have, such as a bracket, overlaps."""
    assert not overlap([first], [second])
    assert not overlap([second], [first])


def test_one_pair_of_two_lists_is_enough() -> None:
    """Lists overlap where any of their globs do."""
    assert overlap(["main-*", "v*"], ["pr-*", "v1"])
    assert not overlap([], ["v1"])


@given(GLOBS, GLOBS, st.text(st.sampled_from("ab-"), max_size=6))
@example("*", "*[b]", "ab")
def test_globs_that_match_one_name_overlap(first: str, second: str, name: str) -> None:
    """No choice of a tag between two rules goes unseen."""
    if fnmatchcase(name, first) and fnmatchcase(name, second):
        assert overlap([first], [second])


@given(GLOBS, st.text(st.sampled_from("ab-"), max_size=6))
def test_a_name_overlaps_with_the_globs_that_match_it_and_no_others(glob: str, name: str) -> None:
    """A name is a glob for itself."""
    assert overlap([glob], [name]) == fnmatchcase(name, glob)
