"""`text_of`: all that is said about a notification, for all that lay it out. Pure."""

from typing import Final

from lib.messages import facts, omissions, sections, urgency
from lib.messages.advising import host_links
from lib.messages.changes import changes_of, is_scanned
from lib.messages.comparing import known_as, repeated, same_as
from lib.messages.content import Content
from lib.messages.dangers import dangers_of, doubts_of
from lib.messages.facts import command_for
from lib.messages.headlines import (
    lasting_of,
    lead_of,
    numbers_of,
    standing_of,
    state_of,
    totals_of,
    verdict_of,
)
from lib.messages.parts import AlertText
from lib.messages.problem import problem
from lib.messages.provenance import COMMITS
from lib.messages.searching import package_links
from lib.messages.to_do import to_do
from lib.models import Notice
from lib.text import one_line, short, truncate

ROWS: Final = 8
_VERDICT: Final = 1000


def text_of(
    notice: Notice, *, rows: int = ROWS, listed: int | None = None, whole: bool = False
) -> AlertText:
    """
    Return what is said about a notification.

    `rows`: how many vulnerabilities and packages a list has. What a list has no room for is
    counted, so that all numbers add up. `listed`: the same of the lists by kind alone, whose rows
    take most of the time; None: as many as `rows`. `whole`: upgrades of all packages, as the page
    has them, whose table has all that is open.
    """
    listed = rows if listed is None else listed
    content = Content(notice.message)
    is_check = content.is_check
    accept_id, accept_command = facts.accept_command(content)
    trouble = problem(content)
    earlier = repeated(content)
    numbers = numbers_of(content)
    left_out = omissions.accepted(content) if whole else omissions.left_out(content)
    sources = facts.source_links(content, notice)
    commits = next((link.in_step.name for link in sources if link.name.startswith(COMMITS)), "")
    steps = to_do(content, rows, notice.running, _base_image(notice), commits=commits, whole=whole)
    return AlertText(
        kind="Repository check" if is_check else "Scan report",
        subject=facts.subject(content),
        image=content.image,
        name=short(content.image.name),
        where=facts.where(content),
        verdict=truncate(one_line(_noted(notice, verdict_of(content))), _VERDICT),
        changes=truncate(one_line(changes_of(content)), _VERDICT),
        dangers=dangers_of(content),
        doubts=doubts_of(content),
        numbers=tuple(truncate(one_line(line), _VERDICT) for line in numbers),
        lasting=truncate(one_line(lasting_of(content)), _VERDICT),
        known_as=known_as(content),
        standout=lead_of(content),
        state=state_of(content),
        open_now=standing_of(content),
        total=sum(content.totals.values()),
        suppressed=sum(content.suppressed.values()),
        is_complete=is_scanned(content),
        totals=totals_of(content),
        why=urgency.why(content),
        urgency=urgency.urgency(content),
        problem=trouble,
        facts=facts.facts(content, notice),
        comparison=facts.comparison(content),
        source=facts.source(content, notice),
        advice=facts.advice(content, notice),
        platforms=facts.platforms(content),
        to_do=steps,
        of_packages=tuple(
            package_links(content, steps.without_version, steps.tabled if whole else ())
        ),
        sections=sections.sections(content, listed),
        open=sections.open_section(content, listed),
        left_out=left_out,
        unlisted=omissions.unlisted(content),
        not_open=omissions.not_open(content),
        accepted=omissions.accepted(content),
        columns=("Check", "Setting") if is_check else ("Vulnerability", "Package"),
        warnings=facts.warnings(content),
        report=facts.report_link(notice),
        console=facts.console_link(content),
        sources=(
            *(trouble.pages if trouble is not None else ()),
            *host_links(content),
            *sources,
        ),
        report_command=facts.report_command(content, notice),
        accept_command=accept_command,
        accept_id=accept_id,
        small=facts.small(content, notice),
        list_command=command_for(content.image, "findings.csv"),
        footer=facts.footer(notice),
        reference=facts.reference(notice),
        same_as=same_as(content),
        repeats=short(earlier.image) if earlier is not None else "",
        thread=(earlier.thread or "") if earlier is not None else "",
    )


def _base_image(notice: Notice) -> str | None:
    return notice.provenance.base_image if notice.provenance is not None else None


def _noted(notice: Notice, verdict: str) -> str:
    """Return a verdict that begins with why another destination is notified."""
    return verdict if notice.note is None else f"{notice.note}: {verdict}"
