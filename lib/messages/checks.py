"""The verdict about settings of a repository, and about a tag that moved. Pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.checks import findings as checks
from lib.checks.moved_tags import TAG_MOVED
from lib.messages.content import Content, Entry, ordered
from lib.messages.phrases import counts_text, severity_word
from lib.messages.settings import says_step
from lib.models import Finding
from lib.models.views import Kind
from lib.text import capitalized, counted, one_line, truncate

_TITLE: Final = 160
_LISTED: Final = 4
_DIGEST: Final = 19
_FIXED: Final[Mapping[str, str]] = MappingProxyType(
    {
        checks.TAG_MUTABILITY: "tags are immutable now",
        checks.CACHE_IMMUTABLE: "tags of the pull-through cache can be refreshed now",
        checks.SCAN_ON_PUSH: "images are scanned when they are pushed now",
        checks.NOT_SCANNED: "the newest image is scanned now",
        checks.LIFECYCLE_MISSING: "there is a lifecycle policy now",
        checks.LIFECYCLE_INVALID: "the lifecycle policy is valid now",
        checks.LIFECYCLE_UNTAGGED: "untagged images are deleted now",
        checks.LIFECYCLE_OLD: "old images are deleted now",
        checks.LIFECYCLE_IDLE: "all rules of the lifecycle policy match images now",
        checks.LIFECYCLE_RUNNING: "the lifecycle policy takes away no image in use now",
        checks.TEMPLATE_ROLE: "ECR can create repositories by the template now",
        checks.ENCRYPTION: "it is encrypted with a key of KMS now",
        checks.NOT_CHECKED: "all checks can be made now",
    }
)
_Phrase = Callable[[Kind, Sequence[Entry]], str]


def verdict_of_check(content: Content, phrase: _Phrase, problem: str) -> str:
    """
    Return what deviates, what is new of it, and what is fixed.

    `phrase` says what other kinds mean. `problem`: why there is no result; empty where there is.
    """
    pieces = [problem] if problem else []
    for kind, entries in content.changes.items():
        pieces.append(_piece(kind, entries) or phrase(kind, entries))
    left = content.unchanged
    if left:
        pieces.append(f"{counted(left, 'setting')} still to fix")
    elif not (content.totals or content.suppressed or problem):
        pieces.append("all settings are as they should be")
    return capitalized("; ".join(pieces))


def has_steps(content: Content) -> bool:
    """Return whether each setting that deviates, asked for or not, has a step of its own."""
    rows = [row for entry in content.open for row in entry.findings]
    is_all = not content.left_out and bool(rows)
    return content.is_check and is_all and all(map(says_step, rows))


def state_of_check(content: Content) -> str:
    """Return what deviates now in one line, and no more of an all-clear than true."""
    if any(entry.id == TAG_MOVED for entry in content.open):
        return "the tag moved"
    if content.open:
        return f"{counted(len(content.open), 'setting')} to fix"
    if content.totals or content.suppressed:
        return "nothing of what is asked for here is wrong"
    parts = [part for image in content.state.images for part in image.parts]
    if not parts or any(part.reason is not None for part in parts):
        return "not checked"
    return "all settings are as they should be"


def _piece(kind: Kind, entries: Sequence[Entry]) -> str:
    """Return what became of some settings; empty where their kind is none of checks."""
    findings = [entry.findings[0] for entry in entries if entry.findings]
    if kind is Kind.RESOLVED:
        return fixed([entry.id for entry in entries])
    if kind not in (Kind.BASELINE, Kind.NEW) or not findings:
        return ""
    if findings[0].vulnerability_id == TAG_MOVED:
        return moved(findings[0])
    return wrong(findings, first=kind is Kind.BASELINE)


def moved(finding: Finding) -> str:
    """Return where a tag points to now, and where it pointed before."""
    before, after = finding.package.version or "", finding.package.path or ""
    return (
        f"Tag {truncate(one_line(finding.package.name), _TITLE)} points to another image: "
        f"{after[:_DIGEST]}, before {before[:_DIGEST]}"
    )


def wrong(findings: Sequence[Finding], *, first: bool) -> str:
    """
    Return how many settings deviate, and how bad that is; of a single one, what it is.

    `first`: at the first check, or all that deviate now.
    """
    noun = "setting" if first else "more setting"
    number = f"{counted(len(findings), noun)} to fix"
    if len(findings) == 1:
        return f"{number} ({severity_word(findings[0].severity)}): {_title(findings[0])}"
    counts = ordered(Counter(finding.severity for finding in findings))
    return f"{number} ({counts_text(counts)})"


def fixed(ids: Sequence[str]) -> str:
    """Return which settings are as they should be now, by the ids of their checks."""
    endings = [_FIXED.get(id_, f"{id_} is as it should be now") for id_ in ids]
    return f"{len(ids)} fixed: {_and(endings)}"


def _title(finding: Finding) -> str:
    return truncate(one_line(finding.title or finding.vulnerability_id), _TITLE)


def _and(words: Sequence[str]) -> str:
    if len(words) > _LISTED:
        return ", ".join((*words[:_LISTED], f"and {len(words) - _LISTED} more"))
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
