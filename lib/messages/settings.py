"""The steps that fix the settings of a repository, one for each. Pure."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from lib.checks.findings import CLOUDFORMATION, COMMAND, GUIDED, GUIDED_REMARK, REMARK
from lib.messages.content import Content
from lib.messages.phrases import severity_word
from lib.messages.steps import Step, ToDo
from lib.models import Finding
from lib.text import clean, one_line, short, truncate

_TITLE: Final = 160
_TEXT: Final = 400


def of_repository(content: Content, rows: Sequence[Finding]) -> ToDo:
    """Return what fixes each setting; a command for all of them only where all are asked for."""
    new = {entry.id for entry in content.open if entry.is_news}
    others = {row.vulnerability_id for row in rows} - new
    made = steps(rows, new=new if others else ())
    if content.left_out:
        made = (step._replace(guided="") for step in made)
    return ToDo(all_steps=tuple(made))


def steps(findings: Iterable[Finding], *, new: Collection[str] = ()) -> Iterable[Step]:
    """
    Yield what fixes each setting of a repository, in the order of its findings.

    `new`: the ids of those that are news, where others are not.
    """
    return (
        _step(finding, is_new=finding.vulnerability_id in new)
        for finding in findings
        if says_step(finding)
    )


def says_step(finding: Finding) -> bool:
    """Return whether a finding is about a setting, and says what to do about it."""
    return COMMAND in finding.extra or REMARK in finding.extra


def _step(finding: Finding, *, is_new: bool) -> Step:
    extra = finding.extra
    resource, *template = clean(extra.get(CLOUDFORMATION, "")).splitlines() or [""]
    level = f"{severity_word(finding.severity)}{', new' if is_new else ''}"
    return Step(
        title=truncate(one_line(f"{level}: {finding.title}"), _TITLE),
        risk=truncate(one_line(finding.description or ""), _TEXT),
        remark=truncate(one_line(extra.get(REMARK, "")), _TEXT),
        commands=tuple(map(clean, extra.get(COMMAND, "").splitlines())),
        resource=resource,
        template=tuple(template),
        level=finding.severity,
        id=short(finding.vulnerability_id),
        url=next(iter(finding.links), None),
        guided=clean(extra.get(GUIDED, "")),
        guided_remark=truncate(one_line(extra.get(GUIDED_REMARK, "")), _TEXT),
    )
