"""The results of `audit` for people, by check, and as JSON for programs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

from cli.terminal import complain, say
from lib.checks.findings import CLOUDFORMATION, COMMAND, DIFFERENCE, REMARK
from lib.exports.checks import CheckGroup, RepositoryCheck, groups
from lib.models import Finding, Image
from lib.text import capitalized, clean, counted, one_line

_SENTENCES: Final = re.compile(r"(?<=[.:]) +")


def print_results(checked: Sequence[RepositoryCheck]) -> None:
    """Print each check with the repositories that it concerns, then the sum."""
    for group in groups(checked):
        _print_group(group)
        say()
    _print_unknown(checked)
    say(_sum(checked))


def print_unread(checked: Sequence[RepositoryCheck]) -> None:
    """Print on stderr what could not be read, by reason."""
    for reason, names in _unread(checked).items():
        complain(f"{', '.join(names)} could not be checked: {reason}")


def _print_unknown(checked: Sequence[RepositoryCheck]) -> None:
    """Print the checks without a result, by what is denied: with the permission to grant."""
    by_reason: dict[str, list[str]] = {}
    for check in checked:
        reasons: dict[str, list[str]] = {}
        for unknown in check.unknown:
            reasons.setdefault(unknown.reason, []).append(unknown.id)
        for reason, ids in reasons.items():
            by_reason.setdefault(reason, []).append(
                f"{check.repository.repository}: {', '.join(ids)}"
            )
    for reason, lines in by_reason.items():
        number = counted(len(lines), "repository", "repositories")
        say(f"{capitalized(one_line(reason))}: {number}", style="bold")
        for line in lines:
            print(f"  {one_line(line)}")
        say()


def _print_group(group: CheckGroup) -> None:
    number = counted(len(group.findings), "repository", "repositories")
    say(f"{group.severity.name} {group.heading}: {number} ({group.id})", style="bold")
    findings = [finding for _, finding in group.findings]
    shared = _shared([_sentences(finding.description) for finding in findings])
    template = _shared([_lines(finding, CLOUDFORMATION) for finding in findings], whole=True)
    note = _shared([_lines(finding, REMARK) for finding in findings], whole=True)
    for text in (" ".join(shared), *note):
        if text:
            say(text)
    for image, finding in group.findings:
        own = _sentences(finding.description)[len(shared) :]
        title = [] if finding.title == group.heading else [f"{finding.title}."]
        _print_repository(image, [*title, *own], finding, skip=(bool(note), bool(template)))
    for line in template:
        print(f"  | {clean(line)}")


def _print_repository(
    image: Image, words: Sequence[str], finding: Finding, *, skip: tuple[bool, bool]
) -> None:
    """Print the name of a repository, and what holds for it alone. Commands stay on one line."""
    without_note, without_template = skip
    print(f"  {one_line(': '.join(filter(None, (image.repository, ' '.join(words)))))}")
    notes = () if without_note else _lines(finding, REMARK)
    template = () if without_template else _lines(finding, CLOUDFORMATION)
    for line in (*notes, *_lines(finding, DIFFERENCE)):
        print(f"    {clean(line)}")
    for line in _lines(finding, COMMAND):
        print(f"    $ {clean(line)}")
    for line in template:
        print(f"    | {clean(line)}")


def _shared(texts: Sequence[Sequence[str]], *, whole: bool = False) -> Sequence[str]:
    """Return how all texts begin; `whole`: all of it where they are the same, else nothing."""
    if whole:
        return texts[0] if all(text == texts[0] for text in texts) else ()
    return [
        parts[0]
        for parts in takewhile(lambda parts: len(set(parts)) == 1, zip(*texts, strict=False))
    ]


def _sentences(text: str | None) -> Sequence[str]:
    return _SENTENCES.split(one_line(text or ""))


def _lines(finding: Finding, name: str) -> Sequence[str]:
    return finding.extra.get(name, "").splitlines()


def _sum(checked: Sequence[RepositoryCheck]) -> str:
    total = sum(len(check.findings) for check in checked)
    wrong = sum(bool(check.findings) for check in checked)
    unread = sum(check.unread is not None for check in checked)
    suppressed = sum(len(check.suppressed) for check in checked)
    unknown = sum(len(check.unknown) for check in checked)
    repositories = counted(len(checked), "repository", "repositories")
    pieces = [f"{counted(total, 'finding')} in {wrong:,} of {repositories}"]
    pieces += [f"{suppressed:,} left out by suppressions"] if suppressed else []
    pieces += [f"{counted(unknown, 'check')} not known"] if unknown else []
    pieces += [f"{unread:,} could not be read: nothing is known about them"] if unread else []
    return ", ".join(pieces)


def _unread(checked: Sequence[RepositoryCheck]) -> Mapping[str, Sequence[str]]:
    """Return the names of repositories by the reason why they could not be read."""
    reasons: dict[str, list[str]] = {}
    for check in checked:
        if check.unread is not None:
            name = check.repository.repository
            reason = re.sub(rf" (?:for|about) {re.escape(name)}(?![\w/.-])", "", check.unread)
            reasons.setdefault(reason, []).append(name)
    return reasons


def documents(checked: Sequence[RepositoryCheck]) -> Iterator[dict[str, Any]]:
    """Yield the check of each repository as JSON."""
    for check in checked:
        yield {
            "repository": check.repository.key,
            "unread_reason": check.unread,
            "unknown": [
                {"id": unknown.id, "reason": unknown.reason, "permissions": unknown.permissions}
                for unknown in check.unknown
            ],
            "findings": [_finding(finding) for finding in check.findings],
            "suppressed": [
                {
                    "id": entry.finding.vulnerability_id,
                    "reason": entry.reason,
                    "expires": entry.expires,
                }
                for entry in check.suppressed
            ],
        }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.vulnerability_id,
        "severity": finding.severity.name,
        "setting": finding.package.name,
        "value": finding.package.version,
        "title": finding.title,
        "reason": finding.description,
        "remedy": dict(finding.extra),
    }
