"""What commands print agrees in number."""

import re
from pathlib import Path

import pytest

from lib.text import counted
from tests.support.every import every

CLI = Path(__file__).parents[2] / "cli"


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (0, ("alert",), "0 alerts"),
        (1, ("alert",), "1 alert"),
        (1200, ("alert",), "1,200 alerts"),
        (1, ("entry", "entries"), "1 entry"),
        (2, ("entry", "entries"), "2 entries"),
    ],
)
def test_a_number_and_its_noun_agree(number: int, words: tuple[str, ...], text: str) -> None:
    """Also where the plural has a form of its own."""
    assert counted(number, *words) == text


@every("path", sorted(CLI.rglob("*.py")), ids=lambda path: path.name)
def test_no_text_has_a_plural_of_its_own(path: Path) -> None:
    """A number in braces before a plural is wrong for 1: `lib.text.counted` says it right."""
    text = path.read_text("utf-8")
    nouns = (
        r"alerts|changes|checks|deliveries|destinations|entries|evaluations|findings|ids|images|"
        r"letters|packages|repositories|rules|stages|warnings"
    )

    assert re.findall(rf"\{{(?:len\()?[^{{}}]+\}} (?:dead )?(?:{nouns})\b", text) == []
