"""Text from outside: clean, short, and escaped so that nothing in it is alive."""

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.notifiers.slack.mrkdwn import escape_slack, slack_link
from lib.text import ELLIPSIS, ascii_only, clean, one_line, sentences, truncate

ANY_TEXT = st.text(st.characters(), max_size=200)


VISIBLE = {*map(chr, (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD))}
"""Of category Cf, but signs that people see: they stand before or around numbers."""
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""Of other categories, but without any ink of their own."""
VARIATIONS = {*map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))}
"""They choose how the character before them looks, and hide any text in a name."""
NO_CHARACTERS = {
    chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF)
} | {*map(chr, range(0xFDD0, 0xFDF0))}


def test_no_control_and_no_invisible_character_is_left() -> None:
    """Of all that Unicode has. Newlines and tabs stay, and what makes an emoji of a sign."""
    hidden = {
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }
    hidden |= {*BLANK} | VARIATIONS | NO_CHARACTERS

    left = {character for character in hidden - VISIBLE if clean(f"a{character}b") != "ab"}

    assert {f"{ord(character):x}" for character in left} == {"9", "a", "d", "2028", "2029", "fe0f"}
    assert clean("a\u2028b\u2029c") == "a\nb\nc"
    assert one_line("a\u2028b\u2029c\td") == "a b c d"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\td", "a\nb\nc\td"),
        ("\x00a\x1b[31mb\x9b", "a[31mb"),
        ("pay\u202eload\u2066\u200b\ufeff", "payload"),
        ("a\U000e0041b\u00adc\u061cd", "abcd"),
        ("\ud800a\udfff\uffff", "a"),
        ("naïve ❤️ 日本", "naïve ❤\ufe0f 日本"),
    ],
)
def test_clean_removes_what_hides_and_reorders(text: str, expected: str) -> None:
    """Controls, bidirectional marks, tags and surrogates go; words, marks and lines stay."""
    assert clean(text) == expected


@settings(deadline=None)
@given(ANY_TEXT)
def test_clean_text_can_be_sent(text: str) -> None:
    """What is left is valid UTF-8, and cleaning it again changes nothing."""
    cleaned = clean(text)

    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned
    assert not {unicodedata.category(each) for each in cleaned} & {"Cs"}


@settings(deadline=None)
@given(ANY_TEXT)
def test_one_line_is_one_line(text: str) -> None:
    """No line break of any alphabet is left, and no blank at the ends."""
    line = one_line(text)

    assert len(line.splitlines()) <= 1
    assert line == line.strip()


@settings(deadline=None)
@given(ANY_TEXT, st.integers(0, 50))
def test_truncated_text_is_within_its_limit(text: str, limit: int) -> None:
    """A cut is said by an ellipsis; what fits is not touched."""
    cut = truncate(text, limit)

    assert len(cut) <= limit
    assert cut == text or cut.endswith(ELLIPSIS) or limit == 0


def test_truncate_keeps_characters_whole() -> None:
    """A letter is not cut off from its accent."""
    assert truncate("abe\u0301def", 4) == "ab…"


@settings(deadline=None)
@given(ANY_TEXT)
def test_escaped_text_has_no_live_token(text: str) -> None:
    """No angle bracket is left, and every ampersand starts an entity of ours."""
    escaped = escape_slack(text)

    assert not set(escaped) & set("<>")
    assert escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == clean(text)


def test_slack_link_cannot_be_ended_early() -> None:
    """Neither address nor label can close the link or name another label."""
    link = slack_link("https://a.example/?x=1&y=<2>|3", "CVE|<1>\n2")

    assert link == "<https://a.example/?x=1&amp;y=%3C2%3E%7C3|CVE¦&lt;1&gt; 2>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("naïve…", "naive..."), ("日本", "??"), ("a\nb", "a b"), ("ﬁne", "fine")],
)
def test_ascii_only_is_the_nearest_spelling(text: str, expected: str) -> None:
    """A subject of an e-mail takes nothing else."""
    assert ascii_only(text) == expected


def test_sentences_have_one_full_stop_between_them() -> None:
    """A description has its own, a list of remarks has none."""
    assert sentences("Public exploit", "It crashes.", "", "CVE-1: disputed") == (
        "Public exploit. It crashes. CVE-1: disputed"
    )
    assert sentences("It crashes.") == "It crashes."
    assert sentences("", "") == ""
