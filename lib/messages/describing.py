"""A vulnerability in one line: its nature, its score, and what an attacker needs. Pure."""

import re
from collections.abc import Sequence
from enum import IntEnum, auto
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from lib.core.upgrades import of_distribution
from lib.messages.lists import UP_TO
from lib.models import Finding, Score
from lib.text import capitalized, cut_at_word, one_line

_SENTENCE: Final = 200
"""Characters of a sentence that is not too long to be the most telling one."""
_LINE: Final = 130
_SENTENCES: Final = re.compile(r"(?<=[^\s.]\.)\s+(?=[A-Z`\"'(])|\n+|\s{2,}")
_PREAMBLE: Final = re.compile(
    r"(?:In the Linux kernel, the following vulnerability has been resolved:|Summary:?|Impact:?"
    r"|^\[|(?<=[.\w])\]$)",
    re.IGNORECASE,
)
_PREAMBLES: Final = ("in the linux kernel,", "summary", "impact", "[", "]")
"""Without any of them there is no preamble. Plain words are looked up in a tenth of the time."""
_BOILERPLATE: Final = re.compile(
    r"[A-Z]\S*(?: \S+){0,2} is an? |Vulnerability in the .* product of |Supported versions that"
    r"|(?:Easily|Difficult to) exploit"
)
"""
A sentence that says what the package is: "TensorFlow is an open source platform…". Oracle begins
with the name of the product, its versions and the score.
"""
_DOUBLED: Final = re.compile(r"\b(a|an|and|in|is|of|on|the|to) \1\b")
_NAMES_ONLY: Final = re.compile(r"\S+ - .{1,120}")
"""Inspector's title: "CVE-2023-42753 - linux"."""
_GAIN: Final = re.compile(
    r"\b(?:crash|denial of service|execute|executing|execution|escalat|privilege|arbitrary code"
    r"|disclos|leak|bypass|sensitive|overwrit|traversal|inject|spoof|hijack|impersonat"
    r"|side[- ]channel)"
)
"""What an attacker gains; in small letters, as the next two: without regard to case they take twice
the time."""
_FAULT: Final = re.compile(
    r"\b(?:corrupt|overflow|out[- ]of[- ]bound|use[- ]after[- ]free|memory|arbitrar)"
)
_ENABLES: Final = re.compile(
    r"\b(?:allow|lead|result|trigger|caus|can|could|may|might|will|enabl|permit|let)"
)
_MAKERS: Final = r"v?\d+(?:\.[\w+~-]+)+"
_UPSTREAM: Final = re.compile(
    rf",? (?:versions? )?(?:before|prior to|through|up to)(?: versions?)? {_MAKERS}"
    rf"(?:,? (?:and |or )?(?:before |prior to )?{_MAKERS})*,?(?= )",
    re.IGNORECASE,
)
"""The versions that are affected, as the maker counts them: "before version 1.21.8, 1.20.10,"."""
_SUBJECT_VERSION: Final = re.compile(
    rf" (?:version )?{_MAKERS}(?= (?:was|is|has|allows|contains|could|can|may)\b)"
)
"""The version of a subject: "Libarchive v3.6.0 was discovered to contain"."""
NEEDS_LOCAL: Final = "needs local access"
_ACCESS: Final = MappingProxyType(
    {
        "AV:N": "over the network",
        "AV:A": "from the same network",
        "AV:L": NEEDS_LOCAL,
        "AV:P": "needs physical access",
    }
)
"""https://www.first.org/cvss/v3.1/specification-document, 2.1.1"""


def what_it_is(findings: Sequence[Finding]) -> str:
    """Return the title that says something, else the sentence with the harm; empty for neither."""
    for finding in findings:
        title = one_line(finding.title or "")
        if title and title != finding.vulnerability_id and not _NAMES_ONLY.fullmatch(title):
            return cut_at_word(_of_package(title, finding), _LINE)
    for finding in findings:
        sentence = _most_telling(finding.description or "")
        if sentence:
            return cut_at_word(_capitalized(_of_package(sentence, finding)), _LINE)
    return ""


def _of_package(sentence: str, finding: Finding) -> str:
    """Return a sentence without its package, and without a maker's versions in a distribution."""
    name, sign, rest = sentence.partition(": ")
    if sign and name.lower() == finding.package.name.lower():
        sentence = _capitalized(rest)
    if not of_distribution(finding):
        return sentence
    return _SUBJECT_VERSION.sub("", _UPSTREAM.sub(_comma, sentence))


def _capitalized(sentence: str) -> str:
    """Return a sentence with a capital; a commit's begins with its place, "net: usb: Fix"."""
    first_word = sentence.partition(" ")[0]
    return sentence if {":", "/"} & set(first_word) else capitalized(sentence)


def _comma(clause: re.Match[str]) -> str:
    """Return what stays of a clause between commas."""
    return "," if clause[0].startswith(",") or clause[0].endswith(",") else ""


def score_text(findings: Sequence[Finding]) -> str:
    """Return "CVSS 7.8, needs local access"; empty where no row has a score."""
    score = next((row.score for row in findings if row.score is not None), None)
    if score is None:
        return ""
    return ", ".join(filter(None, (_value(score), _access(score))))


def needs_local_access(findings: Sequence[Finding]) -> bool:
    """Return whether every score says that an attacker needs local access; none says nothing."""
    scores = [row.score for row in findings if row.score is not None]
    return bool(scores) and all(_access(score) == NEEDS_LOCAL for score in scores)


def _value(score: Score) -> str:
    return f"{_scale(score)} {score.value:.1f}"


def _scale(score: Score) -> str:
    """Return the name of a scale: a score of version 2 is on another than those after it."""
    return "CVSS v2" if (score.version or "").startswith("2") else "CVSS"


def worst_score(score: Score | None, number: int) -> str:
    """Return "CVSS 7.8", of several vulnerabilities "up to CVSS 9.8"; empty without a score."""
    return "" if score is None else f"{UP_TO if number > 1 else ''}{_value(score)}"


def _access(score: Score) -> str:
    metrics = (score.vector or "").split("/")
    return next((_ACCESS[metric] for metric in metrics if metric in _ACCESS), "")


@lru_cache(maxsize=512)  # the lists of a message by kind, and that of all that is open, share rows
def _most_telling(description: str) -> str:
    """Return the sentence with what an attacker gains, else with the fault, else the first."""
    parts = _SENTENCES.split(_without_preamble(description[:2000]).strip())
    best, lowest = "", _Rank.BOILERPLATE + 1
    for part in parts:
        rank = _rank(part.strip())
        if rank < lowest:
            best, lowest = part, rank
        if rank is _Rank.GAIN_ENABLED:
            break
    return _DOUBLED.sub(r"\1", one_line(best))


def _without_preamble(text: str) -> str:
    has_preamble = any(map(text.lower().__contains__, _PREAMBLES))
    return _PREAMBLE.sub("\n", text) if has_preamble else text


def _rank(sentence: str) -> int:
    """Return how little a sentence says; one that has to be cut says no more than the first."""
    if not sentence:
        return _Rank.BOILERPLATE + 1
    if _BOILERPLATE.match(sentence):
        return _Rank.BOILERPLATE
    if len(sentence) > _SENTENCE:
        return _Rank.FIRST
    words = sentence.lower()
    if _GAIN.search(words):
        return _Rank.GAIN_ENABLED if _ENABLES.search(words) else _Rank.GAIN
    if _FAULT.search(words):
        return _Rank.FAULT_ENABLED if _ENABLES.search(words) else _Rank.FAULT
    return _Rank.FIRST


class _Rank(IntEnum):
    """The ranks of sentences, the most telling first."""

    GAIN_ENABLED = auto()
    GAIN = auto()
    FAULT_ENABLED = auto()
    FAULT = auto()
    FIRST = auto()
    BOILERPLATE = auto()
