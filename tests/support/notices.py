"""The texts of the notifications of a story, as they are kept to be read."""

from collections.abc import Iterator, Sequence

from cli.simulation.receivers import Arrival
from lib.messages.notices.content import Content
from lib.messages.notices.text import notice_text_of
from lib.messages.parts import AlertText, Section
from lib.models import Notice


def texts_of(arrivals: Sequence[Arrival]) -> str:
    """Return the texts of all notifications of a story."""
    return "\n".join(written(arrival, text_of(arrival)) for arrival in arrivals)


def text_of(arrival: Arrival) -> AlertText:
    """Return the text of a notification of a story."""
    return notice_text_of(Notice(arrival.row.id, arrival.message))


def sums_of(arrival: Arrival) -> set[int]:
    """Return the numbers of a message that are one: all that is open, however it is counted."""
    content = Content(arrival.message)
    omitted = sum(sum(group.counts.values()) for group in content.left_out)
    return {
        sum(content.totals.values()),
        content.shown + content.unchanged + omitted,
        text_of(arrival).open.count + omitted,
    }


def written(arrival: Arrival, text: AlertText) -> str:
    """Return the parts of a text that a person reads first, a line each."""
    quiet = ", quiet" if arrival.message.quiet else ""
    lines = [
        f"=== {arrival.at:%Y-%m-%d %H:%M} to {arrival.row.destination}{quiet}",
        f"{text.name}: {text.verdict}",
        f"    {text.state}. {text.totals}",
        f"    why: {text.why or '-'}",
        *_problem(text),
        *(f"    do: {upgrade.step}, {upgrade.effect}" for upgrade in text.to_do.upgrades),
        *(f"    do: {note}" for note in text.to_do.notes),
        *(line for section in (*text.sections, text.open) for line in _section(section)),
        *(f"    not here: {line}" for line in text.left_out.lines(8)),
        f"    sum: {text.left_out.sum}",
        *(f"    platform: {line}" for line in text.platforms.lines(8)),
        *(f"    warning: {warning}" for warning in text.warnings),
        f"    compared with: {text.comparison.value if text.comparison else '-'}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _problem(text: AlertText) -> list[str]:
    if text.problem is None:
        return []
    return [
        f"    problem: {text.problem.title}. {text.problem.reason} {text.problem.caution}",
        f"    remedy: {text.problem.remedy}",
    ]


def _section(section: Section) -> Iterator[str]:
    if not section.count:
        return
    yield f"    {section.heading} {section.note}".rstrip()
    for row in section.rows:
        yield f"      {row.severity} {row.name} {row.details}".rstrip()
