"""
Jira's query language, as far as alerts need it: =, != and ~, AND, OR, brackets, ORDER BY created.

https://support.atlassian.com/jira-software-cloud/docs/what-is-advanced-search-in-jira-cloud/
An unsupported query is refused, instead of having an empty result. Queries without a condition are
refused, as in Jira.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Final, Protocol

Json = Any
Clue = tuple[str, str]
"""A label or a word of an issue: ("labels", "ecr-1a2b"), ("text", "openssl")."""

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<sign>!=|=|~|\(|\))|(?P<word>[\w.-]+))\s*"""
)
_ORDER: Final = re.compile(r"\s+order\s+by\s+created(?:\s+(asc|desc))?\s*$", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class IndexedIssue:
    """An issue in the search index."""

    id: str
    key: str
    words: frozenset[str]
    """Words of summary, description and comments, in lower case."""
    values: Mapping[str, tuple[str, ...]]
    """Values by field. An unknown field has no values."""

    def clues(self) -> Iterator[Clue]:
        """Yield the labels and words of the issue."""
        yield from (("labels", label) for label in self.values["labels"])
        yield from (("text", word) for word in self.words)


class _Condition(Protocol):
    def matches(self, issue: IndexedIssue) -> bool: ...

    def clues(self) -> frozenset[Clue] | None:
        """Return clues of which every matching issue has at least one; None if there are none."""


@dataclass(frozen=True, slots=True)
class _Term:
    field: str
    operator: str
    value: str

    def matches(self, issue: IndexedIssue) -> bool:
        if self.operator == "~":
            return {word.lower() for word in _WORD.findall(self.value)} <= issue.words
        equal = self.value in issue.values.get(self.field, ())
        return equal is (self.operator == "=")

    def clues(self) -> frozenset[Clue] | None:
        if self.operator == "~":
            return frozenset(("text", word) for word in words(self.value)) or None
        if (self.field, self.operator) == ("labels", "="):
            return frozenset({("labels", self.value)})
        return None


@dataclass(frozen=True, slots=True)
class _All:
    parts: tuple[_Condition, ...]

    def matches(self, issue: IndexedIssue) -> bool:
        return all(part.matches(issue) for part in self.parts)

    def clues(self) -> frozenset[Clue] | None:
        return next(filter(None, (part.clues() for part in self.parts)), None)


@dataclass(frozen=True, slots=True)
class _Any:
    parts: tuple[_Condition, ...]

    def matches(self, issue: IndexedIssue) -> bool:
        return any(part.matches(issue) for part in self.parts)

    def clues(self) -> frozenset[Clue] | None:
        clues = [part.clues() for part in self.parts]
        return None if None in clues else reduce(or_, filter(None, clues))


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query."""

    condition: _Condition
    terms: tuple[_Term, ...]
    descending: bool

    def projects(self) -> set[str]:
        """Return the projects in the query."""
        return {term.value for term in self.terms if term.field == "project"}


def words(value: Json) -> Iterator[str]:
    """Yield the words of a text, or of the text nodes of a document, in lower case."""
    if isinstance(value, str):
        yield from (word.lower() for word in _WORD.findall(value))
    elif isinstance(value, list):
        for part in value:
            yield from words(part)
    elif isinstance(value, dict):
        yield from words(value.get("text"))
        yield from words(value.get("content"))


def parse(text: str) -> Query | None:
    """Parse a query; None if it is unsupported or has no condition."""
    order = _ORDER.search(text)
    tokens = _tokens(_ORDER.sub("", text))
    if not tokens:
        return None
    parser = _Parser(tokens)
    try:
        condition = parser.alternatives()
    except (IndexError, ValueError):
        return None
    if parser.tokens:
        return None
    descending = bool(order) and (order[1] or "").lower() == "desc"  # type: ignore[index]
    return Query(condition, tuple(parser.terms), descending)


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return []
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


class _Parser:
    """A recursive descent parser. Raises `ValueError` or `IndexError` for unsupported queries."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.terms: list[_Term] = []

    def alternatives(self) -> _Condition:
        parts = [self._conditions()]
        while self._next("or"):
            parts.append(self._conditions())
        return _Any(tuple(parts))

    def _conditions(self) -> _Condition:
        parts = [self._condition()]
        while self._next("and"):
            parts.append(self._condition())
        return _All(tuple(parts))

    def _condition(self) -> _Condition:
        if self._next("("):
            inner = self.alternatives()
            if not self._next(")"):
                raise ValueError
            return inner
        name, operator, value = (self.tokens.pop(0) for _ in range(3))
        if operator not in ("=", "!=", "~") or value in ("=", "!=", "~", "(", ")"):
            raise ValueError
        if not name.isidentifier() or (operator == "~") is not (name.lower() == "text"):
            raise ValueError
        term = _Term(name.lower(), operator, re.sub(r"\\(.)", r"\1", value.strip('"')))
        self.terms.append(term)
        return term

    def _next(self, token: str) -> bool:
        if self.tokens and self.tokens[0].lower() == token:
            self.tokens.pop(0)
            return True
        return False
