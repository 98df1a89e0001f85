"""The prose of README, docs/, CHANGELOG and --help: plain words, short sentences."""

import re
from collections.abc import Iterator
from typing import Final

from tests.support import docs
from tests.support.every import every

PAGES: Final = docs.PAGES
"""docs/cli.md has all texts of --help."""
LONGEST: Final = 36
"""Words of a sentence. Beyond that it is two sentences."""
PHRASES: Final = {
    r"\b(?:told|tells of|told apart)\b": "notified, reported, says",
    r"\b(?:hears?|heard) (?:of|what|how)\b": "is notified of, detects",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\b(?:came|comes|come|becomes|became) of (?:it|each|every)\b": "the result",
    r"\bis asked for here\b": "what the route asks for",
    r"\bsort of\b": "kind of",
    r"\bas it should be now\b": "it is enabled now",
    r"\bgone since\b": "resolved since",
    r"\bfor the first time known\b": "new",
    r"\bto be had\b": "available",
    r"\b(?:make|made|makes) good\b": "make up for",
    r"\b(?:wherefore|whereof|thereof|whilst|amongst|anew again)\b": "a plain word",
    r"\b1 (?:alerts|deliveries|findings|images|messages|packages|warnings)\b": "1 image",
}
"""Phrases that are read twice, with plain ones. Limits of other words: tests/test_words.py."""


def sentences(page: str) -> Iterator[str]:
    """Yield the sentences of a page: without code, targets of links, and the marks of tables."""
    text = re.sub(r"\]\([^)]*\)", "]", docs.prose_of(page))
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[|\-#]|\d+\. ))", text):
        cells = block.strip().strip("|").split("|") if block.lstrip().startswith("|") else [block]
        for cell in cells:
            yield from re.split(r"(?<=[.!?:;])\s+(?=[A-Z*`\[])", " ".join(cell.split()))


@every("page", PAGES)
def test_a_sentence_is_short(page: str) -> None:
    """Who reads an alert at night reads a sentence once."""
    long = [text for text in sentences(page) if len(text.split()) > LONGEST]

    assert long == [], "divide it"


@every("page", PAGES)
@every("phrase", PHRASES)
def test_a_phrase_is_plain(phrase: str, page: str) -> None:
    """The plain one stands beside it."""
    text = " ".join(docs.prose_of(page).split())
    found = [
        text[max(0, match.start() - 40) : match.end() + 20]
        for match in re.finditer(phrase, text, re.IGNORECASE)
    ]

    assert found == [], f"write instead: {PHRASES[phrase]}"


@every("page", PAGES)
def test_no_word_is_there_twice(page: str) -> None:
    """It is a slip of the pen; code has its own rules."""
    texts = (re.sub(r"`[^`]*`", "…", text) for text in sentences(page))

    assert [text for text in texts if re.search(r"\b(\w+) \1\b", text)] == []


def test_long_sentences_are_noticed() -> None:
    """Links and rows of tables do not hide them."""
    page = "docs/operate.md"

    assert max(len(text.split()) for text in sentences(page)) > 15
    assert not any("](" in text or text.startswith("|") for text in sentences(page))
